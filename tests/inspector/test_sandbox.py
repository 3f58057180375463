"""The limited process: what it may use, what it can reach, and what comes of it when it ends."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("msgspec")

from reglint.inspector.facts import Format, Level
from reglint.inspector.process import sandbox
from reglint.inspector.process.messages import Job, NotRead, Trouble
from reglint.inspector.request import Limits, Request

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")

PROGRAM = """\
import os, sys
from reglint.inspector.facts import *
from reglint.inspector.process import child
from reglint.inspector.process.messages import *

def told(text=""):
    return Message(static=StaticReading(FileFacts(str(text), Format.KERAS), Verdict()))

def work(job, progress):
{}

child.main(work)
"""


def perform(work, *, stages=None, job=None, **limits):
    """Let a process do `work`; returns what it told."""
    indented = "".join(f"    {line}\n" for line in work.splitlines())
    job = job or Job(Request("model.keras"), Limits(**{"memory": 1 << 30, "seconds": 30} | limits))
    progress = (lambda _: None) if stages is None else stages.append
    message = sandbox.perform(job, progress, program=("-c", PROGRAM.format(indented)))
    return message.static.file.path


def trouble(work, **limits):
    with pytest.raises(NotRead) as caught:
        perform(work, **limits)
    return caught.value.trouble, str(caught.value)


def test_a_result_and_stages_come_back():
    stages = []
    work = "progress('loading'); progress('probing')\nreturn told('done')"
    assert perform(work, stages=stages) == "done"
    assert stages == ["loading", "probing"]


def test_what_a_model_prints_is_not_taken_for_a_message():
    work = """\
print('{"stage": "forged"}', flush=True)
os.write(1, b'{"static": null}')
return told("done")"""
    stages = []
    assert perform(work, stages=stages) == "done"
    assert stages == []


def test_a_stage_cannot_move_the_cursor():
    stages = []
    perform("progress('a\\x1b[2Jb' + 'c' * 1000)\nreturn told()", stages=stages)
    assert stages[0].startswith("a\ufffd[2Jbc")
    assert len(stages[0]) < 400


def test_a_forged_message_is_data_or_nothing():
    forged = """\
for descriptor in range(3, 20):
    try:
        os.write(descriptor, b'{}\\n')
    except OSError:
        pass
return told("done")"""
    kind, text = trouble(forged.format('{{"static": {{"file": 3}}}}'))
    assert kind is Trouble.INTERNAL
    assert "no message" in text
    kind, text = trouble(forged.format("not json"))
    assert kind is Trouble.INTERNAL


def test_endless_messages_are_cut_off(monkeypatch):
    monkeypatch.setattr(sandbox, "_MOST", 1 << 20)
    assert trouble("while True: progress('x' * 1000)") == (Trouble.LIMIT, "said more than 1 MiB")


@pytest.mark.parametrize(
    ("work", "expected", "words"),
    [
        ("raise Refused('two configurations')", Trouble.REFUSED, "two configurations"),
        ("raise ValueError('first\\nsecond')", Trouble.INTERNAL, "ValueError: first"),
        ("sys.exit('bye')", Trouble.INTERNAL, "SystemExit: bye"),
        ("def f(): f()\nf()", Trouble.REFUSED, "nested too deeply"),
        ("print('last words', file=sys.stderr, flush=True)\nos._exit(3)", Trouble.INTERNAL,
         "ended with 3: last words"),
        ("raise Refused('cannot load') from MemoryError()", Trouble.LIMIT, "--max-memory"),
        ("raise RuntimeError('RESOURCE_EXHAUSTED: out of room')", Trouble.LIMIT, "--max-memory"),
        ("raise ImportError('lib.so: failed to map segment')", Trouble.LIMIT, "--max-memory"),
    ],
)  # fmt: skip
def test_the_way_it_ends_says_whose_fault_it_is(work, expected, words):
    kind, text = trouble(work)
    assert kind is expected
    assert words in text
    assert "\n" not in text


@LINUX
def test_too_much_memory_is_a_limit_and_names_the_option():
    kind, text = trouble("x = bytearray(1 << 30)\nreturn told()", memory=512 << 20)
    assert kind is Trouble.LIMIT
    assert text == "wants more than 512 MiB of memory; allow more with --max-memory"


def test_memory_within_the_limit_is_had():
    assert perform("x = bytearray(100 << 20)\nreturn told(len(x))") == str(100 << 20)


def test_too_much_time_is_a_limit_and_names_the_stage():
    start = time.monotonic()
    kind, text = trouble("import time\nprogress('probing')\ntime.sleep(600)", seconds=1)
    assert kind is Trouble.LIMIT
    assert text == "took more than 1 s (probing); allow more with --max-seconds"
    assert time.monotonic() - start < 60


@LINUX
def test_a_process_that_is_killed_hit_a_limit():
    kind, text = trouble("os.kill(os.getpid(), 9)")
    assert kind is Trouble.LIMIT
    assert "SIGKILL" in text
    assert "--max-memory" in text


@LINUX
def test_too_large_a_file_is_a_limit():
    kind, text = trouble("open('f', 'wb').write(bytes(2 << 20))", written=1 << 20)
    assert kind is Trouble.LIMIT
    assert "file" in text


@LINUX
def test_there_is_no_network():
    work = """\
