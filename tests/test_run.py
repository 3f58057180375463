"""Many files: which are analysed, what is kept for the next time, what is written."""

from __future__ import annotations

import multiprocessing
import subprocess
from pathlib import Path

import pytest

from reglint import engine, files, processes, run
from reglint.config import Resolver
from reglint.model import FileError, Fixed, Place, Result
from reglint.run import Mode, Plan
from reglint.source import Source, SourceError
from reglint.tomlfile import ConfigError

BAD = b"from keras.regularizers import l2\nx = l2(l=0.1)\n"
GOOD = b"from keras.regularizers import l2\nx = l2(0.1)\n"
UNSAFE = b"from keras.regularizers import l1_l2\nx = l1_l2(0.1)\n"


pytestmark = pytest.mark.usefixtures("here")


def write(**contents: bytes) -> None:
    for name, content in contents.items():
        Path(f"{name}.py").write_bytes(content)


def go(*paths: str, mode: Mode = Mode.CHECK, overrides=None, progress=None, **plan):
    resolver = Resolver(overrides=overrides)
    return run.run(paths or (".",), resolver, Plan(mode, **plan), progress)


def found(report) -> list[str]:
    return [f"{each.path}:{each.place} {each.code}" for each in report.diagnostics]


# Which files are analysed, and what becomes of those that cannot be


def test_findings_come_in_order_and_with_their_sources():
    write(b=BAD * 2, a=BAD, c=GOOD)
    report = go()
    assert found(report) == ["a.py:2:8 RGL103", "b.py:2:8 RGL103", "b.py:4:8 RGL103"]
    assert {path: source.data for path, source in report.sources.items()} == {
        "a.py": BAD,
        "b.py": BAD * 2,
    }
    assert report.checked == 3


def test_files_without_a_trigger_are_checked_without_being_analysed(analysed):
    write(plain=b"import os\n", broken=b"def (:\n", near=b"import keras\n", bad=BAD)
    assert go().checked == 4
    assert analysed == ["bad.py"]


def test_a_suppression_is_a_trigger(analysed):
    write(own=b"x = 1  # reglint: ignore[RGL101]\n", noqa=b"y = 1  # noqa: RGL101\n")
    assert found(go()) == ["noqa.py:1:16 RGL001", "own.py:1:26 RGL001"]
    assert analysed == ["noqa.py", "own.py"]


def test_only_triggers_of_rules_that_are_on_count(analysed):
    write(bad=BAD)
    assert go(overrides={"select": ["RGL106"]}).checked == 1
    assert analysed == []


@pytest.mark.parametrize(
    ("content", "message", "place"),
    [
        (BAD + b"def (:\n", "not valid Python", Place(0, 3, 5)),
        (BAD + b"\xff\n", "not utf-8", Place(0, 3, 1)),
        (BAD + b"(" * 5_000 + b")" * 5_000, "nested too deeply", Place(0, 3, 201)),
    ],
)
@pytest.mark.parametrize("mode", Mode)
def test_a_file_that_cannot_be_analysed_is_an_error_among_others(content, message, place, mode):
    write(a=BAD, b=content, c=BAD)
    report = go(mode=mode)
    (error,) = report.errors
    assert error.path == "b.py"
    assert message in error.message
    assert error.place == place
    assert report.checked == 2
    assert len(report.diagnostics + report.fixed) == 2
    assert Path("b.py").read_bytes() == content


def test_running_out_of_stack_is_an_error_of_the_file(monkeypatch):
    def check(*_):
        raise RecursionError

    monkeypatch.setattr(engine, "check", check)
    write(a=BAD)
    assert go().errors == (FileError("a.py", "nested too deeply to be analysed"),)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_what_concerns_the_whole_run_ends_it(monkeypatch, error):
    def check(*_):
        raise error

    monkeypatch.setattr(engine, "check", check)
    write(a=BAD)
    with pytest.raises(error):
        go()


def test_a_file_that_vanishes_is_an_error(monkeypatch):
    write(a=BAD, b=BAD)
    real = files.read

    def read(path):
        Path("b.py").unlink(missing_ok=True)
        return real(path)

    monkeypatch.setattr(files, "read", read)
    report = go()
    assert found(report) == ["a.py:2:8 RGL103"]
    assert [error.path for error in report.errors] == ["b.py"]


def test_a_missing_path_is_an_error():
    write(a=BAD)
    report = go("a.py", "nowhere")
    assert found(report) == ["a.py:2:8 RGL103"]
    assert [error.path for error in report.errors] == ["nowhere"]


def test_all_wrong_configurations_are_told_at_once():
    for name in ("one", "two"):
        Path(name).mkdir()
        Path(name, "reglint.toml").write_text("selct = []\n")
        Path(name, "a.py").write_bytes(BAD)
    with pytest.raises(ConfigError) as caught:
        go()
    assert [problem.file.parent.name for problem in caught.value.problems] == ["one", "two"]


def test_the_configuration_says_what_to_pass_over():
    Path("reglint.toml").write_text('exclude = ["b.py"]\nper-file-ignores = {"c.py" = ["ALL"]}\n')
    write(a=BAD, b=BAD, c=BAD)
    assert found(go()) == ["a.py:2:8 RGL103"]
    assert len(go("b.py").diagnostics) == 1
    assert go("b.py", force_exclude=True).checked == 0


@pytest.mark.parametrize("respect", [True, False])
def test_files_that_git_ignores_are_left_out_unless_the_configuration_wants_them(respect):
    Path(".git").mkdir()
    Path(".gitignore").write_text("a.py\n")
    Path("reglint.toml").write_text(f"respect-gitignore = {str(respect).lower()}\n")
    write(a=BAD)
    assert bool(go().diagnostics) is not respect


