"""Regularizers of models that exist already: which to set, remove or scale, and doing so.

From the ground up: `operations` (what a user asks for), `plan` (what that changes, in a model that
is told in words: no keras, no files), `request` and `facts` (what is asked and reported: data
only), `document` (a serialized model), `files` (the file around it), `job` (all that happens in the
confined process), `api` (from request to report), `render` (report -> text); `live` does the same
to a model in memory, with keras.
"""
