"""What several tests of tuning need."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.modules import loaded

_MODEL = Path(__file__).parents[2] / "examples" / "models" / "digits.keras"


@pytest.fixture(scope="session")
def samples():
    """Return the module of sample reports, `samples.py`."""
    return loaded(Path(__file__).with_name("samples.py"), "tuning_samples")


class Tuner:
    """Stands in for what trains: notes what is asked, and returns `report` or raises `error`."""

    def __init__(self, report):
        self.report = report
        self.error = None
        self.asked = []

    def __call__(self, asked, progress, announce):
        self.asked.append(asked)
        progress("seed 1 of 5: searching", 0.1)
        if self.error is not None:
            raise self.error
        if asked.request.unsafe_lambda:
            announce("runs the code in it")
        digest = hashlib.sha256(Path(asked.request.path).read_bytes()).hexdigest()
        file = replace(self.report.file, path=asked.request.path, sha256=digest)
        return replace(self.report, asked=asked, file=file)


@pytest.fixture
def tuner(monkeypatch, here, samples):
    """Stand in for the training of `model.keras`, a copy of an example with other targets."""
    from reglint.tuning import api

    (here / "model.keras").write_bytes(_MODEL.read_bytes())
    found = Tuner(samples.report())
    monkeypatch.setattr(api, "tune_file", found)
    return found
