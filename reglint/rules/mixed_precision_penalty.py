"""RGL503."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.guards import releases
from reglint.analysis.packages import package_within
from reglint.analysis.penalties import penalties
from reglint.analysis.syntax import code, cst, descendants, dotted
from reglint.model import Finding, Fix, Replace, Severity
from reglint.rules.rule import Rule
from reglint.rules.values import append_arguments, is_regularizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reglint.analysis.calls import Call
    from reglint.analysis.names import Module
    from reglint.analysis.penalties import Penalty
    from reglint.analysis.terms import Term
    from reglint.model import Version

_SIGNAL = "mixed-precision"
_LAYER = "keras.layers.ActivityRegularization"
_STRICT = (3, 8)  # the first release that cannot add up losses of different types
# What gives a number of the type that it is given, even if of several.
_KEEPING = frozenset({
    "add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "sum", "mean", "max",
    "norm", "square", "abs", "sqrt", "exp", "log", "negative", "reshape", "transpose", "l2_loss",
    "matmul", "squared_difference",
})  # fmt: skip


class MixedPrecisionPenalty(Rule):
    """A penalty is computed in half precision, in a project that trains in mixed precision.

    Under `mixed_float16` or `mixed_bfloat16`, regularizers of weights get the float32 variable,
    and all is well. But the penalty of an output, and what `call` gives to `add_loss`, have the
    type that the layer computes in.

    - Keras 3.15 with TensorFlow raises in `fit` and `evaluate`: "Cannot convert a list containing
      a tensor of dtype float16 to float32". So it is since 3.8.
    - In float16 a sum ends at 65504. The sum of the squares of 80000 ones is infinite with
      tf.keras 2.15, and with Keras 3.0.5 and 3.15 on JAX.

    Casting helps before the numbers are summed up, not after. Where the policy is float32, the
    cast changes nothing.

    ## Example

    ```python
    keras.mixed_precision.set_global_policy("mixed_float16")


    class Quiet(keras.layers.Layer):
        def call(self, inputs):
            self.add_loss(0.1 * tf.reduce_mean(tf.square(inputs)))
            return inputs
    ```

    Use instead:

    ```python
    keras.mixed_precision.set_global_policy("mixed_float16")


    class Quiet(keras.layers.Layer):
        def call(self, inputs):
            self.add_loss(0.1 * tf.reduce_mean(tf.square(tf.cast(inputs, "float32"))))
            return inputs
    ```

    ## Fix safety

    Safe: the penalty is the same number, to a better precision. For the `activity_regularizer` of
    a layer there is no fix: give the layer `dtype="float32"`, or penalise its output with a layer
    `ActivityRegularization` of that type.

    ## References

    Run with `fit` on tf.keras 2.15, Keras 3.0.5 and 3.15.1 with TensorFlow, and on Keras 3.15.1
    with JAX.
    """

    code = "RGL503"
    name = "mixed-precision-penalty"
    severity = Severity.WARNING
    since = (2, 4)
    triggers = (b"keras", rb"activity_regularizer|ActivityRegularization|add_loss")
    calls = ("keras.layers.*",)

    def check_call(self, call: Call) -> Iterator[Finding]:
        penalty = call.keyword("activity_regularizer")
        found: cst.CSTNode | None = None
        if call.name == _LAYER and call.arguments:
            found = call.target
        elif penalty and is_regularizer(penalty, call.module):
            found = penalty.key
        if found is None or call.keyword("dtype") or not call.complete:
            return
        if call.module.project.mentions(_SIGNAL):
            fixes = tuple(_typed(call))
            yield Finding(found, _message(call.versions), fixes, _severity(call.module))

    def check_module(self, module: Module) -> Iterator[Finding]:
        for penalty in penalties(module):
            call, versions = penalty.call, releases(penalty.root, module.keras)
            if call and versions and _is_half(penalty) and module.project.mentions(_SIGNAL):
                fixes = tuple(_cast(penalty))
                message = _message(versions, elsewhere=_is_elsewhere(penalty.value))
                yield Finding(call.args[0].value, message, fixes, _severity(module))


def _severity(module: Module) -> Severity | None:
    """Return a lower severity where another file of the project speaks of mixed precision."""
    return None if module.project.says(_SIGNAL) else Severity.INFO


def _is_elsewhere(value: Term) -> bool:
    """Tell whether a value is computed by what does not run on TensorFlow."""
    return any(term.name.startswith(("jax.", "torch.")) for term in value.walk())


def _message(versions: Iterable[Version], *, elsewhere: bool = False) -> str:
    message = "in mixed precision this penalty is computed in half precision"
    if max(versions) >= _STRICT and not elsewhere:
        return f"{message}, which Keras 3.8 and later cannot add to the loss on TensorFlow"
    return f"{message}, where sums end at 65504"


def _typed(call: Call) -> Iterator[Fix]:
    if call.name == _LAYER:
        change = append_arguments(call.node, 'dtype="float32"')
        yield Fix('Add `dtype="float32"`', (change,))


def _is_half(penalty: Penalty) -> bool:
    """Tell whether a layer surely adds a number of the type that it computes in."""
    cls = penalty.cls
    if cls is None or not penalty.is_of_call:
        return False
    start = cls.method("__init__")
    typed = start and any(
        arg.keyword and arg.keyword.value == "dtype"
        for node in descendants(start) if isinstance(node, cst.Call) for arg in node.args
    )  # fmt: skip
    cast = any(term.operation in {"cast", "convert"} for term in penalty.value.walk())
    return not typed and not cast and _keeps(penalty.value, penalty)


def _keeps(term: Term, penalty: Penalty) -> bool:
    """Tell whether a value surely is made from what the layer gets, or its weights, uncast."""
    if term.path:
        function = penalty.cls.method("call") if penalty.cls else None
        first = function.params.params[1:2] if function else ()
        inputs = any(parameter is term.node for parameter in first)
        return inputs or bool(penalty.made(term))
    parts = [_keeps(part, penalty) for part in term.parts]
    if term.operation in {"choice", "loop", "result"}:
        return bool(parts) and all(parts)
    return term.operation in _KEEPING and any(parts)


def _cast(penalty: Penalty) -> Iterator[Fix]:
    """Cast each tensor where it is used, if all is in one expression."""
    call, known = penalty.call, package_within(penalty.value)
    shaped = any(term.operation == "shape" for term in penalty.value.walk())
    if call is None or known is None or shaped:
        return
    leaves = {leaf.path for leaf in penalty.value.leaves() if _keeps(leaf, penalty)}
    uses = [n for n in descendants(call.args[0]) if _path(n) in leaves]
    bound = penalty.scope.names.keys() - leaves - {"self"}
    if {_path(use) for use in uses} != leaves or any(
        isinstance(n, cst.Name) and n.value in bound for n in descendants(call.args[0])
    ):
        return
    cast = known.function("cast")
    changes = tuple(Replace(use, f'{cast}({code(use)}, "float32")') for use in uses)
    yield Fix("Cast to float32", changes)


def _path(node: cst.CSTNode) -> str:
    return ".".join(dotted(node))
