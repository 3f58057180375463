"""The table fits its terminal, and shows every number in any."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

pytest.importorskip("rich")

from reglint.inspector.facts import Decay, Variable
from reglint.inspector.render import Style, render
from reglint.inspector.render.numbers import number
from reglint.report.rows import columns

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("width", [50, 60, 80, 100, 140, 200])
@pytest.mark.parametrize("name", ["FULL", "STATIC", "BROKEN", "LARGE", "REFUSED"])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_cut(reports, name, width):
    report = getattr(reports, name)
    text = render("table", [report], style=Style(width=width, rows=None))
    assert max(map(columns, text.splitlines())) <= width
    for penalty in report.penalties:
        assert re.search(rf"(?<!\S){re.escape(number(penalty.value))}(?!\S)", text)


def test_a_name_is_cut_in_its_middle_only_where_it_must_be(reports):
    wide = render("table", [reports.FULL], style=Style(width=120))
    narrow = render("table", [reports.FULL], style=Style(width=60))
    assert "encoder/block_1/attention/query_dense " in wide
    assert "encoder/\N{HORIZONTAL ELLIPSIS}/attention/query_dense " in narrow


def test_no_two_layers_are_cut_to_the_same_name(reports):
    layers = [f"bidirectional/{each}_layer/{part}" for each in ("forward", "backward")
              for part in ("cell", "cell_of_another_kind")]  # fmt: skip
    weights = tuple(reports.weight(each, 0.5, regularizer=reports.L1L2) for each in layers)
    for width in (70, 80, 100):
        text = render(
            "table", [replace(reports.STATIC, penalties=weights)], style=Style(width=width)
        )
        names = [line.split()[0] for line in text.splitlines() if " kernel " in line]
        assert len(set(names[:4])) == 4


def test_the_formula_of_a_decay_fits_most_terminals(reports):
    mechanism, formula = "weight_decay of the optimizer", "0.001 * 0.01"
    decays = (Decay(Variable("a" * 30, "kernel"), mechanism, formula, 1e-5, 69310.0),)
    text = render("table", [replace(reports.FULL, decays=decays)], style=Style(width=80))
    assert re.search(r"\.kernel +weight_decay +0\.001 \* 0\.01 ", text)


def test_columns_go_one_after_the_other(reports):
    def headings(width):
        lines = render("table", [reports.FULL], style=Style(width=width)).splitlines()
        return next(line for line in lines if line.startswith("Layer")).split()

    assert headings(140) == [
        "Layer", "Variable", "Regularizer", "Shape", "Parameters", "Penalty", "Share"
    ]  # fmt: skip
    assert headings(80) == ["Layer", "Variable", "Regularizer", "Penalty", "Share"]
    assert headings(60) == ["Layer", "Variable", "Penalty", "Share"]
    assert headings(40) == ["Layer", "Variable", "Penalty"]


def test_bars_are_as_long_as_penalties(reports):
    text = render("table", [reports.FULL], style=Style(width=140))
    bars = {}
    for line in text.splitlines():
        if "%  " in line:
            bars.setdefault(line.split()[0], line.count("\N{FULL BLOCK}"))
    assert bars["head"] == 24
    assert bars["encoder/block_2/lstm/cell"] == int(24 * 0.0345 / 0.05678)
    assert bars["stem/conv"] == int(24 * 0.004321 / 0.05678)


def test_colours_are_there_only_if_they_are_wanted(reports):
    plain = render("table", [reports.BROKEN], style=Style(color=False))
    colored = render("table", [reports.BROKEN], style=Style(color=True))
    assert "\x1b" not in plain
    assert re.search(r"\x1b\[1;31m *NaN", colored)
    assert re.search(r"\x1b\[1;31m *inf", colored)
    lines = [line.rstrip() for line in ESCAPE.sub("", colored).splitlines()]
    assert lines == plain.splitlines()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437"])
def test_a_poor_encoding_gets_what_it_can_say(reports, encoding):
    style = Style(width=140, encoding=encoding)
    text = render("table", [reports.FULL], style=style)
    rich = render("table", [reports.FULL], style=Style(width=140))
    assert text.encode(encoding)
    assert [len(line) for line in text.splitlines()] == [len(line) for line in rich.splitlines()]
    assert ("3x3x3x64" in text) == (encoding != "cp1252")
    assert ("#" * 24 in text) == (encoding != "cp437")


def test_long_tables_are_cut_and_say_where_the_rest_is(reports):
    text = render("table", [reports.LARGE], style=Style(rows=30))
    assert "and 120 smaller ones (--output-format json has all)" in text
    assert text.count("stage_0/block_29/conv ") == 1
    assert "stage_1/block_0/conv  " not in text
    everything = render("table", [reports.LARGE], style=Style(rows=None))
    assert "smaller ones" not in everything


def test_many_findings_are_cut_after_the_worst(reports):
    error, *_ = sorted(reports.FULL.findings, key=lambda finding: finding.severity.value)
    known = reports.FULL.findings[0]
    kinds = tuple(replace(known, code=f"kind-{number:02}") for number in range(40))
    text = render("table", [replace(reports.FULL, findings=(*kinds, error))], style=Style(rows=5))
    assert text.index(error.code) < text.index("and 36 more (--output-format json has all)")


def test_of_many_findings_of_a_kind_most_are_only_named(reports):
    known = reports.FULL.findings[0]
    many = tuple(replace(known, layer=f"layer_{number % 6}") for number in range(10))
    text = render("table", [replace(reports.FULL, findings=many)])
    assert text.count(known.message) == 3
    names = ", ".join(f"layer_{number}" for number in (3, 4, 5, 0, 1, 2))
    assert f"7 more like these: {names}" in " ".join(text.replace("`", "").split())


def test_a_model_without_regularization_is_told_what_to_do(reports):
    text = render("table", [reports.EMPTY])
    assert "No regularization: nothing is added to the loss" in text
    assert "kernel_regularizer=keras.regularizers.L2(...)" in text


def test_findings_come_with_help_the_worst_first(reports):
    text = render("table", [reports.FULL])
    places = [text.index(word) for word in ("error[half", "warning[domin", "info[scale")]
    assert places == sorted(places)
    assert "help: Set `dtype='float32'` on this layer" in text
    assert "(rests on made-up inputs)" in " ".join(text.split())


def test_a_penalty_table_looks_like_this(reports):
    text = render("table", [reports.STATIC], style=Style(width=80))
    assert (
        text[text.index("Penalties\n") : text.index("\nDormant")]
        == """\
Penalties
0.02654 in all: weight 0.02654; shares are of all penalties
Layer                        Variable  Regularizer                Penalty  Share
────────────────────────────────────────────────────────────────────────────────
encoder/…/query_dense        kernel    L1L2(l1=1e-05, l2=0.001)  0.01234   46.5%
encoder/…/value_dense        kernel    L2(0.0001)                0.009876  37.2%
stem/conv                    kernel    L2(0.0001)                0.004321  16.3%
"""
    )
