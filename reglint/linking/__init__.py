"""From the layers of a model to the calls in the source that made them, and edits there.

    edits -> match -> assign -> trace -> names, sites -> places -> reglint.analysis

The source is read, never run. A link is certain or there is none: then there is a reason.
"""
