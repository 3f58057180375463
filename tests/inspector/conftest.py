"""What several tests of the inspector need."""

from __future__ import annotations

import functools
import importlib
import sys
from pathlib import Path

import pytest

from helpers.modules import loaded

sys.path.append(str(Path(__file__).parents[2] / "fixtures" / "models"))  # for `hostile`


@pytest.fixture(scope="session")
def reports():
    """Return the module of sample reports, `reports.py`."""
    return loaded(Path(__file__).with_name("reports.py"), "sample_reports")


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
    return importlib.import_module("hostile")


@pytest.fixture
def models(monkeypatch, here):
    """Stand in for the reading of files; returns what was asked, and a table of what comes of it.

    A file without an entry gives a penalty of 1; an entry is a report, or a trouble, or both.
    """
    from helpers.penalties import weight
    from reglint.inspector import inspection
    from reglint.inspector.facts import FileFacts, Format
    from reglint.inspector.inspection import Inspection
    from reglint.inspector.report import PenaltyReport

    for name in ("CI", "KERAS_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    for name in ("model.keras", "other.keras", "runs/a/best.keras", "runs/b/best.keras"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(b"")

    class Models:
        def __init__(self):
            self.asked = []
            self.give = {}
            self.announced = ()

        def examine(self, request, progress, announce):
            self.asked.append(request)
            progress("reading")
            progress("loading")
            for line in self.announced:
                announce(line)
            return self.give.get(request.path) or Inspection(self.report(path=request.path))

        def report(self, *penalties, path="model.keras", **more):
            file = FileFacts(path, Format.KERAS)
            return PenaltyReport(file, penalties=penalties or (weight(),), **more)

        def set(self, path="model.keras", trouble=None, **more):
            self.give[path] = Inspection(self.report(path=path, **more), trouble)

    stand_in = Models()
    monkeypatch.setattr(inspection, "examine", stand_in.examine)
    return stand_in
