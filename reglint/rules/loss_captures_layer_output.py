"""RGL211."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from reglint import keras_api
from reglint.analysis.calls import Place, targets
from reglint.analysis.flow import value
from reglint.analysis.guards import reachable
from reglint.analysis.l1_l2 import l1_l2
from reglint.analysis.operations import called_operation
from reglint.analysis.scopes import Imported, Site, Value
from reglint.analysis.syntax import children, code, cst, descendants, dotted, parameters_of
from reglint.analysis.terms import Term
from reglint.keras_api import Effect, Generation
from reglint.model import Finding, Fix, Replace, Safety
from reglint.rules.rule import Rule
from reglint.rules.values import append_arguments, reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.l1_l2 import L1L2
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope

Function: TypeAlias = "cst.FunctionDef | cst.Lambda"

# How TensorFlow is told to work as its first version did, in which such a loss could run.
_GRAPH_MODE = ("disable_eager_execution", "disable_v2_behavior")
_ENDS = {"output", "outputs", "input", "inputs"}
# What gives a tensor for tensors: `keras.layers.add`, not `keras.layers.Add`.
_FUNCTIONS = ("keras.layers.", "keras.ops.", "keras.backend.")
_VALUES = {"eval", "get_value", "function", "count_params", "dtype"}
_NOT_TENSORS = {"shape", "constant", "constant_random", "unknown", "dict", "compare"}


class LossCapturesLayerOutput(Rule):
    """A loss function uses tensors that it cannot have.

    What a layer returns while a functional model is built is symbolic: it has a shape, and no
    values. A loss that is given to `compile` sees the targets and one output of the model. If it
    takes the output of another layer from the code around it, `fit` raises: `ValueError` in
    Keras 3 on every backend ("A KerasTensor cannot be used as input to a TensorFlow function"),
    `TypeError` in tf.keras 2. It worked in TensorFlow 1, and with multi-backend Keras.

    A loss that takes `y_pred` apart into several outputs gets them one by one, and raises as well:
    `OperatorNotAllowedInGraphError` on TensorFlow, "too many values to unpack" on JAX.

    An `activity_regularizer` penalises the output of a layer; `add_loss` in a layer, or an output
    of the model with a loss of its own, can do more. The weights of a layer may be used in a loss.

    ## Example

    ```python
    inputs = keras.Input((3,))
    hidden = Dense(8)(inputs)
    model = keras.Model(inputs, Dense(1)(hidden))


    def loss(y_true, y_pred):
        error = tf.square(y_true - y_pred)
        return tf.reduce_mean(error) + 0.1 * tf.reduce_sum(tf.square(hidden))


    model.compile("adam", loss=loss)
    ```

    Use instead:

    ```python
    inputs = keras.Input((3,))
    hidden = Dense(8, activity_regularizer=keras.regularizers.L2(0.1))(inputs)
    model = keras.Model(inputs, Dense(1)(hidden))


    def loss(y_true, y_pred):
        error = tf.square(y_true - y_pred)
        return tf.reduce_mean(error)


    model.compile("adam", loss=loss)
    ```

    ## Fix safety

    Unsafe: the penalty of an `activity_regularizer` is divided by the size of the batch, and the
    sum in such a loss never was. A fix is offered for sums of squares or absolute values alone.

    ## References

    Run with `fit` on tf.keras 2.15, Keras 3.0.5 and 3.15.1 with TensorFlow, and on Keras 3.15.1
    with JAX. Keras issues 5563 and 10910; TensorFlow issues 41200, 43151 and 48531.
    """

    code = "RGL211"
    name = "loss-captures-layer-output"
    since = (2, 4)
    triggers = (
        b"keras",
        b"compile",
        b"loss",
        # A function of two arguments, and tensors of a model or one that is taken apart.
        rb"def \w+\((?!self|cls)[^,()]+,[^,()]+\)|lambda [^,:()]+,[^,:()]+:",
        rb"Input\b|\.(?:in|out)puts?\b|\w, *\w+ *= *\w+(?:\s|\\n|$)",
    )

    def check_module(self, module: Module) -> Iterator[Finding]:
        if module.calls_named(*_GRAPH_MODE):
            return
        for site in module.calls_named("compile"):
            if any(version >= self.since for version in reachable(site.branch, module)):
                for loss in _losses(site, module):
                    yield from _captured(loss)
                    yield from _unpacked(loss)


class _Loss(NamedTuple):
    """A function that is given to `compile`."""

    function: Function
    scope: Scope  # its own
    module: Module
    given: dict[str, tuple[cst.BaseExpression, Scope]]  # to the function that made it, by name


def _losses(site: Site, module: Module) -> Iterator[_Loss]:
    call = cst.ensure_type(site.node, cst.Call)
    names = [arg.keyword.value if arg.keyword else "" for arg in call.args]
    if not isinstance(call.func, cst.Attribute) or "experimental_run_tf_function" in names:
        return
    places = [i for i, name in enumerate(names) if name == "loss" or (i == 1 and not name)]
    for place in places:
        if not _may_be_own(call.args[place].value, site.scope):
            continue
        for term, maker in _functions(value(call.args[place].value, site.scope, module)):
            node = term.node
            scope = (
                module.scope_of(node) if isinstance(node, (cst.FunctionDef, cst.Lambda)) else None
            )
            if scope and isinstance(node, (cst.FunctionDef, cst.Lambda)):
                yield _Loss(node, scope, module, _given(scope, maker))


def _may_be_own(node: cst.BaseExpression, scope: Scope) -> bool:
    """Tell cheaply whether a loss may be a function of this module."""
    for part in descendants(node):
        owner = scope.find(part.value) if isinstance(part, cst.Name) else None
        bindings = owner.names[part.value] if owner and isinstance(part, cst.Name) else ()
        if isinstance(part, cst.Lambda) or any(not isinstance(b, Imported) for b in bindings):
            return True
    return False


def _functions(term: Term, maker: Term | None = None) -> Iterator[tuple[Term, Term | None]]:
    """Yield the functions of the module that a value may be or hold, and what has made them."""
    if term.operation == "function":
        yield term, maker
    elif term.operation in {"choice", "loop", "tuple", "dict", "result"}:
        for part in term.parts:
            yield from _functions(part, term if term.operation == "result" else maker)
    elif term.operation == "element" and term.name.isdigit():  # `loss, encoded = make(x)`
        owner, place = term.parts[0], int(term.name)
        for form in owner.forms():
            if form.operation == "tuple" and place < len(form.parts):
                yield from _functions(form.parts[place], owner)


def _given(scope: Scope, maker: Term | None) -> dict[str, tuple[cst.BaseExpression, Scope]]:
    """Return what was passed to the function around a function, when it was made."""
    outer = scope.parent.node if scope.parent else None
    if (
        maker is None
        or not isinstance(maker.node, cst.Call)
        or not isinstance(outer, cst.FunctionDef)
    ):
        return {}
    names = [parameter.name.value for parameter in parameters_of(outer.params)]
    if isinstance(maker.node.func, cst.Attribute):
        names = names[1:]  # a method
    return {
        arg.keyword.value if arg.keyword else name: (arg.value, maker.scope)
        for name, arg in zip(names, maker.node.args, strict=False)
        if not arg.star
    }


def _captured(loss: _Loss) -> Iterator[Finding]:
    """Find the symbolic tensors that a loss takes from around it, each once."""
    seen = set()
    for node in _reads(loss.function.body, loss):
        text = code(node)
        if text not in seen and _is_symbolic(_term(node, loss)):
            seen.add(text)
            message = (
                f"`{text}` is a symbolic tensor of the model, and has no values in the loss:"
                " `fit` raises in tf.keras 2 and Keras 3"
            )
            yield Finding(node, message, tuple(_fixes(node, loss)))


def _reads(node: cst.CSTNode, loss: _Loss) -> Iterator[cst.Name | cst.Attribute]:
    """Yield what an expression or statement uses the values of: not what it calls, or the shape."""
    match node:
        case cst.Name() | cst.Attribute():
            yield node
        case cst.Call() if called_operation(node, loss.scope, loss.module) in _NOT_TENSORS:
            pass
        case cst.Call(func=function) if (dotted(function) or ("",))[-1][:1].isupper():
            pass  # a model may be made of symbolic tensors anywhere
        case cst.Call(args=args):
            for arg in args:
                yield from _reads(arg.value, loss)
        case _:
            for child in children(node):
                yield from _reads(child, loss)


def _term(node: cst.Name | cst.Attribute, loss: _Loss) -> Term | None:
    """Return what something from around a loss is; nothing for what is its own."""
    first: cst.BaseExpression = node
    while isinstance(first, cst.Attribute):
        first = first.value
    owner = loss.scope.find(first.value) if isinstance(first, cst.Name) else None
    if isinstance(first, cst.Name) and (owner is None or owner is loss.scope):
        return None
    found = value(node, loss.scope, loss.module)
    if isinstance(first, cst.Name) and owner is loss.scope.parent and first.value in loss.given:
        given = value(*loss.given[first.value], loss.module)
        if isinstance(node, cst.Name):
            return given
        if node.value is first:
            return replace(found, parts=(given,))
    return found


def _is_symbolic(term: Term | None) -> bool:
    """Tell whether a value surely is made from the inputs of a functional model."""
    seen: set[int] = set()
    waiting = [term] if term else []
    while waiting:
        some = waiting.pop()
        if id(some) in seen:
            continue
        seen.add(id(some))
        if some.operation == "attribute":
            if some.name in _ENDS and _is_layer(some.parts[0]):
                return True
        elif some.operation == "call":
            if some.name == "keras.Input" or _is_built(some):
                return True
            waiting += _passed(some)
        elif some.operation not in _NOT_TENSORS:
            waiting += some.parts
    return False


def _is_built(call: Term) -> bool:
    """Tell whether a new layer with weights is called with what a function was passed."""
    match call.parts:
        case [Term(operation="call", name=name), Term(operation="parameter")] if not call.name:
            layer = keras_api.layer(name.removeprefix("keras.layers."))
            return layer is not None and bool(layer.regularizers(Generation.KERAS_3))
    return False


def _passed(call: Term) -> tuple[Term, ...]:
    """Return what a call turns into tensors, if it gives any."""
    if call.name.startswith(_FUNCTIONS) and call.short.islower():
        return () if call.short in _VALUES else call.parts
    called = call.parts[0] if not call.name and call.parts else None
    return call.parts[1:] if called and _is_layer(called) else ()


def _is_layer(term: Term) -> bool:
    """Tell whether a value is a layer or a model."""
    if term.operation == "element":
        owner = term.parts[0]
        return owner.operation == "attribute" and owner.name == "layers"
    made = term.operation == "call" and term.name.startswith("keras.") and term.short[:1].isupper()
    return made or (term.operation == "call" and term.short == "get_layer")


def _unpacked(loss: _Loss) -> Iterator[Finding]:
    """Find where a loss takes one output for several."""
    names = [parameter.name.value for parameter in parameters_of(loss.function.params)][-2:]
    for node in descendants(loss.function.body):
        match node:
            case cst.Assign(
                targets=[cst.AssignTarget(target=cst.Tuple() | cst.List())],
                value=cst.Name(name) as tensor,
            ) if name in names and len(loss.scope.names.get(name, ())) == 1:
                message = f"a loss gets the outputs of a model one by one: `{name}` is one tensor"
                yield Finding(tensor, message)


def _fixes(node: cst.CSTNode, loss: _Loss) -> Iterator[Fix]:
    """Give a summand of the loss that is an L1 or L2 penalty to the layer that it is of."""
    layer = _layer(node, loss)
    total = _result(loss.function)
    if layer is None or total is None:
        return
    for penalty, rest in ((total.right, total.left), (total.left, total.right)):
        found = _penalty(penalty, node, loss)
        if found and not any(part is node for part in descendants(rest)):
            factor = found.arguments(layer[1].scope)
            if known := reference(layer[1], f"regularizers.{found.name.upper()}"):
                given = append_arguments(layer[0], f"activity_regularizer={known[0]}({factor})")
                title = "Make it an `activity_regularizer`"
                reason = "the penalty is divided by the size of the batch"
                kept = Replace(total, code(rest))
                yield Fix(title, (kept, given, *known[1]), Safety.UNSAFE, reason)
            return


def _result(function: Function) -> cst.BinaryOperation | None:
    """Return the sum that a function returns."""
    if isinstance(function, cst.Lambda):
        returned = [function.body]
    else:
        found = [n.value for n in descendants(function.body) if isinstance(n, cst.Return)]
        returned = list(filter(None, found))
    match returned:
        case [cst.BinaryOperation(operator=cst.Add()) as total]:
            return total
    return None


def _layer(node: cst.CSTNode, loss: _Loss) -> tuple[cst.Call, Place] | None:
    """Return the call that makes the layer whose output has this name, and where it is."""
    bound = loss.module.expression(node, loss.scope) if isinstance(node, cst.Name) else None
    match bound:
        case Value(node=cst.Call(func=cst.Call() as layer), scope=scope):
            symbols, skip, _ = targets(Site(layer, scope, None), loss.module)
            given = [arg.keyword.value if arg.keyword else arg.star for arg in layer.args]
            known = [keras_api.layer(found.name.removeprefix("keras.layers.")) for found in symbols]
            if skip or len(known) != 1 or {"*", "**", "activity_regularizer"} & set(given):
                return None
            effect = known[0] and known[0].effect("activity_regularizer", Generation.KERAS_3)
            place = Place(scope, loss.module, min(found.root for found in symbols))
            return (layer, place) if effect is Effect.EFFECTIVE else None
    return None


def _penalty(node: cst.BaseExpression, tensor: cst.CSTNode, loss: _Loss) -> L1L2 | None:
    """Return the regularizer that a summand is, with a number as its factor."""
    reads = list(_reads(node, loss))
    if len(reads) != 1 or reads[0] is not tensor:
        return None
    total, of = (value(some, loss.scope, loss.module) for some in (node, tensor))
    found = l1_l2(total, lambda term: term.node is of.node)
    # What has a name may get it only after the layer is made.
    return found if found and all(factor.is_literal for factor in found.factors) else None
