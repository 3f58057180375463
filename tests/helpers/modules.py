"""Modules beside the tests that are no packages."""

import importlib.util


def loaded(path, name):
    """Return the module in a file, under a name that no other has."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
