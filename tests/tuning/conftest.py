"""What several tests of tuning need."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import pytest

from helpers.backends import run_on_keras


@pytest.fixture(scope="session")
def samples():
    """Return the module of sample reports, `samples.py`."""
    path = Path(__file__).with_name("samples.py")
    spec = importlib.util.spec_from_file_location("tuning_samples", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def on_keras(tmp_path_factory):
    """Run a script of `keras_runs` on a backend, if it is installed; returns what it prints."""
    scripts = Path(__file__).parent / "keras_runs"
    return functools.cache(
        lambda script, backend: run_on_keras(
            scripts / script, backend, tmp_path_factory.mktemp("keras")
        )
    )
