"""What several tests of regularizing need."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
sys.path.append(str(_ROOT / "fixtures" / "models"))  # for `hostile`


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
