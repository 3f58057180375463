"""Everything that can be wrong with a configuration."""

from __future__ import annotations

import os

import pytest

from helpers.configs import PROJECTS, config, problems, resolver
from reglint.config import ConfigError


@pytest.mark.parametrize("folder", sorted((PROJECTS / "bad").iterdir()), ids=lambda f: f.name)
def test_every_error_is_told_at_once_with_its_place(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(ConfigError) as caught:
        resolver().for_directory(folder)
    told = "".join(f"{p}\n{p.frame}".rstrip() + "\n" for p in caught.value.problems)
    assert told == (folder / "problems.txt").read_text(encoding="utf-8")


def test_the_command_line_is_told_with_the_file(tmp_path):
    overrides = {"select": ["RGL10"], "ignore": ["removed-regulariser", "E501"], "exclude": [""]}
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "reglint.toml").write_text("b = 1\na = 2")
    finder = resolver(overrides=overrides)
    of_the_command_line = [
        "unknown rule `removed-regulariser` in `--ignore`; did you mean `removed-regularizer`?",
        "unknown rule `E501` in `--ignore`",
        "the pattern `` in `--exclude` cannot match anything",
    ]
    of_the_file = [
        f"{tmp_path}/a/reglint.toml:1:1: unknown key `b`",
        f"{tmp_path}/a/reglint.toml:2:1: unknown key `a`",
    ]
    assert [str(problem) for problem in finder.problems] == of_the_command_line
    assert problems(finder.for_directory, tmp_path / "b") == of_the_command_line
    assert problems(finder.for_directory, tmp_path / "a") == of_the_command_line + of_the_file
    assert [str(p) for p in finder.problems] == of_the_command_line + of_the_file


def test_a_missing_file(tmp_path):
    file = tmp_path / "missing.toml"
    expected = [f"{file}: cannot be read: No such file or directory"]
    assert problems(resolver(file).for_directory, tmp_path) == expected


def test_an_explicit_file_without_the_table(tmp_path):
    file = tmp_path / "pyproject.toml"
    file.write_text("[tool.reglimt]")
    expected = [f"{file}: no table `[tool.reglint]` in it"]
    assert problems(resolver(file).for_directory, tmp_path) == expected


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="everything can be read")
def test_an_unreadable_file(tmp_path):
    file = tmp_path / "reglint.toml"
    file.touch(mode=0o000)
    expected = [f"{file}: cannot be read: Permission denied"]
    assert problems(resolver().for_directory, tmp_path) == expected


def test_lines_of_another_system(tmp_path):
    (tmp_path / "reglint.toml").write_bytes(b"select = [\r\n  1,\r\n]")
    with pytest.raises(ConfigError) as caught:
        resolver().for_directory(tmp_path)
    assert caught.value.problems[0].frame == "2 |   1,\n  |   ^"


def test_a_problem_is_one_line_that_leaves_the_terminal_alone(tmp_path):
    (found,) = problems(config, tmp_path, r'"a\n\u001b[31m" = 1')
    assert found.endswith(":1:1: unknown key `a\ufffd\ufffd[31m`")
