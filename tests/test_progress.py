"""The bar that shows how far a run is."""

from __future__ import annotations

import io
import sys

import pytest

from reglint.cli import progress as progress_module


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("patience", "shown"), [(-1, True), (1_000_000, False)])
def test_a_bar_is_shown_to_those_who_wait(monkeypatch, patience, shown):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(progress_module, "PATIENCE", patience)
    with progress_module.progress() as tell:
        for done in range(1, 4):
            tell(done, 3)
    assert ("3/3" in sys.stderr.getvalue()) is shown


def test_without_a_terminal_there_is_no_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_module.progress() as tell:
        assert tell is None


def test_parts_of_a_whole_are_shown_with_what_is_done(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress_module.portion() as tell:
        tell("seed 1 of 2: \x1b[31msearching", 0.25)
        tell("seed 2 of 2: testing", 0.75)
        tell("seed 2 of 2: testing", 0.5)  # an estimate that was too good
    text = sys.stderr.getvalue()
    assert " 25%" in text
    assert " 75%" in text
    assert " 50%" not in text
    assert "seed 2 of 2: testing" in text
    assert "\x1b[31m" not in text


def test_without_a_terminal_no_parts_are_shown(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_module.portion() as tell:
        tell("searching", 0.5)
    assert sys.stderr.getvalue() == ""
