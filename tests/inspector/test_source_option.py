"""`--source`: where the lines come from, and what is said when there are none."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("h5py")
pytest.importorskip("msgspec")
pytest.importorskip("rich")

import reglint as package
from helpers.penalties import L2, weight
from reglint.inspector import api, tracing
from reglint.inspector.facts import (
    CallSite,
    Cause,
    Dormant,
    FileFacts,
    Finding,
    Format,
    LayerFacts,
    Untraced,
)
from reglint.inspector.inspection import Inspection
from reglint.inspector.process.messages import NotRead, Trouble
from reglint.inspector.report import PenaltyReport
from reglint.linking import match
from reglint.model import Severity

CODE = """\
import keras

model = keras.Sequential([
    keras.layers.Dense(8, name="dense"),
    keras.layers.Dense(8, name="head"),
])
"""
SITE = CallSite("src/model.py", 4, 5, 4, 40)


@pytest.fixture
def linked(monkeypatch):
    """Link `dense` and nothing else; return what was asked to be linked."""
    asked = []

    def link(layers, sources, model_class=None):
        asked.append((layers, [file.source.path for file in sources.files], model_class))
        found = {"dense": SimpleNamespace(site=SimpleNamespace(place=SITE))}
        return match.Links(found, {"head": "two calls make it"}, sources)

    monkeypatch.setattr(match, "link", link)
    return asked


@pytest.fixture
def source(here):
    (here / "src").mkdir()
    path = here / "src" / "model.py"
    path.write_text(CODE)
    return path


def give(models, *penalties, trouble=None, **more):
    """Have a report of `model.keras`."""
    models.give["model.keras"] = Inspection(models.report(*penalties, **more), trouble)


@pytest.fixture
def inspected(monkeypatch):
    """Stand in for the reading of files from Python."""
    report = PenaltyReport(FileFacts("model.keras", Format.KERAS), penalties=(weight(),))
    monkeypatch.setattr(api, "inspect_file", lambda _: report)


@pytest.mark.usefixtures("source", "linked")
def test_rows_of_each_kind_get_the_place_of_their_layer(models, reglint):
    give(
        models,
        weight("dense"),
        weight("head"),
        dormant=(Dormant("dense", "Dense", "bias", L2, Cause.FROZEN, "it is"),),
        findings=(
            Finding("two-decays", Severity.INFO, "dense", "it is"),
            Finding("old-keras", Severity.INFO, "", "it is"),
        ),
    )
    done = reglint("inspect", "model.keras", "--source", "src", "--output-format", "json")
    (report,) = json.loads(done.out)["reports"]
    place = {
        "path": "src/model.py",
        "line": 4,
        "column": 5,
        "end_line": 4,
        "end_column": 40,
        "cell": 0,
    }
    assert [row["source"] for row in report["penalties"]] == [place, None]
    assert [row["source"] for row in report["dormant"]] == [place]
    assert [row["source"] for row in report["findings"]] == [place, None]
    assert report["untraced"] == [{"layer": "head", "message": "two calls make it"}]
    assert done.status == 0


@pytest.mark.usefixtures("source", "models")
def test_what_is_linked_are_the_layers_of_the_report(linked, models, reglint):
    layers = (LayerFacts("dense", "Dense", "dense"),)
    give(models, weight(), layers=layers, model_class="Sequential")
    reglint("inspect", "model.keras", "--source", "src/model.py")
    assert linked == [(layers, ["src/model.py"], "Sequential")]


@pytest.mark.usefixtures("models", "source")
def test_without_the_option_no_source_is_read(linked, reglint):
    done = reglint("inspect", "model.keras")
    assert linked == []
    assert "Source" not in done.out


@pytest.mark.usefixtures("source", "linked")
def test_a_layer_that_the_model_does_not_list_is_not_traced(models, reglint):
    give(models, weight("elsewhere"))
    done = reglint("inspect", "model.keras", "--source", "src")
    assert "`elsewhere`: the model has no such layer." in done.out


@pytest.mark.usefixtures("source", "models")
def test_several_paths_can_be_given(linked, reglint, here):
    (here / "other.py").write_text(CODE)
    done = reglint("inspect", "model.keras", "--source", "src", "--source", "other.py")
    assert done.status == 0
    assert [paths for _, paths, _ in linked] == [["other.py", "src/model.py"]]


@pytest.mark.usefixtures("linked", "source", "models")
def test_the_source_can_stand_in_the_configuration(reglint, here, monkeypatch):
    (here / "reglint.toml").write_text('[inspect]\nsource = ["src"]\n')
    assert "src/model.py:4" in reglint("inspect", "model.keras").out
    (here / "below").mkdir()
    monkeypatch.chdir(here / "below")
    assert "src/model.py:4" in reglint("inspect", "../model.keras").out


@pytest.mark.usefixtures("linked", "source", "models")
def test_the_option_is_taken_instead_of_the_configuration(reglint, here):
    (here / "reglint.toml").write_text('[inspect]\nsource = ["nowhere"]\n')
    assert reglint("inspect", "model.keras", "--source", "src").status == 0


@pytest.mark.parametrize("value", ['"src"', "[1]", '[""]'])
@pytest.mark.usefixtures("models")
def test_a_wrong_setting_is_shown_where_it_stands(reglint, here, value):
    (here / "reglint.toml").write_text(f"[inspect]\nsource = {value}\n")
    done = reglint("inspect", "model.keras")
    assert done.status == 2
    assert "reglint.toml:2:" in done.err
    assert "expected" in done.err


def test_a_path_that_is_not_there_is_told_before_anything_is_read(models, reglint):
    done = reglint("inspect", "model.keras", "--source", "scr")
    assert done.status == 2
    assert "scr: no such file or folder to trace layers to" in done.err
    assert models.asked == []


@pytest.mark.usefixtures("linked", "source", "models")
def test_source_that_cannot_be_parsed_is_told_and_the_rest_is_used(reglint, here):
    (here / "src" / "broken.py").write_text("import keras\nkeras.layers.Dense(\n")
    done = reglint("inspect", "model.keras", "--source", "src")
    assert done.status == 2
    assert done.err.startswith("source that was not read: src/broken.py:2:")
    assert "src/model.py:4" in done.out
    assert "src/broken.py" in done.out


@pytest.mark.usefixtures("models")
def test_source_without_layers_is_told(reglint, here):
    (here / "empty.py").write_text("")
    done = reglint("inspect", "model.keras", "--source", "empty.py")
    assert (done.status, done.err) == (0, "the source makes no layers\n")
    assert "The source makes no layers." in done.out


@pytest.mark.usefixtures("linked", "source")
def test_a_model_that_could_not_be_run_is_traced_all_the_same(models, reglint):
    give(models, trouble=NotRead(Trouble.LIMIT, "not run: too large"))
    done = reglint("inspect", "model.keras", "--source", "src")
    assert done.status == 4
    assert "src/model.py:4" in done.out


@pytest.mark.usefixtures("linked", "source", "models")
def test_annotations_start_at_the_workspace_of_github(reglint, here, monkeypatch):
    monkeypatch.setenv("GITHUB_WORKSPACE", str(here.parent))
    formats = ("--output-format", "github", "--output-format", "sarif:found.sarif")
    done = reglint("inspect", "model.keras", "--source", "src", *formats)
    assert f"file={here.name}/src/model.py,line=4," in done.out
    assert f'"uri": "{here.name}/src/model.py"' in Path("found.sarif").read_text()


@pytest.mark.usefixtures("linked", "inspected")
def test_python_takes_a_path_or_several(source):
    for given in (source, str(source), [source], (str(source.parent),)):
        report = package.inspect("model.keras", source=given)
        assert report.penalties[0].source == SITE
    assert package.inspect("model.keras").penalties[0].source is None


@pytest.mark.usefixtures("inspected")
def test_python_says_which_path_is_not_there():
    with pytest.raises(FileNotFoundError, match=r"^scr: no such file or folder"):
        package.inspect("model.keras", source="scr")


@pytest.mark.usefixtures("linked")
def test_a_report_is_traced_anew(source):
    file = FileFacts("model.keras", Format.KERAS)
    old = (Untraced("dense", "no reason"),)
    report = PenaltyReport(file, penalties=(weight(),), untraced=old)
    found = tracing.traced(report, tracing.look([str(source)]))
    assert found.untraced == ()
    assert found.penalties[0].source == SITE


def test_a_model_file_is_traced_to_the_code_that_made_it():
    examples = Path(__file__).parents[2] / "examples" / "models"
    code = examples / "digits.py"
    report = package.inspect(examples / "digits.keras", static=True, source=code)
    rows = [*report.penalties, *report.dormant]
    lines = code.read_text().splitlines()
    assert {row.layer for row in rows} == {"stem", "conv", "head"}
    for row in rows:
        call = " ".join(lines[row.source.line - 1 : row.source.end_line])
        assert f'name="{row.layer}"' in call
        assert "= layers." in call
    assert report.untraced == ()
