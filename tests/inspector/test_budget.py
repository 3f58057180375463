"""What makes an inspection fail."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from helpers.penalties import FILE, activity, weight
from reglint.inspector.budget import Budget, exceeded
from reglint.inspector.comparison import compare
from reglint.inspector.facts import (
    Cause,
    Data,
    Dormant,
    Finding,
    Regularizer,
)
from reglint.inspector.report import PenaltyReport
from reglint.model import Severity

DATA = Data("data.npz", 100, "mse", 6.0)
WEIGHT = weight("a", 1.0)
REPORT = PenaltyReport(FILE, penalties=(WEIGHT, activity("a", 3.0)))
ON_DATA = replace(REPORT, data=DATA)
NOTHING = Budget(fail_on=None)


def lines(report, comparison=None, **budget):
    return list(exceeded(report, replace(NOTHING, **budget), comparison))


def test_without_a_budget_nothing_exceeds_it():
    assert lines(REPORT) == []


@pytest.mark.parametrize(("most", "fails"), [(1.0, False), (0.99, True), (0.0, True)])
def test_the_total_of_a_probe_is_that_of_weights(most, fails):
    assert bool(lines(REPORT, max_total=most)) is fails


@pytest.mark.parametrize(("most", "fails"), [(4.0, False), (3.99, True)])
def test_the_total_on_data_is_that_of_all(most, fails):
    assert bool(lines(ON_DATA, max_total=most)) is fails


def test_the_line_has_both_numbers():
    assert lines(REPORT, max_total=0.5) == ["weight penalties of 1 exceed --max-total 0.5"]


@pytest.mark.parametrize(("most", "fails"), [(0.4, False), (0.39, True)])
def test_the_share_is_that_of_all_penalties_in_the_loss(most, fails):
    assert bool(lines(ON_DATA, max_share=most)) is fails


def test_a_share_that_could_not_be_taken_is_not_passed():
    assert lines(REPORT, max_share=0.9) == ["there is no loss on data for --max-share 0.9"]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_exceeds_every_budget(value):
    report = replace(ON_DATA, penalties=(replace(WEIGHT, value=value),))
    assert len(lines(report, max_total=1e300, max_share=1e300)) == 2


def finding(severity, *, probed=False):
    return Finding("code", severity, "a", "it is so", probed=probed)


@pytest.mark.parametrize(
    ("severity", "limit", "fails"),
    [
        (Severity.ERROR, Severity.ERROR, True),
        (Severity.WARNING, Severity.ERROR, False),
        (Severity.WARNING, Severity.WARNING, True),
        (Severity.INFO, Severity.INFO, True),
        (Severity.ERROR, None, False),
    ],
)
def test_findings_fail_by_their_severity(severity, limit, fails):
    report = replace(REPORT, findings=(finding(severity),))
    found = lines(report, fail_on=limit)
    assert found == ([f"{severity.value}: a: it is so [code]"] if fails else [])


def test_findings_on_made_up_inputs_fail_nothing():
    findings = (finding(Severity.ERROR, probed=True),)
    assert lines(replace(REPORT, findings=findings), fail_on=Severity.INFO) == []
    assert len(lines(replace(ON_DATA, findings=findings), fail_on=Severity.INFO)) == 1


def dormant(cause):
    return Dormant("a", "Dense", "kernel", Regularizer("L2", {"l2": 0.1}), cause, "it is so")


def test_dormant_regularizers_fail_by_their_cause():
    report = replace(REPORT, dormant=(dormant(Cause.FROZEN), dormant(Cause.DROPPED)))
    assert lines(report, fail_on=Severity.ERROR) == []
    assert lines(report, fail_on=Severity.WARNING) == [
        "warning: a.kernel: L2(0.1) adds nothing: it is so [dropped]"
    ]
    assert len(lines(report, fail_on=Severity.INFO)) == 2


def test_with_a_baseline_only_what_is_new_fails_and_totals_hold():
    known = replace(REPORT, findings=(finding(Severity.ERROR),), dormant=(dormant(Cause.DROPPED),))
    other = Finding("other", Severity.ERROR, "b", "new")
    after = replace(known, findings=(*known.findings, other))
    comparison = compare(known, after)
    found = lines(after, comparison, fail_on=Severity.INFO, max_total=0.5)
    assert found == ["weight penalties of 1 exceed --max-total 0.5", "error: b: new [other]"]
