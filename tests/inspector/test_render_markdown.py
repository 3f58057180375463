"""Markdown says the answer first, and names from a file are never markup."""

from __future__ import annotations

import html
import re

import pytest

pytest.importorskip("msgspec")

from reglint.inspector.render import render
from reglint.inspector.render.markdown import _code, _escaped


def rows(text):
    """Return the cells of all tables; a bar that is escaped ends none."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]


def test_the_answer_comes_first(reports):
    lines = render("markdown", [reports.FULL]).splitlines()
    assert lines[0] == "### :x: Penalties add 0.1322 to the loss, 16.0% of it; 1 error, 1 warning"
    assert lines[2] == "`models/classifier.keras`"
    fine = render("markdown", [reports.EMPTY])
    assert fine.startswith("### :white_check_mark: No regularization")


def test_tables_have_a_cell_for_each_column(reports):
    for name in ("FULL", "STATIC", "HOSTILE", "LARGE"):
        text = render("markdown", [getattr(reports, name)])
        width = 0
        for line in text.splitlines():
            cells = len(re.findall(r"\|", line)) if line.startswith("|") else 0
            assert cells in {0, width} or not width
            width = cells
    found = rows(render("markdown", [reports.FULL]))
    assert ["`vae/sampling`", "`add_loss`", "", "", "", "0.01230", "1.5%"] in found


def test_long_lists_are_folded_and_cut(reports):
    text = render("markdown", [reports.LARGE])
    assert "<details><summary><b>Penalties</b>: 1.247 in all" in text
    assert "and 100 smaller ones" in text
    assert len(text) < 100_000
    short = render("markdown", [reports.FULL])
    assert "#### Penalties" in short
    assert short.count("<details>") == short.count("</details>") > 2


def test_names_are_no_markup(reports):
    text = render("markdown", [reports.HOSTILE])
    assert "<script" not in text
    tags = set(re.findall(r"<(?!code>|/code>|/?details>|/?summary>|/?b>|br>)[^\n]{9}", text))
    assert tags == set()
    assert html.unescape(text).count(reports.EVIL.replace("\x1b", "�").replace("\u202e", "�")) > 5


@pytest.mark.parametrize(
    "text",
    ["*a*", "_a_", "[a](b)", "<b>", "a|b", "`a`", "~~a~~", "@a", "#1", "https://x.y", "www.x.y",
     ":x:", "$a$", "&lt;", "\\a", "![a](b)"],
)  # fmt: skip
def test_text_reads_as_it_is(text):
    assert html.unescape(_escaped(text)) == text
    assert text not in _escaped(text)


def test_ordinary_text_stays_readable():
    assert _escaped("data loss 0.5 (mean_squared_error): 4 x 3") == (
        "data loss 0.5 (mean_squared_error): 4 x 3"
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("dense_1/kernel[0]", "`dense_1/kernel[0]`"),
        ("a`b", "<code>a&#96;b</code>"),
        ("a|b", "<code>a&#124;b</code>"),
        (" a", "<code> a</code>"),
        ("<b>", "<code>&#60;b&#62;</code>"),
        ("", ""),
    ],
)
def test_code_is_in_backticks_where_that_is_possible(text, code):
    assert _code(text) == code
