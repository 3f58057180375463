"""Where the source of a layer is shown: in every format, and only where it is known."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest

pytest.importorskip("msgspec")
pytest.importorskip("rich")

from helpers.penalties import FILE, L2, weight
from reglint.inspector.facts import CallSite, Cause, Dormant, Finding, LayerFacts, Untraced
from reglint.inspector.render import Style, render
from reglint.inspector.render.notebook import notebook
from reglint.inspector.report import PenaltyReport
from reglint.model import Severity

SITE = CallSite("src/model.py", 12, 5, 14, 2)
REPORT = PenaltyReport(
    FILE,
    penalties=(weight("conv", 0.25, source=SITE), weight("head", 0.5)),
    dormant=(
        Dormant(
            "stem", "Conv2D", "kernel", L2, Cause.FROZEN, "it is frozen", replace(SITE, line=7)
        ),
    ),
    findings=(
        Finding("two-decays", Severity.INFO, "conv", "it shrinks", source=replace(SITE, line=3)),
    ),
    layers=(LayerFacts("conv", "Conv2D", "conv"),),
    untraced=(Untraced("head", "no call makes a `Dense`"),),
)
PLACES = ("src/model.py:12", "src/model.py:7", "src/model.py:3")


def shown(report=REPORT, form="table", **style):
    return render(form, [report], None, Style(**style))


def without_source(report):
    def bare(rows):
        return tuple(replace(row, source=None) for row in rows)

    return replace(
        report,
        penalties=bare(report.penalties),
        dormant=bare(report.dormant),
        findings=bare(report.findings),
        untraced=(),
    )


def test_a_place_reads_as_elsewhere():
    assert str(SITE) == "src/model.py:12"
    assert str(replace(SITE, cell=3)) == "src/model.py:cell 3:12"


@pytest.mark.parametrize("form", ["table", "markdown", "html"])
def test_penalties_dormant_ones_and_findings_have_their_place(form):
    text = shown(form=form)
    assert all(place in text for place in PLACES)
    assert "Not traced to the source" in text


@pytest.mark.parametrize("form", ["table", "markdown", "html"])
def test_without_a_source_nothing_is_said_of_it(form):
    text = shown(without_source(REPORT), form)
    assert "Source" not in text
    assert "the source" not in text
    assert "model.py" not in text


def test_a_notebook_shows_places():
    html = notebook(REPORT)
    assert all(place in html for place in PLACES if not place.endswith(":7"))


def test_rows_for_pandas_have_the_place():
    assert [row["source"] for row in REPORT.to_dicts()] == ["src/model.py:12", None]


def test_json_has_all_and_comes_back():
    text = REPORT.to_json()
    assert PenaltyReport.from_json(text) == REPORT
    (written,) = json.loads(text)["reports"]
    assert written["penalties"][0]["source"] == {
        "path": "src/model.py",
        "line": 12,
        "column": 5,
        "end_line": 14,
        "end_column": 2,
        "cell": 0,
    }
    assert written["untraced"] == [{"layer": "head", "message": "no call makes a `Dense`"}]


def test_json_of_before_there_were_places_can_be_read():
    older = json.loads(without_source(REPORT).to_json())
    (report,) = older["reports"]
    del report["layers"], report["untraced"]
    for row in (*report["penalties"], *report["dormant"], *report["findings"]):
        del row["source"]
    found = PenaltyReport.from_json(json.dumps(older))
    assert found == replace(without_source(REPORT), layers=())


def test_eighty_columns_have_room_for_places():
    lines = shown(width=80).splitlines()
    assert max(map(len, lines)) <= 80
    (row,) = [line for line in lines if line.startswith("conv")]
    assert "src/model.py:12" in row
    assert "0.2500" in row


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_a_long_path_keeps_file_and_line_or_is_left_out(width):
    deep = "/home/someone/projects/a-name-that-is-long/src/package/models/backbones/resnet.py"
    penalties = tuple(
        weight(f"backbone/block_{number}/conv", source=CallSite(deep, 100 + number, 1, 200, 2))
        for number in range(3)
    )
    text = shown(PenaltyReport(FILE, penalties=penalties), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert all(f"resnet.py:{100 + number}" in text for number in range(3)) == (width > 40)


def test_many_layers_with_one_reason_are_told_once():
    untraced = tuple(Untraced(f"dense_{number}", "they come from a loop") for number in range(9))
    text = shown(replace(REPORT, untraced=(*untraced, Untraced("head", "no call makes it"))))
    assert "`dense_0`, `dense_1`, `dense_2` and 6 more: they come from a loop." in text
    assert "`head`: no call makes it." in text


def test_names_of_the_source_cannot_move_the_cursor_or_make_markup():
    evil = replace(SITE, path="<script>\x1b[31m|`.py")
    report = replace(REPORT, penalties=(weight("conv", source=evil),))
    for form in ("table", "markdown", "html"):
        text = shown(report, form)
        assert "\x1b" not in text
        assert "script>\N{REPLACEMENT CHARACTER}" not in text or form == "table"
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    stream.write(shown(report, encoding="ascii"))
