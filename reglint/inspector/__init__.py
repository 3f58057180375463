"""What regularization adds to the loss of a model: two readers that check each other.

From the ground up: `facts` (what is reported: data only), `request` (what is asked for), `codec`
(facts as JSON), `files` (model files, opened without trust), `static` (penalties of a file alone),
`runtime` (penalties from the model as Keras runs it; with `reglint.keras` the only importer of
keras), `process` (the limited processes both run in), `inspection` (a file, from start to report),
`budget` and `comparison` (what fails, what differs), `render` (report -> text).
"""