import socket
try:
    socket.create_connection(("127.0.0.1", {port}), 5).close()
except OSError as error:
    return told(error.errno)
return told("reached")"""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        told = perform(work.format(port=server.getsockname()[1]))
    unconfined = perform("from reglint.inspector.process.confine import confine\n"
                         "return told(confine(job.limits))")  # fmt: skip
    if "network" in unconfined:
        pytest.skip("this system gives no process a network of its own")
    assert told != "reached"


def test_nothing_of_the_environment_gets_in_that_it_does_not_need(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://localhost:1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    inside = perform("return told(repr(sorted(os.environ)))")
    assert "SECRET_TOKEN" not in inside
    assert "HTTPS_PROXY" not in inside
    assert "CUDA_VISIBLE_DEVICES" in inside
    assert "/somewhere" not in perform("return told(sys.path)")


def test_modules_are_found_by_the_users_path_only_where_some_are_to_be_imported(
    monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"lib{os.pathsep}")
    request, limits = Request("model.keras"), Limits(1 << 30, 30)
    paths = [
        eval(perform("return told(sys.path)", job=Job(request, limits, level)))  # noqa: S307
        for level in (Level.RUN, Level.IMPORT)
    ]
    assert [str(tmp_path / "lib") in path for path in paths] == [False, True]
    assert [str(tmp_path) in path for path in paths] == [False, False]
    assert "" not in paths[1]


def test_the_graphics_card_is_hidden_where_the_processor_is_asked_for():
    job = Job(Request("model.keras", device="cpu"), Limits(1 << 30, 30))
    environment = sandbox.environment(job, "folder", "jax")
    assert environment["CUDA_VISIBLE_DEVICES"] == "-1"
    assert environment["KERAS_BACKEND"] == "jax"


def test_what_it_leaves_behind_goes_away():
    work = """\
import tempfile
from pathlib import Path
Path.home().joinpath("left").write_text("x")
tempfile.mkstemp()
return told("|".join([os.getcwd(), str(Path.home()), tempfile.gettempdir()]))"""
    folders = perform(work).split("|")
    assert len(set(folders)) == 1
    assert not Path(folders[0]).exists()


@LINUX
def test_what_it_starts_ends_with_it():
    pid = int(perform("import subprocess\nreturn told(subprocess.Popen(['sleep', '600']).pid)"))
    deadline = time.monotonic() + 30
    while _runs(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@LINUX
def test_ctrl_c_ends_it():
    pids = []

    def stop(stage):
        pids.append(int(stage))
        raise KeyboardInterrupt

    work = "import time\nprogress(str(os.getpid()))\ntime.sleep(600)"
    indented = "".join(f"    {line}\n" for line in work.splitlines())
    job = Job(Request("model.keras"), Limits(1 << 30, 60))
    with pytest.raises(KeyboardInterrupt):
        sandbox.perform(job, stop, program=("-c", PROGRAM.format(indented)))
    assert not _runs(pids[0])


def _runs(pid):
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return re.search(r"\) (\w)", status)[1] != "Z"


def test_the_real_process_says_what_is_wrong_with_a_file(tmp_path):
    pytest.importorskip("h5py")
    path = tmp_path / "model.keras"
    path.write_bytes(b"\x80\x04not a model")
    with pytest.raises(NotRead) as caught:
        sandbox.perform(Job(Request(str(path)), Limits(1 << 30, 30)), lambda _: None)
    assert caught.value.trouble is Trouble.REFUSED
    assert "pickle" in str(caught.value)


def test_a_configuration_that_does_not_go_with_the_file_is_wrong_usage(tmp_path, hostile):
    pytest.importorskip("h5py")
    model, weights, config = (tmp_path / name for name in ("a.keras", "a.weights.h5", "a.json"))
    model.write_bytes(hostile.keras())
    weights.write_bytes(hostile.weights())
    config.write_text("{}")
    for request in (Request(str(model), str(config)), Request(str(weights))):
        with pytest.raises(NotRead, match="--model-config") as caught:
            sandbox.perform(Job(request, Limits(1 << 30, 30)), lambda _: None)
        assert caught.value.trouble is Trouble.UNAVAILABLE


def test_formats_are_read_back_as_they_were_sent():
    job = Job(Request("x"), Limits(1 << 30, 30))
    program = PROGRAM.format("    return told(job.request.path)\n")
    message = sandbox.perform(job, lambda _: None, program=("-c", program))
    assert message.static.file.format is Format.KERAS
    assert message.runtime is None
