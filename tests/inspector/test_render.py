"""What every format has in common: figures, words, and that nothing is lost in JSON."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("msgspec")
pytest.importorskip("rich")

import reglint
from reglint.inspector import codec
from reglint.inspector.comparison import compare
from reglint.inspector.facts import Data, Decay, Finding, Kind, Variable, Verdict
from reglint.inspector.render import FORMATS, Style, render
from reglint.inspector.render import json as as_json
from reglint.inspector.render.document import apart, elided, spans
from reglint.inspector.render.numbers import (
    aligned,
    change,
    count,
    duration,
    number,
    percent,
    shape,
    size,
)
from reglint.inspector.render.sections import document
from reglint.model import Severity

NAMES = ("FULL", "STATIC", "EMPTY", "UNCALLED", "REFUSED", "BROKEN", "HOSTILE", "LARGE")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (0.0123, "0.01230"),
        (9.99996, "10.00"),
        (1234.4, "1,234"),
        (123456.0, "123,500"),
        (999_999.0, "1.000e+06"),
        (0.0001, "0.0001000"),
        (0.00009999, "9.999e-05"),
        (1.5e-45, "1.500e-45"),
        (-0.25, "-0.2500"),
        (math.nan, "NaN"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
    ],
)
def test_a_number_has_four_significant_digits(value, text):
    assert number(value) == text


def test_figures_read_well():
    assert [percent(x) for x in (0, 0.0004, -0.0004, 0.1234, 12.3, 1e300)] == [
        "0.0%",
        "<0.1%",
        ">-0.1%",
        "12.3%",
        "1,230.0%",
        "1.0e+302%",
    ]
    assert [size(x) for x in (1, 999, 1000, 999_999, 1_234_567, 10**13)] == [
        "1 byte",
        "999 bytes",
        "1.0 kB",
        "1.0 MB",
        "1.2 MB",
        "10.0 TB",
    ]
    assert [duration(x) for x in (0.0234, 0.31, 12.0)] == ["23 ms", "0.3 s", "12.0 s"]
    assert [count(x, "penalty") for x in (1, 2000)] == ["1 penalty", "2,000 penalties"]
    assert shape((3, 3, 64)) == "3\N{MULTIPLICATION SIGN}3\N{MULTIPLICATION SIGN}64"
    assert [change(x) for x in (0.5, -0.5, 0.0)] == ["+0.5000", "-0.5000", "0"]


def test_points_stand_below_each_other():
    texts = aligned(["12.34", "0.001234", "", "1,234"])
    assert {len(text) for text in texts} == {len("1,234") + len(".001234")}
    assert texts[0].index(".") == texts[1].index(".")
    assert texts[3].index("4") == texts[0].index(".") - 1


@pytest.mark.parametrize(
    ("width", "short"),
    [
        (31, "encoder/block_1/attention/query"),
        (25, "encoder/\N{HORIZONTAL ELLIPSIS}/attention/query"),
        (15, "encoder/\N{HORIZONTAL ELLIPSIS}/query"),
        (10, "enc\N{HORIZONTAL ELLIPSIS}/query"),
    ],
)
def test_a_long_path_loses_its_middle(width, short):
    path = "encoder/block_1/attention/query"
    assert elided(path, width) == short
    assert all(len(elided(path, narrow)) <= narrow for narrow in range(1, width))


def test_paths_that_differ_stay_different_when_they_lose_their_middle():
    cut = "\N{HORIZONTAL ELLIPSIS}"
    cells = [f"bidirectional/{each}_layer/cell" for each in ("forward", "backward")]
    assert list(apart(cells, 24).values()) == [
        f"{cut}/forward_layer/cell",
        f"{cut}/backward_layer/cell",
    ]
    assert apart([cells[0], "head"], 24) == {cells[0]: f"bidirectional/{cut}/cell", "head": "head"}
    ends = ["a_very_long_name_of_a_layer_1", "another_long_name_of_a_layer_1"]
    assert len(set(apart(ends, 12).values())) == 2
    for width in range(1, 33):
        assert all(len(short) <= width for short in apart([*cells, *ends], width).values())


def test_code_in_a_message_is_found():
    assert spans("set `a`, not `b`") == [
        ("set ", False),
        ("a", True),
        (", not ", False),
        ("b", True),
    ]
    assert spans("a lone ` is none") == [("a lone ` is none", False)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_shows_every_report(reports, form, name):
    text = render(form, [getattr(reports, name)])
    assert text.endswith("\n") or (not text and form == "github")  # there is nothing to annotate
    text.encode()  # it can be
    if form != "json":  # which escapes them
        assert not {"\x1b", "\u202e"} & set(text)


@pytest.mark.parametrize("form", ["table", "markdown", "html"])
def test_every_penalty_is_shown_with_its_number(reports, form):
    text = render(form, [reports.FULL], style=Style(width=200))
    for penalty in reports.FULL.penalties:
        assert penalty.layer in text
        assert number(penalty.value) in text
        assert str(penalty.regularizer or "") in text


def test_the_headline_is_the_answer(reports):
    said = {name: document(getattr(reports, name)).headline for name in NAMES}
    assert said["FULL"] == "Penalties add 0.1322 to the loss, 16.0% of it; 1 error, 1 warning"
    assert said["STATIC"] == "Penalties add 0.02654 to the loss, as far as is known"
    assert said["EMPTY"] == "No regularization: nothing is added to the loss"
    assert said["REFUSED"] == "Refused, not read any further"
    assert said["BROKEN"] == "Penalties add NaN to the loss; 1 error"
    frozen = replace(reports.FULL, penalties=(), findings=(), unknown=())
    assert "2 regularizers, none of them at work" in document(frozen).headline


def test_a_model_that_could_not_be_called_is_said_to_be_unknown(reports):
    page = document(reports.UNCALLED)
    assert page.headline == "Not known: the model could not be called"
    assert page.tone is Severity.WARNING
    assert "probe" not in dict(page.about)
    (remark,) = page.sections[0].remarks
    assert remark.endswith("penalties are missing: it was never built.")
    assert "probe" in dict(document(reports.FULL).about)


def test_the_total_is_what_is_known_where_a_cell_has_a_penalty(reports):
    finding = Finding("cell-activity-regularizer", Severity.ERROR, "rnn/cell", "it raises")
    report = replace(reports.FULL, findings=(finding,))
    assert document(report).headline == (
        "Penalties add 0.1322 to the loss, as far as is known; 1 error"
    )


def test_advice_is_what_was_not_done(reports):
    def advice(**changes):
        report = replace(reports.STATIC, penalties=(), **changes)
        (section,) = [each for each in document(report).sections if each.key == "penalties"]
        return section.remarks

    assert advice(notes=("not run: it crashed",)) == (
        "Only the running model can tell; the notes say why it was not run.",
    )
    assert advice(notes=()) == (
        "Run the model, with its modules named by `--import`, to know more.",
    )
    assert advice(notes=(), verdict=Verdict()) == ("Run the model to know more.",)


def test_variables_that_decay_alike_stand_together_and_are_named(reports):
    mechanism = "weight_decay of the optimizer"
    decays = tuple(
        Decay(Variable(f"dense_{i}", "kernel"), mechanism, "0.1 * 0.01", 0.001, 693.1)
        for i in range(7)
    )
    report = replace(reports.FULL, decays=decays)
    (section,) = [each for each in document(report).sections if each.key == "decay"]
    ((row,),) = [table.rows for table in section.tables]
    assert [cell.text for cell in row[:2]] == ["7 variables", "weight_decay"]
    (remark,) = section.remarks
    assert remark == (
        "7 variables with weight_decay: `dense_0.kernel`, `dense_1.kernel`, `dense_2.kernel` "
        "and 4 more."
    )
    assert "| 7 variables | `weight_decay` |" in render("markdown", [report])
    assert "<td>7 variables</td>" in render("html", [report])


def test_no_section_is_empty_and_their_order_is_that_of_the_guide(reports):
    for name in NAMES:
        for section in document(getattr(reports, name)).sections:
            assert section.lead or section.tables or section.notices or section.remarks
            assert all(table.rows for table in section.tables)
    keys = [section.key for section in document(reports.FULL).sections]
    assert keys == ["penalties", "dormant", "findings", "data", "decay", "scale", "notes"]
    keys = [section.key for section in document(reports.STATIC).sections]
    assert keys == ["preflight", "penalties", "dormant", "unknown", "notes"]


def test_penalties_are_ranked_and_what_is_no_number_comes_first(reports):
    rows = document(reports.BROKEN).sections[0].tables[0].rows
    assert [row[0].text for row in rows] == ["a", "b", "c", "d"]
    assert [row[6].alarming for row in rows] == [True, True, False, False]


def test_data_without_gradients_is_told(reports):
    report = replace(
        reports.EMPTY, data=Data("x.npz", 1, "mse", 0.5, notes=("no gradients on jax",))
    )
    (section,) = [each for each in document(report).sections if each.key == "data"]
    assert section.lead.startswith("data loss 0.5000 (mse, 1 sample of x.npz)")
    assert section.remarks == ("No gradients on jax.",)


def test_json_keeps_everything_and_comes_back(reports):
    before = replace(reports.BROKEN, penalties=reports.PENALTIES[:4])
    text = render("json", [before, reports.FULL], compare(before, reports.FULL))
    output = codec.decode(text, as_json.Output)
    assert output.reports == (before, reports.FULL)
    assert output.summaries[1].total == reports.FULL.total
    assert output.summaries[1].by_kind["weight"] == reports.FULL.by_kind[Kind.WEIGHT]
    assert output.summaries[1].shares[0] == reports.FULL.share(reports.FULL.penalties[0])
    assert output.comparison is not None
    assert output.comparison.difference == reports.FULL.total - before.total


def test_json_is_strict_about_numbers(reports):
    def refuse(text):
        raise AssertionError(text)

    data = json.loads(render("json", [reports.BROKEN]), parse_constant=refuse)
    assert [each["value"] for each in data["reports"][0]["penalties"]] == [
        "NaN",
        "Infinity",
        0.5,
        0.0,
    ]
    assert data["schema_version"] == 1


def test_the_schema_describes_the_output(reports):
    schema = as_json.schema()
    data = json.loads(render("json", [reports.FULL], compare(reports.STATIC, reports.FULL)))
    assert _unlike(schema, schema, data) == []
    assert "\n    " not in json.dumps(schema)
    broken = json.loads(render("json", [reports.BROKEN]))
    assert _unlike(schema, schema, broken) == []
    broken["reports"][0]["penalties"][0]["value"] = "nan"
    assert _unlike(schema, schema, broken)


def _unlike(schema, part, value):
    """Return what of `value` is not as `part` of `schema` says, as far as our schema goes."""
    if "$ref" in part:
        return _unlike(schema, schema["$defs"][part["$ref"].rpartition("/")[2]], value)
    if "anyOf" in part:
        found = [_unlike(schema, each, value) for each in part["anyOf"]]
        return [] if [] in found else found[0]
    if "enum" in part:
        return [] if value in part["enum"] else [value]
    match part["type"], value:
        case "object", dict() if "properties" in part:
            missing = [key for key in part.get("required", ()) if key not in value]
            extra = [key for key in value if key not in part["properties"]]
            return (
                missing
                + extra
                + [
                    fault
                    for key, each in value.items()
                    if key in part["properties"]
                    for fault in _unlike(schema, part["properties"][key], each)
                ]
            )
        case "object", dict():
            inner = part["additionalProperties"]
            return [fault for each in value.values() for fault in _unlike(schema, inner, each)]
        case "array", list():
            inner = part["items"]
            return [fault for each in value for fault in _unlike(schema, inner, each)]
        case ("string", str()) | ("integer", int()) | ("number", int() | float()) | ("null", None):
            return []
        case "boolean", bool():
            return []
    return [(part, value)]


def test_what_differs_is_told(reports):
    old = replace(
        reports.FULL,
        penalties=(
            reports.weight("stem/conv", 0.001, (3, 3, 3, 64), regularizer=reports.L1L2),
            *reports.PENALTIES[1:5],
            reports.weight("gone", 0.3),
        ),
        findings=reports.FULL.findings[:1],
    )
    for form in ("table", "markdown", "html"):
        text = render(form, [reports.FULL], compare(old, reports.FULL), Style(width=200))
        assert "The total penalty fell by 0.2276, to 0.1322" in text
        assert "L1L2(l1=1e-05, l2=0.001) \N{RIGHTWARDS ARROW} L2(0.0001)" in text
        assert "-0.3000" in text
        assert "+0.05678" in text
        assert "4 penalties are the same." in text
        assert "New findings" in text
    assert "The total penalty is the same" in render(
        "table", [old], compare(old, replace(old, dormant=()))
    )


def test_several_models_are_shown_together(reports):
    for form in ("table", "markdown", "html"):
        text = render(form, [reports.FULL, reports.STATIC, reports.REFUSED])
        assert "Total penalties from 0.02654 to 0.1322" in text
        assert "downloads/evil.keras" in text


def test_only_the_table_needs_rich():
    code = (
        "import sys; from reglint.inspector.render import html, json, markdown; "
        "assert not {'rich', 'keras', 'numpy'} & set(sys.modules), 'imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(reglint.__file__).parents[1])
