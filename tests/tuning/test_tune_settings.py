"""What is written on the command line of `reglint tune`, read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reglint.inspector.request import Request
from reglint.tuning import settings
from reglint.tuning.request import Budget, Method, TuneRequest

USUAL = TuneRequest(Request("model.keras"), start=0.01)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20", Budget(runs=20)),
        ("20runs", Budget(runs=20)),
        ("1 run", Budget(runs=1)),
        ("2.5", Budget(runs=2.5)),
        ("90s", Budget(seconds=90)),
        ("30min", Budget(seconds=1800)),
        ("30 Minutes", Budget(seconds=1800)),
        ("2h", Budget(seconds=7200)),
        (".5h", Budget(seconds=1800)),
    ],
)
def test_a_budget_is_runs_or_time(text, expected):
    assert settings.budget(text) == expected


@pytest.mark.parametrize("text", ["", "x", "20x", "-5", "h", "1e3", "20 30", "20;", "inf"])
def test_what_is_no_budget_is_told_how_to_write_one(text):
    with pytest.raises(ValueError, match=r"is no budget: write 20runs, 90s, 30min or 2h$"):
        settings.budget(text)


def test_a_budget_of_nothing_is_refused():
    for text in ("0", "0.0h", "9" * 400):
        with pytest.raises(ValueError, match="nothing can be done with that"):
            settings.budget(text)


def test_a_range_has_two_ends():
    assert settings.bounds("1e-6:1") == (1e-6, 1.0)
    assert settings.bounds(" 0.001 : 0.1 ") == (0.001, 0.1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1", "write LOW:HIGH"),
        ("a:b", "write LOW:HIGH"),
        ("1:2:3", "write LOW:HIGH"),
        (":", "write LOW:HIGH"),
        ("0:1", "more than 0"),
        ("1:1", "less than the upper end"),
        ("1:0.1", "less than the upper end"),
        ("-1:1", "more than 0"),
        ("nan:1", "more than 0"),
        ("1:inf", "less than the upper end"),
    ],
)
def test_what_is_no_range_is_told_why(text, message):
    with pytest.raises(ValueError, match=message):
        settings.bounds(text)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "x", ""])
def test_numbers_are_more_than_0_and_finite(text):
    with pytest.raises(ValueError, match="is no number more than 0"):
        settings.positive(text)
    with pytest.raises(ValueError, match="is no number between 0 and 1"):
        settings.share(text)


def test_a_share_is_less_than_all():
    assert settings.share("0.25") == 0.25
    with pytest.raises(ValueError, match="between 0 and 1"):
        settings.share("1")


def test_a_place_has_a_role():
    assert settings.place("conv*:kernel") == "conv*:kernel"
    with pytest.raises(ValueError, match="write PATTERN:ROLE"):
        settings.place("conv*")


def test_a_start_that_is_given_is_in_its_range():
    narrow = replace(USUAL, lowest=1e-6, highest=1e-4)
    assert settings.checked(replace(narrow, start=None))  # the method begins inside
    with pytest.raises(ValueError, match=r"starts at 0\.01, outside of its range, 1e-06:0\.0001"):
        settings.checked(replace(narrow, start=0.01))


def test_coefficients_per_layer_go_with_one_method():
    assert settings.checked(replace(USUAL, per_layer=True, method=Method.T1_T2))
    others = [method for method in Method if method is not Method.T1_T2]
    for method in others:
        with pytest.raises(ValueError, match="`--per-layer` goes with `--method t1-t2`"):
            settings.checked(replace(USUAL, per_layer=True, method=method))


def test_something_is_left_to_train_on():
    assert settings.checked(replace(USUAL, validation=0.5, test=0.4))
    with pytest.raises(ValueError, match="nothing is left to train on"):
        settings.checked(replace(USUAL, validation=0.5, test=0.5))
