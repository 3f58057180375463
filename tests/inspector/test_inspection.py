"""From file to report: how far a file is trusted, what it runs on, what is said if it cannot."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("msgspec")

from reglint.inspector import inspection
from reglint.inspector.facts import (
    Danger,
    Data,
    FileFacts,
    Format,
    Kind,
    Level,
    Penalty,
    Probe,
    Reason,
    Run,
    RuntimeReading,
    Seconds,
    StaticReading,
    Verdict,
)
from reglint.inspector.inspection import chosen_backend, examine, inspect_file, permitted
from reglint.inspector.process.messages import Message, NotRead, Trouble
from reglint.inspector.request import Limits, Request

HASH = "ab" * 32
CODE = Verdict((Reason(Danger.CODE, "layers[2]", "Lambda runs a function"),), HASH)
CUSTOM = Verdict((Reason(Danger.CUSTOM, "layers[1]", "a class", "zoo>SubNet"),))
REFUSED = Verdict((Reason(Danger.REFUSED, "config.json", "two members of one name"),))
WEIGHT = Penalty(layer="a", layer_class="Dense", kind=Kind.WEIGHT, value=1.0, role="kernel")


def message(request, verdict=None, **more):
    """Return why a file is not run."""
    with pytest.raises(NotRead) as caught:
        permitted(replace(Request("model.keras"), **request), verdict, **{"ci": False} | more)
    assert caught.value.trouble is Trouble.REFUSED
    return str(caught.value)


# -- How far a file is trusted


def test_data_is_run():
    assert permitted(Request("model.keras"), Verdict(), ci=True) is Level.RUN


def test_modules_are_imported_where_they_are_named():
    request = Request("model.keras", imports=("zoo",))
    assert permitted(request, CUSTOM, ci=True) is Level.IMPORT
    assert permitted(request, Verdict(), ci=True) is Level.IMPORT


def test_a_class_of_somebody_elses_is_named_with_the_option_that_brings_it():
    assert message({}, CUSTOM) == (
        "needs `zoo>SubNet`; name the module that defines it with --import,"
        " or look at the file only with `reglint inspect --static`"
    )


def test_code_in_the_file_is_not_run_without_being_allowed():
    text = message({"imports": ("zoo",)}, CODE)
    assert "layers[2]: Lambda runs a function" in text
    assert "--unsafe-lambda" in text
    assert "--static" in text


def test_code_that_is_allowed_runs():
    request = Request("model.keras", unsafe_lambda=True)
    assert permitted(request, CODE, ci=False) is Level.LAMBDA
    assert permitted(request, Verdict(), ci=False) is Level.RUN


def test_in_ci_code_runs_only_if_it_is_the_code_that_was_looked_at():
    allowed = {"unsafe_lambda": True}
    assert f"--trust sha256:{HASH}" in message(allowed, CODE, ci=True)
    wrong = allowed | {"trust": "sha256:" + "0" * 64}
    for ci in (True, False):
        assert "not what --trust has" in message(wrong, CODE, ci=ci)
    right = Request("model.keras", unsafe_lambda=True, trust=f"sha256:{HASH}")
    assert permitted(right, CODE, ci=True) is Level.LAMBDA


def test_code_and_a_class_need_both():
    both = Verdict(CODE.reasons + CUSTOM.reasons, HASH)
    assert "--unsafe-lambda" in message({"imports": ("zoo",)}, both)
    assert "--import" in message({"unsafe_lambda": True}, both)


# -- What it runs on


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Say what is installed; returns a function for that."""
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def install(*backends, keras="3.15.1"):
        def version(_):
            if keras is None:
                raise inspection.metadata.PackageNotFoundError
            return keras

        monkeypatch.setattr(inspection.metadata, "version", version)
        monkeypatch.setattr(inspection, "find_spec", lambda name: name in backends or None)

    return install


def test_the_first_backend_that_is_installed_is_taken(installed):
    installed("torch", "jax")
    assert chosen_backend(Request("m")) == "jax"


def test_the_environment_and_then_keras_settings_come_first(installed, monkeypatch, tmp_path):
    installed("torch", "jax", "tensorflow")
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    assert chosen_backend(Request("m")) == "torch"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert chosen_backend(Request("m")) == "jax"
    assert chosen_backend(Request("m", backend="tensorflow")) == "tensorflow"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"backend": 3}', '{"backend": "numpy"}'])
