"""`reglint inspect`: what fails, where results go, and what is imported for them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("h5py")
pytest.importorskip("msgspec")
pytest.importorskip("rich")

from helpers.penalties import weight
from reglint.inspector import render
from reglint.inspector.facts import (
    Data,
    Finding,
)
from reglint.inspector.inspection import Inspection
from reglint.inspector.process.messages import NotRead, Trouble
from reglint.model import Severity

ERROR = Finding("not-finite", Severity.ERROR, "dense", "it is NaN")
WARNING = Finding("two-decays", Severity.WARNING, "dense", "it decays twice")


def written(report):
    """Return the report as a file in JSON."""
    Path("report.json").write_text(render.render("json", [report]))
    return "report.json"


# -- What fails


@pytest.mark.parametrize(
    ("options", "finding", "status"),
    [
        ([], ERROR, 1),
        ([], WARNING, 0),
        (["--fail-on", "warning"], WARNING, 1),
        (["--fail-on", "never"], ERROR, 0),
        ([], replace(ERROR, probed=True), 0),
    ],
)
def test_findings_fail_by_their_severity(reglint, models, options, finding, status):
    models.set(findings=(finding,))
    done = reglint("inspect", "model.keras", *options)
    assert done.status == status
    assert bool(done.err) is bool(status)


def test_a_share_on_data_fails(reglint, models):
    models.set(data=Data("d.npz", 10, "mse", 3.0))
    options = ("inspect", "model.keras", "--data", "d.npz", "--max-share")
    assert reglint(*options, "0.25").status == 0
    done = reglint(*options, "0.2")
    assert done.status == 1
    assert done.err == "model.keras: penalties of 1 in a loss of 4 exceed --max-share 0.2\n"


def test_a_share_that_there_is_none_of_is_not_told_beside_the_reason(reglint, models):
    options = ("inspect", "model.keras", "--data", "d.npz", "--max-share", "0.2")
    done = reglint(*options)
    assert (done.status, done.err) == (
        1,
        "model.keras: there is no loss on data for --max-share 0.2\n",
    )
    models.set(trouble=NotRead(Trouble.UNAVAILABLE, "not run: d.npz: no such file"))
    done = reglint(*options)
    assert (done.status, done.err) == (2, "model.keras: not run: d.npz: no such file\n")


def test_with_a_baseline_known_findings_do_not_fail_and_the_difference_is_shown(reglint, models):
    baseline = written(models.report(weight(value=0.5), findings=(ERROR,)))
    models.set(findings=(ERROR,))
    done = reglint("inspect", "model.keras", "--baseline", baseline)
    assert (done.status, done.err) == (0, "")
    assert "+0.5000" in done.out
    new = replace(ERROR, layer="other")
    models.set(findings=(ERROR, new))
    done = reglint("inspect", "model.keras", "--baseline", baseline)
    assert (done.status, done.err) == (1, "model.keras: error: other: it is NaN [not-finite]\n")


def test_a_baseline_of_several_models_is_none(reglint, models):
    text = render.render("json", [models.report(), models.report()])
    Path("report.json").write_text(text)
    done = reglint("inspect", "model.keras", "--baseline", "report.json")
    assert done.status == 2
    assert "has 2 reports, not one" in done.err


def test_of_two_models_that_are_named_the_difference_is_shown(reglint, models):
    models.give["other.keras"] = Inspection(models.report(weight(value=1.25), path="other.keras"))
    for arguments, compared in ((("model.keras", "other.keras"), True), (("*.keras",), False)):
        done = reglint("inspect", *arguments, "--output-format", "json")
        comparison = json.loads(done.out)["comparison"]
        assert (comparison is not None) is compared
    findings = replace(models.report(path="other.keras"), findings=(ERROR,))
    models.give["other.keras"] = Inspection(findings)
    models.set(findings=(ERROR,))
    assert reglint("inspect", "model.keras", "other.keras").status == 1


# -- Outputs


@pytest.mark.usefixtures("models")
def test_outputs_go_where_they_are_sent(reglint):
    done = reglint(
        *("inspect", "model.keras", "--output-format", "markdown"),
        *("--output-format", "json:out.json", "--output-format", "html:out.html"),
    )
    assert done.status == 0
    assert done.out.startswith("### ")
    assert "dense" in done.out
    assert json.loads(Path("out.json").read_text())["reports"][0]["file"]["path"] == "model.keras"
    assert "<html" in Path("out.html").read_text()


@pytest.mark.usefixtures("models")
def test_an_output_that_cannot_be_written_is_told_and_the_others_are(reglint):
    done = reglint(
        *("inspect", "model.keras", "--output-format", "json:none/out.json"),
        *("--output-format", "table"),
    )
    assert done.status == 2
    assert "dense" in done.out
    assert done.err == "none/out.json: cannot be written: No such file or directory\n"


def test_quiet_says_what_fails_and_no_more(reglint, models):
    models.set(findings=(ERROR,), notes=("a note",))
    done = reglint("inspect", "model.keras", "other.keras", "--quiet")
    assert (done.status, done.out) == (1, "")
    assert done.err == "model.keras: error: dense: it is NaN [not-finite]\n"
    done = reglint("inspect", "model.keras", "--quiet", "--output-format", "json")
    assert json.loads(done.out)["reports"]


@pytest.mark.usefixtures("models")
def test_colours_are_for_those_who_want_them(reglint):
    assert "\x1b[" not in reglint("inspect", "model.keras").out
    assert "\x1b[" in reglint("inspect", "model.keras", "--color", "always").out


def test_long_tables_are_cut_for_terminals_unless_all_is_asked_for(reglint, models, monkeypatch):
    import sys

    penalties = tuple(weight(layer=f"dense_{i}") for i in range(40))
    models.give["model.keras"] = Inspection(models.report(*penalties))
    assert reglint("inspect", "model.keras").out.count("dense_") == 40
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert reglint("inspect", "model.keras", "--color", "never").out.count("dense_") == 30
    assert reglint("inspect", "model.keras", "--all", "--color", "never").out.count("dense_") == 40


@pytest.mark.usefixtures("models")
def test_a_bar_is_for_terminals_only(reglint, monkeypatch):
    import sys

    assert reglint("inspect", "model.keras").err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "model.keras: loading" in reglint("inspect", "model.keras").err


# -- Start-up


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["inspect", "--help"], ["inspect"], ["check", "."], ["rule"]],
    ids=" ".join,
)
def test_nothing_heavy_is_imported_where_no_model_is_read(python, tmp_path, arguments):
    done = python("-X", "importtime", "-m", "reglint", *arguments, cwd=tmp_path)
    lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    modules = {line.rpartition("|")[2].strip() for line in lines}
    assert "click" in modules
    assert modules.isdisjoint({"rich", "numpy", "msgspec", "h5py", "keras"})
    if arguments[0] in {"check", "rule"}:
        assert not {name for name in modules if name.startswith("reglint.inspector")}


def test_a_run_without_keras_has_the_static_part(python, hostile, tmp_path):
    case = next(case for case in hostile.CASES if case.name == "control.keras")
    case.make(tmp_path / "model.keras", tmp_path / "marker")
    code = """\
import sys
from reglint.inspector import inspection
inspection._has_keras = lambda: False  # whether it is installed or not
from reglint.cli import main
sys.argv = ["reglint", "inspect", "model.keras", "--output-format", "json"]
main()"""
    done = python("-c", code, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == (
        'model.keras: not run: Keras 3 is not installed: pip install "reglint[jax]"\n'
    )
    (report,) = json.loads(done.stdout)["reports"]
    assert report["level"] == "static"
    assert report["file"]["path"] == "model.keras"
    assert report["file"]["format"] == "keras"
    assert report["run"] is None
