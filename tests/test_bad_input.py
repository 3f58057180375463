"""Awkward input, end to end: each ends in one clear line, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reglint import files, run

BAD = "from keras.layers import Dense\nDense(8, W_regularizer=None)\n"
GOOD = BAD.replace("W_regularizer", "kernel_regularizer")


def test_killed_while_writing(here):
    """Old or new content, never less; `test_files` kills before every single line of `replace`."""
    path = here / "big.py"
    old, new = (text + "#\n" * 500_000 for text in (BAD, GOOD))
    path.write_text(old)
    environment = {**os.environ, "PYTHONPATH": str(Path(run.__file__).parents[1])}
    command = [sys.executable, "-m", "reglint", "fix", "--isolated", "--no-cache", "big.py"]
    for delay in (0.3, 0.4, 0.5, 0.6, 0.7):
        process = subprocess.Popen(command, cwd=here, env=environment, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert path.read_text() in {old, new}


def test_edited_during_the_run(reglint, here, monkeypatch):
    path = here / "a.py"
    path.write_text(BAD)

    def edited_meanwhile(name, old, new):
        path.write_text("mine = 1\n")
        return replace(name, old, new)

    replace = files.replace
    monkeypatch.setattr(files, "replace", edited_meanwhile)
    done = reglint("fix", "a.py")
    assert done.status == 2
    assert "a.py: changed" in done.err
    assert path.read_text() == "mine = 1\n"


def test_missing_path(reglint):
    done = reglint("check", "no.py", "neither/")
    assert done.status == 2
    assert "no.py: " in done.err
    assert "neither" in done.err


def test_unreadable_encoding(reglint, here):
    (here / "a.py").write_bytes(b"# keras regularizers\nx = '\xff'\n")
    done = reglint("check", ".")
    assert done.status == 2
    assert "a.py:2:" in done.err


def test_syntax_error(reglint, here):
    (here / "a.py").write_text(BAD + "print 'x'\n")
    (here / "b.py").write_text(BAD)
    done = reglint("check", ".")
    assert done.status == 2
    assert "a.py:3:1: not valid Python 3: " in done.err
    assert done.out.startswith("b.py:2:10: RGL101")


@pytest.mark.parametrize("content", [f"\f{BAD}\fx = 1\n", BAD.replace("\n", "\r")])
def test_form_feed_and_lone_carriage_returns(reglint, here, content):
    (here / "a.py").write_bytes(content.encode())
    assert reglint("fix", ".").status == 0
    expected = content.replace("W_regularizer", "kernel_regularizer")
    assert (here / "a.py").read_bytes() == expected.encode()


def test_compact_notebook(reglint, here):
    cells = [{"cell_type": "code", "source": [*BAD.splitlines(keepends=True), "%time\n"]}]
    text = json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}})
    (here / "a.ipynb").write_text(text)
    assert reglint("fix", ".").status == 0
    expected = text.replace("W_regularizer", "kernel_regularizer")
    assert (here / "a.ipynb").read_text() == expected


def test_nested_findings(reglint, here):
    call = "Dense(8, W_regularizer={})"
    nested = call.format(call.format(call.format("None")))
    (here / "a.py").write_text(f"from keras.layers import Dense\n{nested}\n")
    done = reglint("fix", ".")
    assert done.status == 0
    assert "3" in done.last
    assert "W_regularizer" not in (here / "a.py").read_text()


def test_five_hundred_findings_in_one_file(reglint, here):
    first, call = BAD.splitlines(keepends=True)
    (here / "a.py").write_text(first + call * 500)
    done = reglint("fix", ".")
    assert done.status == 0
    assert "500" in done.last


def test_deep_nesting(reglint, here):
    (here / "a.py").write_text(f"{BAD}x = {'[' * 5000}{']' * 5000}\n")
    done = reglint("check", ".")
    assert done.status == 2
    assert "a.py:3:205: nested too deeply to be analysed" in done.err
    assert "Traceback" not in done.err


def test_links_in_a_circle(reglint, here):
    (here / "package").mkdir()
    (here / "package" / "a.py").write_text(BAD)
    (here / "package" / "again").symlink_to(here, target_is_directory=True)
    done = reglint("check", ".")
    assert done.out.count("RGL101") == 1
    assert "in 1 file." in done.last


def test_a_pipe_called_like_python(python, here):
    os.mkfifo(here / "a.py")
    done = python("-m", "reglint", "check", "--isolated", ".", cwd=here, timeout=60)
    assert done.returncode == 2
    assert "a.py: " in done.stderr


@pytest.mark.parametrize(
    ("option", "guess"), [("RGL101x", "RGL101"), ("legacy-regularizer-argumnt", "legacy-")]
)
def test_misspelt_rule(reglint, option, guess):
    done = reglint("check", "--select", option)
    assert done.status == 2
    assert "did you mean" in done.err
    assert guess in done.err
