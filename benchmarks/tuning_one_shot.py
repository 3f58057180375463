"""One-shot linear response: train once, and tell from there what another coefficient would give.

Let `w` be the weights of a training. Those of one with the coefficient `c` are taken to be `w + d`,
where `(G + 2 * c * K) d = -(g + 2 * c * K w)`: `g` is the gradient of the data loss, `G` its
generalized Gauss-Newton matrix, and `K` picks the kernels. Each solution is some conjugate
gradients, without any training; the best is taken by the validation loss. For JAX alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reglint.inspector.runtime.data import Batch
    from reglint.tuning.trainer import Trainer

    Weights = list[jax.Array]

ITERATIONS = 15  # of conjugate gradients
SAMPLES = 128  # of the training that the matrix is of
DAMPING = 1e-3
PRODUCT = 2.0  # what a product with the matrix costs, in gradients


def best(
    trainer: Trainer, training: Batch, validation: Batch, grid: Iterable[float]
) -> tuple[float, float]:
    """Return the best of `grid` for a trained model, and what it took in gradients of a batch."""
    model = trainer.model
    kernels = {id(variable) for variable in trainer.variables}
    picked = [float(id(variable) in kernels) for variable in model.trainable_variables]
    weights = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]
    part = training.spread(SAMPLES)

    def outputs(weights: Weights, x: Any) -> jax.Array:
        return model.stateless_call(weights, others, x, training=False)[0]  # type: ignore[no-any-return]

    def loss(weights: Weights, data: Batch) -> jax.Array:
        return model._compile_loss(jnp.asarray(data.y), outputs(weights, data.x), None)  # noqa: SLF001

    gradient = jax.grad(loss)(weights, training)

    def product(vector: Weights) -> Weights:
        """Return `G` times a vector: of a mean of convex losses of the outputs."""
        found, tangent = jax.jvp(lambda w: outputs(w, part.x), (weights,), (vector,))

        def of_outputs(each: jax.Array) -> jax.Array:
            return model._compile_loss(jnp.asarray(part.y), each, None)  # noqa: SLF001

        curved = jax.jvp(jax.grad(of_outputs), (found,), (tangent,))[1]
        return jax.vjp(lambda w: outputs(w, part.x), weights)[1](curved)[0]  # type: ignore[no-any-return]

    @jax.jit
    def response(coefficient: jax.Array) -> jax.Array:
        strength = [2 * coefficient * each for each in picked]

        def matrix(vector: Weights) -> Weights:
            return [
                g + (s + DAMPING) * v
                for g, s, v in zip(product(vector), strength, vector, strict=True)
            ]

        right = [-(g + s * w) for g, s, w in zip(gradient, strength, weights, strict=True)]
        moved, _ = jax.scipy.sparse.linalg.cg(matrix, right, maxiter=ITERATIONS, tol=0.0)
        found = loss([w + d for w, d in zip(weights, moved, strict=True)], validation)
        return jnp.where(jnp.isfinite(found), found, jnp.inf)

    losses = {each: float(response(jnp.asarray(each, jnp.float32))) for each in map(float, grid)}
    products = len(losses) * ITERATIONS * PRODUCT * part.samples / trainer.batch_size
    looks = (len(losses) / 3 * validation.samples + training.samples) / trainer.batch_size
    return min(losses, key=lambda each: losses[each]), products + looks
