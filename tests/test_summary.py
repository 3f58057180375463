"""What is said after the findings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reglint.model import (
    Assumption,
    Diagnostic,
    Edit,
    FileError,
    Offer,
    Place,
    Reason,
    Report,
    Safety,
    Severity,
)
from reglint.report.summary import summary

ERROR = Diagnostic(
    "net.py", "RGL101", "old", Severity.ERROR, "it is old", 4, 7, Place(0, 1, 5), Place(0, 1, 8), ()
)  # fmt: skip
WARNING = replace(ERROR, severity=Severity.WARNING)
INFO = replace(ERROR, severity=Severity.INFO)
EDITS = (Edit(4, 7, "new"),)
SAFE = replace(ERROR, offers=(Offer("Rename it", EDITS, Safety.SAFE),))
UNSAFE = replace(ERROR, offers=(Offer("Rename it", EDITS, Safety.UNSAFE, "why"),))


@pytest.mark.parametrize(
    ("report_", "last"),
    [
        (Report(checked=41), "All clear: 41 files checked."),
        (Report(checked=1, suppressed=2), "All clear: 1 file checked (2 suppressed)."),
        (Report(), "No Python files to check."),
        (Report((ERROR, ERROR, WARNING), checked=41), "2 errors, 1 warning in 41 files."),
        (Report((INFO, INFO), checked=1, suppressed=1), "2 info in 1 file (1 suppressed)."),
        (Report((SAFE, ERROR), checked=2), "2 errors in 2 files. 1 can be fixed: reglint fix"),
        (
            Report((SAFE, UNSAFE), checked=2),
            "2 errors in 2 files. 1 can be fixed: reglint fix (1 more with --unsafe-fixes)",
        ),
        (
            Report((UNSAFE,), checked=2),
            "1 error in 2 files. 1 can be fixed: reglint fix --unsafe-fixes",
        ),
        (
            Report((ERROR,), checked=9, fixed=(SAFE, SAFE, SAFE), changed=("a.py", "b.py")),
            "Fixed 3 findings in 2 files, 1 error left.",
        ),
        (
            Report(checked=9, fixed=(SAFE,), changed=("a.py",), suppressed=1),
            "Fixed 1 finding in 1 file, none left (1 suppressed).",
        ),
        (
            Report(checked=9, fixed=(SAFE,), changed=("a.py",), diff="-a\n+b\n"),
            "Would fix 1 finding in 1 file, none left.",
        ),
        (Report(errors=(FileError("a.py", "gone"),)), "Nothing was checked."),
        (
            Report(errors=(FileError("a.py", "gone"),), checked=3),
            "No findings in the 3 files checked.",
        ),
    ],
)
def test_the_last_line_is_true(report_, last):
    assert summary(report_).splitlines()[-1] == last


@pytest.mark.parametrize(("number", "more"), [(1, ""), (3, ""), (4, ", 1 more"), (9, ", 6 more")])
def test_what_was_assumed_has_a_line(number, more):
    reasons = tuple(Reason("setup.py", line, f"keras<{line}") for line in range(1, number + 1))
    assumption = Assumption("Keras 1.0", frozenset({(1, 0)}), reasons)
    shown = ", ".join(f"setup.py:{line} `keras<{line}`" for line in range(1, min(number, 3) + 1))
    assert summary(Report(checked=2, assumptions={assumption: 2})) == (
        f"Assuming Keras 1.0: {shown}{more}\nAll clear: 2 files checked.\n"
    )


def test_each_failure_has_a_line():
    errors = (
        FileError("a.ipynb", "no Python", Place(2, 1, 1)),
        FileError("a.ipynb", "no Python", Place(3, 1, 1)),
        FileError("b.py", "cannot be read"),
    )
    assert summary(Report((ERROR,), errors, checked=1)) == (
        "2 files were not fully processed:\n"
        "  a.ipynb:cell 2:1:1: no Python\n"
        "  a.ipynb:cell 3:1:1: no Python\n"
        "  b.py: cannot be read\n"
        "1 error in 1 file.\n"
    )
