"""T1-T2: follow the gradient of the validation loss with respect to log(coefficient), in training.

J. Luketina et al., Scalable Gradient-Based Tuning of Continuous Regularization Hyperparameters,
ICML 2016. `L2(c)` moves a weight `w` by `-P * 2 * c * w` at a step, where P is what the optimizer
multiplies a gradient by; so the next validation loss changes by `-g * P * 2 * c * w` for each unit
of `log(c)`, g being its gradient. That is summed over the variables that share a coefficient.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from reglint.inspector.runtime.gradients import compiled, gradients_at
from reglint.tuning.trainer import subset

if TYPE_CHECKING:
    from collections.abc import Callable

    from reglint.tuning.search import Search
    from reglint.tuning.trainer import Trainer

    Vector = np.ndarray[Any, np.dtype[np.float64]]

# Where Keras' optimizers keep what they divide a gradient by, and whether it is squared there.
_SCALES = {"_velocities": True, "_accumulators": True, "_accumulated_grads": True, "_u": False}
_EPSILON = 1e-7


EVERY = 4  # batches of the training between two looks at the validation loss
SIZE = 32  # samples of such a look
_TRAVEL = 12.0  # in log(coefficient), if all steps were in one direction


class T1T2(keras.callbacks.Callback):  # type: ignore[misc]
    """A callback that changes the coefficients in the one training of a search.

    `shared`: all variables have one coefficient; else those with the same setting.
    """

    def __init__(self, search: Search, start: float, *, shared: bool) -> None:
        super().__init__()
        self.steps = 0.0  # gradients of the validation loss, in batches of the training
        self.path: list[float] = []
        self._trainer = trainer = search.trainer
        self._gradient = trainer.once(hypergradient)
        self._validation = search.validation
        self._random = np.random.default_rng(search.seed)
        self._groups = [0] * len(trainer.variables) if shared else trainer.settings
        self._ends = math.log(search.asked.lowest), math.log(search.asked.highest)
        self._log = np.full(len(trainer.variables), math.log(start))
        self._logs: list[Vector] = []
        batches = search.epochs * trainer.batches(search.training.samples)
        self._rate = _TRAVEL / max(batches // EVERY, 1)
        self._mean = np.zeros_like(self._log)
        self._square = np.zeros_like(self._log)
        self._step = 0

    @property
    def coefficients(self) -> tuple[float, ...]:
        """Return the geometric mean of the coefficients in the second half of the way."""
        half = self._logs[len(self._logs) // 2 :] or [self._log]
        return tuple(map(float, np.exp(np.mean(half, 0))))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Look at the validation loss after some batches, and change the coefficients."""
        self._step += 1
        if self._step % EVERY:
            return
        model = self._trainer.model
        if hasattr(model, "jax_state_sync"):
            model.jax_state_sync()  # variables have no values until then
        size = self._validation.fixed or min(SIZE, self._validation.samples)
        chosen = np.sort(self._random.choice(self._validation.samples, size, replace=False))
        part = subset(self._validation, chosen)
        found = self._gradient(part.x, part.y, part.sample_weight)
        self.steps += size / self._trainer.batch_size
        gradient = np.exp(self._log) * np.asarray(keras.ops.convert_to_numpy(found), np.float64)
        gradient = np.bincount(self._groups, gradient).astype(np.float64)[self._groups]
        if np.isfinite(gradient).all():  # else the training has diverged
            self._move(gradient)
            self._trainer.assign(np.exp(self._log))
        self._logs.append(self._log)
        self.path.append(float(np.exp(self._log.mean())))

    def _move(self, gradient: Vector) -> None:
        """Make a step of Adam, which does not mind how large gradients are."""
        updates = self._step // EVERY
        self._mean = 0.9 * self._mean + 0.1 * gradient
        self._square = 0.99 * self._square + 0.01 * gradient**2
        mean = self._mean / (1 - 0.9**updates)
        square = self._square / (1 - 0.99**updates)
        step = self._rate * mean / (np.sqrt(square) + np.finfo(float).tiny)
        self._log = np.clip(self._log - step, *self._ends)


def cost_of(steps: int, batch_size: int) -> float:
    """Return how many gradients of a batch a training of so many batches takes with the looks."""
    return steps + steps // EVERY * SIZE / batch_size


def hypergradient(trainer: Trainer) -> Callable[..., Any]:
    """Return a compiled function of samples: how the data loss after a step depends on each L2.

    It has an element for each variable of `trainer`: the derivative of the loss with respect to
    its coefficient, up to one positive factor for all, the learning rate.
    """
    model, variables = trainer.model, trainer.variables
    gradient = gradients_at(model, model._compile_loss, variables, penalties=False)  # noqa: SLF001
    scales = [_scale(model.optimizer, variable) for variable in variables]

    def derivative(x: Any, y: Any, weight: Any) -> Any:
        ops = keras.ops
        found = []
        for variable, own, (state, squared) in zip(
            variables, gradient(x, y, weight)[0], scales, strict=True
        ):
            if own is None:
                found.append(ops.zeros(()))
                continue
            product = ops.cast(own, "float32") * ops.cast(variable, "float32")
            if state is not None:
                scale = ops.cast(state, "float32")
                product = product / ((ops.sqrt(scale) if squared else scale) + _EPSILON)
            found.append(-2.0 * ops.sum(product))
        return ops.stack(found)

    state = [each for each, _ in scales if each is not None]
    return compiled(derivative, [*model.variables, *state])


def _scale(optimizer: Any, variable: Any) -> tuple[Any, bool]:
    """Return the state of an optimizer by which it divides the gradient of a variable, if any."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    for name, squared in _SCALES.items():
        states = getattr(optimizer, name, None)
        if isinstance(states, list) and states:
            state = states[optimizer._get_variable_index(variable)]  # noqa: SLF001
            if getattr(state, "shape", None) == variable.shape:
                return state, squared
    return None, False
