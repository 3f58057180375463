"""Registration in every form, also in other files, and what rests on other files in the cache."""

from __future__ import annotations

import json

import pytest

from helpers.files import write

CUBIC = """\
import keras
{imports}

{decorator}
class Cubic(keras.regularizers.Regularizer):
    def __call__(self, x):
        return keras.ops.sum(x)

    def get_config(self):
        return {{}}
"""
OWN = """\
import keras

def keep(cls):
    return keras.saving.register_keras_serializable(package="own")(cls)
"""
OPTION = 'registration-decorators = ["them.keep"]'
EXPORT = """\
import keras

class Mark:
    def __init__(self, path):
        self.path = path

    def __call__(self, symbol):
        keras.saving.register_keras_serializable(package="own")(symbol)
        return symbol
"""


def check(reglint, *options):
    return reglint("check", "--select", "RGL301", "--output-format", "concise", *options)


@pytest.mark.parametrize(
    ("others", "imports", "decorator"),
    [
        ({"pkg/own.py": OWN}, "from .own import keep", "@keep"),
        ({"pkg/own.py": OWN}, "from pkg.own import keep as s", "@s"),
        ({"pkg/own.py": OWN}, "from pkg import own", "@own.keep"),
        ({"pkg/mark.py": EXPORT}, "from .mark import Mark", '@Mark("own.Cubic")'),
        (
            {"pkg/own.py": OWN, "pkg/api.py": "from .own import keep as expose"},
            "from .api import expose",
            "@expose",
        ),
        ({"load.py": 'load_model(p, custom_objects={"Cubic": Cubic})'}, "", ""),
        ({}, "from keras.src.api_export import keras_export", '@keras_export("own.Cubic")'),
        ({}, "find = lambda c: deserialize_keras_object(c, module_objects=globals())", ""),
        ({"load.py": 'get_custom_objects()["Cubic"] = pkg.Cubic'}, "", ""),
        ({"reglint.toml": OPTION}, "from them import keep", "@keep"),
        ({}, "from them import register_layer", "@register_layer"),
    ],
)  # fmt: skip
def test_registered_somewhere_in_the_project(reglint, here, others, imports, decorator):
    write(here / "pyproject.toml", "")
    write(here / "pkg/__init__.py", "")
    write(here / "pkg/cubic.py", CUBIC.format(imports=imports, decorator=decorator))
    for name, text in others.items():
        write(here / name, text)
    assert check(reglint).out == ""


def test_a_decorator_of_the_project_that_does_something_else(reglint, here):
    write(here / "own.py", "def timed(cls):\n    return cls\n")
    write(here / "cubic.py", CUBIC.format(imports="from own import timed", decorator="@timed"))
    assert "`Cubic` is not registered" in check(reglint).out


def test_the_package_is_the_name_of_the_project(reglint, here):
    (here / "reglint.toml").unlink()
    write(here / "pyproject.toml", '[project]\nname = "my-nets"\n[tool.reglint]\n')
    write(here / "cubic.py", CUBIC.format(imports="", decorator=""))
    reglint("fix", "--select", "RGL301", "--unsafe-fixes")
    text = (here / "cubic.py").read_text()
    assert '@keras.saving.register_keras_serializable(package="my_nets")\nclass Cubic' in text


def test_a_cached_result_holds_until_another_file_changes(reglint, here, analysed):
    write(here / "own.py", OWN)
    imports = "from own import keep"
    write(here / "cubic.py", CUBIC.format(imports=imports, decorator="@keep"))
    assert check(reglint).out == ""
    analysed.clear()
    assert check(reglint).out == ""
    assert not analysed
    write(here / "own.py", "def keep(cls):\n    return cls\n")
    assert "`Cubic` is not registered" in check(reglint).out
    assert analysed == ["cubic.py"]


BASE = """\
import keras

class Base(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def get_config(self):
        return {**super().get_config(), "units": self.units}
"""
DERIVED = """\
from {module} import Base  # keras

class Derived(Base):
    def __init__(self, units, rate=0.5, **kwargs):
        super().__init__(units, **kwargs)
        self.rate = rate
"""


@pytest.mark.parametrize(
    ("base", "derived", "module"),
    [
        ("pkg/base.py", "pkg/derived.py", ".base"),
        ("src/pkg/base.py", "src/pkg/deep/derived.py", "..base"),
        ("src/pkg/base.py", "tests/derived.py", "pkg.base"),
        ("base.py", "derived.py", "base"),
    ],
)
def test_what_a_base_in_another_file_writes_counts(reglint, here, base, derived, module):
    write(here / "pyproject.toml", "")
    write(here / base, BASE)
    write(here / derived, DERIVED.format(module=module))
    done = reglint("check", "--select", "RGL303", "--output-format", "concise")
    assert done.out.count("\n") == 1
    assert "`Derived` has from `Base`, leaves out `rate`, back at its default" in done.out
    reglint("fix", "--select", "RGL303")
    assert 'config.update({"rate": self.rate})' in (here / derived).read_text()


def test_given_to_keras_in_a_notebook(reglint, here):
    source = [*CUBIC.format(imports="", decorator="").splitlines(keepends=True)]
    source += ['keras.models.load_model("m.keras", custom_objects={"Cubic": Cubic})']
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": source}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    write(here / "cubic.ipynb", json.dumps(notebook))
    assert check(reglint).out == ""
