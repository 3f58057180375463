"""What differs between two reports."""

from __future__ import annotations

from dataclasses import replace

from helpers.penalties import FILE, L2, activity, weight
from reglint.inspector.comparison import compare
from reglint.inspector.facts import (
    Cause,
    Dormant,
    Finding,
    Level,
    Probe,
    Regularizer,
    Run,
    Seconds,
    Unknown,
)
from reglint.inspector.report import PenaltyReport
from reglint.model import Severity


def report(*penalties, **more):
    return PenaltyReport(FILE, penalties=penalties, **more)


def rows(comparison):
    return [(each.penalty.name, each.difference, each.ratio) for each in comparison.changes]


def test_penalties_are_matched_by_layer_role_and_kind():
    before = report(weight("a", 1.0), activity("a", 8.0), weight("gone", 2.0))
    after = report(activity("a", 6.0), weight("a", 1.5), weight("new", 3.0))
    comparison = compare(before, after)
    assert rows(comparison) == [
        ("a (activity)", -2.0, 0.75),
        ("a.kernel", 0.5, 1.5),
        ("new.kernel", 3.0, None),
        ("gone.kernel", -2.0, None),
    ]
    assert comparison.difference == -0.5


def test_the_calls_of_a_shared_layer_are_matched_in_their_order():
    before, after = report(activity("a", 1.0), activity("a", 2.0)), report(activity("a", 5.0))
    assert rows(compare(before, after)) == [
        ("a (activity)", 4.0, 5.0),
        ("a (activity)", -2.0, None),
    ]


def test_nothing_has_no_ratio():
    assert compare(report(weight("a", 0.0)), report(weight("a", 1.0))).changes[0].ratio is None


def test_another_factor_is_a_changed_regularizer():
    stronger = Regularizer("L2", {"l2": 0.02})
    changes = compare(
        report(weight("a", 1.0), weight("b", 1.0)),
        report(weight("a", 1.0), weight("b", 2.0, regularizer=stronger), weight("c", 1.0)),
    ).changes
    assert [each.regularizer_changed for each in changes] == [False, True, False]


def test_findings_are_new_where_they_were_not_known_as_so_severe():
    warning = Finding("negligible-penalty", Severity.WARNING, "a", "1e-4 of the loss")
    reworded = replace(warning, message="2e-4 of the loss")
    worse = replace(warning, severity=Severity.ERROR)
    elsewhere = replace(warning, layer="b")
    before = report(findings=(warning,))
    assert compare(before, report(findings=(reworded,))).new_findings == ()
    assert compare(before, report(findings=(worse,))).new_findings == (worse,)
    assert compare(before, report(findings=(elsewhere,))).new_findings == (elsewhere,)
    assert compare(before, report(findings=(elsewhere,))).gone_findings == (warning,)
    assert compare(report(findings=(worse,)), before).new_findings == ()


def test_dormant_regularizers_are_new_where_the_cause_is():
    frozen = Dormant("a", "Dense", "kernel", L2, Cause.FROZEN, "why")
    dropped = replace(frozen, cause=Cause.DROPPED)
    comparison = compare(report(dormant=(frozen,)), report(dormant=(dropped,)))
    assert comparison.new_dormant == (dropped,)
    assert comparison.gone_dormant == (frozen,)
    assert compare(report(dormant=(frozen,)), report(dormant=(frozen,))).new_dormant == ()


def run(source="seed 0"):
    probe = Probe(source, 4, {"x": (4, 8)})
    return Run("3.15.1", "jax", "0.10", "cpu", None, Level.RUN, Seconds(), probe)


def test_what_only_a_run_can_know_is_not_gone_in_what_was_read():
    finding = Finding("two-decays", Severity.WARNING, "a", "it decays twice")
    own = weight("own/inner", 4.0)
    before = report(weight("a", 1.0), activity("a", 2.0), own, run=run(), findings=(finding,))
    after = report(weight("a", 1.5), unknown=(Unknown("own", "Own", "its class is not known"),))
    comparison = compare(before, after)
    assert rows(comparison) == [("a.kernel", 0.5, 1.5)]
    assert (comparison.difference, comparison.gone_findings) == (0.5, ())
    assert comparison.note.endswith("one model was only read")


def test_penalties_of_different_inputs_are_not_compared():
    before = report(weight("a", 1.0), activity("a", 2.0), run=run())
    after = report(weight("a", 1.0), activity("a", 9.0), run=run("data.npz"))
    comparison = compare(before, after)
    assert (comparison.difference, len(comparison.changes)) == (0.0, 1)
    assert comparison.note.endswith("the models were called on different inputs")


def test_penalties_of_the_same_inputs_are_compared():
    before = report(activity("a", 2.0), run=run())
    after = report(activity("a", 9.0), run=run())
    comparison = compare(before, after)
    assert (comparison.difference, comparison.note) == (7.0, "")
