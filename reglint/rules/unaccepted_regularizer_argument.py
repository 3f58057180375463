"""RGL107."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint import keras_api
from reglint.analysis.calls import called
from reglint.analysis.scopes import Site
from reglint.analysis.syntax import cst, is_name
from reglint.keras_api import Effect, Generation
from reglint.model import Finding, Fix, Safety
from reglint.rules.legacy_regularizer_argument import caveat, renamed
from reglint.rules.rule import Rule
from reglint.rules.values import listed, moved, regularizers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Argument, Call
    from reglint.analysis.names import Module
    from reglint.keras_api import Layer
    from reglint.model import Change

_WRAPPERS = frozenset({"Bidirectional", "TimeDistributed"})
# What has no weights of its own but holds what has.
_HOLDERS = dict.fromkeys(_WRAPPERS, "the layer inside") | {
    "RNN": "the cell",
    "Model": "the layers",
    "Sequential": "the layers",
}
_TYPO = 0.9  # similarity of `embedding_regularizer` and `embeddings_regularizer`, and above
_KERNELS = frozenset({"kernel_regularizer", "W_regularizer", *keras_api.NEVER_ARGUMENTS})
_TRAINING = frozenset({"compile", "fit"})


class UnacceptedRegularizerArgument(Rule):
    """A regularizer is passed to something that does not take it, or takes it and drops it.

    - `SeparableConv1D/2D` and `DepthwiseConv1D/2D` have no kernel but a depthwise (and a
      pointwise) one. Keras 2 accepts `kernel_regularizer` for them **and adds no penalty**;
      Keras 3 raises `ValueError`.
    - `Embedding` has `embeddings_regularizer` only.
    - Wrappers such as `Bidirectional` and `TimeDistributed` have no weights: the regularizer
      belongs to the layer inside.
    - Layers without weights (`Dropout`, `Flatten`, pooling ...) take at most
      `activity_regularizer`.
    - `InputLayer` accepts any keyword in Keras 3 and ignores it. (An `activity_regularizer` that
      is dropped is RGL204's.)
    - `Model`, `Sequential`, `compile` and `fit` take no regularizer at all. Since Keras 3.7 a
      functional `Model` does not even say so.

    ## Example

    ```python
    keras.layers.DepthwiseConv2D(3, kernel_regularizer=keras.regularizers.l2(0.01))
    ```

    Use instead:

    ```python
    keras.layers.DepthwiseConv2D(3, depthwise_regularizer=keras.regularizers.l2(0.01))
    ```

    ## Fix safety

    Unsafe for separable and depthwise convolutions: on Keras 2 the penalty was silently missing,
    and the fix adds it. Safe for `Embedding` and for moving an argument into a wrapped layer:
    every release raised.

    ## References

    Every layer and every argument was tried with a penalty of known value on Keras 1.2.2, 2.3.1,
    tf.keras 2.15, Keras 3.0.5 and 3.15.1.
    """

    code = "RGL107"
    name = "unaccepted-regularizer-argument"
    since = (2, 0)
    calls = ("keras.layers.*", "keras.Input", "keras.Model", "keras.Sequential")
    argument = "_regularizer"

    def check_call(self, call: Call) -> Iterator[Finding]:
        layer = keras_api.layer(call.short)
        if layer is None:
            return
        newest = keras_api.generation(max(call.versions))
        for argument in regularizers(call):
            assert argument.name is not None
            if renamed(argument.name, layer):
                continue  # RGL101's
            effect = _effect(argument.name, layer, newest)
            if effect is Effect.RAISES:
                message = _refusal(argument.name, call, layer, newest) + caveat(call, layer)
            elif effect is Effect.SILENT and argument.name != "activity_regularizer":  # RGL204's
                release = f"Keras {max(call.versions)[0]}"
                message = f"`{call.short}` of {release} accepts `{argument.name}` and drops it"
            else:
                continue
            yield Finding(argument.key, message, tuple(_fixes(argument, call, layer, newest)))

    def check_module(self, module: Module) -> Iterator[Finding]:
        """Find regularizers given to `model.compile(...)` and `model.fit(...)`."""
        for site in module.calls:
            call = cst.ensure_type(site.node, cst.Call)
            if not isinstance(call.func, cst.Attribute) or call.func.attr.value not in _TRAINING:
                continue
            for argument in call.args:
                name = argument.keyword.value if argument.keyword else ""
                if argument.keyword and name.endswith("_regularizer") and _is_model(site, module):
                    method = call.func.attr.value
                    message = f"`{method}` takes no `{name}`: regularizers belong to the layers"
                    yield Finding(argument.keyword, message)


def _effect(argument: str, layer: Layer, newest: Generation) -> Effect | None:
    """Return what an argument does. What swallows any keyword makes nothing of an unknown one."""
    signature = layer.signatures.get(newest)
    if signature and signature.swallows and argument not in signature.keywords:
        return Effect.SILENT
    return layer.effect(argument, newest)


def _refusal(argument: str, call: Call, layer: Layer, newest: Generation) -> str:
    message = f"`{call.short}` has no argument `{argument}`"
    instead = layer.regularizers(newest)
    silent = any(
        layer.effect(argument, g) is Effect.SILENT
        for g in {keras_api.generation(v) for v in call.versions}
    )
    if silent:
        message += ", which Keras 2 accepts without adding a penalty"
    elif call.short in _HOLDERS:
        message += f", which belongs to {_HOLDERS[call.short]}"
    elif not instead:
        message += " and no weights to regularize"
    return f"{message}; it takes {listed(instead)}" if instead else message


def _fixes(argument: Argument, call: Call, layer: Layer, newest: Generation) -> Iterator[Fix]:
    removed = argument.removed()
    if is_name(argument.value, "None") and removed:
        yield Fix(f"Remove `{argument.name}`, which is `None`", (removed,))
        return
    if argument.shared or len(argument.goes_to) > 1:
        return
    kernels = [r for r in layer.regularizers(newest) if r != "bias_regularizer"]
    if call.short in _WRAPPERS:
        yield from _moved(argument, call)
    elif argument.name in _KERNELS and kernels and not any(map(call.keyword, kernels)):
        yield from _split(argument, layer, kernels, newest)
    else:
        yield from _misspelt(argument, call, layer, newest)


def _misspelt(argument: Argument, call: Call, layer: Layer, newest: Generation) -> Iterator[Fix]:
    """Rename an argument that is a letter or two away from one that the layer has."""
    from difflib import get_close_matches  # noqa: PLC0415 - needed only where something is wrong

    known = [*layer.regularizers(newest), "activity_regularizer"]
    near = get_close_matches(argument.name or "", known, n=1, cutoff=_TYPO)
    if near and not call.keyword(near[0]):
        yield Fix(f"Rename it to `{near[0]}`", (argument.renamed(near[0]),))


def _moved(argument: Argument, call: Call) -> Iterator[Fix]:
    """Move a regularizer from a wrapper into the layer that it wraps."""
    assert argument.name is not None
    inner = call.argument("layer", 0)
    if inner is None or not isinstance(inner.value, cst.Call):
        return
    names = called(Site(inner.value, inner.scope, None), call.module)
    layers = [found for name in names if (found := keras_api.layer(name.rpartition(".")[2]))]
    given = {a.keyword.value for a in inner.value.args if a.keyword}
    takes = [
        layer.effect(argument.name, Generation.KERAS_3) is Effect.EFFECTIVE for layer in layers
    ]
    changes = moved(argument, inner.value)
    if changes and takes and all(takes) and argument.name not in given:
        yield Fix(f"Move `{argument.name}` into the wrapped layer", changes)


def _split(
    argument: Argument, layer: Layer, kernels: list[str], newest: Generation
) -> Iterator[Fix]:
    """Give a kernel's regularizer to what the layer has in place of a kernel."""
    first, *others = kernels
    if layer.main_regularizer == first:  # there is nothing else it can mean, and it never ran
        yield Fix(f"Rename it to `{first}`", (argument.renamed(first),))
        return
    if not first.startswith("depthwise"):
        return  # gamma or beta, kernel or recurrent kernel: who knows
    twins = [argument.twin(other) for other in others]
    if twins and not (all(twins) and _repeatable(argument.value)):
        return
    changes: list[Change] = [argument.renamed(first), *filter(None, twins)]
    reason = "it adds a penalty that Keras 2 silently leaves out"
    if newest not in {Generation.KERAS_3, Generation.KERAS_3_0}:
        reason = "it adds a penalty that is silently left out today"
    yield Fix(f"Use {listed(kernels)}", tuple(changes), Safety.UNSAFE, reason)


def _repeatable(node: cst.BaseExpression) -> bool:
    """Tell whether an expression may be written twice: a name, or a call with plain arguments."""
    if isinstance(node, cst.Call):
        return all(
            isinstance(a.value, (cst.Name, cst.Attribute, cst.BaseNumber)) for a in node.args
        )
    return isinstance(node, (cst.Name, cst.Attribute, cst.SimpleString))


def _is_model(site: Site, module: Module) -> bool:
    """Tell whether the receiver of a method is a model that this module makes."""
    function = cst.ensure_type(cst.ensure_type(site.node, cst.Call).func, cst.Attribute)
    made = module.expression(function.value, site.scope)
    if made is None or not isinstance(made.node, cst.Call):
        return False
    names = called(Site(made.node, made.scope, None), module)
    return bool(names) and names <= {"keras.Model", "keras.Sequential"}
