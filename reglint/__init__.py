"""A linter, fixer and runtime inspector for regularization in Keras."""

__version__ = "0.1.0"
