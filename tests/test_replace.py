"""Replacing a file, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reglint.files import AccessError, discover, replace


@pytest.fixture(autouse=True)
def here(empty):
    """Work in an empty folder."""
    return empty


def names(folder: str = ".") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_replacing_keeps_mode_and_leaves_nothing_behind():
    Path("a.py").write_bytes(b"old")
    Path("a.py").chmod(0o751)
    replace("a.py", b"old", b"new")
    assert Path("a.py").read_bytes() == b"new"
    assert stat.S_IMODE(Path("a.py").stat().st_mode) == 0o751
    assert names() == ["a.py"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_replacing_keeps_the_owner():
    Path("a.py").write_bytes(b"old")
    os.chown("a.py", 1, 2)
    replace("a.py", b"old", b"new")
    status = Path("a.py").stat()
    assert (status.st_uid, status.st_gid) == (1, 2)


def test_replacing_behind_a_link():
    Path("a").mkdir()
    Path("a/b.py").touch()
    Path("link").symlink_to("a")
    Path("c.py").symlink_to("link/b.py")
    replace("c.py", b"", b"new")
    assert Path("c.py").is_symlink()
    assert Path("a/b.py").read_bytes() == b"new"
    assert names("a") == ["b.py"]


@pytest.mark.parametrize("now", [b"", b"old ", b"older", b"new"])
def test_a_file_that_changed_is_left_as_it_is(now):
    Path("a.py").write_bytes(now)
    with pytest.raises(AccessError, match=r"^a\.py: changed meanwhile, so it was not written$"):
        replace("a.py", b"old", b"new")
    assert Path("a.py").read_bytes() == now
    assert names() == ["a.py"]


def test_a_file_that_changes_while_the_new_one_is_written(monkeypatch):
    Path("a.py").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", lambda _: Path("a.py").write_bytes(b"edited"))
    with pytest.raises(AccessError, match="changed meanwhile"):
        replace("a.py", b"old", b"new")
    assert Path("a.py").read_bytes() == b"edited"


def test_a_file_that_vanished_does_not_come_back():
    with pytest.raises(AccessError, match=r"^a\.py: cannot be written: no such file or directory$"):
        replace("a.py", b"old", b"new")
    assert names() == []


def test_what_became_a_pipe_is_not_waited_for():
    os.mkfifo("a.py")
    with pytest.raises(AccessError, match="not a regular file"):
        replace("a.py", b"old", b"new")
    assert names() == ["a.py"]


def test_a_full_disk(monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    Path("a.py").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AccessError, match=r"^a\.py: cannot be written: no space left on device$"):
        replace("a.py", b"old", b"new")
    assert Path("a.py").read_bytes() == b"old"
    assert names() == ["a.py"]


@pytest.mark.usefixtures("powerless")
def test_a_file_that_may_not_be_written():
    Path("a.py").write_bytes(b"old")
    Path("a.py").chmod(0o400)
    with pytest.raises(AccessError, match=r"^a\.py: cannot be written: permission denied$"):
        replace("a.py", b"old", b"new")
    assert Path("a.py").read_bytes() == b"old"
    assert names() == ["a.py"]


def test_a_folder_that_may_not_be_written_to(powerless):
    Path("a.py").write_bytes(b"old")
    powerless.chmod(0o500)
    try:
        with pytest.raises(AccessError) as caught:
            replace("a.py", b"old", b"new")
    finally:
        powerless.chmod(0o700)
    assert str(caught.value) == "a.py: its folder cannot be written to: permission denied"
    assert Path("a.py").read_bytes() == b"old"


def test_an_interrupt_leaves_nothing_behind(monkeypatch):
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    Path("a.py").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        replace("a.py", b"old", b"new")
    assert Path("a.py").read_bytes() == b"old"
    assert names() == ["a.py"]


# Replaces a file in a child process that is killed before its first line of Python, also of the
# standard library's, then in one that is killed before its second line, and so on.
KILLER = """
import os, signal, sys, tempfile
from pathlib import Path
from reglint import files

os.fsync = lambda _: None  # slow, and of no help against a kill

def kill_at(step):
    def trace(frame, event, argument):
        nonlocal step
        step -= event == "line"
        if step < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace
    return trace

status, step = 1, 0
while status:
    Path("a.py").write_bytes(b"old")
    if not (child := os.fork()):
        sys.settrace(kill_at(step))
        files.replace("a.py", b"old", b"newer")
        sys.settrace(None)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL)
    content = Path("a.py").read_bytes()
    print({b"old": "old", b"newer": "new"}.get(content, "LOST"))
    step += 1
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_at_any_line_leaves_the_old_or_the_new_content():
    root = Path(__file__).parent.parent
    command = [sys.executable, "-c", KILLER]
    environment = os.environ | {"PYTHONPATH": str(root)}
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    outcomes = run.stdout.split()
    assert len(outcomes) > 20
    assert outcomes == sorted(outcomes, key=["old", "new"].index)
    assert {outcomes[0], outcomes[-1]} == {"old", "new"}
    left = discover(["."], excluded=lambda _path, _is_folder: False)
    assert left.files == ("a.py",)  # what the killed ones left is not taken for Python
