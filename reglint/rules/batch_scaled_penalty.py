"""RGL203."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reglint.analysis.flow import assigned
from reglint.analysis.packages import package
from reglint.analysis.penalties import penalties
from reglint.analysis.syntax import cst, number
from reglint.model import Finding, Fix, Insert, Safety, Severity
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.names import Module
    from reglint.analysis.penalties import Penalty
    from reglint.analysis.terms import Term

_SUMS = {"sum", "l2_loss"}
_SUMMANDS = {
    "add", "subtract", "negative", "cast", "convert", "identity", "total", "tuple", "choice",
    "loop", "result",
}  # fmt: skip
# What a factor may be made of that has nothing to do with the samples.
_PLAIN = {
    "number", "attribute", "self", "symbol", "parameter", "unknown", "add", "subtract", "negative",
    "multiply", "divide", "power", "square", "cast", "convert", "identity", "choice", "loop",
}  # fmt: skip
_ACTIVATIONS = "keras.activations."
# What gives something for each sample if it gets something for each sample.
_PER_SAMPLE = {
    "square", "sqrt", "rsqrt", "abs", "exp", "log", "log1p", "sign", "negative", "clip",
    "softmax", "activation", "normalize", "add", "subtract", "multiply", "divide",
    "divide_no_nan", "power", "maximum", "minimum", "squared_difference", "cast", "convert",
    "identity", "stop_gradient",
}  # fmt: skip
# What may be, or come from, the size of the batch.
_SIZES = {"shape", "count"}
_SIZE = re.compile(r"(?i)batch|shape|size|(?:^|[._])(?:n|bs|num|len|count)(?:$|_)")
_NOT_DATA = {"training", "mask"}
# How the type of the tensor `x` is written, by the package that the sum is from.
_DTYPES = {
    "keras.ops": "{x}.dtype",
    "keras.backend": "{package}.dtype({x})",
    "tensorflow": "{x}.dtype",
}


class BatchScaledPenalty(Rule):
    """A penalty on what goes through a layer is summed over the batch, and grows with its size.

    What `add_loss` gets is added to the loss as it is. A sum over all axes of a tensor adds up the
    samples, while the loss it is added to is their mean: `0.02 * tf.reduce_sum(tf.square(inputs))`
    for 3 inputs that are 2 is 0.24, 0.48 and 0.96 for batches of 1, 2 and 4. Another batch size
    is another strength, and the last batch of an epoch, which may be smaller, counts less.

    `ActivityRegularization` and `activity_regularizer` divide by the size of the batch (except in
    Keras 3.0 to 3.13). Silent are sums along an axis, means, sums of weights, and all that is
    divided by anything like a number of samples.

    ## Example

    ```python
    class Quiet(keras.layers.Layer):
        def call(self, inputs):
            squares = tf.reduce_sum(tf.square(inputs))
            self.add_loss(0.02 * squares)
            return inputs
    ```

    Use instead:

    ```python
    class Quiet(keras.layers.Layer):
        def call(self, inputs):
            squares = tf.reduce_sum(tf.square(inputs)) / tf.cast(tf.shape(inputs)[0], inputs.dtype)
            self.add_loss(0.02 * squares)
            return inputs
    ```

    ## Fix safety

    Unsafe: the penalty is divided by the size of the batch. To keep its strength, multiply the
    factor by the size that it was chosen for.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1 with TensorFlow, and on Keras 3.15.1 with JAX.
    """

    code = "RGL203"
    name = "batch-scaled-penalty"
    severity = Severity.WARNING
    triggers = (b"keras", b"add_loss", rb"sum|l2_loss")

    def check_module(self, module: Module) -> Iterator[Finding]:
        found: dict[cst.Call, list[tuple[Term, Penalty]]] = {}
        for penalty in penalties(module):
            if penalty.call and penalty.is_of_call:
                sums = [(term, penalty) for term in _batch_sums(penalty)]
                found.setdefault(penalty.call, []).extend(sums)
        for call, sums in found.items():
            if sums:
                message = "the penalty is a sum over the batch, and grows with its size"
                changes = [_divided(term, penalty) for term, penalty in sums]
                yield Finding(call.args[0].value, message, tuple(_fixes(changes)))


def _batch_sums(penalty: Penalty) -> list[Term]:
    """Return what sums up the samples in a penalty."""
    if any(_may_be_size(term) for term in penalty.value.walk()):
        return []
    return [term for term in _sums(penalty.value) if _is_batch(term.parts[0], penalty)]


def _may_be_size(term: Term) -> bool:
    return term.operation in _SIZES or bool(_SIZE.search(term.path or term.name))


def _sums(term: Term) -> Iterator[Term]:
    """Yield the sums over all axes that are summands of a value, or that times a plain factor."""
    operation, parts = term.operation, term.parts
    if operation in _SUMS:
        axis = term.options.get("axis")
        if parts and (axis is None or axis.operation == "none"):
            yield term
    elif operation in _SUMMANDS:
        for part in parts:
            yield from _sums(part)
    elif operation in {"multiply", "divide"}:
        for index, part in enumerate(parts[:1] if operation == "divide" else parts):
            if all(map(_is_plain, (*parts[:index], *parts[index + 1 :]))):
                yield from _sums(part)


def _is_plain(term: Term) -> bool:
    return all(part.operation in _PLAIN for part in term.walk())


def _is_batch(term: Term, penalty: Penalty) -> bool:
    """Tell whether the first axis of a value surely is that of the samples."""
    match term.operation:
        case "parameter":
            return term.name in _data(penalty)
        case "element" | "matmul":
            return _is_batch(term.parts[0], penalty)
        case "sum" | "mean" | "max" | "min":
            return _leaves_samples(term) and _is_batch(term.parts[0], penalty)
        case "choice" | "loop" | "result":
            return all(_is_batch(part, penalty) for part in term.parts)
        case "call":
            return _keeps_samples(term, penalty) and _is_batch(term.parts[-1], penalty)
    return term.operation in _PER_SAMPLE and any(_is_batch(part, penalty) for part in term.parts)


def _leaves_samples(reduction: Term) -> bool:
    """Tell whether a reduction is along other axes than the first."""
    axis = reduction.options.get("axis")
    axes = axis.parts if axis and axis.operation == "tuple" else filter(None, [axis])
    numbers = [number(each.node) for each in axes]
    return bool(numbers) and None not in numbers and 0 not in numbers


def _data(penalty: Penalty) -> list[str]:
    """Return the parameters of `call` that are tensors."""
    function = penalty.cls.method("call") if penalty.cls else None
    parameters = function.params.params[1:] if function else ()
    return [p.name.value for p in parameters if not p.default and p.name.value not in _NOT_DATA]


def _keeps_samples(call: Term, penalty: Penalty) -> bool:
    """Tell whether a call with one argument is of a layer or an activation."""
    if call.name.startswith(_ACTIVATIONS):
        return len(call.parts) == 1
    if len(call.parts) != 2 or penalty.cls is None:  # noqa: PLR2004 - what is called, and with what
        return False
    called = [call.parts[0]]
    if called[0].operation == "self":
        made = assigned(penalty.cls.node, call.name.removeprefix("self."), penalty.module)
        called = [form for term in made for form in term.forms()]
    return bool(called) and all(
        form.operation in {"call", "symbol"}
        and form.name.startswith((_ACTIVATIONS, "keras.layers."))
        and form.short != "Lambda"
        for form in called
    )


def _fixes(changes: list[Insert | None]) -> Iterator[Fix]:
    if all(changes):
        reason = "the penalty is divided by the size of the batch"
        title = "Divide by the size of the batch"
        yield Fix(title, tuple(filter(None, changes)), Safety.UNSAFE, reason)


def _divided(term: Term, penalty: Penalty) -> Insert | None:
    """Divide a sum by the size of the batch, with the functions of the package that it is from."""
    known = package(term)
    names = [name for name in _whole(term.parts[0]) if name in _data(penalty)]
    if not known or known.name not in _DTYPES or not names or term.scope is not penalty.scope:
        return None
    tensor = names[0]
    if len(penalty.scope.names[tensor]) > 1:
        return None  # it is not what was passed any more
    dtype = _DTYPES[known.name].format(package=known.prefix, x=tensor)
    size = f"{known.function('shape')}({tensor})[0]"
    return Insert(term.node, f" / {known.function('cast')}({size}, {dtype})")


def _whole(term: Term) -> Iterator[str]:
    """Yield the parameters that a value is computed from as they are: it has their type."""
    if term.operation == "parameter":
        yield term.name
    elif term.operation not in {"element", "call"}:
        for part in term.parts:
            yield from _whole(part)
