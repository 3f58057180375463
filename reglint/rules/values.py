"""What several rules ask of the regularizers that a call passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.calls import spelling
from reglint.analysis.canonical import keras_name
from reglint.analysis.syntax import code, cst, number, string
from reglint.keras_api import KNOWN_VERSIONS
from reglint.model import AddImport, Insert

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reglint.analysis.calls import Argument, Call, Spot
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope
    from reglint.model import Change, Version

# What makes a penalty of L1, of L2, or of both.
_L1, _L2 = frozenset({"l1"}), frozenset({"l2"})
_BOTH = _L1 | _L2
_NORMS = {
    "keras.regularizers.l1": _L1,
    "keras.regularizers.L1": _L1,
    "keras.regularizers.l2": _L2,
    "keras.regularizers.L2": _L2,
    "keras.regularizers.l1_l2": _BOTH,
    "keras.regularizers.L1L2": _BOTH,
    "keras.layers.ActivityRegularization": _BOTH,
}


def regularizers(call: Call) -> Iterator[Argument]:
    """Yield the arguments of a layer that are meant to be regularizers."""
    return (a for a in call.arguments if a.name and a.name.endswith("_regularizer"))


def reference(spot: Spot, name: str) -> tuple[str, tuple[AddImport, ...]] | None:
    """Return how to write `keras.<name>` at a place in the code, and the import that it needs.

    Nothing if the name is taken by something else.
    """
    known = spelling(f"keras.{name}", spot)
    if known:
        return known, ()
    package, _, last = name.rpartition(".")
    if spot.scope.find(last) is not None:
        return None
    return last, (AddImport(f"{spot.root}.{package}".rstrip("."), last),)


def append_arguments(call: cst.Call, text: str) -> Insert:
    """Return the change that adds `text` behind the arguments of a call."""
    if call.args:
        return Insert(call.args[-1], f", {text}")
    return Insert(call.whitespace_before_args, text)  # the place between the parentheses


def regularized(call: cst.Call, regularizer: str) -> Insert | None:
    """Return the change that gives a regularizer to a weight that is made without one."""
    given = {arg.keyword.value if arg.keyword else arg.star for arg in call.args}
    if given & {"regularizer", "*", "**"}:
        return None
    return append_arguments(call, f"regularizer={regularizer}")


def line_of(node: cst.CSTNode, function: cst.FunctionDef) -> cst.SimpleStatementLine | None:
    """Return the line of a function, outside of all its branches and loops, that is this alone."""
    for line in function.body.body:
        match line:
            case cst.SimpleStatementLine(body=[cst.Expr(value=value)]) if value is node:
                return line
    return None


def moved(argument: Argument, call: cst.Call) -> tuple[Change, ...]:
    """Return the changes that pass an argument to another call; nothing if it has to stay."""
    removed = argument.removed()
    text = f"{argument.name}={code(argument.value)}"
    return (removed, append_arguments(call, text)) if removed else ()


def norms(node: cst.CSTNode, scope: Scope, module: Module) -> frozenset[str]:
    """Return what a penalty of Keras is made of, "l1" or "l2" or both; nothing if that is unknown.

    Both where the code may mean either: the factor that `l1_l2` is not given is not 0 in Keras 2.
    """
    value = module.expression(node, scope)
    if value is None or not isinstance(value.node, cst.Call):
        text = string(value.node) if value else None
        return _L1 if text in {"l1", "L1"} else _L2 if text in {"l2", "L2"} else frozenset()
    name = keras_name(value.node.func, value.scope, module) or ""
    found = _NORMS.get(name, frozenset())
    if found != _BOTH or any(arg.star for arg in value.node.args):
        return found
    given = {
        arg.keyword.value if arg.keyword else f"l{place}": arg.value
        for place, arg in enumerate(value.node.args, 1)
    }
    missing = frozenset() if name == "keras.regularizers.l1_l2" else found - given.keys()
    return found - missing - {p for p in found if number(given.get(p)) == 0}


def is_regularizer(argument: Argument, module: Module) -> bool:
    """Tell whether an argument surely is a regularizer, and not what the caller may leave out."""
    if module.is_up_to_the_caller(argument.value, argument.scope):
        return False
    value = module.expression(argument.value, argument.scope)
    match value.node if value else None:
        case cst.Call(func=function, args=[cst.Arg(value=given), *_]) if value:
            made = keras_name(function, value.scope, module) != "keras.regularizers.get"
            return made or string(given) is not None  # `get(penalty)` may well be `None`
        case cst.Call() | cst.SimpleString() | cst.Lambda():
            return True
    return False


def is_keras_known(module: Module) -> bool:
    """Tell whether the project says which releases of Keras it is for."""
    return module.settings.keras != frozenset(KNOWN_VERSIONS)


def spans(versions: Iterable[Version]) -> str:
    """Return releases as a sentence holds them: "Keras 2.4 to 2.21 and 3.0"."""
    every = [v for v in KNOWN_VERSIONS if v in frozenset(versions)]
    runs: list[list[Version]] = []
    for version in every:
        if runs and (runs[-1][-1][0], runs[-1][-1][1] + 1) == version:
            runs[-1].append(version)
        else:
            runs.append([version])
    ends = [dict.fromkeys((run[0], run[-1])) for run in runs]
    return "Keras " + _joined(" to ".join("{}.{}".format(*v) for v in end) for end in ends)


def listed(names: Iterable[str]) -> str:
    """Return names as a sentence holds them: "`a`, `b` and `c`"."""
    return _joined(f"`{name}`" for name in names)


def _joined(parts: Iterable[str]) -> str:
    every = list(parts)
    return " and ".join(filter(None, [", ".join(every[:-1]), *every[-1:]]))
