"""Which releases of Keras one file can run on, given what it imports and uses itself.

A name that Keras has only got since some release says that older ones are not meant. That a name
is gone says nothing: such code is what reglint finds, and it may be meant to run again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.canonical import symbol
from reglint.analysis.scopes import Imported
from reglint.analysis.syntax import cst, dotted, string
from reglint.keras_version import EVERY, TF_KERAS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.names import Module
    from reglint.model import Version

# What a package that Keras is imported from can be.
_PACKAGES = {
    "keras": EVERY,
    "tensorflow": frozenset(version for version in EVERY if version >= (2, 0)),
    "tf_keras": TF_KERAS,
    "keras_core": frozenset(version for version in EVERY if version >= (3, 0)),
}

# The release that brought a name in `keras`. From the packages of 2.11 to 3.15, one of each minor
# release, and for 3.0 to 3.15 from running them.
_SINCE: dict[str, Version] = {
    **dict.fromkeys(
        (
            *("config", "device", "distribution", "dtype_policies", "name_scope", "ops", "random"),
            *(
                "DTypePolicy",
                "Function",
                "Initializer",
                "InputSpec",
                "KerasTensor",
                "Layer",
                "Loss",
            ),
            *("Metric", "Operation", "Optimizer", "Regularizer", "StatelessScope", "Variable"),
        ),
        (3, 0),
    ),
    **dict.fromkeys(("Quantizer", "quantizers", "tree"), (3, 1)),
    "SymbolicScope": (3, 5),
    "visualization": (3, 7),
    **dict.fromkeys(("RematScope", "remat"), (3, 9)),
    "distillation": (3, 12),
}


def own_releases(module: Module) -> frozenset[Version]:
    """Return those of the releases in the settings of a module that it can run on.

    If there are none, what the user has said holds, but of what the project only requires, what
    the module needs.
    """
    settings = module.settings
    possible = frozenset(version for some in _packages(module) for version in some) or EVERY
    paths = (path for path in _used(module) if path.partition(".")[0] not in module.shadowed)
    first = max(map(_since, paths), default=(0, 0))
    own = frozenset(version for version in possible if version >= first) or EVERY
    left = settings.keras & own
    if not settings.assumed:
        return left or settings.keras
    # Requirements tell which `keras` and `tensorflow` there are, not which `tf_keras` is beside.
    return left | (own & TF_KERAS if _imports_tf_keras(module) else frozenset()) or own


def _packages(module: Module) -> Iterator[frozenset[Version]]:
    """Yield what the Keras of each package that the module imports can be."""
    legacy = _is_legacy(module)
    for package in _imported(module) & _PACKAGES.keys() - module.shadowed:
        yield TF_KERAS if legacy and package == "tensorflow" else _PACKAGES[package]


def _imports_tf_keras(module: Module) -> bool:
    return "tf_keras" in _imported(module) or _is_legacy(module)


def _imported(module: Module) -> set[str]:
    """Return the packages that the module imports anything from."""
    bound = (b for bindings in module.scope.names.values() for b in bindings)
    paths = [b.path for b in bound if isinstance(b, Imported)]
    paths += module.stars
    paths += [".".join(_from(site.node)) for site in module.imports]
    return {path.partition(".")[0] for path in paths}


def _from(node: cst.CSTNode) -> tuple[str, ...]:
    """Return the dotted path that a statement imports from, nothing for a relative one."""
    statement = cst.ensure_type(node, cst.ImportFrom)
    return () if statement.relative else dotted(statement.module)


def _is_legacy(module: Module) -> bool:
    """Tell whether the module makes `tf.keras` be `tf_keras`, before anything else runs."""
    return any(
        _sets_variable(statement)
        for line in module.tree.body
        if isinstance(line, cst.SimpleStatementLine)
        for statement in line.body
    )


def _sets_variable(statement: cst.CSTNode) -> bool:
    match statement:
        case cst.Assign(
            targets=[
                cst.AssignTarget(
                    target=cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=key))])
                )
            ],
            value=value,
        ):
            return string(key) == "TF_USE_LEGACY_KERAS" and string(value) in {"1", "true", "True"}
    return False


def _used(module: Module) -> Iterator[str]:
    """Yield the paths that the module uses whatever the release: under no `if` and no `try`."""
    for site in module.imports:
        names = cst.ensure_type(site.node, cst.ImportFrom).names
        source = _from(site.node)
        if site.branch is None and source and not isinstance(names, cst.ImportStar):
            yield from (".".join((*source, dotted(alias.name)[0])) for alias in names)
    for site in module.calls:
        function = cst.ensure_type(site.node, cst.Call).func
        if site.branch is None and _may_be_new(function):
            first, *rest = dotted(function) or ("",)
            match module.scope.names.get(first):
                case [Imported(path=path)] if site.scope.find(first) is module.scope:
                    yield ".".join((path, *rest))


def _may_be_new(function: cst.CSTNode) -> bool:
    """Tell cheaply whether this may be `keras.Variable` or `keras.ops.sum`."""
    if type(function) is not cst.Attribute:
        return False
    owner = function.value
    return function.attr.value in _SINCE or (
        type(owner) is cst.Attribute and owner.attr.value in _SINCE
    )


def _since(path: str) -> Version:
    found = symbol(path)
    if found is None or not found.root:
        return (0, 0)
    return _SINCE.get(f"{found.name}.".split(".")[1], (0, 0))
