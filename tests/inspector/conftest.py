"""What several tests of the inspector need."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def reports():
    """Return the module of sample reports, `reports.py`."""
    path = Path(__file__).with_name("reports.py")
    spec = importlib.util.spec_from_file_location("sample_reports", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def on_keras(tmp_path_factory):
    """Run a script of `keras_runs` on a backend, if it is installed; returns what it prints.

    A process has one backend, and ours has none.
    """

    @functools.cache
    def run(script: str, backend: str):
        for needed in ("keras", "msgspec", backend):
            if importlib.util.find_spec(needed) is None:
                pytest.skip(f"{needed} is not installed")
        here = Path(__file__).parent
        done = subprocess.run(
            [sys.executable, here / "keras_runs" / script],
            env={
                **os.environ,
                "KERAS_BACKEND": backend,
                "KERAS_HOME": str(tmp_path_factory.mktemp("keras")),
                "PYTHONPATH": str(here.parents[1]),
                "TF_CPP_MIN_LOG_LEVEL": "3",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def hard_cases(on_keras):
    """Return what the runtime reader says of `keras_runs/hard_cases.py`."""
    return on_keras("hard_cases.py", "tensorflow")


@pytest.fixture(scope="session")
def zoo_readings(on_keras):
    """Return what the runtime reader says of the zoo by backend, each made once."""
    return functools.cache(lambda backend: on_keras("zoo_readings.py", backend))


@pytest.fixture(scope="session")
def hostile():
    """Return the module of model files that mean harm, `fixtures/models/hostile.py`."""
    path = Path(__file__).parents[2] / "fixtures" / "models" / "hostile.py"
    spec = importlib.util.spec_from_file_location("hostile", path)
    module = sys.modules["hostile"] = importlib.util.module_from_spec(
        spec
    )  # dataclasses look there
    spec.loader.exec_module(module)
    return module
