"""RGL112."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.calls import spelling
from reglint.analysis.classes import class_around
from reglint.analysis.syntax import cst, descendants, number, string
from reglint.keras_api import backend
from reglint.keras_api.classes import Kind
from reglint.model import AddImport, Finding, Fix, Replace, Safety
from reglint.rules.rule import Rule
from reglint.rules.values import append_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Call
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope
    from reglint.keras_api.backend import Match
    from reglint.model import Change

_KERAS = "keras.backend."
_TF_KERAS = "tensorflow.keras.backend."
_CLASSES = frozenset({Kind.LAYER, Kind.MODEL, Kind.REGULARIZER})


class RemovedBackendFunction(Rule):
    """A penalty, a layer or a regularizer calls what `keras.backend` does not have any more.

    Of the 148 names that `keras.backend` had in tf.keras 2.15, Keras 3 has kept ten, such as
    `epsilon` and `floatx`. The others raise `AttributeError` where they are called, which for a
    regularizer is when the first layer is built. `tf.keras.backend` has lost fifteen, most of them
    about the learning phase.

    `keras.ops` has what is needed to write a penalty.

    ## Example

    ```python
    from keras import backend as K


    class Smooth(keras.regularizers.Regularizer):
        def __call__(self, weights):
            return K.sum(K.abs(weights[1:] - weights[:-1]))
    ```

    Use instead:

    ```python
    from keras import backend as K


    class Smooth(keras.regularizers.Regularizer):
        def __call__(self, weights):
            return keras.ops.sum(keras.ops.abs(weights[1:] - weights[:-1]))
    ```

    ## Fix safety

    Unsafe where the code may have to run on Keras 2, which has no `keras.ops`; safe in a file that
    uses it already, in a branch for Keras 3, or in a project that asks for Keras 3. There is a fix
    for the functions that return the same numbers, and `cast_to_floatx(l1)` becomes `float(l1)`.
    `sqrt` is unsafe: that of `keras.backend` took negative numbers for 0.

    `repeat`, `hard_sigmoid` and `switch` have no fix: `keras.ops` means something else by them.

    ## References

    All names were listed, and all pairs of functions compared, on tf.keras 2.15, Keras 3.0.5 and
    3.15.1 with TensorFlow and JAX.
    """

    code = "RGL112"
    name = "removed-backend-function"
    since = (3, 0)
    triggers = (b"keras", b"backend")
    calls = tuple(sorted(f"{_KERAS}{name}" for name in backend.GONE))

    def check_call(self, call: Call) -> Iterator[Finding]:
        may_be_keras_2 = any(version < self.since for version in call.versions)
        if not _is_gone(call) or not _matters(call):
            return
        message = f"Keras 3 has no `{call.root}.backend.{call.short}`"
        fix = _fix(call, may_be_keras_2=may_be_keras_2)
        yield Finding(call.target, message, (fix,) if fix else ())


def _is_gone(call: Call) -> bool:
    """Tell whether it is the public name that is called, and not one inside Keras."""
    paths = call.module.meaning(call.target, call.scope)
    gone = backend.GONE_FROM_TF_KERAS if call.root == "tensorflow.keras" else backend.GONE
    public = {_KERAS + call.short, _TF_KERAS + call.short}
    return call.short in gone and paths <= public and not _is_added(call)


def _is_added(call: Call) -> bool:
    """Tell whether the module itself gives `keras.backend` what is called: `K.sum = ops.sum`."""
    module = call.module
    owners = [
        (target.target.value, site.scope)
        for site in module.attributes.get(call.short, ())
        for target in cst.ensure_type(site.node, cst.Assign).targets
        if isinstance(target.target, cst.Attribute)
    ]
    for site in module.calls_named("setattr"):
        match site.node:
            case cst.Call(args=[cst.Arg(value=owner), cst.Arg(value=name), _]):
                owners += [(owner, site.scope)] if string(name) == call.short else []
    backends = {_KERAS[:-1], _TF_KERAS[:-1]}
    return any(module.meaning(owner, scope) & backends for owner, scope in owners)


# -- Where it matters


def _matters(call: Call) -> bool:
    around = class_around(call.scope, call.module)
    if around and around.kind in _CLASSES:
        return True
    penalties = call.module.once(_penalties)
    scope: Scope | None = call.scope
    while scope is not None:
        if id(scope.node) in penalties:
            return True
        scope = scope.parent
    return id(call.node) in penalties


def _penalties(module: Module) -> frozenset[int]:
    """Return the functions that are passed as regularizers, and all that `add_loss` is given."""
    found: set[int] = set()
    for site in module.calls:
        node = cst.ensure_type(site.node, cst.Call)
        for argument in node.args:
            if argument.keyword and argument.keyword.value.endswith("_regularizer"):
                function = module.function(argument.value, site.scope)
                found.add(id(function or argument.value))
    for site in module.calls_named("add_loss"):
        found |= {id(node) for node in descendants(site.node)}
    return frozenset(found)


# -- The fix


def _fix(call: Call, *, may_be_keras_2: bool) -> Fix | None:
    if call.short == "cast_to_floatx":
        return _float(call)
    match = backend.match(call.short)
    arguments = _arguments(call, match) if match else None
    written = _spelling(f"keras.ops.{match.name}", call) if match else None
    if match is None or arguments is None or written is None:
        return None
    text, imports = written
    title, changes = f"Use `{text}`", (Replace(call.target, text), *arguments, *imports)
    if may_be_keras_2:
        return Fix(title, changes, Safety.UNSAFE, "Keras 2 has no `keras.ops`")
    if call.short == "sqrt":
        reason = "the square root of a negative number was 0, and becomes `nan`"
        return Fix(title, changes, Safety.UNSAFE, reason)
    return Fix(title, changes)


def _float(call: Call) -> Fix | None:
    """Return the fix for a factor that a regularizer was given."""
    around = class_around(call.scope, call.module)
    match call.node.args:
        case [cst.Arg(value=value, keyword=None, star="")]:
            is_factor = number(_default(value, call.scope)) is not None
            is_regularizer = around is not None and around.kind is Kind.REGULARIZER
            if is_factor and is_regularizer and call.scope.find("float") is None:
                return Fix("Use `float`", (Replace(call.target, "float"),))
    return None


def _default(node: cst.BaseExpression, scope: Scope) -> cst.CSTNode:
    """Return the default of a parameter, or the expression itself."""
    match scope.names.get(node.value, ()) if isinstance(node, cst.Name) else ():
        case [binding]:
            return binding.node if not hasattr(binding, "path") else node
    return node


def _arguments(call: Call, match: Match) -> list[Change] | None:
    """Return what makes the arguments say the same there; nothing if that is not known."""
    given = {p.name: a for p, a in zip(match.parameters, call.positional, strict=False)}
    keywords = {a.name: a for a in call.arguments if a.name}
    known = {p.name for p in match.parameters}
    if (
        not call.complete
        or call.target is not call.node.func
        or len(call.positional) > len(given)
        or keywords.keys() - known
        or any(a.node not in call.node.args for a in call.arguments)
    ):
        return None
    passed = given.keys() | keywords.keys()
    changes: list[Change] = [
        keywords[p.name].renamed(p.new)
        for p in match.parameters
        if p.name in keywords and p.new != p.name
    ]
    missing = [
        f"{p.new}={p.default}" for p in match.parameters if p.default and p.name not in passed
    ]
    return [*changes, append_arguments(call.node, ", ".join(missing))] if missing else changes


def _spelling(name: str, call: Call) -> tuple[str, tuple[AddImport, ...]] | None:
    """Return how to write a function of `keras.ops` at a call, and the import that it needs."""
    if known := spelling(name, call):
        return known, ()
    if call.scope.find("ops") is not None:
        return None
    return name.removeprefix("keras."), (AddImport(call.root, "ops"),)
