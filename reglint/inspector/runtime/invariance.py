"""Which regularized weights the output does not depend on in size: a normalization follows them.

A penalty on such weights does not make the function simpler. It makes them smaller, and with that
the effective learning rate larger. It is found by doubling a variable, and looking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from reglint.inspector.facts import Finding, ScaleInvariance, Variable
from reglint.inspector.listing import few
from reglint.inspector.runtime.data import leaves
from reglint.inspector.runtime.state import (
    call,
    preserved,
    restore,
    same_noise,
    snapshot,
    states,
)
from reglint.model import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reglint.inspector.runtime.data import Batch

MAX_VARIABLES = 200  # a call for each
MAX_SAMPLES = 32
MIN_SAMPLES = 8  # of two samples, BatchNormalization leaves nothing but signs

# Doubling changes the output by less than this where a normalization follows, 1e-7 to 0.02 on small
# models with random weights; more only where a variance is as small as its epsilon. Elsewhere it
# was 0.1 and more, and turning the variable never changed the output ten times as much.
THRESHOLD = 0.03
_LESS_THAN_TURNED = 0.1

_NAMED = 8  # variables in a note

_TINY, _ALMOST_ONE = 1e-37, 1 - 6e-8  # where float32 saturates


def measure(
    model: Any, variables: Sequence[tuple[Any, Variable]], batch: Batch
) -> tuple[ScaleInvariance, ...]:
    """Return how the output changes when each variable is doubled, relative to how it varies.

    The change is |f(2w) - f(w)| over the deviation of f(w) from its mean over samples, in training
    mode with the same dropout. Probabilities are compared as logits. A variable that the output
    does not depend on at all is left out. The model is left as it was. May raise whatever a model
    does.
    """
    x, _, _ = batch.spread(MAX_SAMPLES).take(slice(None))
    found = []
    with preserved(model):
        state = snapshot([*model.non_trainable_variables, *states(model)])

        def outputs() -> list[Any]:
            with same_noise():
                predicted = call(model, x, training=True)
            restore(state)
            return [_open(keras.ops.convert_to_numpy(leaf)) for leaf in leaves(predicted)]

        before = outputs()
        for variable, name in variables[:MAX_VARIABLES]:
            kept = snapshot([variable])
            value = kept[0][1].astype("float64")
            variable.assign(keras.ops.cast(2 * value, variable.dtype))
            doubled = _change(before, outputs())
            restore(kept)
            if doubled < THRESHOLD:
                # Rule out that nothing would change it: as large a step, in another direction.
                turned = value + _direction(value)
                variable.assign(keras.ops.cast(turned, variable.dtype))
                if doubled >= _LESS_THAN_TURNED * _change(before, outputs()):
                    doubled = np.nan
                restore(kept)
            if np.isfinite(doubled):
                found.append(ScaleInvariance(name, float(doubled)))
    return tuple(found)


def findings(found: Sequence[ScaleInvariance]) -> tuple[Finding, ...]:
    """Return the variables that the output does not depend on in size."""
    return tuple(
        Finding(
            "scale-invariant",
            Severity.INFO,
            one.variable.layer,
            f"doubling `{one.variable}` changes the output by {one.change:.1g}: its penalty changes"
            " the effective learning rate, not the function",
        )
        for one in found
        if one.change < THRESHOLD
    )


def left_out(variables: Sequence[Variable], found: Sequence[ScaleInvariance]) -> str:
    """Return a sentence that names the variables that `measure` left out, empty if there is none.

    `variables` are those that it was given.
    """
    known = {one.variable for one in found}
    names = [f"`{name}`" for name in variables[:MAX_VARIABLES] if name not in known]
    if not names:
        return ""
    verb, pronoun = ("is", "it") if len(names) == 1 else ("are", "them")
    return (
        f"scale invariance: {few(names, _NAMED)} {verb} not listed: the output hardly depends on"
        f" {pronoun}"
    )


def _direction(value: Any) -> Any:
    """Return a random tensor as long as `value`, the same each time."""
    drawn = np.random.default_rng(0).standard_normal(value.shape)
    return drawn * (np.linalg.norm(value) / np.linalg.norm(drawn))


def _open(output: Any) -> Any:
    """Return an output in float64; probabilities as logits, NaN where they are saturated.

    A softmax that is sure of itself hides what changes before it.
    """
    output = np.asarray(output, "float64")
    if output.min() < 0 or output.max() > 1:
        return output
    inside = (output > _TINY) & (output < _ALMOST_ONE)
    logits = np.full(output.shape, np.nan)
    logits[inside] = np.log(output[inside]) - np.log1p(-output[inside])
    return logits


def _change(before: Sequence[Any], after: Sequence[Any]) -> float:
    """Return |after - before| over the deviation of `before`, of the output that changes most.

    NaN, where none varies from sample to sample.
    """
    changes = [np.nan]
    for old, new in zip(before, after, strict=True):
        known = np.isfinite(old) & np.isfinite(new)
        counts = np.maximum(known.sum(axis=0, keepdims=True), 1)
        mean = np.where(known, old, 0).sum(axis=0, keepdims=True) / counts
        deviation = np.linalg.norm(np.where(known, old - mean, 0))
        if deviation:
            changes.append(float(np.linalg.norm(np.where(known, new - old, 0)) / deviation))
    return float(np.fmax.reduce(changes))
