"""What is not imported, so that reglint starts fast and installs light."""

from __future__ import annotations

import pytest

BAD = "from keras.regularizers import l2\nx = l2(l=0.1)\n"
HEAVY = {"keras", "tensorflow", "jax", "torch", "numpy"}


@pytest.fixture
def imported(python, tmp_path):
    """Run reglint in a folder with one finding; returns its status and what it imported."""
    (tmp_path / "bad.py").write_text(BAD)
    (tmp_path / "plain.py").write_text("import os\n")

    def run(*arguments: str) -> tuple[int, set[str]]:
        done = python("-X", "importtime", "-m", "reglint", *arguments, cwd=tmp_path)
        lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
        return done.returncode, {line.rpartition("|")[2].strip() for line in lines}

    return run


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["rule"],
        ["rule", "RGL101"],
        ["rule", "--all"],
        ["check", "--help"],
        ["check", "plain.py"],
        ["fix", "plain.py"],
        ["tune", "--help"],
    ],
    ids=" ".join,
)
def test_what_needs_no_analysis_does_not_import_the_parser(imported, arguments):
    status, modules = imported(*arguments)
    assert status == 0
    assert "click" in modules
    assert modules.isdisjoint(HEAVY | {"libcst"})


@pytest.mark.parametrize("output", ["text", "concise", "json"])
def test_a_cached_check_does_not_import_the_parser(imported, output):
    status, modules = imported("check", "--output-format", output)
    assert status == 1
    assert "libcst" in modules
    status, modules = imported("check", "--output-format", output)
    assert status == 1
    assert modules.isdisjoint(HEAVY | {"libcst"})


@pytest.mark.parametrize("command", ["check", "fix"])
def test_analysing_code_does_not_import_what_it_is_about(imported, command):
    _, modules = imported(command)
    assert "libcst" in modules
    assert modules.isdisjoint(HEAVY)


def test_the_version_needs_no_command(imported):
    _, modules = imported("--version")
    own = {name for name in modules if name.startswith("reglint")}
    assert own == {"reglint", "reglint.cli"}
    assert modules.isdisjoint({"dataclasses", "json", "packaging", "pathspec", "tomli"})


def test_without_patterns_or_versions_nothing_slow_is_imported(python, tmp_path):
    (tmp_path / "reglint.toml").write_text('select = ["RGL101"]')
    code = (
        "import sys; from pathlib import Path; from reglint.config import Resolver;"
        "Resolver().for_directory(Path()).settings(Path('a.py'));"
        "print(*{'difflib', 'keras', 'libcst', 'packaging', 'pathspec'} & set(sys.modules))"
    )
    run = python("-c", code, cwd=tmp_path)
    assert (run.stdout, run.stderr) == ("\n", "")
