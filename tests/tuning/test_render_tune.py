"""A report of tuning in every format: all of it is there, it fits, and nothing in it is markup."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

pytest.importorskip("msgspec")
pytest.importorskip("rich")

from reglint.inspector import codec
from reglint.inspector.facts import Variable
from reglint.inspector.render import Style
from reglint.report.rows import columns
from reglint.tuning.facts import Candidate, Target
from reglint.tuning.render import FORMATS, render
from reglint.tuning.render import json as as_json
from reglint.tuning.render.words import coefficient, decimals, span, spent
from reglint.tuning.statistics import Estimate


@pytest.fixture
def reports(samples):
    """Return reports of all kinds by name."""
    full = samples.report()
    diverged = samples.LOSSES | {Candidate.NONE: (math.inf, 0.4, 0.4, math.nan, 0.5)}
    evil = Target(Variable(samples.EVIL, samples.EVIL), samples.EVIL)
    return {
        "full": full,
        "one seed": samples.report(seeds=1),
        "per layer": samples.report(per_layer=(0.001, 0.1, 1.0)),
        "diverged": samples.report(diverged),
        "nothing": replace(full, choices=(), trials=()),
        "no targets": replace(full, choices=(), trials=(), targets=()),
        "many metrics": samples.report(metrics=tuple(f"metric_{i}" for i in range(8))),
        "tiny": samples.report(dict.fromkeys(samples.LOSSES, 1e-9), noise=1e-12),
        "huge": samples.report(dict.fromkeys(samples.LOSSES, 123456.0), noise=500.0),
        "hostile": replace(
            samples.report(targets=(evil,), metrics=(samples.EVIL,)),
            file=replace(samples.FILE, path=samples.EVIL, keras_version=samples.EVIL),
            optimizer=samples.EVIL,
            loss_name=samples.EVIL,
            notes=(samples.EVIL,),
        ),
    }


NAMES = (
    *("full", "one seed", "per layer", "diverged", "nothing", "no targets", "many metrics"),
    *("tiny", "huge", "hostile"),
)


@pytest.mark.parametrize("width", [50, 80, 100, 140])
@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_wider_than_the_terminal(reports, name, width):
    text = render("table", reports[name], Style(width=width, rows=None))
    assert max(map(columns, text.splitlines())) <= width


def test_at_80_columns_there_is_all_that_a_decision_needs(reports):
    text = render("table", reports["full"], Style(width=80))
    assert re.search(
        r"^Candidate +L2 +Test loss +SE +Above chosen +95 % interval$", text, re.MULTILINE
    )
    assert re.search(
        r"^none +0 +0\.4591 +0\.0086 +\+0\.0423 +0\.0348 to 0\.0498 +\*$", text, re.MULTILINE
    )
    assert re.search(
        r"^0\.01 +0\.01 +0\.4187 +0\.0112 +\+0\.0018 +-0\.0082 to 0\.0118$", text, re.MULTILINE
    )
    assert re.search(r"^chosen +0\.0032 +0\.4169 +0\.0090$", text, re.MULTILINE)
    assert "* significant: 0 is not in the interval." in text


def test_a_wide_terminal_has_metrics_and_cost_beside_it(reports):
    text = render("table", reports["full"], Style(width=140))
    assert re.search(r"^none .* \* +0\.8534 +5 +1\.0 +12\.5 s$", text, re.MULTILINE)
    assert re.search(r"^chosen .* 0\.8577 +5 +4\.2 +53\.5 s$", text, re.MULTILINE)


def test_it_is_called_experimental_once(reports):
    for name in ("table", "markdown"):
        assert render(name, reports["full"]).lower().count("experiment") == 1


def test_what_was_done_is_told_above_all(reports):
    text = render("table", reports["full"], Style(width=200))
    assert "digits.npz: 1,078 samples to train, 360 to choose, 359 to test; sha256 fedc" in text
    assert "30 epochs in batches of 32, Adam(learning_rate=0.001), sparse_cat" in text
    assert "t1-t2 from 0.01 within 1e-06 to 1; seeds 0 to 4 (experimental)" in text
    assert "41.0 training runs, 9 min: 16.0 to choose, 25.0 to test" in text
    kept = replace(reports["full"].asked, keep_weights=True)
    text = render("table", replace(reports["full"], asked=kept), Style(width=200))
    assert "from the weights of the file" in text


def test_without_a_difference_that_means_something_there_is_no_mark(samples):
    same = samples.report(dict.fromkeys(samples.LOSSES, 0.4), noise=0.02)
    assert "*" not in render("table", same, Style(width=140))


def test_one_seed_has_no_column_of_errors(reports):
    text = render("table", reports["one seed"], Style(width=140))
    assert " SE " not in text
    assert "interval" not in text


def test_coefficients_per_layer_stand_beside_the_variables(reports):
    text = render("table", reports["per layer"], Style(width=100))
    assert re.search(r"^hidden\.kernel +Dense +0\.001 +0\.0032 +0\.001$", text, re.MULTILINE)
    assert re.search(r"^out\.kernel +Dense +0 +0\.0032 +1$", text, re.MULTILINE)
    assert "Per layer" not in render("table", reports["full"], Style(width=100))


def test_a_loss_that_is_no_number_is_marked(reports):
    colored = render("table", reports["diverged"], Style(color=True, width=140))
    assert re.search(r"\x1b\[1;31m +NaN *\x1b\[0m", colored)
    assert "**NaN**" in render("markdown", reports["diverged"])


@pytest.mark.parametrize("name", NAMES)
def test_markdown_has_the_answer_first_and_no_markup_of_others(reports, name):
    text = render("markdown", reports[name])
    assert text.startswith("### :")
    assert "<script>" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize("name", NAMES)
def test_a_table_has_no_control_characters_of_others(reports, name):
    text = render("table", reports[name], Style(width=100))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_stream_that_takes_ascii_only_gets_that(reports):
    for report in reports.values():
        render("table", report, Style(encoding="ascii")).encode("ascii")


@pytest.mark.parametrize("name", NAMES)
def test_json_comes_back_as_it_was(reports, name):
    text = render("json", reports[name])
    found = codec.decode(text, as_json.Output)
    # NaN is not equal to itself.
    assert repr(found.report) == repr(reports[name])


def test_json_says_what_the_report_comes_to(reports):
    summary = json.loads(render("json", reports["full"]))["summary"]
    assert summary["headline"].startswith("L2(0.0032): test loss 0.4169")
    assert summary["coefficients"][2] == {
        "variable": {"layer": "out", "role": "kernel"},
        "coefficient": 0.0032,
    }
    assert summary["epochs"] == 30
    none = summary["scores"][0]
    assert (none["candidate"], none["measure"], none["value"]["seeds"]) == ("none", "loss", 5)
    assert none["above_chosen"]["significant"] is True
    assert summary["scores"][-2]["above_chosen"] is None


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_well_formed_and_runs_nothing_of_others(reports, name):
    text = render("html", reports[name])
    assert text.count("<script>") == 1
    assert "\x1b" not in text
    bare = re.sub(r"<script>.*</script>", "", text.partition("\n")[2], flags=re.DOTALL)
    page = ET.fromstring(re.sub(r"<(meta[^>]*)>", r"<\1/>", bare))  # noqa: S314 - it is ours
    assert [each.tag for each in page] == ["head", "body"]


def test_a_page_shows_intervals_and_searches(reports):
    text = render("html", reports["full"])
    assert "<title>no L2: +0.0423 (0.0348 to 0.0498)</title>" in text
    assert text.count('class="mark"') == 4  # where 0 is, for each that is not chosen
    assert text.count('r="4"') == 5  # where each search ended
    assert "fedcba9876543210" * 4 in text
    assert 'class="mark"' not in render("html", reports["one seed"])
    assert "Coefficients that" not in render("html", reports["nothing"])
    still = replace(reports["full"].choices[0], path=(0.01, 0.01))
    page = render("html", replace(reports["full"], choices=(still,)))
    assert "Coefficients that" not in page


def test_every_format_is_rendered(reports):
    assert all(render(name, reports["full"]) for name in FORMATS)


def test_the_schema_says_how_numbers_that_are_none_are_written():
    schema = as_json.schema()
    assert schema["title"] == "Output of `reglint tune` as JSON"
    loss = schema["$defs"]["Trial"]["properties"]["loss"]
    assert {"enum": ["NaN", "Infinity", "-Infinity"]} in loss["anyOf"]


# -- Figures


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.035, "35 ms"), (41.0, "41.0 s"), (120, "2 min"), (7199, "120 min"), (7200, "2.0 h")],
)
def test_time_is_told_in_a_fitting_unit(seconds, expected):
    assert spent(seconds) == expected


def test_coefficients_are_told_as_they_are_written():
    assert [coefficient(value) for value in (0.0032, 1e-6, 0.0, 1.0)] == [
        "0.0032", "1e-06", "0", "1",
    ]  # fmt: skip
    assert span((0.1, 0.001, 0.01)) == "0.001 to 0.1"
    assert span((0.1, 0.1)) == "0.1"
    assert span(()) == ""


def test_an_error_of_nothing_leaves_the_digits_open():
    assert decimals([Estimate(0.4, 0.012, 5), Estimate(0.4, 0.0, 5), None]) == 3
    assert decimals([Estimate(0.4, 0.0, 5)]) is None
    assert decimals([Estimate(1e-9, 1e-12, 5)]) is None
    assert decimals([Estimate(1e5, 500.0, 5)]) == 0
