"""`reglint tune`: what it writes, to a model and to the source; no model is trained here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("h5py")
pytest.importorskip("msgspec")
pytest.importorskip("rich")

from reglint.inspector.facts import Variable
from reglint.tuning.facts import Target

DATA = ("--data", "digits.npz")


@pytest.fixture
def written(tuner, samples):
    """Have a report on two kernels of `model.keras`, one of which has no L2 yet."""
    targets = (
        Target(Variable("conv", "kernel"), "Conv2D", 0.01),
        Target(Variable("features", "kernel"), "Dense"),
    )
    tuner.report = samples.report(targets=targets)
    return tuner


@pytest.mark.usefixtures("written")
def test_a_model_is_written_with_what_was_chosen(reglint):
    before = Path("model.keras").read_bytes()
    done = reglint("tune", "model.keras", *DATA, "-o", "out.keras")
    assert done.status == 0
    assert done.err.endswith("model.keras: written to out.keras, with the coefficients chosen\n")
    assert Path("model.keras").read_bytes() == before
    penalties = reglint("inspect", "--static", "out.keras", "--output-format", "json")
    found = json.loads(penalties.out)["reports"][0]["penalties"]
    strengths = {each["layer"]: each["regularizer"] for each in found}
    assert strengths["conv"] == {"name": "L2", "factors": {"l2": 0.0032}}
    assert strengths["features"] == {"name": "L2", "factors": {"l2": 0.0032}}
    assert strengths["head"]["factors"] == {"l2": 1e-08}  # was not tuned


def test_weights_without_a_configuration_cannot_be_written(reglint, written):
    done = reglint("tune", "model.keras", *DATA, "--model-config", "c.json", "-o", "out.keras")
    assert (done.status, written.asked) == (2, [])
    assert "-o writes to the configuration, which a .weights.h5 has not" in done.err


@pytest.mark.usefixtures("written")
def test_out_is_replaced_if_asked_for(reglint):
    Path("out.keras").write_bytes(b"old")
    assert reglint("tune", "model.keras", *DATA, "-o", "out.keras", "--force").status == 0
    assert Path("out.keras").stat().st_size > 1000


def test_a_model_that_changed_meanwhile_is_not_written(reglint, written, monkeypatch):
    from reglint.tuning import api

    def tune(asked, progress, announce):
        report = written(asked, progress, announce)
        Path("model.keras").write_bytes(b"another")
        return report

    monkeypatch.setattr(api, "tune_file", tune)
    done = reglint("tune", "model.keras", *DATA, "-o", "out.keras")
    assert done.status == 2
    assert done.err == "model.keras: it changed meanwhile, so out.keras is not written\n"
    assert "L2(0.0032)" in done.out
    assert not Path("out.keras").exists()


def test_what_cannot_be_set_is_told_and_the_report_is_not_lost(reglint, written):
    other = Target(Variable("nowhere", "kernel"), "Dense")
    written.report = replace(written.report, targets=(written.report.targets[0], other))
    done = reglint("tune", "model.keras", *DATA, "-o", "out.keras")
    assert done.status == 2
    assert done.err.startswith("model.keras: out.keras: not written: `/nowhere:kernel`: there is")
    assert "L2(0.0032)" in done.out
    assert not Path("out.keras").exists()


def test_without_a_choice_nothing_is_written(reglint, written):
    written.report = replace(written.report, choices=(), trials=())
    done = reglint("tune", "model.keras", *DATA, "-o", "out.keras")
    assert done.status == 2
    assert done.err == "model.keras: nothing was chosen, so nothing is written\n"
    assert not Path("out.keras").exists()


SOURCE = """\
import keras
from keras import layers, regularizers


def build():
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(
        16, 3, strides=2, name="conv", use_bias=False, kernel_regularizer=regularizers.L2(0.01)
    )(inputs)
    x = layers.Dense(24, activation="relu", name="features")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(10, name="head", **OPTIONS)(x))
"""


@pytest.fixture
def source(written):
    """Have the source of `model.keras`; returns its file."""
    assert len(written.report.targets) == 2
    Path("src").mkdir()
    path = Path("src/model.py")
    path.write_text(SOURCE)
    return path


def test_what_would_change_in_the_source_is_shown_and_not_written(reglint, source):
    done = reglint("tune", "model.keras", *DATA, "-q", "--source", "src")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("--- a/src/model.py\n+++ b/src/model.py\n")
    assert '+        16, 3, strides=2, name="conv", use_bias=False, kernel_regularizer=' in done.out
    assert source.read_text() == SOURCE


def test_the_source_is_written_if_asked_for(reglint, source):
    done = reglint("tune", "model.keras", *DATA, "-q", "--source", "src", "--apply", "--yes")
    assert (done.status, done.err) == (0, "model.keras: written to src/model.py\n")
    expected = SOURCE.replace("L2(0.01)", "L2(3.2e-3)").replace(
        'name="features"', 'name="features", kernel_regularizer=regularizers.L2(3.2e-3)'
    )
    assert source.read_text() == expected
    done = reglint("tune", "model.keras", *DATA, "-q", "--source", "src", "--apply", "--yes")
    assert (done.status, done.out) == (0, "")
    assert done.err == "model.keras: the source has these coefficients already\n"
    assert source.read_text() == expected


def test_what_is_not_certain_is_left_and_told(reglint, source, written):
    head = Target(Variable("head", "kernel"), "Dense", 1e-8)
    targets = (*written.report.targets, head)
    choices = tuple(
        replace(choice, coefficients=(choice.coefficients[0],) * 3)
        for choice in written.report.choices
    )
    written.report = replace(written.report, targets=targets, choices=choices)
    reason = "model.keras: head.kernel: not changed in the source: src/model.py:11 "
    shown = reglint("tune", "model.keras", *DATA, "-q", "--source", "src")
    assert shown.status == 0
    assert shown.err.startswith(reason)
    done = reglint("tune", "model.keras", *DATA, "-q", "--source", "src", "--apply", "--yes")
    assert done.status == 2  # a part was not done
    assert done.err.startswith(reason)
    assert done.err.endswith("model.keras: written to src/model.py\n")
    assert "L2(3.2e-3)" in source.read_text()


def test_a_source_that_cannot_be_read_is_told(reglint, source):
    source.write_text("import keras\nkeras.layers.Dense(\n")
    done = reglint("tune", "model.keras", *DATA, "-q", "--source", "src")
    assert done.status == 2
    assert "model.keras: source that was not read: src/model.py:2:19: " in done.err


@pytest.mark.parametrize(("answer", "written_"), [("y", True), ("n", False)])
@pytest.mark.usefixtures("written")
def test_on_a_terminal_it_asks_first(reglint, source, monkeypatch, answer, written_):
    import click

    from reglint.cli import tuned

    asked = []

    def confirm(question, *, err):
        asked.append((question, err, source.read_text()))
        return answer == "y"

    monkeypatch.setattr(click, "confirm", confirm)
    monkeypatch.setattr(tuned, "_somebody", lambda: True)
    done = reglint("tune", "model.keras", *DATA, "-q", "--source", "src", "--apply")
    assert done.status == 0
    assert asked == [("Write this to 1 file?", True, SOURCE)]
    assert (source.read_text() != SOURCE) is written_


def test_a_model_and_its_source_are_written_together(reglint, source):
    options = ("--source", "src", "--apply", "--yes", "-o", "out.keras")
    assert reglint("tune", "model.keras", *DATA, *options).status == 0
    assert Path("out.keras").exists()
    assert "L2(3.2e-3)" in source.read_text()
