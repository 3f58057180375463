"""What a project defines itself."""

from __future__ import annotations

import pytest

from reglint.config import Resolver
from reglint.project import shadowed


def make(root, *files):
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    ("files", "directory", "expected"),
    [
        ([], "a", set()),
        (["keras/__init__.py"], ".", {"keras"}),
        (["keras/__init__.py"], "a/b", {"keras"}),
        (["keras/__init__.py"], "keras/layers", {"keras"}),
        (["keras.py", "a/tensorflow.py"], "a/b", {"keras", "tensorflow"}),
        (["a/tf_keras.py"], "b", set()),
        (["a/keras_core/__init__.py"], "a", {"keras_core"}),
        (["keras/layers.py"], "a", set()),  # no package, and the real one wins over a namespace
        (["keras/__init__.py", "keras/src/__init__.py"], "keras/src", set()),
        (["tensorflow/__init__.py", "tensorflow/python/__init__.py"], "tensorflow", set()),
        # `import keras` in a package does not mean its own submodule.
        (["a/__init__.py", "a/keras/__init__.py"], "a/b", set()),
        (["a/__init__.py", "a/keras.py"], "a", set()),
    ],
)
def test_what_an_import_means(files, directory, expected, tmp_path):
    make(tmp_path, *files)
    assert shadowed(tmp_path / directory, tmp_path) == expected


@pytest.mark.parametrize("marker", [".git/HEAD", ".git", "pyproject.toml", "setup.py"])
def test_nothing_above_the_project_counts(marker, tmp_path):
    make(
        tmp_path,
        "keras.py",
        f"project/{marker}",
        "project/tensorflow.py",
        "project/a/keras_core.py",
    )
    assert shadowed(tmp_path / "project" / "a", tmp_path) == {"keras_core", "tensorflow"}


def test_a_project_reaches_further_than_the_root(tmp_path):
    make(tmp_path, "pyproject.toml", "keras.py", "a/reglint.toml")
    assert shadowed(tmp_path / "a" / "b", tmp_path / "a") == {"keras"}


def test_without_a_project_nothing_above_the_root_counts(tmp_path):
    make(tmp_path, "keras.py", "a/tensorflow.py")
    assert shadowed(tmp_path / "a" / "b", tmp_path / "a") == {"tensorflow"}


def test_settings_know_it(tmp_path):
    make(tmp_path, "reglint.toml", "sub/keras.py")
    config = Resolver().for_directory(tmp_path)
    assert config.settings(tmp_path / "sub" / "model.py").shadowed == {"keras"}
    assert config.settings(tmp_path / "model.py").shadowed == set()
