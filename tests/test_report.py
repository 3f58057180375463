"""Outputs: what a report looks like in each format."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint.model import (
    Diagnostic,
    Edit,
    FileError,
    Offer,
    Place,
    Report,
    Safety,
    Severity,
)
from reglint.report import FORMATS, PLAIN, Style, render
from reglint.report.rows import columns, printable
from reglint.source import Source


def source(text: str, path: str = "net.py") -> Source:
    return Source.from_bytes(path, text.encode())


def notebook(*cells: str) -> Source:
    content = {
        "cells": [{"cell_type": "code", "metadata": {}, "source": cell} for cell in cells],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return Source.from_bytes("net.ipynb", json.dumps(content).encode())


def finding(
    where: Source, start: int, end: int, *offers: Offer, severity: Severity = Severity.ERROR
) -> Diagnostic:
    place, end_place = where.place(start), where.place(end)
    return Diagnostic(
        where.path, "RGL101", "old", severity, "it is old", start, end, place, end_place, offers
    )


def about(where: Source, text: str, *offers: Offer) -> Diagnostic:
    start = where.text.index(text)
    return finding(where, start, start + len(text), *offers)


def report(where: Source, *diagnostics: Diagnostic) -> Report:
    return Report(diagnostics=diagnostics, checked=1, sources={where.path: where})


def rename(where: Source, old: str, new: str, safety: Safety = Safety.SAFE, reason="") -> Offer:
    start = where.text.index(old)
    edit = Edit(start, start + len(old), new)
    return Offer(f"Rename `{old}` to `{new}`", (edit,), safety, reason)


def text(where: Source, *diagnostics: Diagnostic, style: Style = PLAIN) -> str:
    return render("text", report(where, *diagnostics), style)


def block(drawing: str) -> str:
    return dedent(drawing).lstrip("\n") + "\n"


# Text


def test_text_shows_the_code_and_the_patch():
    net = source("import keras\n\n\nlayer = Dense(8, W_reg=l2(0.1))\nother = 1\n\nlast = 2\n")
    found = about(net, "W_reg", rename(net, "W_reg", "kernel_reg"))
    assert text(net, found) == block(
        """
        error[RGL101]: it is old
         --> net.py:4:18
          |
        4 | layer = Dense(8, W_reg=l2(0.1))
          |                  ^^^^^
        5 | other = 1
          |
        help: Rename `W_reg` to `kernel_reg`
        4 - layer = Dense(8, W_reg=l2(0.1))
        4 + layer = Dense(8, kernel_reg=l2(0.1))
        """
    )


def test_text_shows_all_alternatives_and_why_one_is_not_safe():
    net = source("a = old\n")
    first = rename(net, "old", "new", Safety.UNSAFE, "the numbers change")
    second = rename(net, "old", "newer", Safety.DISPLAY, "nobody can know")
    assert text(net, about(net, "old", first, second)) == block(
        """
        error[RGL101]: it is old
         --> net.py:1:5
          |
        1 | a = old
          |     ^^^
          |
        help: Rename `old` to `new`
        1 - a = old
        1 + a = new
          = unsafe: the numbers change
          |
          or: Rename `old` to `newer`
        1 - a = old
        1 + a = newer
          = never applied: nobody can know
        """
    )


def test_a_span_of_whole_lines_gets_a_bracket():
    net = source("a = 1\ncall(\n    x,\n)\n")
    assert text(net, about(net, "call(\n    x,\n)")) == block(
        """
        error[RGL101]: it is old
         --> net.py:2:1
          |
        1 |   a = 1
        2 | / call(
        3 | |     x,
        4 | | )
          | |_^
        """
    )


def test_a_long_span_that_starts_within_a_line_is_cut():
    arguments = "".join(f"    x{number},\n" for number in range(10))
    net = source(f"y = call(\n{arguments})(z)\n")
    start = net.text.index("call")
    assert text(net, finding(net, start, net.text.index(")(") + 1)) == block(
        """
        error[RGL101]: it is old
          --> net.py:1:5
           |
         1 |   y = call(
           |  _____^
         2 | |     x0,
         3 | |     x1,
         4 | |     x2,
        ...  |
        11 | |     x9,
        12 | | )(z)
           | |_^
        """
    )


def test_tabs_and_wide_characters_do_not_shift_the_underline():
    net = source("\tlayer('日本語', e\u0301, old)\n")
    lines = text(net, about(net, "old")).splitlines()
    assert lines[3:5] == [
        "1 |     layer('日本語', e\u0301, old)",
        "  |                        ^^^",
    ]


def test_nothing_in_the_code_reaches_the_terminal_as_a_control():
    net = source("a = '\x1b[31m\u202e' + old\n")
    assert "1 | a = '\ufffd[31m\ufffd' + old\n" in text(net, about(net, "old"))


def test_very_long_lines_are_cut_around_the_span():
    net = source(f"x = [{'1, ' * 1000}old, {'2, ' * 1000}]\nshort = 1\n")
    found = about(net, "old", rename(net, "old", "new"))
    lines = text(net, found, style=Style(width=40)).splitlines()
    assert all(len(line) <= 40 for line in lines[3:])
    for line, word in ((lines[3], "old"), (lines[8], "old"), (lines[9], "new")):
        assert word in line
        assert re.search(r"\.\.\.\d?", line)
        assert line.endswith("...")
    assert lines[4].index("^^^") == lines[3].index("old")


def test_notebooks_show_their_own_lines_and_name_other_cells():
    where = notebook("import os", "%pip install keras\nlayer = old")
    edits = (Edit(0, 0, "import keras\n"), *rename(where, "old", "new").edits)
    assert text(where, about(where, "old", Offer("Do it", edits, Safety.SAFE))) == block(
        """
        error[RGL101]: it is old
         --> net.ipynb:cell 2:2:9
          |
        1 | %pip install keras
        2 | layer = old
          |         ^^^
          |
        help: Do it
            in cell 1
        1 + import keras
            in cell 2
        2 - layer = old
        2 + layer = new
        """
    )


def test_edits_far_apart_are_separate_and_those_of_a_line_are_not():
    net = source("import keras\n\n\na = old(old)\n")
    start = net.text.index("old")
    again = net.text.index("old", start + 1)
    edits = (Edit(0, 0, "import os\n"), Edit(start, start + 3, "new"), Edit(again, again + 3, ""))
    shown = text(net, finding(net, start, start + 3, Offer("Do it", edits, Safety.SAFE)))
    assert shown.endswith("help: Do it\n1 + import os\n...\n4 - a = old(old)\n4 + a = new()\n\n")


def test_a_deleted_line_is_all_that_a_patch_shows():
    net = source("call(\n    x,\n    old,\n    y,\n)\n")
    start = net.text.index("    old")
    gone = Offer("Remove it", (Edit(start, start + len("    old,\n"), ""),), Safety.SAFE)
    assert text(net, about(net, "old", gone)).endswith("help: Remove it\n3 -     old,\n\n")


@given(
    before=st.text(st.sampled_from("ab\t日e\u0301 \x07"), max_size=60),
    meant=st.text(st.sampled_from("ab日"), min_size=1, max_size=5),
    after=st.text(st.sampled_from("ab\t日 "), max_size=60),
)
def test_the_underline_is_always_below_what_is_meant(before, meant, after):
    net = source(f"{before}{meant}{after}\n")
    code, caret = text(net, finding(net, len(before), len(before) + len(meant))).splitlines()[3:5]
    indent = columns(caret) - len(caret.lstrip(" |"))
    assert columns(code.partition("| ")[2]) >= columns(printable(before + meant))
    assert indent == len("1 | ") + columns(printable(before))
    assert caret.count("^") == columns(meant)


@given(st.data())
def test_any_span_and_edit_of_any_text_can_be_shown(data):
    net = source(data.draw(st.text(st.sampled_from("ab\n\t日"), max_size=40)) + "\n")
    offsets = st.integers(0, len(net.text))
    start, end = sorted((data.draw(offsets), data.draw(offsets)))
    offer = Offer(
        "Do it", (Edit(start, end, data.draw(st.sampled_from(["", "x", "x\n"]))),), Safety.SAFE
    )
    shown = text(net, finding(net, start, end, offer), style=Style(width=20))
    assert "^" in shown
    assert printable(shown.replace("\n", "")) == shown.replace("\n", "")


def test_colours_do_not_change_the_words():
    net = source("a = old\n")
    found = about(net, "old", rename(net, "old", "new"))
    for name in FORMATS:
        plain = render(name, report(net, found))
        colored = render(name, report(net, found), Style(color=True))
        assert re.sub(r"\x1b\[\d*m", "", colored) == plain
        assert ("\x1b" in colored) == (name != "json")


# The other formats


def test_concise_marks_what_can_be_fixed():
    net = source("a = old\nb = 1\n")
    offers = [(rename(net, "old", "new", safety),) for safety in Safety]
    report_ = report(net, *(about(net, "old", *each) for each in (*offers, ())))
    assert render("concise", report_) == (
        "net.py:1:5: RGL101 [*] it is old\n"
        "net.py:1:5: RGL101 [?] it is old\n"
        "net.py:1:5: RGL101 it is old\n"
        "net.py:1:5: RGL101 it is old\n"
    )


def test_concise_names_the_cell():
    where = notebook("a = 1", "b = old")
    assert render("concise", report(where, about(where, "old"))).startswith("net.ipynb:cell 2:1:5:")


def test_statistics_count_each_rule_the_most_frequent_first():
    net = source("a = old\n")
    fixable, not_ = about(net, "old", rename(net, "old", "new")), about(net, "old")
    other = replace(not_, code="RGL202", name="other")
    found = [other, *[fixable] * 3, *[not_] * 7]
    assert render("statistics", report(net, *found)) == (
        "10  RGL101  old  [*] 3 fixable\n 1  RGL202  other\n"
    )


def test_json_tells_everything():
    net = source("a = old\n")
    found = about(net, "old", rename(net, "old", "new", Safety.UNSAFE, "why"))
    fixed = replace(found, message="it was old")
    full = replace(
        report(net, found),
        errors=(FileError("x.py", "bad", Place(0, 3, 7)), FileError("y.py", "gone")),
        fixed=(fixed,),
        changed=("net.py",),
        suppressed=2,
    )
    common = {"path": "net.py", "code": "RGL101", "name": "old", "severity": "error"}
    places = {"start": {"line": 1, "column": 5}, "end": {"line": 1, "column": 8}}
    edit = places | {"text": "new"}
    title = "Rename `old` to `new`"
    assert json.loads(render("json", full)) == {
        "schema_version": 1,
        "diagnostics": [
            common
            | {"message": "it is old"}
            | places
            | {"fixes": [{"title": title, "safety": "unsafe", "reason": "why", "edits": [edit]}]}
        ],
        "fixed": [common | {"message": "it was old"} | places | {"title": title}],
        "errors": [
            {"path": "x.py", "message": "bad", "start": {"line": 3, "column": 7}},
            {"path": "y.py", "message": "gone", "start": None},
        ],
        "assumptions": [],
        "summary": {
            "errors": 1,
            "warnings": 0,
            "infos": 0,
            "fixable": 0,
            "unsafe": 1,
            "suppressed": 2,
            "files": 1,
            "fixed": 1,
            "changed": 1,
        },
    }


def test_json_has_cells_where_there_are_cells():
    where = notebook("a = 1", "b = old")
    found = about(where, "old", rename(where, "old", "new"))
    (shown,) = json.loads(render("json", report(where, found)))["diagnostics"]
    assert shown["start"] == {"cell": 2, "line": 1, "column": 5}
    assert shown["fixes"][0]["edits"][0]["end"] == {"cell": 2, "line": 1, "column": 8}


@pytest.mark.parametrize("name", ["text", "concise", "statistics"])
def test_nothing_found_is_nothing_shown(name):
    assert render(name, Report(checked=3)) == ""
