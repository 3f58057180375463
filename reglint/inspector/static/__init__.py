"""Penalties of a file alone: no Keras, nothing is run.

From the ground up: `packages` (of Keras), `regularizers` (what a serialized regularizer is, and its
value), `variables` (what variables a class has, as measured), `layers` (the layers in a config),
`groups` and `legacy` (where the two kinds of files store what a layer has), `reader` (what they add
up to).
"""
