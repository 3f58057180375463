"""`reglint tune`: options and reports; no model is trained here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("h5py")
pytest.importorskip("msgspec")
pytest.importorskip("rich")

from reglint.cli.tune import command
from reglint.inspector.process.messages import NotRead, Trouble
from reglint.inspector.request import Limits, Request
from reglint.tuning.request import Budget, Method, TuneRequest

DAY = 24 * 3600
DATA = ("--data", "digits.npz")


# -- What is asked


def test_a_table_goes_to_stdout_and_nothing_to_stderr(reglint, tuner):
    done = reglint("tune", "model.keras", *DATA)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("model.keras\nL2(0.0032): test loss 0.4169, against 0.4340")
    assert tuner.asked == [
        TuneRequest(Request("model.keras", data="digits.npz", limits=Limits(seconds=DAY)))
    ]


def test_options_reach_the_request(reglint, tuner):
    options = (
        "--method t1-t2 --start 0.1 --range 1e-4:10 --per-layer --on hidden:kernel --on out:kernel"
        " --trials 5 --keep-epochs --seeds 3 --seed 7 --validation 0.3 --test 0.1 --budget 30min"
        " --epochs 9 --batch-size 16"
        " --optimizer sgd --loss mse --keep-weights --backend jax --device gpu:1"
        " --input-spec 4,3:float32 --model-config c.json --import zoo --max-memory 2GiB"
        " --max-seconds 99 --unsafe-lambda --trust sha256:" + "0" * 64
    )
    done = reglint("tune", "model.keras", *DATA, *options.split())
    assert (done.status, done.err) == (0, "model.keras: runs the code in it\n")
    assert tuner.asked == [
        TuneRequest(
            Request(
                "model.keras",
                config="c.json",
                backend="jax",
                device="gpu:1",
                seed=7,
                data="digits.npz",
                loss="mse",
                input_spec="4,3:float32",
                imports=("zoo",),
                unsafe_lambda=True,
                trust="sha256:" + "0" * 64,
                limits=Limits(2 << 30, 99),
            ),
            optimizer="sgd",
            method=Method.T1_T2,
            start=0.1,
            lowest=1e-4,
            highest=10.0,
            per_layer=True,
            on=("hidden:kernel", "out:kernel"),
            trials=5,
            keep_epochs=True,
            seeds=3,
            epochs=9,
            batch_size=16,
            validation=0.3,
            test=0.1,
            keep_weights=True,
            budget=Budget(seconds=1800),
        )
    ]


def test_a_range_is_asked_for_and_the_start_is_left_to_the_method(reglint, tuner):
    reglint("tune", "model.keras", *DATA, "--range", "1e-6:1e-4")
    (asked,) = tuner.asked
    assert (asked.lowest, asked.highest, asked.start) == (1e-6, 1e-4, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--data d", "Missing argument 'MODEL'"),
        ("model.keras", "`--data` is needed"),
        ("model.keras other.keras --data d", "unexpected extra argument"),
        ("model.keras --data d --range 1", "`1` is no range: write LOW:HIGH"),
        ("model.keras --data d --start nan", "`nan` is no number more than 0"),
        ("model.keras --data d --start 5", "starts at 5, outside of its range, 1e-06:1"),
        ("model.keras --data d --validation 1", "`1` is no number between 0 and 1"),
        ("model.keras --data d --validation .6 --test .4", "nothing is left to train on"),
        ("model.keras --data d --budget 3x", "`3x` is no budget: write 20runs, 90s, 30min or 2h"),
        ("model.keras --data d --on hidden", "write PATTERN:ROLE"),
        ("model.keras --data d --method bayes", "'--method'"),
        ("model.keras --data d --per-layer", "`--per-layer` goes with `--method t1-t2`"),
        ("model.keras --data d --trials 0", "'--trials'"),
        ("model.keras --data d --seeds 0", "'--seeds'"),
        ("model.keras --data d --epochs 0", "'--epochs'"),
        ("model.keras --data d --batch-size 0", "'--batch-size'"),
        ("model.keras --data d --backend jaxx", "found `jaxx`; did you mean `jax`?"),
        ("model.keras --data d --seed -1", "expected an integer from 0"),
        ("model.keras --data d --max-memory 1", "expected a size of at least `256MiB`"),
        ("model.keras --data d --import a-b", "found `a-b`"),
        ("model.keras --data d --trust x", "`--trust` says which code"),
        ("model.keras --data d --unsafe-lambda --trust x", "takes `sha256:` and 64 digits"),
        ("model.keras --data d --force", "`--force` needs `-o`"),
        ("model.keras --data d --apply", "`--apply` needs `--source`"),
        ("model.keras --data d --yes", "`--yes` needs `--apply`"),
        ("model.keras --data d --apply --source .", "nobody to ask: add `--yes`"),
        ("model.keras --data d --output-format sarif", "there is no format `sarif`"),
        ("model.keras --data d --source nowhere", "nowhere: there is no such file or folder"),
        (
            "model.keras --data d --source . --output-format json",
            "JSON cannot share stdout with a diff",
        ),
        (
            "model.keras --data d --output-format json --output-format table",
            "JSON cannot share stdout with another format",
        ),
        ("--like nothing.json", "nothing.json: cannot be read: No such file"),
        ("--like model.keras", "model.keras: not a report in JSON"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_trained(reglint, tuner, arguments, message):
    done = reglint("tune", *arguments.split())
    assert done.status == 2
    assert done.out == ""
    assert message in done.err
    assert "Traceback" not in done.err
    assert tuner.asked == []


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("model.keras", "is the model itself"),
        ("link.keras", "is the model itself"),
        ("there.keras", "is there already: to write over it, --force"),
        ("no/out.keras", "no/out.keras: there is no such folder"),
        ("folder.keras", "is a folder"),
        ("out.h5", "this stays a .keras"),
    ],
)
def test_an_out_that_cannot_be_written_is_told_before_anything_is_trained(
    reglint, tuner, out, message
):
    Path("there.keras").write_bytes(b"precious")
    Path("link.keras").hardlink_to("model.keras")
    Path("folder.keras").mkdir()
    done = reglint("tune", "model.keras", *DATA, "-o", out)
    assert (done.status, done.out, tuner.asked) == (2, "", [])
    assert message in done.err
    assert Path("there.keras").read_bytes() == b"precious"


def test_without_its_packages_it_says_what_to_install(reglint, tuner, monkeypatch):
    from reglint.cli import models

    monkeypatch.setattr(models, "find_spec", lambda name: None if name == "h5py" else name)
    done = reglint("tune", "model.keras", *DATA)
    assert done.status == 2
    assert 'reglint tune needs more packages: pip install "reglint[inspect]"' in done.err
    assert tuner.asked == []


def test_every_option_has_its_place_in_the_help(reglint):
    done = reglint("tune", "--help")
    assert done.status == 0
    headings = [line for line in done.out.splitlines() if line and line == line.lstrip()]
    assert headings[1:7] == [f"{name}:" for name in command.sections]
    options = done.out.partition("\nOptions:\n")[2].partition("\n\n")[0]
    assert options.split() == ["-h,", "--help", "Show", "this", "message", "and", "exit."]


# -- What comes of it


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (Trouble.REFUSED, 3),
        (Trouble.LIMIT, 4),
        (Trouble.UNAVAILABLE, 2),
        (Trouble.INTERNAL, 2),
    ],
)
def test_what_cannot_be_done_is_one_line_and_a_status(reglint, tuner, trouble, status):
    tuner.error = NotRead(trouble, "it wants more than it gets")
    done = reglint("tune", "model.keras", *DATA, "-o", "out.keras")
    assert (done.status, done.out) == (status, "")
    assert done.err == "model.keras: it wants more than it gets\n"
    assert not Path("out.keras").exists()


def test_after_ctrl_c_nothing_is_written(reglint, tuner):
    tuner.error = KeyboardInterrupt()
    before = sorted(Path().iterdir())
    done = reglint(
        "tune", "model.keras", *DATA, "-o", "out.keras", "--output-format", "json:report.json"
    )
    assert (done.status, done.out) == (130, "")
    assert sorted(Path().iterdir()) == before


@pytest.mark.usefixtures("tuner")
def test_reports_go_where_they_are_asked_for(reglint):
    formats = ("--output-format", "markdown", "--output-format", "json:report.json")
    done = reglint("tune", "model.keras", *DATA, *formats)
    assert done.status == 0
    assert done.out.startswith("### ")
    assert json.loads(Path("report.json").read_text())["report"]["epochs"] == 30
    done = reglint("tune", "model.keras", *DATA, "--output-format", "table:no/such/folder")
    assert (done.status, done.out) == (2, "")
    assert "no/such/folder: cannot be written" in done.err
    assert reglint("tune", "model.keras", *DATA, "-q").out == ""


@pytest.mark.usefixtures("tuner")
def test_colours_are_for_those_who_want_them(reglint, monkeypatch):
    assert "\x1b[" not in reglint("tune", "model.keras", *DATA).out
    assert "\x1b[" in reglint("tune", "model.keras", *DATA, "--color", "always").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in reglint("tune", "model.keras", *DATA).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in reglint("tune", "model.keras", *DATA).out


# -- The same again


@pytest.fixture
def earlier(reglint, tuner):
    """Have an earlier report, `report.json`."""
    options = ("--seeds", "3", "--import", "zoo", "--unsafe-lambda", "--budget", "9")
    reglint("tune", "model.keras", *DATA, *options, "--output-format", "json:report.json")
    return tuner


def test_a_report_says_how_to_do_it_again(reglint, earlier):
    done = reglint("tune", "--like", "report.json")
    assert (done.status, done.err) == (0, "")
    first, second = earlier.asked
    # The backend is that of the report, and code in the file has to be allowed anew.
    request = replace(first.request, backend="jax", unsafe_lambda=False)
    assert second == replace(first, request=request)


def test_options_win_over_a_report(reglint, earlier):
    Path("other.keras").write_bytes(b"other")
    options = ("--seeds", "7", "--data", "d.npz", "--backend", "torch", "--max-seconds", "5")
    done = reglint("tune", "other.keras", "--like", "report.json", *options)
    assert done.status == 0
    asked = earlier.asked[1]
    assert (asked.seeds, asked.request.data, asked.request.path) == (7, "d.npz", "other.keras")
    assert (asked.request.backend, asked.request.limits.seconds) == ("torch", 5)
    assert asked.budget == Budget(runs=9)
    assert done.err == "other.keras: it is not the model that the earlier report is about\n"


def test_other_data_and_another_machine_are_told(reglint, earlier):
    run = replace(earlier.report.run, device="gpu:0 (NVIDIA H200)")
    earlier.report = replace(earlier.report, data_sha256="0" * 64, run=run)
    done = reglint("tune", "--like", "report.json")
    assert done.err.splitlines() == [
        "model.keras: the data are not those of the earlier report",
        (
            "model.keras: it runs on Keras 3.15.1, jax 0.10.2, gpu:0 (NVIDIA H200); the earlier"
            " report is of Keras 3.15.1, jax 0.10.2, cpu"
        ),
    ]


def test_flags_of_a_report_can_be_taken_back(reglint, tuner):
    flags = ("--keep-epochs", "--keep-weights", "--output-format", "json:report.json")
    reglint("tune", "model.keras", *DATA, *flags)
    reglint("tune", "--like", "report.json", "--no-keep-epochs", "--no-keep-weights")
    first, second = tuner.asked
    assert (first.keep_epochs, first.keep_weights) == (True, True)
    assert (second.keep_epochs, second.keep_weights) == (False, False)
