"""Two readings become one report: whose number it is, and what they say of each other."""

from __future__ import annotations

import math

import pytest

from helpers.penalties import FILE, L2, activity, weight
from reglint.inspector.facts import (
    Cause,
    Dormant,
    Finding,
    Histogram,
    Level,
    Run,
    RuntimeReading,
    Seconds,
    StaticReading,
    Unknown,
    Variable,
    Verdict,
)
from reglint.inspector.merge import agree, merged
from reglint.model import Severity

RUN = Run("3.15.1", "jax", "0.10", "cpu", None, Level.IMPORT, Seconds())


def dormant(layer, cause, role="kernel"):
    return Dormant(layer, "Dense", role, L2, cause, "why")


def static(*penalties, **more):
    return StaticReading(FILE, Verdict(), penalties, **more)


def runtime(*penalties, **more):
    return RuntimeReading(RUN, penalties, **more)


def test_a_file_alone_gives_what_it_has():
    unknown = Unknown("own", "Own", "its variables")
    reading = static(weight("a", 1.0), dormant=(dormant("b", Cause.FROZEN),), unknown=(unknown,),
                     seconds=0.5)  # fmt: skip
    report = merged(reading, notes=("not run",))
    assert report.level is Level.STATIC
    assert report.run is None
    assert report.penalties == reading.penalties
    assert report.dormant == reading.dormant
    assert report.unknown == (unknown,)
    assert report.notes == ("not run",)
    assert report.static_seconds == 0.5


def test_the_number_of_the_run_counts_and_the_other_stands_beside_it():
    report = merged(
        static(weight("a", 1.0), weight("a", 2.0, role="bias")),
        runtime(activity("a", 5.0), weight("a", 1.000001), weight("a", 2.0, role="bias")),
    )
    assert [(each.value, each.static) for each in report.penalties] == [
        (5.0, None), (1.000001, 1.0), (2.0, 2.0),
    ]  # fmt: skip
    assert report.findings == ()
    assert report.level is Level.IMPORT
    assert report.run is RUN


def test_a_disagreement_is_a_finding_with_both_numbers():
    (finding,) = merged(static(weight("a", 1.0)), runtime(weight("a", 1.001))).findings
    assert (finding.code, finding.severity) == ("readers-disagree", Severity.ERROR)
    assert "`a.kernel` is 1.001 " in finding.message
    assert "and 1 as the file" in finding.message
    assert not finding.probed


def test_findings_of_the_run_stay():
    own = Finding("not-finite", Severity.ERROR, "a", "it is NaN")
    assert merged(static(), runtime(findings=(own,))).findings == (own,)


def test_a_penalty_that_the_run_does_not_have_is_a_disagreement():
    (finding,) = merged(static(weight("a", 1.0)), runtime()).findings
    assert "is nothing as Keras runs the model, and 1 as the file has it" in finding.message


def test_a_penalty_that_the_run_says_is_dormant_is_none():
    frozen = dormant("a", Cause.FROZEN)
    report = merged(static(weight("a", 1.0)), runtime(dormant=(frozen,)))
    assert report.findings == ()
    assert report.dormant == (frozen,)


def test_what_only_the_run_knows_is_no_disagreement():
    assert merged(static(), runtime(weight("own", 1.0))).findings == ()


def test_a_tied_variable_is_one_whichever_layer_has_it():
    tied = weight("decoder", 1.0, also=(Variable("encoder", "kernel"),))
    report = merged(static(weight("encoder", 1.0)), runtime(tied))
    assert report.penalties[0].static == 1.0
    assert report.findings == ()


@pytest.mark.parametrize(
    ("value", "static_value", "dtype", "expected"),
    [
        (1.000009, 1.0, "float32", True),
        (1.00002, 1.0, "float32", False),
        (-1.0, 1.0, "float32", False),
        (0.0, 0.0, "float32", True),
        (1e-9, 0.0, "float32", False),
        (math.nan, math.nan, "float32", True),
        (math.nan, 1.0, "float32", False),
        (1.0, math.nan, "float32", False),
        (math.inf, math.inf, "float32", True),
        (math.inf, 1.0, "float32", False),
        (math.inf, -math.inf, "float32", False),
        (math.inf, 70000.0, "float16", True),  # said by half-precision-overflow
        (1.001, 1.0, "float16", True),
        (1.01, 1.0, "float16", False),
        (0.0, 2.0**-25, "float16", True),
        (1.01, 1.0, "bfloat16", True),
        (1.05, 1.0, "bfloat16", False),
        (1.00002, 1.0, "", False),
    ],
)
def test_rounding_is_no_disagreement(value, static_value, dtype, expected):
    assert agree(value, static_value, dtype) is expected


def test_the_run_says_what_is_dormant_and_the_file_what_layers_dropped():
    seen = dormant("a", Cause.FROZEN)
    dropped = dormant("b", Cause.DROPPED, "activity")
    report = merged(
        static(dormant=(dormant("a", Cause.NO_VARIABLE), dormant("c", Cause.FROZEN), dropped,
                        dormant("d", Cause.DROPPED))),
        runtime(weight("d", 1.0), dormant=(seen,)),
    )  # fmt: skip
    assert report.dormant == (seen, dropped)


def test_nothing_is_unknown_where_the_model_was_run():
    reading = static(unknown=(Unknown("own", "Own", "its variables"),))
    assert merged(reading, runtime()).unknown == ()


def test_histograms_come_from_the_run_if_it_has_any():
    one = Histogram(Variable("a", "kernel"), (0.0, 1.0), (3,))
    two = Histogram(Variable("a", "kernel"), (0.0, 2.0), (3,))
    assert merged(static(histograms=(one,)), runtime(histograms=(two,))).histograms == (two,)
    assert merged(static(histograms=(one,)), runtime()).histograms == (one,)
