"""The engine: parsing, fixing to a fixed point, and rules that misbehave."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint import engine, parsing
from reglint.edits import choose
from reglint.keras_api import KNOWN_VERSIONS
from reglint.model import (
    Diagnostic,
    Edit,
    Finding,
    Fix,
    Offer,
    Place,
    Replace,
    Safety,
    Settings,
    Severity,
)
from reglint.rules import RULES
from reglint.rules.rule import Rule
from reglint.source import Source

ALL = Settings(frozenset(rule.code for rule in RULES), frozenset(KNOWN_VERSIONS))
BAD = "from keras.layers import Dense\nDense(8, W_regularizer=None)\n"


def source(text, path="code.py"):
    return Source.from_bytes(path, text.encode())


def notebook(*cells):
    cells = [{"cell_type": "code", "source": cell} for cell in cells]
    return source(json.dumps({"cells": cells, "nbformat": 4, "metadata": {}}), "nb.ipynb")


# Parsing.


@pytest.mark.parametrize(
    ("text", "place"),
    [("x = \n", Place(0, 1, 5)), ("x = 1\nprint 'x'\n", Place(0, 2, 1)), ("def f(:\n", None)],
)
def test_what_is_not_python_has_a_place(text, place):
    with pytest.raises(parsing.ParseError, match=r"^not valid Python 3") as caught:
        engine.check(source(text), ALL)
    assert caught.value.place
    assert place in (None, caught.value.place)


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "(" * 5000 + "1" + ")" * 5000,
        "x = " + "[" * 250 + "]" * 250,
        "x = " + "-" * 20_000 + "1",
        "x = " + " + ".join("1" * 20_000),
        "x = " + "not " * 20_000 + "1",
    ],
    ids=["parentheses", "lists", "signs", "sum", "not"],
)
def test_deep_nesting_is_refused_and_not_a_crash(text):
    with pytest.raises(parsing.ParseError, match="nested too deeply"):
        engine.check(source(BAD + text), ALL)


@pytest.mark.parametrize(
    "text",
    [
        "x = " + " + ".join("1" * 1000),
        "x = (" + "\n".join(["'text'"] * 1000) + ")",
        "x = [" + "-1.5e-3, " * 4_000 + "]",
        "if x:\n    pass\n" + "elif y:\n    pass\n" * 500,
    ],
    ids=["sum", "strings", "numbers", "elif"],
)
def test_long_is_not_deep(text):
    result = engine.check(source(f"{BAD}{text}\n{BAD}"), ALL)
    assert len(result.diagnostics) == 2
    assert result.diagnostics[1].place.line == (BAD + text).count("\n") + 3


def test_a_cell_that_does_not_parse_does_not_hide_the_others():
    result = engine.check(notebook(BAD, "print 'python 2'", BAD), ALL)
    assert [d.place.cell for d in result.diagnostics] == [1, 3]
    (error,) = result.errors
    assert error.place == Place(2, 1, 1)


def test_names_go_from_cell_to_cell():
    result = engine.check(
        notebook("from keras.layers import Dense", "Dense(8, W_regularizer=x)"), ALL
    )
    assert [d.place.cell for d in result.diagnostics] == [2]


# Fixing.


def test_five_hundred_findings_in_one_file():
    text = BAD + "Dense(8, W_regularizer=l2(l=0.1), b_regularizer=None)\n" * 250
    result = engine.fix(source("from keras.regularizers import l2\n" + text), ALL)
    assert len(result.applied) == 751
    assert not result.result.diagnostics


def test_what_would_be_given_twice_is_left_alone():
    text = "from keras.layers import Dense\nDense(8, W_regularizer=a, kernel_regularizer=b)\n"
    result = engine.fix(source(text), ALL, unsafe=True)
    assert result.source.text == text
    assert len(result.result.diagnostics) == 1


def test_a_fix_that_would_lose_a_comment_is_not_safe():
    arguments = "LSTM(8),\n    kernel_regularizer=r,  # tuned\n    merge_mode='sum',"
    text = f"from keras.layers import LSTM, Bidirectional\nBidirectional(\n    {arguments}\n)\n"
    (diagnostic,) = engine.check(source(text), ALL).diagnostics
    assert diagnostic.offers[0].safety is Safety.UNSAFE
    assert "comment" in diagnostic.offers[0].reason


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "from keras.regularizers import L1, l1_l2\n",
            "from keras.regularizers import L1, L2, l1_l2\n",
        ),
        ("from keras.regularizers import l1\n", "from keras.regularizers import l1, l2\n"),
        (
            "from keras.regularizers import (\n    L1,\n)\n",
            "from keras.regularizers import (\n    L1, L2,\n)\n",
        ),
        ('"""Doc."""\nimport os\n', None),
        ("from keras.regularizers import *\n", None),
    ],
)
def test_imports_are_added_where_they_belong(before, after):
    wanted = "L2" if after and "L2" in after else "l2"
    text = before + "from keras.layers import Dense\n" + BAD

    class Wants(Rule):
        code, name = "RGL999", "wants"
        calls = ("keras.layers.Dense",)

        def check_call(self, call):
            from reglint.model import AddImport

            change = AddImport("keras.regularizers", wanted)
            if not call.module.scope.find(wanted):
                yield Finding(call.node, "wants", (Fix("Add", (change,)),))

    result = with_rule(Wants, lambda: engine.fix(source(text), only(Wants)))
    line = after or f"from keras.regularizers import {wanted}\n"
    assert result.source.text.count(line) == 1
    assert result.source.text.startswith(after or before)
    compile(result.source.text, "x.py", "exec")


# Rules that misbehave.


def only(rule):
    return Settings(frozenset({rule.code}), frozenset(KNOWN_VERSIONS))


def with_rule(rule, run):
    patch = pytest.MonkeyPatch()
    with patch.context() as context:
        context.setattr(engine, "RULES", (*RULES, rule))
        return run()


class Flips(Rule):
    """Undoes itself."""

    code, name = "RGL998", "flips"
    calls = ("keras.layers.Dense",)

    def check_call(self, call):
        (number,) = call.positional
        other = {"8": "9", "9": "8"}[number.value.value]
        yield Finding(call.node, "flip", (Fix("Flip", (Replace(number.value, other),)),))


class Breaks(Flips):
    """Writes what is not Python."""

    code, name = "RGL997", "breaks"

    def check_call(self, call):
        yield Finding(call.node, "break", (Fix("Break", (Replace(call.node, "Dense("),)),))


class Repeats(Flips):
    """Writes what parses and does not compile."""

    code, name = "RGL996", "repeats"

    def check_call(self, call):
        yield Finding(call.node, "x", (Fix("X", (Replace(call.node, "f(a=1, a=2)"),)),))


class Crashes(Flips):
    """Fails."""

    code, name = "RGL995", "crashes"

    def check_call(self, call):
        raise KeyError(call.name)


@pytest.mark.parametrize("rule", [Flips, Breaks, Repeats], ids=lambda rule: rule.name)
def test_fixes_that_go_wrong_change_nothing(rule):
    text = "from keras.layers import Dense\nDense(8)\n"
    result = with_rule(rule, lambda: engine.fix(source(text), only(rule)))
    assert result.source.text == text
    assert not result.applied
    (error,) = result.result.errors
    assert rule.code in error.message
    assert len(result.result.diagnostics) == 1


def test_a_rule_that_crashes_is_named_and_the_others_go_on():
    settings = Settings(ALL.codes | {"RGL995"}, ALL.keras)
    result = with_rule(Crashes, lambda: engine.check(source(BAD), settings))
    assert [d.code for d in result.diagnostics] == ["RGL101"]
    (error,) = result.errors
    assert error.message.startswith("internal-error: RGL995 failed with KeyError")


def test_an_analysis_that_crashes_is_an_error_of_the_file(monkeypatch):
    def walk(*_):
        raise KeyError("no such node")

    monkeypatch.setattr(engine, "Module", walk)
    result = engine.check(source(BAD), ALL)
    assert not result.diagnostics
    (error,) = result.errors
    assert error.message.startswith("internal-error: the analysis failed with KeyError")


# Which edits go together.


def diagnostic(edits, at=0):
    offer = Offer("fix", tuple(sorted(set(edits))), Safety.SAFE)
    place = Place(0, 1, 1)
    return Diagnostic("x", "RGL1", "x", Severity.ERROR, "m", at, at, place, place, (offer,))


@st.composite
def edit_sets(draw):
    """Draw the edits of one fix, which do not touch each other."""
    bounds = sorted(draw(st.lists(st.integers(0, 40), max_size=6, unique=True)))
    pairs = zip(bounds[::2], bounds[1::2], strict=False)
    return [
        Edit(start, draw(st.sampled_from([start, end])), draw(st.sampled_from("ab")))
        for start, end in pairs
    ]


@given(st.lists(edit_sets(), max_size=12))
def test_chosen_edits_never_overlap_and_are_whole(sets):
    taken, chosen = choose([diagnostic(edits) for edits in sets], {Safety.SAFE})
    for one, other in pairwise(taken):
        assert one.end <= other.start
        assert one != other
        assert not (one.start == one.end == other.start == other.end)
    assert {e for d in chosen for e in d.offers[0].edits} == set(taken)
    assert all(d.offers[0].edits for d in chosen)


def test_equal_edits_count_for_both():
    same = [Edit(0, 1, "x")]
    taken, chosen = choose([diagnostic(same), diagnostic(same, 5)], {Safety.SAFE})
    assert taken == same
    assert len(chosen) == 2
