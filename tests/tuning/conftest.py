"""What several tests of tuning need."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def samples():
    """Return the module of sample reports, `samples.py`."""
    path = Path(__file__).with_name("samples.py")
    spec = importlib.util.spec_from_file_location("tuning_samples", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
