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

    # x, y, sample_weight -> the gradients of the data loss and, if asked for, of the penalty, by
    # variable; None: there is none
    Step = Callable[[Any, Any, Any], list[list[Any]]]


def measure(model: Any, tree: Tree, loss: Any, batch: Batch) -> tuple[LayerGradient, ...]:
    """Return what pulls at each layer, averaged over all of `batch`.

    `loss(y, y_pred, sample_weight)` is the data loss. Layers without trainable variables of their
    own are left out. May raise whatever a backend does.
    """
    trainable = list(model.trainable_variables)
    step = gradients_at(model, loss, trainable, penalties=True)
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


def gradients_at(model: Any, loss: Any, variables: list[Any], *, penalties: bool) -> Step:
    """Return a function of samples that has the gradients at the values of the moment.

    Only JAX compiles it; on the others, and within what is compiled already, it runs as it is
    (`compiled`).
    """
    return _STEPS[keras.backend.backend()](model, loss, variables, penalties)


def compiled(function: Callable[..., Any], variables: list[Any]) -> Callable[..., Any]:
    """Return `function` as the backend compiles it; torch runs it as it is.

    It takes and returns arrays, and lists and dicts of them. Of what changes between two calls it
    may read only `variables`, and it must not write to them.
    """
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf  # noqa: PLC0415 - the backend in use

            return tf.function(function)  # type: ignore[no-any-return]
        case "jax":
            import jax  # noqa: PLC0415 - the backend in use

            def stateless(values: list[Any], *args: Any) -> Any:
                with keras.StatelessScope(zip(variables, values, strict=True)):
                    return function(*args)

            jitted = jax.jit(stateless)
            return lambda *args: jitted([variable.value for variable in variables], *args)
    return function


def _terms(loss: Any, y: Any, predicted: Any, weight: Any, losses: list[Any] | None) -> list[Any]:
    """Return the data loss and, if there are `losses`, the penalty."""
    terms = [loss(y, predicted, weight)]
    return terms if losses is None else [*terms, penalty(losses)]


def _tensorflow(model: Any, loss: Any, variables: list[Any], penalties: bool) -> Step:  # noqa: FBT001
    import tensorflow as tf  # noqa: PLC0415 - the backend in use, if this is called

    values = [variable.value for variable in variables]

    def step(x: Any, y: Any, weight: Any) -> Any:
        with tf.GradientTape(persistent=True) as tape:
            predicted = call(model, x, training=False)
            terms = _terms(loss, y, predicted, weight, model.losses if penalties else None)
        # An Embedding has a sparse gradient.
        return [
            [None if g is None else tf.convert_to_tensor(g) for g in tape.gradient(term, values)]
            for term in terms
        ]

    return step


def _jax(model: Any, loss: Any, variables: list[Any], penalties: bool) -> Step:  # noqa: FBT001
    import jax  # noqa: PLC0415 - the backend in use, if this is called

    places = {id(variable): place for place, variable in enumerate(model.trainable_variables)}
    arguments = {"training": False} if getattr(model, "_call_has_training_arg", True) else {}

    def step(trainable: Any, others: Any, x: Any, y: Any, weight: Any) -> Any:
        def terms(values: Any) -> list[Any]:
            everything = list(trainable)
            for variable, value in zip(variables, values, strict=True):
                everything[places[id(variable)]] = value
            predicted, _, losses = model.stateless_call(
                everything, others, x, return_losses=True, **arguments
            )
            with keras.StatelessScope():  # losses of several outputs keep metrics
                return _terms(loss, y, predicted, weight, losses if penalties else None)

        found, pull = jax.vjp(terms, [trainable[places[id(variable)]] for variable in variables])
        units = [
            [jax.numpy.asarray(row == column, term.dtype) for column, term in enumerate(found)]
            for row in range(len(found))
        ]
        return [pull(unit)[0] for unit in units]

    jitted = jax.jit(step)

    def at_present(x: Any, y: Any, weight: Any) -> Any:
        trainable, others = (
            [keras.ops.convert_to_tensor(variable) for variable in group]
            for group in (model.trainable_variables, model.non_trainable_variables)
        )
        return jitted(trainable, others, x, y, weight)

    return at_present


def _torch(model: Any, loss: Any, variables: list[Any], penalties: bool) -> Step:  # noqa: FBT001
    import torch  # noqa: PLC0415 - the backend in use, if this is called

    values = [variable.value for variable in variables]

    def step(x: Any, y: Any, weight: Any) -> Any:
        predicted = call(model, x, training=False)
        terms = _terms(loss, y, predicted, weight, model.losses if penalties else None)
        return [
            list(torch.autograd.grad(term, values, retain_graph=True, allow_unused=True))
            if term.requires_grad
            else [None] * len(values)
            for term in terms
        ]

    return step


_STEPS: dict[str, Callable[[Any, Any, list[Any], bool], Step]] = {
    "tensorflow": _tensorflow,
    "jax": _jax,
    "torch": _torch,
}
