"""Which Keras a project is for: what it says of it, and what is made of that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.files import write_all
from reglint import keras_version
from reglint.config import Resolver
from reglint.keras_api import KNOWN_VERSIONS
from reglint.keras_version import EVERY, TF_KERAS, Projects, described, matching


def found(root: Path, folder: str = ".", **kwargs) -> tuple[str, list[str]]:
    """Return what is assumed for the files of a folder, and why."""
    assumption = Resolver(**kwargs).for_directory(root).assumption(root / folder / "model.py")
    if assumption is None:
        return "", []
    reasons = (f"{Path(r.path).name}:{r.line} {r.text}" for r in assumption.reasons)
    return assumption.label.removeprefix("Keras "), list(reasons)


# -- What requirements say


POETRY = '[tool.poetry]\nname = "net"\n[tool.poetry.dependencies]\n'
LOCK = '[[package]]\nname = "numpy"\nversion = "1.0"\n[[package]]\nname = "{}"\nversion = "{}"\n'


@pytest.mark.parametrize(
    ("file", "text", "label", "reasons"),
    [
        # pyproject.toml
        (
            "pyproject.toml",
            '[project]\ndependencies = [\n  "numpy>=1",\n  "keras>=3.4",\n]\n',
            "3.4 or later",
            ["4 keras>=3.4"],
        ),
        (
            "pyproject.toml",
            "[project]\ndependencies = [\"Keras[tf] (>=2.10,<3) ; python_version > '3.8'\"]\n",
            "2.10 to 2.15",
            ["2 Keras[tf] (>=2.10,<3)"],
        ),
        (
            "pyproject.toml",
            '[project.optional-dependencies]\ntf = ["tensorflow>=2.17"]\nold = ["keras==2.3.1"]\n',
            "2.3 or 3.2 or later",
            ["2 tensorflow>=2.17", "3 keras==2.3.1"],
        ),
        (
            "pyproject.toml",
            '[dependency-groups]\nall = [{include-group = "test"}]\ntest = ["keras~=3.1"]\n',
            "3.1 or later",
            ["3 keras~=3.1"],
        ),
        (
            "pyproject.toml",
            '[tool.uv]\nconstraint-dependencies = ["keras<3"]\n',
            "1.0 to 2.15",
            ["2 keras<3"],
        ),
        (
            "pyproject.toml",
            '[tool.pdm.dev-dependencies]\ntest = ["keras==3.0.5"]\n',
            "3.0",
            ["2 keras==3.0.5"],
        ),
        # Poetry
        ("pyproject.toml", f'{POETRY}keras = "^2.10"\n', "2.10 to 2.15", ['4 keras = "^2.10"']),
        ("pyproject.toml", f'{POETRY}keras = "~2.10"\n', "2.10", ['4 keras = "~2.10"']),
        ("pyproject.toml", f'{POETRY}keras = "~2"\n', "2.0 to 2.15", ['4 keras = "~2"']),
        ("pyproject.toml", f'{POETRY}keras = "2.10.0"\n', "2.10", ['4 keras = "2.10.0"']),
        ("pyproject.toml", f'{POETRY}keras = "2.1*"\n', "", []),
        ("pyproject.toml", f'{POETRY}keras = "*"\n', "", []),
        ("pyproject.toml", f"{POETRY}keras = {{ git = 'x' }}\n", "", []),
        (
            "pyproject.toml",
            f'{POETRY}keras = "2.3.* || ^3.8"\n',
            "2.3 or 3.8 or later",
            ['4 keras = "2.3.* || ^3.8"', '4 keras = "2.3.* || ^3.8"'],
        ),
        (
            "pyproject.toml",
            f"{POETRY}keras = [{{version = '3.0.*', python = '<3.9'}}, {{version = '>=3.9'}}]\n",
            "3.0 or 3.9 or later",
            ['4 keras = "3.0.*"', '4 keras = ">=3.9"'],
        ),
        (
            "pyproject.toml",
            '[tool.poetry.group.tf.dependencies]\ntensorflow = ">=2.16"\n',
            "3.0 or later",
            ['2 tensorflow = ">=2.16"'],
        ),
        ("Pipfile", '[packages]\nkeras = "==2.2.4"\n', "2.2", ['2 keras = "==2.2.4"']),
        # Lock files
        ("uv.lock", LOCK.format("keras", "3.4.1"), "3.4", ["5 keras 3.4.1"]),
        ("poetry.lock", LOCK.format("tensorflow", "2.15.0"), "2.15", ["5 tensorflow 2.15.0"]),
        ("pdm.lock", LOCK.format("keras", "2.10.0"), "2.10", ["5 keras 2.10.0"]),
        ("pylock.toml", LOCK.format("keras", "2.10.0"), "2.10", ["5 keras 2.10.0"]),
        (
            "uv.lock",
            LOCK.format("keras", "3.4.1") + LOCK.format("keras", "2.15.0"),
            "2.15 or 3.4",
            ["5 keras 3.4.1", "11 keras 2.15.0"],
        ),
        (
            "Pipfile.lock",
            json.dumps(
                {"default": {"keras": {"hashes": ["sha256:1"], "version": "==2.3.1"}}}, indent=4
            ),
            "2.3",
            ["3 keras 2.3.1"],
        ),
        # Lists
        ("requirements.txt", "numpy\nkeras == 2.2.4  # old\n", "2.2", ["2 keras == 2.2.4"]),
        ("requirements.txt", "keras==3.3.3 \\\n    --hash=sha256:12\n", "3.3", ["1 keras==3.3.3"]),
        ("requirements.txt", "keras\ntensorflow\n# keras==2.2\nkeras-cv==0.1\n", "", []),
        ("requirements.txt", "keras @ git+https://example.org/keras@2.2\n-e ../keras\n", "", []),
        ("requirements.txt", "keras==2.x\ntensorflow>={}\n", "", []),
        ("requirements.txt", "keras>=3,<2\n", "", []),
        ("requirements.txt", "keras>=3\nkeras<3\n", "", []),
        ("requirements.txt", "keras==0.3.1\n", "", []),
        (
            "requirements.txt",
            "keras<3; python_version < '3.9'\nkeras>=3.5; python_version >= '3.9'\n",
            "1.0 to 2.15 or 3.5 or later",
            ["1 keras<3", "2 keras>=3.5"],
        ),
        ("requirements-dev.txt", "keras==3.1.*\n", "3.1", ["1 keras==3.1.*"]),
        ("requirements/test.txt", "keras==3.1.*\n", "3.1", ["1 keras==3.1.*"]),
        ("constraints.txt", "keras==3.1.*\n", "3.1", ["1 keras==3.1.*"]),
        # conda
        (
            "environment.yml",
            "name: keras\ndependencies:\n  - python=3.7\n  - conda-forge::keras=2.3.1=py37_0\n",
            "2.3",
            ["4 conda-forge::keras=2.3.1=py37_0"],
        ),
        ("environment.yaml", "- pip:\n    - 'keras==2.2.4' # x\n", "2.2", ["2 keras==2.2.4"]),
        ("environment.yml", "- tensorflow-gpu 2.6.*\n", "2.6", ["1 tensorflow-gpu 2.6.*"]),
        ("environment.yml", "- keras=2.2|3\n- keras>=2.2,<2.4\n", "2.2 to 2.3", []),
        # setup.cfg and setup.py
        (
            "setup.cfg",
            "[options]\ninstall_requires =\n    numpy\n    keras>=2.2,<2.4\n",
            "2.2 to 2.3",
            ["4 keras>=2.2,<2.4"],
        ),
        (
            "setup.cfg",
            "[options.extras_require]\ntf =\n    tensorflow>=2.16\n",
            "3.0 or later",
            ["3 tensorflow>=2.16"],
        ),
        ("setup.cfg", "[options\nkeras==2", "", []),
        (
            "setup.py",
            "from setuptools import setup\nsetup(\n  install_requires=['numpy', 'keras<3'])\n",
            "1.0 to 2.15",
            ["3 keras<3"],
        ),
        (
            "setup.py",
            "BASE = ['keras==2.3.1']\nALL = BASE + ['numpy']\nsetup(install_requires=ALL)\n",
            "2.3",
            ["1 keras==2.3.1"],
        ),
        (
            "setup.py",
            "config = {'install_requires': ['keras==2.3.0']}\nsetup(**config)\n",
            "2.3",
            ["1 keras==2.3.0"],
        ),
        (
            "setup.py",
            "setup(extras_require={'gpu': ['tensorflow-gpu==2.8'], 'cpu': ['tensorflow==2.9']})\n",
            "2.8 to 2.9",
            ["1 tensorflow-gpu==2.8", "1 tensorflow==2.9"],
        ),
        ("setup.py", "raise SystemExit('keras')\nsetup(install_requires=f'keras{1}')\n", "", []),
        ("setup.py", "print 'keras'\n", "", []),
    ],
)
def test_what_a_file_says(file, text, label, reasons, tmp_path):
    write_all(tmp_path, **{file: text})
    found_label, found_reasons = found(tmp_path)
    assert found_label == label
    if reasons:
        assert found_reasons == [f"{Path(file).name}:{reason}" for reason in reasons]


@pytest.mark.parametrize(
    ("requirement", "label"),
    [
        ("tensorflow>=2.16", "3.0 or later"),
        ("tensorflow==2.18.1", "3.5 or later"),
        ("tensorflow-cpu>=2.20", "3.10 or later"),
        ("tensorflow<2.16", "1.2 to 2.15"),
        ("tensorflow_gpu==1.15.*", "1.2 to 2.4"),
        ("tensorflow==2.1", "2.2 to 2.4"),
        ("tensorflow~=2.6.0", "2.6"),
        ("tensorflow>=2.6", "2.6 or later"),
        ("tensorflow>=99", ""),
    ],
)
def test_tensorflow_brings_a_keras(requirement, label, tmp_path):
    write_all(tmp_path, **{"requirements.txt": requirement})
    assert found(tmp_path)[0] == label


@pytest.mark.parametrize(
    ("requirements", "label", "reasons"),
    [
        ("keras>=2.10 tensorflow>=2.6,<2.16", "2.10 to 2.15", 2),
        ("keras>=3.4 tensorflow>=2.16", "3.4 or later", 1),
        # A TensorFlow that old has a Keras of its own, whatever the other is.
        ("keras==2.1.6 tensorflow==2.4", "2.1 or 2.4", 2),
        # With `tf_keras` at hand, `tf.keras` may be made to be it.
        ("tensorflow>=2.16 tf-keras", "2.15 or later", 1),
        ("keras>=3.4 tensorflow>=2.16 tf-keras>=2.16", "3.4 or later", 1),
        ("tf-keras==2.16", "", 0),
    ],
)
def test_packages_are_taken_together(requirements, label, reasons, tmp_path):
    write_all(tmp_path, **{"requirements.txt": requirements.replace(" ", "\n")})
    found_label, found_reasons = found(tmp_path)
    assert found_label == label
    assert len(found_reasons) == reasons


@pytest.mark.parametrize(
    ("files", "label"),
    [
        ({"requirements.txt": "keras>=2.3", "uv.lock": LOCK.format("keras", "3.4.1")}, "3.4"),
        ({"requirements.txt": "keras>=2.3", "uv.lock": LOCK.format("torch", "2")}, "2.3 or later"),
        ({"requirements.txt": "keras>=2.3", "requirements-dev.txt": "keras==3.5"}, "2.3 or later"),
        ({"requirements.txt": "keras", "requirements-dev.txt": "keras==3.5"}, "3.5"),
        ({"requirements.txt": "keras>=2.3", "setup.py": "setup(install_requires='keras<3')"},
         "2.3 to 2.15"),
        ({"requirements.txt": "keras>=3", "setup.py": "setup(install_requires='keras<3')"}, ""),
        ({"requirements-a.txt": "keras==2.3", "requirements-b.txt": "keras==3.3"}, "2.3 or 3.3"),
        ({"requirements.txt": "-r base/all.txt", "base/all.txt": "keras==2.3\n-r all.txt"}, "2.3"),
        ({"requirements.txt": "keras>=2\n-c pins.txt", "pins.txt": "keras==2.3"}, "2.3"),
        ({"requirements.txt": "-r nowhere.txt\nkeras==2.3"}, "2.3"),
        ({"pyproject.toml": "keras = ["}, ""),
    ],
)  # fmt: skip
def test_which_file_counts(files, label, tmp_path):
    write_all(tmp_path, **files)
    assert found(tmp_path)[0] == label


@pytest.mark.parametrize(
    ("files", "label"),
    [
        ({"requirements.txt": "keras==2.3"}, "2.3"),
        ({"requirements.txt": "keras==2.3", "a/requirements.txt": "keras==3.1"}, "3.1"),
        ({"requirements.txt": "keras==2.3", "a/requirements.txt": "numpy"}, "2.3"),
        # What contradicts itself leaves all, and what is above does not change that.
        ({"requirements.txt": "keras==2.3", "a/requirements.txt": "keras>=1"}, ""),
        # The top of a repository, or of a project without one, is the end.
        ({"requirements.txt": "keras==2.3", "a/.git/HEAD": ""}, ""),
        ({"requirements.txt": "keras==2.3", "a/pyproject.toml": "", ".git/HEAD": ""}, "2.3"),
    ],
)
def test_the_nearest_folder_counts(files, label, tmp_path):
    write_all(tmp_path, **files, **{"reglint.toml": ""})
    assert found(tmp_path, "a/b")[0] == label


def test_nothing_above_a_project_counts(tmp_path):
    write_all(
        tmp_path, **{"requirements.txt": "keras==2.3", "a/pyproject.toml": "", "a/reglint.toml": ""}
    )
    assert found(tmp_path / "a")[0] == ""


def test_the_settings_have_the_last_word(tmp_path):
    write_all(
        tmp_path, **{"requirements.txt": "keras==2.3", "reglint.toml": 'keras-version = ">=3"'}
    )
    assert found(tmp_path)[0] == ""
    assert found(tmp_path, overrides={"keras-version": "auto"})[0] == "2.3"
    assert found(tmp_path, isolated=True)[0] == ""
    settings = Resolver().for_directory(tmp_path).settings(tmp_path / "a.py")
    assert (min(settings.keras), settings.assumed) == ((3, 0), False)


def test_settings_know_what_is_assumed(tmp_path):
    write_all(tmp_path, **{"requirements.txt": "keras==2.3"})
    settings = Resolver().for_directory(tmp_path).settings(tmp_path / "a.py")
    assert (settings.keras, settings.assumed) == ({(2, 3)}, True)


def test_no_folder_is_looked_into_twice(tmp_path, monkeypatch):
    looked = []
    monkeypatch.setattr(
        keras_version, "facts", lambda folder: looked.append(folder) or real(folder)
    )
    write_all(tmp_path, **{"requirements.txt": "keras==2.3", ".git/HEAD": "", "a/b/x.py": ""})
    projects = Projects()
    for folder in ("a/b", "a", "a/b", "."):
        assert projects.evidence(tmp_path / folder, tmp_path)
        projects.name(tmp_path / folder, tmp_path)
    assert sorted(looked) == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]


real = keras_version.facts


@pytest.mark.parametrize(
    ("releases", "words"),
    [
        (EVERY, "1.0 or later"),
        (matching("2", EVERY), "2.0 to 2.21"),
        (TF_KERAS, "2.15 to 2.21"),
        (frozenset({KNOWN_VERSIONS[-1]}), "{}.{} or later".format(*KNOWN_VERSIONS[-1])),
        (frozenset({(2, 3), (2, 4), (3, 1)}), "2.3 to 2.4 or 3.1"),
    ],
)
def test_releases_in_words(releases, words):
    assert described(releases) == f"Keras {words}"


# -- What is called what


@pytest.mark.parametrize(
    ("file", "text", "name"),
    [
        ("pyproject.toml", '[project]\nname = "Keras-Net.Zoo"\n', "keras_net_zoo"),
        ("pyproject.toml", '[tool.poetry]\nname = "net"\n', "net"),
        ("pyproject.toml", "[project]\nname = 3\n", ""),
        ("pyproject.toml", '[project]\nname = "3d-net"\n', ""),
        ("pyproject.toml", "name =", ""),
        ("setup.cfg", "[metadata]\nname = net\n", "net"),
        ("setup.py", "NAME = 'net'\nsetup(name=NAME)\n", "net"),
        ("setup.py", "setup(name=open('name').read())\n", ""),
        ("other.toml", '[project]\nname = "net"\n', ""),
    ],
)
def test_the_package_is_that_of_the_project(file, text, name, tmp_path):
    write_all(tmp_path, **{file: text, "reglint.toml": ""})
    path = tmp_path / "a" / "model.py"
    assert Resolver().for_directory(tmp_path).settings(path).package == name
    given = Resolver(overrides={"serialization-package": "Mine"}).for_directory(tmp_path)
    assert given.settings(path).package == "Mine"
    assert Resolver(isolated=True).for_directory(tmp_path).settings(path).package == ""
