"""What several tests of regularizing need."""

from __future__ import annotations

import functools
import importlib
import shutil
import sys
from pathlib import Path

import pytest

from helpers.backends import run_on_keras

_ROOT = Path(__file__).parents[2]
sys.path.append(str(_ROOT / "fixtures" / "models"))  # for `hostile`


@pytest.fixture(scope="session")
def on_keras(tmp_path_factory):
    """Run a script of `keras_runs` on a backend, if it is installed; returns what it prints."""
    scripts = Path(__file__).parent / "keras_runs"
    return functools.cache(
        lambda script, backend: run_on_keras(
            scripts / script, backend, tmp_path_factory.mktemp("keras")
        )
    )


@pytest.fixture(scope="session")
def hostile():
    """Return the module of model files that mean harm, `fixtures/models/hostile.py`."""
    return importlib.import_module("hostile")


@pytest.fixture
def digits(tmp_path):
    """Return a copy of a small trained model."""
    copy = tmp_path / "digits.keras"
    shutil.copyfile(_ROOT / "examples" / "models" / "digits.keras", copy)
    return copy


@pytest.fixture
def old(tmp_path, hostile):
    """Return a small `.h5` as tf.keras 2 writes it."""
    path = tmp_path / "old.h5"
    path.write_bytes(hostile.legacy(hostile.old_good(use_bias=True)))
    return path
