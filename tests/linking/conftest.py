"""Fixtures run with Keras, for the truth about which call made which layer."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import pytest

from helpers.backends import run_on_keras

PROJECTS = Path(__file__).parents[2] / "fixtures" / "linking"


def main_of(folder):
    """Return the file of a project that makes its models."""
    return "main.py" if (folder / "main.py").exists() else "main.ipynb"


@pytest.fixture(scope="session")
def truths(tmp_path_factory):
    """Return what `keras_runs/truth.py` says of projects, which it runs in one process."""

    def run(folders):
        script = Path(__file__).parent / "keras_runs" / "truth.py"
        told = [(str(folder), main_of(folder)) for folder in folders]
        printed = run_on_keras(script, "jax", tmp_path_factory.mktemp("keras"), told)
        found = dict(zip([f.name for f in folders], printed, strict=True))
        assert not [models["error"] for models in found.values() if "error" in models]
        return found

    return run


@pytest.fixture(scope="session")
def truth(truths):
    """Return the models of all projects, by project and variable."""
    return truths(sorted(path for path in PROJECTS.iterdir() if path.is_dir()))


def facts(told):
    """Return the layers of a model as a reader tells them."""
    from reglint.inspector.facts import LayerFacts

    return [
        LayerFacts(each["path"], each["layer_class"], each["name"], plain(each["arguments"]))
        for each in told["layers"]
    ]


def plain(arguments):
    """Return them as they are told: JSON has lists only."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()}


@pytest.fixture(scope="session")
def projects():
    """Return the folder with all projects."""
    return PROJECTS


@pytest.fixture(scope="session")
def told(truth):
    """Return the layers of a model of a project, as a reader tells them."""
    return lambda project, model: facts(truth[project][model])


@pytest.fixture(scope="session")
def links(truth):
    """Link a model of a project; returns what became of its layers."""
    from reglint.linking.match import link
    from reglint.linking.sites import find

    sources = functools.cache(lambda project: find([str(PROJECTS / project)]))

    @functools.cache
    def linked(project, model):
        told = truth[project][model]
        return link(facts(told), sources(project), told["class"])

    return linked


@pytest.fixture
def source(tmp_path):
    """Write files; returns a function that finds the calls in them."""

    def write(**files):
        from reglint.linking.sites import find

        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        return find([str(tmp_path)])

    return write


@pytest.fixture(scope="session")
def copied(tmp_path_factory):
    """Return a copy of all projects, to be edited."""
    folder = tmp_path_factory.mktemp("edited")
    return Path(shutil.copytree(PROJECTS, folder / "linking"))
