"""RGL204."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint import keras_api
from reglint.analysis.calls import arguments, called
from reglint.analysis.scopes import Site
from reglint.analysis.syntax import code, cst, is_name
from reglint.keras_api import Effect, Generation
from reglint.model import Finding, Fix, Replace, Safety
from reglint.rules.rule import Rule
from reglint.rules.values import moved, reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Argument, Call
    from reglint.keras_api import Layer

_NAME = "activity_regularizer"
_ALONE = "keras.layers.ActivityRegularization"
# Inside, these hand the regularizer on to layers that they call as layers are called.
_ATTENTION = {"keras.layers.MultiHeadAttention", "keras.layers.GroupQueryAttention"}
_ADDED = "it adds a penalty that is silently left out today"


class DroppedActivityRegularizer(Rule):
    """An activity regularizer is accepted, and there is no penalty.

    - `SimpleRNN` of Keras 3 takes `activity_regularizer` and forgets it; `LSTM` and `GRU` do not.
    - `TimeDistributed` of Keras 3 does not call the layer inside as layers are called, so that
      what penalises the output of that layer never runs. Measured for a `Dense` that returns 4s,
      three of them at each of 5 steps: no penalty, where tf.keras 2 made 0.48, the mean over the
      steps; on the wrapper it is 2.4, their sum, in both. Penalties of weights, of layers within a
      model inside, and `add_loss` in `call` are not lost.
    - `EinsumDense` of tf.keras 2 takes it and forgets it.
    - `InputLayer`, `HashedCrossing` and, since Keras 3.7, a functional `Model` take any keyword.

    ## Example

    ```python
    keras.layers.TimeDistributed(Dense(8, activity_regularizer="l2"))
    ```

    Use instead:

    ```python
    keras.layers.TimeDistributed(Dense(8), activity_regularizer="l2")
    ```

    ## Fix safety

    Unsafe: the fix adds a penalty that was missing. The one of `TimeDistributed` is as many times
    stronger than in tf.keras 2 as there are steps. For `SimpleRNN` the same weights are used by
    `RNN(SimpleRNNCell(...))`, with the same output, but under other names in a saved model.
    Taking the argument away from what can have no penalty is safe.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1 with TensorFlow, and on Keras 3.15.1 with JAX.
    Keras issues 3771, 4394 and 4561 are about the same of `TimeDistributed` in Keras 1.
    """

    code = "RGL204"
    name = "dropped-activity-regularizer"
    since = (2, 4)
    triggers = (b"keras", b"ctivity", rb"activity_regularizer|ActivityRegularization")
    calls = ("keras.layers.*", "keras.Model")

    def check_call(self, call: Call) -> Iterator[Finding]:
        version = max(call.versions)
        if call.short == "TimeDistributed" and version >= (3, 0):
            yield from _inside(call)
        penalty = call.keyword(_NAME)
        layer = keras_api.layer(call.short)
        if penalty is None or layer is None or is_name(penalty.value, "None"):
            return
        if call.name == "keras.Model" and call.argument("outputs", 1) is None:
            return  # in a model that has a `call` of its own it works
        generation = keras_api.generation(version)
        if layer.effect(_NAME, generation) is Effect.SILENT:
            release = f"Keras {version[0]}"
            message = f"`{call.short}` of {release} accepts `{_NAME}` and adds no penalty"
            yield Finding(penalty.key, message, tuple(_fixes(penalty, call, layer)))


def _inside(call: Call) -> Iterator[Finding]:
    """Find what penalises the output of the layer inside a `TimeDistributed`."""
    layer = call.argument("layer", 0)
    value = call.module.expression(layer.value, layer.scope) if layer else None
    if layer is None or value is None or not isinstance(value.node, cst.Call):
        return
    written_here = value.node is layer.value
    if not written_here and not _is_read_once(layer, call):
        return  # it may be called by itself, too
    site = Site(value.node, value.scope, None)
    names = called(site, call.module)
    message = (
        "`TimeDistributed` of Keras 3 leaves out the penalty on the output of the layer inside"
    )
    if names == {_ALONE}:
        yield Finding(
            value.node.func, message, _taken_out(value.node, call) if written_here else ()
        )
        return
    found, _ = arguments(site, call.module)
    penalty = next((argument for argument in found if argument.name == _NAME), None)
    if not penalty or is_name(penalty.value, "None") or not names or names & _ATTENTION:
        return
    fixes: tuple[Fix, ...] = ()
    if written_here and not call.keyword(_NAME) and (changes := moved(penalty, call.node)):
        title = "Move it to the `TimeDistributed`"
        fixes = (Fix(title, changes, Safety.UNSAFE, _ADDED),)
    yield Finding(penalty.key, message, fixes)


def _is_read_once(argument: Argument, call: Call) -> bool:
    name = cst.ensure_type(argument.value, cst.Name).value
    return len(call.module.reads(name, argument.scope.find(name))) == 1


def _taken_out(inner: cst.Call, call: Call) -> tuple[Fix, ...]:
    """Drop the wrapper of a layer that does the same to each step and to all of them."""
    if len(call.node.args) > 1:
        return ()
    change = Replace(call.node, code(inner))
    return (Fix("Take it out of the `TimeDistributed`", (change,), Safety.UNSAFE, _ADDED),)


def _fixes(penalty: Argument, call: Call, layer: Layer) -> Iterator[Fix]:
    known = {layer.effect(_NAME, keras_api.generation(v)) for v in call.versions}
    removed = penalty.removed()
    if call.short == "SimpleRNN":
        yield from _as_cell(call)
    elif removed and known <= {Effect.SILENT, Effect.RAISES}:
        yield Fix(f"Remove `{_NAME}`, which does nothing", (removed,))


def _as_cell(call: Call) -> Iterator[Fix]:
    """Make `RNN(SimpleRNNCell(8), ...)` of `SimpleRNN(8, ...)`, where the regularizer works."""
    rnn, cell = reference(call, "layers.RNN"), reference(call, "layers.SimpleRNNCell")
    known = keras_api.layer("SimpleRNNCell")
    text = code(call.node)
    plain = call.target is call.node.func and not any(arg.star for arg in call.node.args)
    if rnn is None or cell is None or known is None or "#" in text or not plain:
        return
    of_cell = known.positional(Generation.KERAS_3)
    inner: list[str] = []
    outer: list[str] = []
    for arg in call.node.args:
        name = arg.keyword.value if arg.keyword else None
        part = f"{name}={code(arg.value)}" if name else code(arg.value)
        (inner if name is None or name in of_cell else outer).append(part)
    parts = ", ".join([f"{cell[0]}({', '.join(inner)})", *outer])
    change = Replace(call.node, f"{rnn[0]}({parts})")
    title = "Use `RNN` with a `SimpleRNNCell`"
    yield Fix(title, (change, *rnn[1], *cell[1]), Safety.UNSAFE, _ADDED)
