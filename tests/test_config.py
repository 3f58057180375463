"""Configuration: which file counts, and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.configs import PROJECTS, RULES, config, problems, resolver
from reglint.keras_api import KNOWN_VERSIONS
from reglint.model import Severity


def codes(text, tmp_path, **kwargs):
    return sorted(config(tmp_path, text, **kwargs).codes)


# -- Which file counts


@pytest.mark.parametrize(
    ("folder", "file"),
    [
        (".", "pyproject.toml"),
        ("tests", "pyproject.toml"),
        ("sub", "sub/reglint.toml"),
        ("sub/package", "sub/reglint.toml"),
        ("sub/package/../../tests", "pyproject.toml"),
    ],
)
def test_the_nearest_file_counts(folder, file):
    root = PROJECTS / "hierarchy"
    found = resolver().for_directory(root / folder)
    assert found.file == root / file
    assert found.root == found.file.parent


def test_nothing_is_merged():
    found = resolver().for_directory(PROJECTS / "hierarchy" / "sub")
    assert found.codes == {"RGL101"}
    assert found.keras == set(KNOWN_VERSIONS)
    assert not found.excluded(PROJECTS / "hierarchy" / "sub" / "generated", is_dir=True)


def test_reglint_toml_wins_over_pyproject_toml():
    found = resolver().for_directory(PROJECTS / "both")
    assert found.file == PROJECTS / "both" / "reglint.toml"
    assert found.codes == {"RGL101"}


def test_an_explicit_file_counts_everywhere():
    file = PROJECTS / "both" / "pyproject.toml"
    finder = resolver(file)
    found = finder.for_directory(PROJECTS / "hierarchy" / "sub")
    assert found.file == file
    assert found is finder.for_directory(PROJECTS)


def test_an_explicit_file_may_have_any_name(tmp_path):
    file = tmp_path / "strict.toml"
    file.write_text('select = ["ALL"]')
    assert resolver(file).for_directory(PROJECTS / "both").codes == set(RULES.names)


def test_isolated_means_no_file(monkeypatch):
    monkeypatch.chdir(PROJECTS / "hierarchy")
    found = resolver(isolated=True, overrides={"ignore": ["RGL1"]}).for_directory(Path("sub"))
    assert found.file is None
    assert found.root == PROJECTS / "hierarchy"
    assert found.codes == {"RGL001", "RGL201"}


def test_without_any_file_all_is_at_its_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = resolver().for_directory(Path("not", "even", "there"))
    assert (found.file, found.root) == (None, tmp_path)
    assert found.codes == RULES.default
    assert found.keras == set(KNOWN_VERSIONS)
    assert found.options.respect_gitignore
    assert not found.excluded(tmp_path / "model.py")


@pytest.mark.parametrize(
    "text", ["", "tool = 3", '[project]\nname = "reglint"', "[tool.reglinted]", "{{ broken }}"]
)
def test_a_pyproject_toml_that_is_not_about_reglint_is_passed_over(text, tmp_path):
    (tmp_path / "reglint.toml").write_text("")
    (tmp_path / "sub").mkdir()
    found = config(tmp_path / "sub", text, "pyproject.toml")
    assert found.file == tmp_path / "reglint.toml"


def test_a_folder_with_the_name_of_a_configuration_is_none(tmp_path):
    (tmp_path / "reglint.toml").mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.reglint]")
    assert resolver().for_directory(tmp_path).file == tmp_path / "pyproject.toml"


def test_a_byte_order_mark_is_no_error(tmp_path):
    (tmp_path / "reglint.toml").write_bytes(b'\xef\xbb\xbfselect = ["RGL101"]\r\n')
    assert resolver().for_directory(tmp_path).codes == {"RGL101"}


def test_no_file_is_read_twice(tmp_path, monkeypatch):
    read = []
    original = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda self: read.append(self) or original(self))
    folders = [tmp_path / "a" / str(n) for n in range(20)]
    for folder in folders:
        folder.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.reglint]")
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.other]")
    (folders[3] / "reglint.toml").write_text("[broken")
    finder = resolver()
    for folder in [*folders, *folders]:
        if folder == folders[3]:
            assert problems(finder.for_directory, folder)
        else:
            assert finder.for_directory(folder).file == tmp_path / "pyproject.toml"
    assert sorted(read) == [
        folders[3] / "reglint.toml",
        tmp_path / "a" / "pyproject.toml",
        tmp_path / "pyproject.toml",
    ]
    assert len(finder.problems) == 1


# -- Which rules are on


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "001 101 102 103 201"),
        ("select = []", ""),
        ('select = ["RGL101"]', "101"),
        ('select = ["RGL10"]', "101 102 103"),
        ('select = ["RGL2"]', "201 202"),
        ('select = ["RGL"]', "001 101 102 103 201 202"),
        ('select = ["ALL"]', "001 101 102 103 201 202"),
        ('select = ["removed-regularizer", "RGL101"]', "101 102"),
        ('extend-select = ["RGL202"]', "001 101 102 103 201 202"),
        ('ignore = ["RGL1"]', "001 201"),
        ('ignore = ["RGL1", "RGL101"]', "001 201"),
        ('select = ["RGL101"]\nextend-select = ["RGL102"]', "101 102"),
        ('select = ["ALL"]\nignore = ["RGL1"]', "001 201 202"),
        ('select = ["RGL101"]\nignore = ["RGL1"]', "101"),
        ('select = ["removed-regularizer"]\nignore = ["RGL1"]', "102"),
        ('select = ["RGL10"]\nignore = ["RGL1", "RGL103"]', "101 102"),
        ('extend-select = ["RGL101"]\nignore = ["ALL"]', "101"),
        ('select = ["RGL101"]\nignore = ["legacy-regularizer-argument"]', ""),
    ],
)
def test_the_selector_that_says_more_wins(text, expected, tmp_path):
    assert codes(text, tmp_path) == [f"RGL{number}" for number in expected.split()]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({}, "101"),
        ({"select": ["RGL102"]}, "102"),
        ({"select": ["RGL1"], "ignore": ["RGL101"]}, "102 103"),
        ({"select": ["RGL201"], "extend-select": ["RGL202"]}, "201 202"),
        ({"extend-select": ["RGL103"]}, "101 103"),
        ({"extend-select": ["RGL1"]}, "101 102 103"),
        ({"ignore": ["RGL1"]}, ""),
        ({"ignore": ["RGL2"]}, "101"),
    ],
)
def test_the_command_line_has_the_last_word(overrides, expected, tmp_path):
    text = 'select = ["RGL101", "RGL102"]\nignore = ["RGL102"]'
    found = codes(text, tmp_path, overrides=overrides)
    assert found == [f"RGL{number}" for number in expected.split()]


def test_per_file_ignores():
    root = PROJECTS / "hierarchy"
    finder = resolver(overrides={"select": ["RGL101", "RGL102", "RGL201"]})

    def on(path):
        return finder.for_directory(root).settings(root / path).codes

    assert on("model.py") == {"RGL101", "RGL201"}
    assert on("lib/model.py") == {"RGL101", "RGL102", "RGL201"}
    assert on("tests/test_model.py") == {"RGL201"}
    assert on("lib/tests/test_model.py") == {"RGL101", "RGL102", "RGL201"}


def test_per_file_ignores_win_over_the_command_line(tmp_path):
    text = 'per-file-ignores = { "*.ipynb" = ["ALL"] }'
    found = config(tmp_path, text, overrides={"select": ["RGL101"]})
    assert found.settings(tmp_path / "deep" / "down" / "model.ipynb").codes == set()
    assert found.settings(tmp_path / "model.py").codes == {"RGL101"}


def test_settings_are_shared(tmp_path):
    found = config(tmp_path, 'per-file-ignores = { "a*" = ["RGL101"], "?b*" = ["RGL101"] }')
    every = [found.settings(tmp_path / name) for name in ("a.py", "ab.py", "c.py", "d/c.py")]
    assert every[0] is every[1]
    assert every[2] is every[3]
    assert every[0].codes == every[2].codes - {"RGL101"}


# -- Which files are excluded


@pytest.mark.parametrize(
    ("path", "is_dir", "expected"),
    [
        ("build", True, True),
        ("build", False, False),
        ("deep/build/model.py", False, True),
        ("old/model.py", False, True),
        ("deep/old/model.py", False, False),
        ("model_old.py", False, True),
        ("keep_old.py", False, False),
        ("model.py", False, False),
        ("", True, False),
    ],
)
def test_exclude(path, is_dir, expected, tmp_path):
    found = config(tmp_path, 'exclude = ["build/", "/old", "*_old.py", "!keep_old.py"]')
    assert found.excluded(tmp_path / path, is_dir=is_dir) is expected


def test_relative_paths_are_from_the_current_directory(tmp_path, monkeypatch):
    found = config(tmp_path, 'exclude = ["/sub/a.py"]')
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert found.excluded(Path("a.py"))
    assert not found.excluded(Path("../a.py"))


def test_folders_above_the_root_are_not_looked_at(tmp_path):
    root = tmp_path / "build" / "project"
    root.mkdir(parents=True)
    found = config(root, 'exclude = ["build", "/other/"]')
    assert not found.excluded(root / "model.py")
    assert not found.excluded(root, is_dir=True)
    assert not found.excluded(tmp_path / "build" / "other" / "model.py")
    assert found.excluded(tmp_path / "build" / "other" / "build" / "model.py")


def test_patterns_of_the_command_line_are_from_the_current_directory(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    found = config(tmp_path, 'exclude = ["b.py"]', overrides={"exclude": ["/a.py"]})
    assert found.excluded(Path("a.py"))
    assert not found.excluded(Path("../a.py"))
    assert not found.excluded(Path("b.py"))


def test_respect_gitignore(tmp_path):
    assert not config(tmp_path, "respect-gitignore = false").options.respect_gitignore


# -- Which Keras


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("auto", lambda _: True),
        ("3", lambda version: version[0] == 3),
        ("3.15", lambda version: version == (3, 15)),
        (" 2.15 ", lambda version: version == (2, 15)),
        ("3.14.1", lambda version: version == (3, 14)),
        ("==3.14.1", lambda version: version == (3, 14)),
        ("===3.14.1", lambda version: version == (3, 14)),
        (">=2.10,<3", lambda version: (2, 10) <= version < (3, 0)),
        (">=3.14.1", lambda version: version >= (3, 14)),
        ("<3.14.1", lambda version: version <= (3, 14)),
        ("<3.14", lambda version: version < (3, 14)),
        ("!=3.14.*", lambda version: version != (3, 14)),
        ("!=3.14.0", lambda _: True),
        ("~=3.1", lambda version: version >= (3, 1)),
        ("", lambda _: True),
    ],
)
def test_keras_version(text, meant, tmp_path):
    found = config(tmp_path, f'keras-version = "{text}"')
    assert found.keras == set(filter(meant, KNOWN_VERSIONS)) != set()
    assert found.settings(tmp_path / "a.py").keras == found.keras


def test_the_keras_version_of_the_command_line_replaces_the_other(tmp_path):
    found = config(tmp_path, 'keras-version = "2"', overrides={"keras-version": "3"})
    assert {major for major, _ in found.keras} == {3}


@pytest.mark.parametrize("text", ["3.x", "latest", "v3", "3,15", ">3 or <2"])
def test_what_is_no_version(text, tmp_path):
    (found,) = problems(config, tmp_path, f'keras-version = "{text}"')
    assert "expected `auto`, a version" in found
    assert f"found `{text}`" in found


@pytest.mark.parametrize("text", ["9", "0.3", ">=3,<3", "2.999"])
def test_a_version_that_does_not_exist(text, tmp_path):
    (found,) = problems(config, tmp_path, f'keras-version = "{text}"')
    assert f"`{text}` in `keras-version` is no release of Keras from 1.0 to " in found


# -- How much a finding matters


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ('RGL101 = "info"', {"RGL101": "info"}),
        ('removed-regularizer = "error"', {"RGL102": "error"}),
        (
            'RGL102 = "info"\nRGL10 = "error"',
            {"RGL101": "error", "RGL102": "info", "RGL103": "error"},
        ),
        (
            'RGL2 = "error"\nALL = "warning"\nRGL10 = "info"',
            {"RGL001": "warning", **dict.fromkeys(("RGL201", "RGL202"), "error")}
            | dict.fromkeys(("RGL101", "RGL102", "RGL103"), "info"),
        ),
    ],
)
def test_severity(text, expected, tmp_path):
    found = config(tmp_path, f"[severity]\n{text}").settings(tmp_path / "a.py").severities
    assert {code: severity.value for code, severity in found} == expected


def test_fail_on(tmp_path):
    assert config(tmp_path, "").options.fail_on is Severity.WARNING
    assert config(tmp_path, 'fail-on = "info"').options.fail_on is Severity.INFO
    given = config(tmp_path, 'fail-on = "info"', overrides={"fail-on": "error"})
    assert given.options.fail_on is Severity.ERROR


# -- How classes are registered


def test_registration(tmp_path):
    text = 'registration-decorators = ["net.register", "register"]\nserialization-package = "net"'
    settings = config(tmp_path, text).settings(tmp_path / "a.py")
    assert settings.decorators == {"net.register", "register"}
    assert settings.package == "net"
