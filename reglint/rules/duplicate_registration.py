"""RGL311."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from reglint.analysis.canonical import keras_name
from reglint.analysis.registration import REGISTER
from reglint.analysis.syntax import code, cst, string
from reglint.model import Finding, Severity
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Branch, Class, Scope

_TEST = re.compile(r"(?:^|/)(?:tests?/|test_|conftest\.)|_test\.py$")


class DuplicateRegistration(Rule):
    """Two classes are registered under one name, and Keras loads the one for the other.

    `register_keras_serializable` says nothing when a name is taken: the class registered last has
    it. Models made with the first class are then loaded with the second, by `load_model`,
    `clone_model` and `model_from_json`, even if `custom_objects` names the first. With two
    regularizers `Sum`, one of which is ten times as strong, the penalty of a layer is 12.0 before
    and 120.0 after; of a layer and a regularizer of one name the model cannot be loaded at all.

    The name is that of the class, and the package is "Custom", unless the decorator says
    otherwise. Found are classes of one file, and those of one Python package that differ; of two
    scripts or notebooks nobody can tell whether they ever run together.

    ## Example

    ```python
    @keras.saving.register_keras_serializable(package="mine", name="Sum")
    class SumOfSquares(keras.regularizers.Regularizer):
        def __call__(self, x):
            return keras.ops.sum(keras.ops.square(x))


    @keras.saving.register_keras_serializable(package="mine", name="Sum")
    class SumOfCubes(keras.regularizers.Regularizer):
        def __call__(self, x):
            return keras.ops.sum(keras.ops.abs(x) ** 3)
    ```

    ## Fix safety

    There is no fix: another name or package makes files that were saved before unloadable.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1.
    """

    code = "RGL311"
    name = "duplicate-registration"
    since = (2, 4)
    triggers = (b"keras", b"register_keras_serializable", b"class")

    def check_module(self, module: Module) -> Iterator[Finding]:
        seen: dict[str, list[_Registered]] = {}
        for registered in _registered_classes(module):
            others = seen.setdefault(registered.key, [])
            name = registered.cls.node.name
            if any(registered.replaces(other) for other in others):
                yield Finding(name, f"`{registered.key}` is registered for another class already")
            elif not others:
                yield from _elsewhere(registered, module)
            others.append(registered)


class _Registered(NamedTuple):
    """A class with a decorator that registers it."""

    key: str  # "package>name"
    cls: Class
    branch: Branch | None

    def replaces(self, other: _Registered) -> bool:
        """Tell whether it takes the name away from a class further up that is still in use."""
        # A class of the same name in the same place is the same one, written anew.
        again = (self.cls.scope, self.name) == (other.cls.scope, other.name)
        return not again and not _exclude(self.branch, other.branch)

    @property
    def name(self) -> str:
        """Return the name of the class."""
        return self.cls.node.name.value


def _registered_classes(module: Module) -> Iterator[_Registered]:
    """Yield the classes that are there once the module is imported: none that a function makes."""
    branches = {id(site.node): site.branch for site in module.decorators}
    for cls in module.classes:
        if cls.scope.enclosing(cst.FunctionDef):
            continue
        for decorator in cls.node.decorators:
            key = _key(decorator.decorator, cls.node.name.value, cls.scope, module)
            if key:
                yield _Registered(key, cls, branches.get(id(decorator)))


def _key(decorator: cst.BaseExpression, name: str, scope: Scope, module: Module) -> str | None:
    """Return the name under which a decorator registers a class, if it does."""
    if not isinstance(decorator, cst.Call):
        return None
    if keras_name(decorator.func, scope, module) != REGISTER:
        return None
    parts = {"package": "Custom", "name": name}
    for place, arg in zip(("package", "name"), decorator.args, strict=False):
        value = module.expression(arg.value, scope)
        text = string(value.node) if value and not arg.star else None
        if text is None:
            return None
        parts[arg.keyword.value if arg.keyword else place] = text
    return "{package}>{name}".format_map(parts)


def _exclude(one: Branch | None, other: Branch | None) -> bool:
    """Tell whether only one of two pieces of code is ever run."""
    arms: dict[int, bool] = {}
    while one is not None:
        arms[id(one.node)] = one.first
        one = one.outer
    while other is not None:
        if arms.get(id(other.node), other.first) is not other.first:
            return True
        other = other.outer
    return False


def _elsewhere(registered: _Registered, module: Module) -> Iterator[Finding]:
    """Find another module of the same package that registers the same name."""
    text = code(registered.cls.node)
    own = module.project.file
    for file, other in module.project.registering(registered.name):
        if file == own or not _in_one_package(file, own.parent):
            continue
        twins = [code(c.cls.node) for c in _registered_classes(other) if c.key == registered.key]
        if twins and text not in twins:  # no copy
            message = f"`{file.name}` of this package registers another class as"
            name = registered.cls.node.name
            yield Finding(name, f"{message} `{registered.key}`", severity=Severity.WARNING)
            return


def _in_one_package(file: Path, folder: Path) -> bool:
    """Tell whether a file is in the same Python package as those of a folder, and is no test."""
    common = next(f for f in (file.parent, *file.parent.parents) if folder.is_relative_to(f))
    if file.suffix == ".ipynb" or _TEST.search(file.relative_to(common).as_posix()):
        return False
    inner = {common, *_between(file.parent, common), *_between(folder, common)}
    return all((each / "__init__.py").is_file() for each in inner)


def _between(folder: Path, above: Path) -> list[Path]:
    return [f for f in (folder, *folder.parents) if f != above and f.is_relative_to(above)]
