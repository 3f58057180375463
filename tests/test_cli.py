"""The command line: what goes where, and with which status it ends."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from helpers.files import write
from reglint import __version__, run
from reglint.cli import COMMANDS
from reglint.report import FORMATS

BAD = "from keras.regularizers import l2\nx = l2(l=0.1)\n"
GOOD = "from keras.regularizers import l2\nx = l2(0.1)\n"
UNSAFE = "from keras.regularizers import l1_l2\nx = l1_l2(0.1)\n"
LINE = "bad.py:2:8: RGL103 [*] `l2` has no keyword `l` in Keras 3\n"


# The exit status, and what goes to which stream


def test_findings_go_to_stdout_and_the_rest_to_stderr(reglint):
    write("bad.py", BAD)
    done = reglint("check")
    assert done == (1, LINE, "1 error in 1 file. 1 can be fixed: reglint fix\n")


def test_nothing_found_is_a_success(reglint):
    write("good.py", GOOD)
    assert reglint("check") == (0, "", "All clear: 1 file checked.\n")


def test_nothing_to_check_is_said(reglint):
    assert reglint("check") == (0, "", "No Python files to check.\n")


def test_what_could_not_be_done_beats_findings_which_are_shown_all_the_same(reglint):
    write("bad.py", BAD)
    write("broken.py", BAD + "def (:\n")
    done = reglint("check", ".", "nowhere", "--exit-zero")
    assert done.status == 2
    assert done.out == LINE
    first, broken, nowhere, last = done.err.splitlines()
    assert first == "2 files were not fully processed:"
    assert broken.startswith("  broken.py:3:5: not valid Python")
    assert nowhere == "  nowhere: no such file or directory"
    assert last == "1 error in 1 file. 1 can be fixed: reglint fix"


def test_exit_zero_forgives_findings(reglint):
    write("bad.py", BAD)
    assert reglint("check", "--exit-zero").status == 0


def test_quiet_leaves_out_a_summary_of_what_went_well(reglint):
    write("bad.py", BAD)
    assert reglint("check", "--quiet") == (1, LINE, "")
    assert reglint("check", "--quiet", "nowhere").err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "--select", "RGL13"], ["RGL13", "--select", "did you mean `RGL103`"]),
        (["fix", "--ignore", "legacy-strength-keywrd"], ["did you mean `legacy-strength-keyword`"]),
        (["check", "--keras-version", "three"], ["--keras-version", "three"]),
        (["check", "--fail-on", "erorr"], ["--fail-on", "did you mean `error`"]),
        (["check", "--config", "nowhere.toml"], ["nowhere.toml"]),
        (["check", "--config", "reglint.toml", "--isolated"], ["--config", "--isolated"]),
        (["check", "--output-format", "jsn"], ["jsn", "did you mean `json`"]),
        (["check", "--output-format", "json", "--output-format", "text"], ["stdout"]),
        (["check", "--output-format", "json", "--statistics"], ["stdout"]),
        (["check", "-", "bad.py"], ["stdin"]),
        (["check", "--stdin-filename", "a.py"], ["--stdin-filename"]),
        (["check", "--jobs", "0"], ["--jobs"]),
        (["rule", "RGL13"], ["RGL13", "did you mean `RGL103`"]),
        (["rule", "no-such-thing-at-all"], ["no-such-thing-at-all"]),
        (["chek"], ["chek"]),
        (["check", "--no-such-option"], ["--no-such-option"]),
    ],
    ids=" ".join,
)
def test_wrong_usage_says_what_is_wrong(reglint, arguments, words):
    write("bad.py", BAD)
    done = reglint(*arguments)
    assert done.status == 2
    assert done.out == ""
    assert all(word in done.err for word in words)
    assert "Traceback" not in done.err


def test_wrong_settings_are_shown_with_their_lines(reglint):
    write("bad.py", BAD)
    write("reglint.toml", 'selct = []\nignore = ["RGL13"]\n')
    done = reglint("check")
    assert done.status == 2
    assert done.out == ""
    assert "reglint.toml:1:1: unknown key `selct`; did you mean `select`?" in done.err
    assert "1 | selct = []" in done.err
    assert "reglint.toml:2:11: unknown rule `RGL13`" in done.err


def test_ctrl_c_ends_without_a_word(reglint, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    write("bad.py", BAD)
    monkeypatch.setattr(run, "examine", interrupted)
    done = reglint("check")
    assert done.status == 130
    assert done.out == done.err.strip() == ""


def test_a_reader_that_stops_reading_is_no_crash(python, tmp_path):
    (tmp_path / "bad.py").write_text(BAD)
    reading, writing = os.pipe()
    os.close(reading)
    done = python("-m", "reglint", "check", stdout=writing, cwd=tmp_path)
    os.close(writing)
    assert done.returncode != 0
    assert done.stderr == ""


def test_any_character_can_be_shown_anywhere(reglint, python):
    name = os.fsdecode(b"caf\xe9.py")
    write(name, BAD + "y = l2(l='日本')\n")
    ascii_ = {"PYTHONIOENCODING": "ascii"}
    done = python("-m", "reglint", "check", "--output-format", "text", env=ascii_)
    assert done.returncode == 1
    assert "caf\\udce9.py:2:8" in done.stdout
    assert "\\u65e5" in done.stdout
    assert json.loads(reglint("check", "--output-format", "json").out)["diagnostics"]


# Options


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ([], ["RGL103"]),
        (["--select", "RGL104"], ["RGL104"]),
        (["--select", "legacy-strength-keyword,RGL104"], ["RGL103", "RGL104"]),
        (["--select", "RGL103", "--select", "RGL104"], ["RGL103", "RGL104"]),
        (["--extend-select", "RGL104"], ["RGL103", "RGL104"]),
        (["--ignore", "RGL1"], []),
        (["--config", "other.toml"], ["RGL104"]),
        (["--isolated"], ["RGL103", "RGL104"]),
    ],
    ids=" ".join,
)
def test_options_choose_the_rules(reglint, options, codes):
    write("reglint.toml", 'select = ["RGL103"]\n')
    write("other.toml", 'select = ["RGL104"]\n')
    write("code.py", BAD + UNSAFE)
    found = json.loads(reglint("check", "--output-format", "json", *options).out)["diagnostics"]
    assert sorted(each["code"] for each in found) == codes


def test_the_version_of_keras_decides_what_is_wrong(reglint):
    write("bad.py", BAD)
    assert reglint("check", "--keras-version", "2.10").status == 0
    assert reglint("check", "--keras-version", ">=3").status == 1


@pytest.mark.parametrize(
    ("severity", "options", "status"),
    [
        ("error", [], 1),
        ("warning", [], 1),
        ("info", [], 0),
        ("info", ["--fail-on", "info"], 1),
        ("warning", ["--fail-on", "error"], 0),
        ("error", ["--fail-on", "error"], 1),
        ("error", ["--exit-zero"], 0),
    ],
)
def test_the_severity_decides_whether_a_finding_fails(reglint, severity, options, status):
    write("reglint.toml", f'[severity]\nRGL104 = "{severity}"\n')
    write("code.py", UNSAFE)
    done = reglint("check", *options)
    assert done.status == status
    assert "RGL104" in done.out
    assert done.last.startswith(f"1 {severity} in 1 file.")
    assert "--exit-zero" in options or reglint("fix", *options).status == status


def test_each_file_fails_as_its_configuration_says(reglint):
    write("lax/reglint.toml", 'fail-on = "error"\n')
    write("lax/code.py", UNSAFE)
    assert reglint("check").status == 0
    write("code.py", UNSAFE)
    assert reglint("check").status == 1


def test_the_cache_knows_the_severity(reglint):
    write("code.py", UNSAFE)
    assert reglint("check").status == 1
    write("reglint.toml", 'severity = { RGL1 = "info" }\n')
    assert reglint("check").status == 0


def test_excluded_files_are_checked_when_named_unless_forced(reglint):
    write("reglint.toml", 'exclude = ["bad.py"]\n')
    write("bad.py", BAD)
    assert reglint("check").status == 0
    assert reglint("check", "bad.py").status == 1
    assert reglint("check", "bad.py", "--force-exclude").status == 0


def test_no_cache_leaves_nothing(reglint):
    write("bad.py", BAD)
    reglint("check", "--no-cache")
    assert not Path(".reglint_cache").exists()
    reglint("check")
    assert Path(".reglint_cache").exists()


def test_several_outputs_at_once(reglint):
    write("bad.py", BAD)
    formats = ["concise", "json:out.json", "text:out.txt", "statistics:out.txt"]
    done = reglint("check", *(f"--output-format={each}" for each in formats))
    assert done.out == LINE
    assert json.loads(Path("out.json").read_text())["summary"]["errors"] == 1
    written = Path("out.txt").read_text()
    assert written.startswith("error[RGL103]")
    assert written.endswith("1  RGL103  legacy-strength-keyword  [*] 1 fixable\n")


def test_an_output_that_cannot_be_written_is_a_failure(reglint):
    write("good.py", GOOD)
    done = reglint("check", "--output-format", "json:no/where.json", "--output-format", "concise")
    assert done.status == 2
    assert "no/where.json: cannot be written: " in done.err
    assert done.last == "All clear: 1 file checked."


def test_statistics_stand_alone_or_after_findings(reglint):
    write("bad.py", BAD)
    counts = "1  RGL103  legacy-strength-keyword  [*] 1 fixable\n"
    assert reglint("check", "--statistics").out == counts
    assert reglint("check", "--statistics", "--output-format", "concise").out == LINE + counts


def test_a_terminal_gets_text_in_colours(reglint, monkeypatch):
    write("bad.py", BAD)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda self: self is sys.stdout)
    done = reglint("check")
    assert done.out.startswith("\x1b[31m\x1b[1merror[RGL103]")
    assert "\x1b" not in done.err


@pytest.mark.parametrize(
    ("variables", "options", "colored"),
    [
        ([], [], False),
        ([], ["--color", "always"], True),
        (["FORCE_COLOR"], [], True),
        (["FORCE_COLOR"], ["--color", "never"], False),
        (["FORCE_COLOR", "NO_COLOR"], [], False),
        (["NO_COLOR"], ["--color", "always"], True),
    ],
)
def test_colours_are_the_users_choice(reglint, monkeypatch, variables, options, colored):
    write("bad.py", BAD)
    for name in variables:
        monkeypatch.setenv(name, "1")
    for command in (["check"], ["fix", "--diff"], ["rule", "RGL103"]):
        assert ("\x1b[" in reglint(*command, *options).out) is colored


# Standard input


@pytest.mark.parametrize("command", COMMANDS[:2])
def test_stdin_has_the_settings_of_the_file_it_is_said_to_be(reglint, command):
    write("sub/reglint.toml", 'ignore = ["RGL103"]\n')
    here, there = ["--stdin-filename", "a.py"], ["--stdin-filename", "sub/a.py"]
    assert reglint(command, "-", *there, stdin=BAD).last == "All clear: 1 file checked."
    assert "All clear" not in reglint(command, "-", *here, stdin=BAD).last
    assert not Path(".reglint_cache").exists()


def test_check_of_stdin(reglint):
    done = reglint("check", "-", stdin=BAD)
    assert done.status == 1
    assert done.out == LINE.replace("bad.py", "stdin.py")


def test_fix_of_stdin_goes_to_stdout_and_what_is_left_to_stderr(reglint):
    done = reglint("fix", "-", stdin=BAD + UNSAFE)
    assert done.status == 1
    assert done.out == GOOD + UNSAFE
    assert done.err.startswith("stdin.py:4:5: RGL104")
    assert (
        done.last
        == "Fixed 1 finding in 1 file, 1 warning left. 1 can be fixed: reglint fix --unsafe-fixes"
    )


@pytest.mark.parametrize("text", [GOOD, BAD + "def (:\n", "x\r\ny\r", "caf\xe9\n"])
def test_fix_of_stdin_never_loses_text(reglint, text):
    data = text.encode("latin-1")
    assert reglint("fix", "-", stdin=data).out.encode(errors="surrogateescape") == data


def test_stdin_that_is_excluded_is_left_alone(reglint):
    write("reglint.toml", 'exclude = ["a.py"]\n')
    write("a.py", GOOD)
    options = ["-", "--stdin-filename", "a.py", "--force-exclude"]
    assert reglint("check", *options, stdin=BAD) == (0, "", "No Python files to check.\n")
    assert reglint("fix", *options, stdin=BAD).out == BAD
    assert reglint("fix", *options[:-1], stdin=BAD).out == GOOD


def test_stdin_can_be_a_notebook(reglint):
    cells = [{"cell_type": "code", "metadata": {}, "source": BAD}]
    text = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    done = reglint("fix", "-", "--stdin-filename", "a.ipynb", stdin=text)
    assert done.status == 0
    assert done.out == text.replace("l=0.1", "0.1")


# Fix


def test_fix_writes_and_succeeds_when_nothing_is_left(reglint):
    path = write("bad.py", BAD)
    assert reglint("fix") == (0, "", "Fixed 1 finding in 1 file, none left.\n")
    assert path.read_text() == GOOD
    assert reglint("fix") == (0, "", "All clear: 1 file checked.\n")


def test_fix_reports_what_is_left(reglint):
    path = write("unsafe.py", UNSAFE)
    done = reglint("fix")
    assert done.status == 1
    assert done.out.startswith("unsafe.py:2:5: RGL104 [?]")
    assert path.read_text() == UNSAFE
    assert reglint("fix", "--unsafe-fixes").status == 0
    assert path.read_text() != UNSAFE


def test_fix_can_fail_because_it_fixed(reglint):
    write("bad.py", BAD)
    assert reglint("fix", "--exit-non-zero-on-fix").status == 1
    assert reglint("fix", "--exit-non-zero-on-fix").status == 0


def test_diff_writes_nothing_and_fails_when_there_is_something_to_write(reglint):
    path = write("bad.py", BAD)
    done = reglint("fix", "--diff")
    assert done.status == 1
    assert done.out.startswith("--- a/bad.py\n+++ b/bad.py\n@@ -1,2 +1,2 @@\n")
    assert done.err == "Would fix 1 finding in 1 file, none left.\n"
    assert path.read_text() == BAD
    path.write_text(GOOD)
    assert reglint("fix", "--diff") == (0, "", "All clear: 1 file checked.\n")


def test_diff_and_what_is_left_do_not_mix(reglint):
    write("bad.py", BAD + UNSAFE)
    done = reglint("fix", "--diff")
    assert "RGL104" not in done.out
    assert done.err.startswith("bad.py:4:5: RGL104")


# The rest


def test_the_version(reglint):
    assert reglint("--version") == (0, f"reglint {__version__}\n", "")


def test_help_names_all_commands(reglint):
    out = reglint("--help").out
    assert all(f"\n  {command} " in out for command in COMMANDS)
    assert all(reglint(command, "-h").status == 0 for command in COMMANDS)


def test_every_format_can_be_asked_for(reglint):
    write("bad.py", BAD)
    for name in FORMATS:
        assert reglint("check", "--output-format", name).out
