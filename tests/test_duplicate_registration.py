"""What files of one package register, which no single file shows."""

from __future__ import annotations

import pytest

from reglint import engine
from reglint.keras_api import KNOWN_VERSIONS
from reglint.model import Settings
from reglint.project import View, project
from reglint.source import Source

LAYER = """\
import keras


@keras.saving.register_keras_serializable("{}")
class Scale(keras.layers.Layer):
    def call(self, inputs):
        return {} * inputs
"""


def check(root, path):
    settings = Settings(frozenset({"RGL311"}), frozenset(KNOWN_VERSIONS))
    file = root / path
    view = View(project(file.parent, root), file, settings, file.read_text())
    result = engine.check(Source.from_bytes(path, file.read_bytes()), settings, view)
    return [diagnostic.message for diagnostic in result.diagnostics], view.answers()


def write(root, texts):
    (root / "pyproject.toml").touch()
    for path, text in texts.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.mark.parametrize("other", ["a/two.py", "a/b/two.py", "a/b/c/two.py"])
def test_two_modules_of_one_package(other, tmp_path):
    packages = {f"{folder}/__init__.py": "" for folder in ("a", "a/b", "a/b/c")}
    one, two = LAYER.format("mine", 1), LAYER.format("mine", 2)
    write(tmp_path, {**packages, "a/b/one.py": one, other: two})
    messages, answers = check(tmp_path, "a/b/one.py")
    assert messages == ["`two.py` of this package registers another class as `mine>Scale`"]
    assert any(question.kind == "registering" for question in answers)


@pytest.mark.parametrize(
    ("other", "text"),
    [
        ("a/two.py", LAYER.format("mine", 1)),  # a copy
        ("a/two.py", LAYER.format("theirs", 2)),
        ("a/two.py", f"def make():\n    {LAYER.format('mine', 2)}".replace("\n", "\n    ")),
        ("a/two.py", LAYER.format("mine", 2).replace("@keras", "# @keras")),
        ("b/two.py", LAYER.format("mine", 2)),  # a script
        ("a/scripts/two.py", LAYER.format("mine", 2)),
        ("a/test_two.py", LAYER.format("mine", 2)),
        ("a/two.py", "class Scale("),
    ],
)
def test_what_does_not_get_in_the_way(other, text, tmp_path):
    write(tmp_path, {"a/__init__.py": "", "a/one.py": LAYER.format("mine", 1), other: text})
    assert check(tmp_path, "a/one.py")[0] == []


def test_two_scripts(tmp_path):
    write(tmp_path, {"one.py": LAYER.format("mine", 1), "two.py": LAYER.format("mine", 2)})
    assert check(tmp_path, "one.py")[0] == []