def test_progress_is_told_of_each_file_that_is_analysed():
    write(a=BAD, b=GOOD, c=b"import os\n", d=BAD)
    told = []
    go(progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


# Fixing


def test_fix_writes_what_is_safe_and_tells_what_is_left():
    write(a=BAD, b=UNSAFE, c=GOOD)
    report = go(mode=Mode.FIX)
    assert Path("a.py").read_bytes() == GOOD
    assert Path("b.py").read_bytes() == UNSAFE
    assert [each.path for each in report.fixed] == ["a.py"]
    assert report.changed == ("a.py",)
    assert found(report) == ["b.py:2:5 RGL104"]
    assert list(report.sources) == ["b.py"]
    assert report.checked == 3
    assert report.diff == ""


def test_fix_all_applies_unsafe_fixes_too():
    write(b=UNSAFE)
    report = go(mode=Mode.FIX_ALL)
    assert report.changed == ("b.py",)
    assert not report.diagnostics
    assert Path("b.py").read_bytes() != UNSAFE


@pytest.mark.parametrize(
    "content",
    [
        BAD,
        BAD.replace(b"\n", b"\r\n"),
        BAD.rstrip(),
        b"\xef\xbb\xbf" + BAD,
        b"# coding: latin-1\n# \xe9t\xe9\n" + BAD,
        BAD.replace(b"x =", b"\x0cx ="),
    ],
    ids=["lf", "crlf", "no final newline", "bom", "latin-1", "form feed"],
)
def test_the_diff_is_what_git_can_apply(content, here):
    write(a=content)
    report = go(mode=Mode.FIX, write=False)
    assert Path("a.py").read_bytes() == content
    assert report.changed == ("a.py",)
    diff = report.diff.encode(errors="surrogateescape")
    subprocess.run(["git", "apply"], input=diff, check=True, cwd=here)
    assert Path("a.py").read_bytes() == content.replace(b"l=0.1", b"0.1")


def test_a_fix_that_could_not_be_written_was_not_applied(monkeypatch):
    write(a=BAD, b=BAD)
    real = files.replace

    def replace(path, old, new):
        if path == "a.py":
            Path("a.py").write_bytes(BAD + b"y = 1\n")
        real(path, old, new)

    monkeypatch.setattr(files, "replace", replace)
    report = go(mode=Mode.FIX)
    assert found(report) == ["a.py:2:8 RGL103"]
    assert [error.path for error in report.errors] == ["a.py"]
    assert report.changed == ("b.py",)
    assert len(report.fixed) == 1
    assert Path("a.py").read_bytes() == BAD + b"y = 1\n"


def test_a_fix_that_the_encoding_cannot_hold_was_not_applied(monkeypatch):
    def fix(*_, **__):
        raise SourceError("latin-1 has no 'x'")

    monkeypatch.setattr(engine, "fix", fix)
    write(a=BAD)
    report = go(mode=Mode.FIX)
    assert found(report) == ["a.py:2:8 RGL103"]
    assert report.errors == (FileError("a.py", "latin-1 has no 'x'"),)
    assert not report.fixed


def test_fix_does_not_write_files_that_need_no_fix(monkeypatch):
    write(a=UNSAFE, b=GOOD)
    monkeypatch.delattr(files, "replace")
    assert go(mode=Mode.FIX).changed == ()


# Processes


def many(here: Path) -> None:
    for number in range(processes.ENOUGH + 6):
        content = (BAD, UNSAFE, GOOD, BAD + b"def (:\n")[number % 4]
        (here / f"f{number:02}.py").write_bytes(content)


@pytest.mark.parametrize("command", [["check"], ["fix", "--diff"], ["fix"]])
def test_several_processes_find_what_one_finds(here, python, command):
    # `python` is a process of its own: that of pytest may have threads, which forks do not like.
    arguments = ["-m", "reglint", *command, "--no-cache", "--jobs"]
    many(here)
    one = python(*arguments, "1")
    many(here)
    two = python(*arguments, "2")
    assert (two.stdout, two.stderr) == (one.stdout, one.stderr)
    assert two.returncode == one.returncode == 2
    assert "f01.py" in two.stdout + two.stderr


@pytest.mark.skipif(multiprocessing.get_start_method() != "fork", reason="the child needs a patch")
def test_files_of_a_killed_process_are_not_said_to_be_checked(here, python):
    many(here)
    killer = (
        "import os, sys; from reglint import run; from reglint.cli import main\n"
        "run.examine = lambda *_: os._exit(9)\n"
        "sys.argv = ['reglint', 'check', '--no-cache', '--jobs', '2']\n"
        "main()\n"
    )
    done = python("-c", killer)
    assert done.returncode == 2
    assert f"{processes.ENOUGH + 6} files were not fully processed" in done.stderr
    assert "Traceback" not in done.stderr


# One source


def test_examine_tells_what_a_file_would_become():
    outcome = run.examine(
        "a.py", BAD, Resolver().for_directory(Path()).settings(Path("a.py")), Mode.FIX
    )
    assert outcome.before == BAD
    assert outcome.after == GOOD
    assert outcome.result == Result()


def test_a_fix_that_was_undone_is_not_counted(monkeypatch):
    error = FileError("a.py", "internal-error: the fixes left text that does not parse")

    def fix(source: Source, *_, **__) -> Fixed:
        return Fixed(source, (), Result(errors=(error,)))

    monkeypatch.setattr(engine, "fix", fix)
    write(a=BAD)
    report = go(mode=Mode.FIX)
    assert report.errors == (error,)
    assert not report.changed
    assert report.checked == 1
