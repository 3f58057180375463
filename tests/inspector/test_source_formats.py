"""Annotations of source lines: the formats `github` and `sarif`."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from urllib.parse import unquote

import pytest

pytest.importorskip("msgspec")

from helpers.penalties import L2, weight
from reglint.inspector.facts import (
    CallSite,
    Cause,
    Dormant,
    FileFacts,
    Finding,
    Format,
    Untraced,
)
from reglint.inspector.findings import CODES
from reglint.inspector.render import Style, render
from reglint.inspector.report import PenaltyReport
from reglint.model import Severity

SITE = CallSite("src/model.py", 12, 5, 12, 40)
LONG = CallSite("src/model.py", 20, 5, 23, 2)
CELL = CallSite("notes.ipynb", 4, 5, 4, 40, cell=3)
FILE = FileFacts("models/digits.keras", Format.KERAS)
INFO = Finding("two-decays", Severity.INFO, "conv", "it shrinks twice", "Keep one", source=SITE)
ERROR = Finding("not-finite", Severity.ERROR, "conv", "`conv.kernel` is NaN")
FROZEN = Dormant("conv", "Conv2D", "kernel", L2, Cause.FROZEN, "it is frozen", LONG)


def report(*penalties, file=FILE, **more):
    return PenaltyReport(file, penalties=penalties, **more)


def commands(*reports, **style):
    """Return the commands of the format `github`, each as its name, properties and message."""
    lines = render("github", reports, None, Style(**style)).splitlines()
    found = [re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line).groups() for line in lines]
    return [
        (name, dict(each.split("=", 1) for each in properties.split(",")), text)
        for name, properties, text in found
    ]


def sarif(*reports, **style):
    """Return the run of the format `sarif`."""
    log = json.loads(render("sarif", reports, None, Style(**style)))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    return run


def result(*penalties, **more):
    (found,) = sarif(report(*penalties, **more))["results"]
    return found


def place(found):
    (location,) = found["locations"]
    return location["physicalLocation"]


# -- GitHub Actions


def test_a_penalty_is_a_notice_at_the_call_that_makes_its_layer():
    (found,) = commands(report(weight("conv", 0.25, source=SITE)))
    assert found == (
        "notice",
        {
            "file": "src/model.py",
            "line": "12",
            "endLine": "12",
            "col": "5",
            "endColumn": "40",
            "title": "reglint penalty",
        },
        "`conv.kernel`: L2(0.01) adds 0.2500 to the loss, 100.0%25 of all penalties.",
    )


def test_columns_are_left_out_of_several_lines():
    ((_, properties, _),) = commands(report(weight(source=LONG)))
    assert (properties["line"], properties["endLine"]) == ("20", "23")
    assert properties.keys().isdisjoint({"col", "endColumn"})


def test_without_a_source_the_model_file_is_annotated():
    ((_, properties, _),) = commands(report(weight()))
    assert properties == {"file": "models/digits.keras", "title": "reglint penalty"}


def test_a_notebook_has_the_line_in_the_message_as_its_file_has_others():
    ((_, properties, text),) = commands(report(weight(source=CELL)))
    assert properties == {"file": "notes.ipynb", "title": "reglint penalty"}
    assert text.startswith("Cell 3, line 4:%0A`dense.kernel`")


def test_what_was_found_comes_first_and_the_most_severe_before_the_others():
    one = report(weight(source=SITE), findings=(INFO,), dormant=(FROZEN,))
    two = report(findings=(ERROR,))
    titles = [(name, properties["title"]) for name, properties, _ in commands(one, two)]
    assert titles == [
        ("error", "reglint not-finite"),
        ("notice", "reglint two-decays"),
        ("notice", "reglint dormant"),
        ("notice", "reglint penalty"),
    ]


def test_warnings_are_warnings():
    cause = Cause.NOT_CARRIED
    ((name, _, _),) = commands(report(dormant=(replace(FROZEN, cause=cause),)))
    assert cause.severity is Severity.WARNING
    assert name == "warning"


def test_penalties_of_one_call_are_one_notice_the_largest_first():
    rows = [
        weight("small", 1.0, source=SITE),
        weight("other", 2.0, source=LONG),
        weight("large", 5.0, source=SITE),
    ]
    (_, first, text), (_, second, _) = commands(report(*rows))
    assert (first["line"], second["line"]) == ("12", "20")
    assert re.findall(r"`(\w+)\.kernel`", text) == ["large", "small"]


def test_a_notice_of_very_many_penalties_counts_the_last_ones():
    rows = [weight(f"layer_{number}", source=SITE) for number in range(12)]
    ((_, _, text),) = commands(report(*rows))
    assert text.endswith("%0Aand 2 smaller ones")
    assert text.count("adds") == 10


def test_penalties_of_two_models_stay_apart():
    one = report(weight("a", source=SITE))
    two = report(weight("b", source=SITE), file=replace(FILE, path="other.keras"))
    assert len(commands(one, two)) == 2


def test_a_finding_names_its_layer_and_what_to_do():
    ((_, _, text),) = commands(report(findings=(replace(INFO, probed=True),)))
    assert text == "`conv`: it shrinks twice. Keep one. This rests on made-up inputs."


def test_a_finding_that_names_its_layer_already_names_it_once():
    ((_, _, text),) = commands(report(findings=(ERROR,)))
    assert text == "`conv.kernel` is NaN."


def test_what_was_not_traced_says_why():
    why = (Untraced("conv", "two calls make `conv`"),)
    ((_, _, text),) = commands(report(findings=(ERROR,), untraced=why))
    assert text.endswith("Not traced to the source: two calls make `conv`.")


def test_nothing_in_a_name_ends_a_command_or_begins_one():
    site = replace(SITE, path="a%b:c,d\r\n::error::e.py")
    evil = "x\r\n::error file=f::%0A"
    finding = Finding(evil, Severity.ERROR, evil, evil, evil, source=site)
    lines = render("github", [report(weight(evil, source=site), findings=(finding,))]).split("\n")
    assert len(lines) == 3
    assert lines[-1] == ""
    assert all(re.match(r"::(error|notice) file=a%25b%3Ac%2Cd", line) for line in lines[:2])
    assert not any("\r" in line for line in lines)
    assert "%0A" not in lines[0].replace("%250A", "")


def test_paths_start_where_the_repository_does(monkeypatch, tmp_path):
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    here = replace(SITE, path=str(tmp_path / "sub" / "model.py"))
    above = replace(SITE, path=os.path.join("..", "other.py"))  # noqa: PTH118 - as it was written
    far = replace(SITE, path="/far/away.py")
    rows = [weight("a", 3.0, source=here), weight("b", 2.0, source=above), weight("c", source=far)]
    found = commands(report(*rows), root=str(tmp_path))
    files = [properties["file"] for _, properties, _ in found]
    assert files == ["sub/model.py", "other.py", "/far/away.py"]
    first, *_ = commands(report(*rows))
    assert first[1]["file"] == "model.py"


def test_a_model_in_memory_has_no_file():
    memory = FileFacts("digits", Format.MEMORY)
    ((_, properties, _),) = commands(report(weight(), file=memory))
    assert properties == {"title": "reglint penalty"}


# -- SARIF


def test_each_rule_is_described_once():
    rules = sarif(report())["tool"]["driver"]["rules"]
    assert {rule["id"] for rule in rules} == {*CODES, "dormant", "penalty"}
    assert len(rules) == len(CODES) + 2
    assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in rules)


def test_a_result_has_the_place_of_the_call_in_characters():
    assert sarif(report())["columnKind"] == "unicodeCodePoints"
    assert place(result(findings=(INFO,))) == {
        "artifactLocation": {"uri": "src/model.py"},
        "region": {"startLine": 12, "startColumn": 5, "endLine": 12, "endColumn": 40},
    }


def test_a_result_without_a_source_is_at_the_model_file():
    assert place(result(weight())) == {"artifactLocation": {"uri": "models/digits.keras"}}
    assert place(result(weight(source=CELL))) == {"artifactLocation": {"uri": "notes.ipynb"}}


def test_penalties_are_information_and_no_alert():
    found = result(weight("conv", source=SITE))
    assert (found["ruleId"], found["kind"], found["level"]) == ("penalty", "informational", "none")
    assert found["relatedLocations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "models/digits.keras"
    }


@pytest.mark.parametrize(
    ("severity", "level"),
    [(Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "note")],
)
def test_findings_fail_at_their_level(severity, level):
    found = result(findings=(replace(INFO, severity=severity),))
    assert (found["ruleId"], found["kind"], found["level"]) == ("two-decays", "fail", level)


def test_a_result_is_the_same_one_when_lines_move():
    moved = replace(SITE, line=99, end_line=99)
    before, after, other = (
        result(findings=(replace(INFO, **change),))["partialFingerprints"]
        for change in ({}, {"source": moved}, {"layer": "head"})
    )
    assert before == after != other


def test_uris_are_relative_and_escaped(tmp_path):
    odd = replace(SITE, path="src/ä b%,:[.py")
    uri = place(result(weight(source=odd)))["artifactLocation"]["uri"]
    assert re.fullmatch(r"[\w/.%-]+", uri, re.ASCII)
    assert unquote(uri) == "src/ä b%,:[.py"
    far = replace(SITE, path=str(tmp_path / "model.py"))
    assert place(result(weight(source=far)))["artifactLocation"]["uri"].startswith("file:///")


def test_a_path_that_is_no_text_can_be_written():
    odd = replace(SITE, path=os.fsdecode(b"src/\xff.py"))
    assert place(result(weight(source=odd)))["artifactLocation"] == {"uri": "src/%FF.py"}
    assert "file=src/\N{REPLACEMENT CHARACTER}.py" in render("github", [report(weight(source=odd))])


def test_a_message_makes_no_link():
    found = result(findings=(replace(INFO, message="see [here](http://example.org)"),))
    assert "](" not in found["message"]["text"]


def test_a_model_in_memory_has_a_logical_place_only():
    memory = FileFacts("digits", Format.MEMORY)
    (location,) = result(weight("conv"), file=memory)["locations"]
    assert location == {"logicalLocations": [{"fullyQualifiedName": "conv"}]}
