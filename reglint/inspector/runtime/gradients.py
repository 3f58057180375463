"""What pulls at the weights of each layer: the gradients of the penalties and of the data loss.

Penalties are all that `fit` adds to the loss: of weights, of activities, and `add_loss`. The model
runs with training=False, so that neither dropout nor batch statistics add noise. On JAX penalties
are those that `fit` sees: keras 3.15.1 keeps only the last activity penalty of a shared layer
there, and none of the model itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from reglint.inspector.facts import LayerGradient
from reglint.inspector.runtime.state import call

if TYPE_CHECKING:
    from collections.abc import Callable

    from reglint.inspector.runtime.data import Batch
    from reglint.inspector.runtime.layers import Tree

    # x, y, sample_weight -> the gradients of data loss and penalty; None: there is none
    Step = Callable[[Any, Any, Any], tuple[list[Any], list[Any]]]


def measure(model: Any, tree: Tree, loss: Any, batch: Batch) -> tuple[LayerGradient, ...]:
    """Return what pulls at each layer, averaged over all of `batch`.

    `loss(y, y_pred, sample_weight)` is the data loss. Layers without trainable variables of their
    own are left out. May raise whatever a backend does.
    """
    trainable = list(model.trainable_variables)
    step = _STEPS[keras.backend.backend()](model, loss, trainable)
    by_loss, by_penalty = ([np.zeros(v.shape) for v in trainable] for _ in range(2))
    for count, x, y, weight in batch.batches():
        share = count / batch.samples
        for sums, found in zip((by_loss, by_penalty), step(x, y, weight), strict=True):
            for index, gradient in enumerate(found):
                if gradient is not None:
                    sums[index] += share * _numpy(gradient).astype(np.float64)
    owned: dict[str, list[int]] = {}  # a variable that several layers hold counts for the first
    for index, variable in enumerate(trainable):
        for owner in tree.owners(variable)[:1]:
            owned.setdefault(owner.layer, []).append(index)
    return tuple(
        LayerGradient(
            node.path,
            node.class_name,
            sum(by_loss[index].size for index in own),
            penalty=_norm([by_penalty[index] for index in own]),
            loss=_norm([by_loss[index] for index in own]),
        )
        for node in tree.nodes
        if (own := owned.get(node.path))
    )


def penalty(losses: list[Any]) -> Any:
    """Return the sum of `model.losses` as `fit` adds them up, in float32."""
    ops = keras.ops
    return sum((ops.sum(ops.cast(value, "float32")) for value in losses), ops.zeros(()))


def _norm(gradients: list[Any]) -> float:
    return float(np.sqrt(sum(np.vdot(gradient, gradient) for gradient in gradients)))


def _numpy(value: Any) -> Any:
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.stop_gradient(value)))


def _both(model: Any, loss: Any, x: Any, y: Any, weight: Any) -> tuple[Any, Any]:
    """Return the data loss and the penalty of an eager call."""
    predicted = call(model, x, training=False)
    return loss(y, predicted, weight), penalty(model.losses)


def _tensorflow(model: Any, loss: Any, trainable: list[Any]) -> Step:
    import tensorflow as tf  # noqa: PLC0415 - the backend in use, if this is called

    values = [variable.value for variable in trainable]

    def step(x: Any, y: Any, weight: Any) -> Any:
        with tf.GradientTape(persistent=True) as tape:
            both = _both(model, loss, x, y, weight)
        # An Embedding has a sparse gradient.
        first, second = (
            [None if g is None else tf.convert_to_tensor(g) for g in tape.gradient(one, values)]
            for one in both
        )
        return first, second

    return step


def _jax(model: Any, loss: Any, trainable: list[Any]) -> Step:
    import jax  # noqa: PLC0415 - the backend in use, if this is called

    others = [variable.value for variable in model.non_trainable_variables]
    values = [variable.value for variable in trainable]
    arguments = {"training": False} if getattr(model, "_call_has_training_arg", True) else {}

    def step(values: Any, others: Any, x: Any, y: Any, weight: Any) -> Any:
        def both(values: Any) -> tuple[Any, Any]:
            predicted, _, losses = model.stateless_call(
                values, others, x, return_losses=True, **arguments
            )
            with keras.StatelessScope():  # losses of several outputs keep metrics
                return loss(y, predicted, weight), penalty(losses)

        found, pull = jax.vjp(both, values)
        one, zero = (jax.numpy.asarray(number, found[0].dtype) for number in (1, 0))
        ((first,), (second,)) = pull((one, zero)), pull((zero, one))
        return first, second

    compiled = jax.jit(step)
    return lambda x, y, weight: compiled(values, others, x, y, weight)


def _torch(model: Any, loss: Any, trainable: list[Any]) -> Step:
    import torch  # noqa: PLC0415 - the backend in use, if this is called

    values = [variable.value for variable in trainable]

    def step(x: Any, y: Any, weight: Any) -> Any:
        both = _both(model, loss, x, y, weight)
        first, second = (
            torch.autograd.grad(one, values, retain_graph=True, allow_unused=True)
            if one.requires_grad
            else [None] * len(values)
            for one in both
        )
        return list(first), list(second)

    return step


_STEPS: dict[str, Callable[[Any, Any, list[Any]], Step]] = {
    "tensorflow": _tensorflow,
    "jax": _jax,
    "torch": _torch,
}
