"""`reglint regularize`, from options to exit status."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

pytest.importorskip("h5py")
pytest.importorskip("msgspec")
pytest.importorskip("rich")

from reglint.inspector.facts import FileFacts, Format, Regularizer
from reglint.inspector.process.messages import NotRead, Trouble
from reglint.regularizing import api
from reglint.regularizing.facts import Effect, RegularizeReport
from reglint.regularizing.operations import Remove, Scale, Set
from reglint.regularizing.plan import Change

L2 = Regularizer("L2", {"l2": 0.5})
MODEL = "a model.keras"


@pytest.fixture
def model(here):
    """Be beside a small trained model."""
    source = Path(__file__).parents[2] / "examples" / "models" / "digits.keras"
    shutil.copyfile(source, here / MODEL)
    return here / MODEL


@pytest.fixture
def asked(monkeypatch):
    """Stand in for the work; returns what was asked for."""
    requests = []

    def regularize_file(request):
        requests.append(request)
        change = Change("dense", "Dense", "kernel", None, L2)
        file = FileFacts(request.path, Format.KERAS)
        return RegularizeReport(file, (Effect(change, 0.0, 0.25),), 0.25, ("a note",))

    monkeypatch.setattr(api, "regularize_file", regularize_file)
    return requests


def test_a_model_is_changed_and_the_change_told(reglint, model):
    done = reglint(
        "regularize", MODEL, "-o", "out.keras", "--set", "features:kernel=l2(1e-4)", "--remove",
        "head:kernel", "--set", "norm:gamma=l1(0.5)", "--set", "stem:activity=l2(1)",
    )  # fmt: skip
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[0] == MODEL
    assert lines[1].startswith("4 regularizers changed; the loss rises by ")
    assert lines[1].endswith(", beside what only a run tells")
    assert "written to  out.keras" in lines
    rows = {tuple(line.split()[:3]): line.split()[3:] for line in lines if line.count("  ") > 3}
    assert rows["features", "Dense", "kernel"][:2] == ["none", "L2(0.0001)"]
    assert rows["head", "Dense", "kernel"][:2] == ["L2(1e-08)", "none"]
    assert rows["stem", "Conv2D", "activity"][-1] == "?"
    assert "state of its optimizer" in done.err
    assert Path("out.keras").exists()

    done = reglint("regularize", "out.keras", "--dry-run", "--scale", "features:kernel=2")
    assert "would change; the loss rises by" in done.out
    assert sorted(os.listdir()) == [MODEL, "out.keras", "reglint.toml"]  # noqa: PTH208
    assert model.exists()


def test_json_has_everything(reglint, model):
    arguments = ("--dry-run", "--set", "features:kernel=l2(1e-4)", "--output-format", "json")
    done = reglint("regularize", MODEL, *arguments)
    found = json.loads(done.out)
    (effect,) = found["effects"]
    assert effect["change"]["after"] == {"name": "L2", "factors": {"l2": 1e-4}}
    assert effect["penalty_after"] == found["rise"] > 0
    assert (found["output"], found["schema_version"]) == (None, 1)
    done = reglint(
        "regularize", MODEL, *arguments[:-1], "json:out.json", "--output-format", "table"
    )
    assert done.out.startswith(MODEL)
    assert json.loads(Path("out.json").read_text()) == found
    assert model.exists()


def test_operations_are_applied_in_the_order_given(reglint, asked):
    done = reglint(
        "regularize", "--scale", "2", MODEL, "--set", "a:kernel=l2(0.5)", "--remove=b", "--dry-run",
        "--set=c:bias=l2(0.5)", "--scale=a=3", "--class", "Dense", "--class", "LSTM",
    )  # fmt: skip
    assert done.status == 0
    (request,) = asked
    assert request.operations == (
        Scale(2.0),
        Set("a", "kernel", L2),
        Remove("b"),
        Set("c", "bias", L2),
        Scale(3.0, "a"),
    )
    assert request.classes == ("Dense", "LSTM")
    assert (request.path, request.output, request.in_place) == (MODEL, None, False)


def test_options_reach_the_request(reglint, asked):
    scale = ("--scale", "2")
    reglint("regularize", MODEL, "-o", "out.keras", "--force", *scale)
    reglint("regularize", MODEL, "--in-place", "--no-backup", *scale, "--max-seconds", "7")
    reglint("regularize", MODEL, "--in-place", "--dry-run", *scale, "--max-memory", "1GiB")
    one, other, dry = asked
    assert (one.output, one.force, one.in_place, one.backup) == ("out.keras", True, False, True)
    assert (other.output, other.in_place, other.backup) == (None, True, False)
    assert other.limits.seconds == 7
    assert (dry.in_place, dry.limits.memory) == (False, 1 << 30)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing argument 'MODEL'"),
        ((MODEL, "--scale", "2"), "Name an output with `-o OUT`"),
        ((MODEL, "--dry-run"), "Nothing to do"),
        ((MODEL, "-o", "b", "--in-place", "--scale", "2"), "exclude each other"),
        ((MODEL, "--in-place", "--force", "--scale", "2"), "`--force` needs `-o`"),
        ((MODEL, "-o", "b", "--no-backup", "--scale", "2"), "`--no-backup` is of `--in-place`"),
        ((MODEL, "--dry-run", "--set", "a=l2(1)"), "--set: `a=l2(1)`: write PATTERN:ROLE"),
        ((MODEL, "--dry-run", "--scale", "x"), "--scale: `x`: the factor must be"),
        ((MODEL, "--dry-run", "--scale", "2", "--output-format", "jsn"), "did you mean `json`?"),
        ((MODEL, "--dry-run", "--scale", "2", "--max-memory", "big"), "max-memory"),
        ((MODEL, "--dry-run", "--sett", "a"), "No such option"),
    ],
)
def test_wrong_usage_is_said_and_nothing_is_done(reglint, asked, arguments, said):
    done = reglint("regularize", *arguments)
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert asked == []


@pytest.mark.parametrize(
    ("trouble", "status"),
    [(Trouble.UNAVAILABLE, 2), (Trouble.INTERNAL, 2), (Trouble.REFUSED, 3), (Trouble.LIMIT, 4)],
)
def test_what_cannot_be_done_is_one_line(reglint, monkeypatch, trouble, status):
    def regularize_file(_):
        raise NotRead(trouble, "it is \x1b[31mso")

    monkeypatch.setattr(api, "regularize_file", regularize_file)
    done = reglint("regularize", MODEL, "--dry-run", "--scale", "2")
    assert (done.status, done.out) == (status, "")
    assert done.err.startswith(f"{MODEL}: it is ")
    assert done.err.count("\n") == 1
    assert "\x1b" not in done.err


def test_a_typo_a_missing_file_and_one_that_is_no_model(reglint, model):
    done = reglint("regularize", MODEL, "--in-place", "--set", "featurs:kernel=l2(1)")
    assert done.status == 2
    assert "there is no such layer; did you mean `features`?" in done.err
    done = reglint("regularize", "none.keras", "--in-place", "--scale", "2")
    assert (done.status, done.err) == (2, "none.keras: no such file or directory\n")
    Path("text.keras").write_text("a text")
    done = reglint("regularize", "text.keras", "--in-place", "--scale", "2")
    assert done.status == 3
    assert done.err.startswith("text.keras: refused: neither a zip archive nor HDF5")
    assert sorted(os.listdir()) == [MODEL, "reglint.toml", "text.keras"]  # noqa: PTH208
    assert model.exists()


def test_quiet_says_nothing_and_names_are_shown_plainly(reglint, asked):
    done = reglint("regularize", MODEL, "--dry-run", "--scale", "2", "-q")
    assert (done.status, done.out, done.err) == (0, "", "")
    done = reglint("regularize", MODEL, "--dry-run", "--scale", "2", "--color", "always")
    assert "\x1b[" in done.out
    done = reglint("regularize", MODEL, "--dry-run", "--scale", "2")
    assert done.out.isascii() is False  # the rule of the table
    assert done.err == f"{MODEL}: a note\n"
    assert len(asked) == 3