def test_settings_that_say_nothing_of_use_are_passed_over(installed, tmp_path, text):
    installed("jax")
    (tmp_path / "keras.json").write_text(text)
    assert chosen_backend(Request("m")) == "jax"


@pytest.mark.parametrize(
    ("have", "keras", "asked", "expected"),
    [
        ("jax", "3.15.1", "torch", "the backend `torch`"),
        ("jax", None, "jax", "Keras 3"),
        ("tensorflow", "2.15.0", "tensorflow", "Keras 3"),
    ],
)
def test_a_backend_that_is_asked_for_must_be_there(installed, have, keras, asked, expected):
    installed(have, keras=keras)
    with pytest.raises(NotRead) as caught:
        chosen_backend(Request("m", backend=asked))
    assert caught.value.trouble is Trouble.UNAVAILABLE
    install = f'pip install "reglint[{asked}]"'
    assert str(caught.value) == f"{expected} is not installed: {install}"


def test_data_needs_a_backend(installed):
    installed()
    with pytest.raises(NotRead, match="a backend of Keras is not installed"):
        chosen_backend(Request("m", data="data.npz"))


# -- From file to report


@pytest.fixture
def processes(monkeypatch, tmp_path):
    """Stand in for the processes: a file without dangers, that gives one penalty."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("model.keras").write_bytes(b"model")

    class Processes:
        def __init__(self):
            self.verdict = Verdict()
            self.jobs = []
            self.at_run = lambda: None
            self.probe = self.data = None

        def perform(self, job, progress, backend=None):
            self.jobs.append((job, backend))
            progress("working")
            file = FileFacts(job.request.path, Format.KERAS)
            if job.level is Level.STATIC:
                return Message(static=StaticReading(file, self.verdict, (WEIGHT,)))
            self.at_run()
            run = Run("3.15.1", backend, "1", "cpu", None, job.level, Seconds(), self.probe)
            return Message(
                runtime=RuntimeReading(run, (WEIGHT,), data=self.data),
                unconfined=("network access",),
            )

    stand_in = Processes()
    monkeypatch.setattr(inspection.sandbox, "perform", stand_in.perform)
    monkeypatch.setattr(inspection, "chosen_backend", lambda _: "jax")
    return stand_in


def test_both_readings_become_a_report(processes):
    stages = []
    report = inspect_file(Request("model.keras"), stages.append)
    assert report.file.path == "model.keras"
    assert report.level is Level.RUN
    assert report.penalties == (replace(WEIGHT, static=1.0),)
    assert report.notes == ("it ran without a limit on network access, which this system has not",)
    assert stages == ["reading", "working", "working"]
    (static, _), (run, backend) = processes.jobs
    assert static.request.path == str(Path("model.keras").absolute())
    assert static.limits == replace(Limits(), memory=2 << 30)
    assert run.limits == Limits()
    assert (static.file, run.file) == (None, report.file)  # no other is run
    assert (run.request.backend, backend) == ("jax", "jax")


@pytest.mark.parametrize(
    ("failed", "limit"),
    [
        ("", False),
        ("it takes strings, which only the tensorflow backend has", False),
        ("`up0` would take 64 GiB, of shape (4, 32768); more than 2 GiB is not tried", True),
        ("Unable to allocate 12.0 GiB for an array", True),
    ],
)
def test_a_model_that_is_too_large_to_be_called_is_reported_and_hit_a_limit(
    processes, failed, limit
):
    processes.probe = Probe("seed 0", 4, {}, failed=failed)
    found = examine(Request("model.keras"))
    assert found.report.run is not None
    assert (found.trouble is not None) is limit
    if found.trouble:
        assert found.trouble.trouble is Trouble.LIMIT
        assert failed in str(found.trouble)


def test_with_static_nothing_runs(processes):
    report = inspect_file(Request("model.keras", static=True))
    assert report.level is Level.STATIC
    assert len(processes.jobs) == 1
    assert report.notes == ()


def test_a_refused_file_has_no_report(processes):
    processes.verdict = REFUSED
    found = examine(Request("model.keras"))
    assert found.report is None
    assert found.trouble.trouble is Trouble.REFUSED
    assert str(found.trouble) == "refused: config.json: two members of one name"
    assert len(processes.jobs) == 1
    with pytest.raises(NotRead, match="two members"):
        inspect_file(Request("model.keras"))


def test_many_reasons_are_counted(processes):
    processes.verdict = Verdict(REFUSED.reasons * 5)
    assert str(examine(Request("model.keras")).trouble).endswith("; and 2 more")


def test_what_is_not_run_has_the_static_part_and_the_reason(processes):
    processes.verdict = CUSTOM
    found = examine(Request("model.keras"))
    assert found.report.penalties == (WEIGHT,)
    assert found.trouble.trouble is Trouble.REFUSED
    assert str(found.trouble).startswith("not run: needs `zoo>SubNet`;")
    assert found.report.notes == (str(found.trouble),)
    assert len(processes.jobs) == 1


def test_code_is_announced_before_it_runs(processes):
    processes.verdict = CODE
    said = []
    processes.at_run = lambda: said.append("run")
    examine(Request("model.keras", unsafe_lambda=True), announce=said.append)
    assert said == [
        f"runs the code in it, sha256:{HASH}: layers[2]: Lambda runs a function", "run",
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["true", "1"])
def test_ci_is_told_by_the_environment(processes, monkeypatch, value):
    monkeypatch.setenv("CI", value)
    processes.verdict = CODE
    found = examine(Request("model.keras", unsafe_lambda=True))
    assert "--trust" in str(found.trouble)


def test_a_file_that_changes_before_it_is_run_is_not_reported_as_run(processes):
    def change():
        Path("model.keras").write_bytes(b"another")

    processes.at_run = change
    found = examine(Request("model.keras"))
    assert found.trouble.trouble is Trouble.UNAVAILABLE
    assert "changed while" in str(found.trouble)
    assert found.report.run is None


@pytest.mark.parametrize("name", ["missing.keras", "model.keras/inside", "a" * 5000])
def test_a_missing_file_is_said_to_be(processes, name):
    found = examine(Request(name))
    assert found.report is None
    assert found.trouble.trouble is Trouble.UNAVAILABLE
    assert processes.jobs == []


@pytest.mark.usefixtures("processes")
def test_a_missing_config_is_named():
    found = examine(Request("model.keras", config="none.json"))
    assert "none.json: no such file" in str(found.trouble)


def test_data_is_a_file_where_there_is_one_and_else_a_function(processes):
    Path("data.npz").write_bytes(b"")
    for data in ("data.npz", "package:function"):
        inspect_file(Request("model.keras", data=data))
    asked = [job.request.data for job, _ in processes.jobs]
    assert asked == [str(Path("data.npz").absolute())] * 2 + ["package:function"] * 2


def test_data_is_called_what_the_user_calls_it(processes):
    Path("data.npz").write_bytes(b"")
    source = str(Path("data.npz").absolute())
    processes.probe = Probe(source, 4, {})
    processes.data = Data(source, 10, "mse", 1.0)
    report = inspect_file(Request("model.keras", data="data.npz"))
    assert report.run.probe.source == "data.npz"
    assert report.data.source == "data.npz"


def test_without_a_backend_the_static_part_says_how_to_get_one(processes, monkeypatch):
    monkeypatch.setattr(inspection, "chosen_backend", chosen_backend)
    monkeypatch.setattr(inspection, "find_spec", lambda _: None)
    monkeypatch.setattr(inspection.metadata, "version", lambda _: "3.15.1")
    found = examine(Request("model.keras"))
    assert found.trouble is None
    assert found.report.penalties == (WEIGHT,)
    assert found.report.notes == (
        'not run: a backend of Keras is not installed: pip install "reglint[jax]"',
    )
    assert len(processes.jobs) == 1


@pytest.mark.skipif(importlib.util.find_spec("h5py") is None, reason="h5py is not installed")
def test_this_process_opens_no_model_and_imports_no_reader(python, tmp_path):
    (tmp_path / "model.keras").write_bytes(b"PK\x03\x04")
    code = """\
import json, sys
from reglint.inspector.inspection import examine
from reglint.inspector.request import Request
found = examine(Request("model.keras"))
print(json.dumps([str(found.trouble), sorted({name.partition(".")[0] for name in sys.modules})]))"""
    done = python("-c", code, cwd=tmp_path)
    trouble, modules = json.loads(done.stdout)
    assert trouble
    assert not {"h5py", "numpy", "keras", "tensorflow", "jax", "torch"} & set(modules)
