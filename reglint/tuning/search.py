"""How a coefficient is chosen, by method: all look at the samples for validation alone.

What `trials` chooses is a coefficient together with a number of epochs: the lowest validation loss
after any epoch of any of its trainings. Judged by their last epochs alone, the
same trainings choose far worse where networks overfit noisy labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from reglint.tuning.facts import Attempt, Candidate
from reglint.tuning.hypergradient import T1T2, cost_of
from reglint.tuning.request import Method
from reglint.tuning.statistics import geometric_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reglint.inspector.runtime.data import Batch
    from reglint.tuning.request import TuneRequest
    from reglint.tuning.trainer import Cost, Trainer

    # What was tried -> the next coefficient to try; None: it was enough.
    Tries = Callable[[Sequence[Attempt]], float | None]

LENGTH = 0.8  # of the epochs that are asked for: how long a training of a search is at most
PATIENCE = 0.3  # of the same, without a lower validation loss, before a training is stopped
_LEAST_PATIENCE = 3  # epochs
_LAST = 8  # an eighth of a training is its end: there, it may go on
_HALF_DECADE = 10**0.5
_FORWARD = 1 / 3  # what a loss costs, in gradients
_PATH = 100  # points of a path that are kept


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to, and what it cost."""

    coefficients: tuple[float, ...]  # by variable
    path: tuple[float, ...]  # geometric means of the coefficients, the choice last
    steps: float  # gradients of a batch, or what costs as much
    seconds: float
    epochs: int  # for how many to train with them
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """What a search of one seed has."""

    trainer: Trainer
    training: Batch
    validation: Batch
    asked: TuneRequest
    epochs: int
    seed: int

    def choose(self, candidate: Candidate, watch: Any) -> Found:
        """Return what is chosen, one coefficient for all or, of PER_LAYER, one for each.

        `watch` is a callback of Keras for all trainings. Raise DataError.
        """
        if self.asked.method is Method.TRIALS:
            return self._best(_neighbours(self.asked), watch)
        return self._followed(watch, shared=candidate is Candidate.CHOSEN)

    def planned(self) -> float:
        """Return how many gradients of a batch `choose` costs at most."""
        batches = self.trainer.batches(self.training.samples)
        looks = self.trainer.batches(self.validation.samples) * _FORWARD
        trial = self._length * (batches + looks)
        if self.asked.method is Method.TRIALS:
            return self.asked.trials * trial
        own = cost_of(self.epochs * batches, self.trainer.batch_size)
        return own if self.asked.keep_epochs else own + trial

    @property
    def _length(self) -> int:
        """Return for how many epochs a trial goes on at most."""
        return self.epochs if self.asked.keep_epochs else math.ceil(LENGTH * self.epochs)

    def _followed(self, watch: Any, *, shared: bool) -> Found:
        """Return where T1-T2 leads, and for how many epochs it is best trained with."""
        start = start_of(self.asked)
        walk = T1T2(self, start, shared=shared)
        cost = self._train([start] * len(self.trainer.variables), [walk, watch], self.epochs)
        path = (*_thinned(walk.path), geometric_mean(walk.coefficients))
        found = Found(
            walk.coefficients, path, cost.steps + walk.steps, cost.seconds, epochs=self.epochs
        )
        if self.asked.keep_epochs:
            return found
        attempt, steps, seconds = self._tried(walk.coefficients, watch)
        return replace(
            found,
            steps=found.steps + steps,
            seconds=found.seconds + seconds,
            epochs=self._epochs(attempt),
            attempts=(attempt,),
        )

    def _best(self, tries: Tries, watch: Any) -> Found:
        """Return the best of all trials."""
        attempts: list[Attempt] = []
        steps = seconds = 0.0
        while (coefficient := tries(attempts)) is not None:
            attempt, own_steps, own_seconds = self._tried(
                (coefficient,) * len(self.trainer.variables), watch
            )
            attempts.append(attempt)
            steps += own_steps
            seconds += own_seconds
        best = min(attempts, key=lambda attempt: attempt.loss)
        return Found(
            (best.coefficient,) * len(self.trainer.variables),
            (*(attempt.coefficient for attempt in attempts), best.coefficient),
            steps,
            seconds,
            self._epochs(best),
            tuple(attempts),
        )

    def _epochs(self, attempt: Attempt) -> int:
        return self.epochs if attempt.last else attempt.epochs

    def _tried(self, coefficients: Sequence[float], watch: Any) -> tuple[Attempt, float, float]:
        """Return what came of a training, and what it cost: gradients of a batch, and seconds."""
        look = EarlyStopping(
            self.trainer,
            self.validation,
            None if self.asked.keep_epochs else patience(self.epochs),
        )
        cost = self._train(coefficients, [look, watch], self._length)
        looks = len(look.losses) * self.trainer.batches(self.validation.samples)
        return (
            look.attempt(geometric_mean(coefficients)),
            cost.steps + looks * _FORWARD,
            cost.seconds,
        )

    def _train(self, coefficients: Sequence[float], callbacks: Sequence[Any], epochs: int) -> Cost:
        return self.trainer.train(
            self.training,
            coefficients,
            seed=self.seed,
            epochs=epochs,
            callbacks=callbacks,
        )


class EarlyStopping(keras.callbacks.Callback):  # type: ignore[misc]
    """Looks at the loss of `validation` after each epoch, and stops when it has long been lower.

    That of Keras looks at the loss with penalties, which falls with the weights. Without patience
    it looks once, at the end.
    """

    def __init__(self, trainer: Trainer, validation: Batch, patience: int | None) -> None:
        super().__init__()
        self.losses: list[float] = []  # without penalties, by epoch
        self._trainer = trainer
        self._validation = validation
        self._patience = patience
        self._stopped = False
        self._epochs = 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Look, and stop."""
        if self._patience is None:
            self._epochs = epoch + 1
            return
        self._look()
        if epoch - int(np.argmin(self.losses)) >= self._patience:
            self._stopped = True
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        """Look, if that was not done after each epoch."""
        if self._patience is None:
            self._look()

    def _look(self) -> None:
        loss = self._trainer.loss(self._validation)
        self.losses.append(loss if math.isfinite(loss) else math.inf)

    def attempt(self, coefficient: float) -> Attempt:
        """Return what came of the training."""
        if self._patience is None:
            return Attempt(coefficient, self.losses[-1], self._epochs, last=True)
        best, epochs = int(np.argmin(self.losses)), len(self.losses)
        at_end = best >= epochs - max(1, epochs // _LAST)
        return Attempt(coefficient, self.losses[best], best + 1, at_end and not self._stopped)


def start_of(asked: TuneRequest) -> float:
    """Return where a search begins, inside of its range."""
    usual = 3e-3 if asked.method is Method.TRIALS else 1e-2
    return _inside(usual if asked.start is None else asked.start, asked)


def _inside(coefficient: float, asked: TuneRequest) -> float:
    return min(max(coefficient, asked.lowest), asked.highest)


def patience(epochs: int) -> int:
    """Return after how many epochs without a lower validation loss it is stopped."""
    return max(_LEAST_PATIENCE, math.ceil(PATIENCE * epochs))


def _neighbours(asked: TuneRequest) -> Tries:
    """Try the start and ten times that; then what is beside the best, the weaker first."""

    def tries(tried: Sequence[Attempt]) -> float | None:
        if len(tried) >= asked.trials:
            return None
        start = start_of(asked)
        if len(tried) < 2:  # noqa: PLR2004 - the first two
            wanted = [start, 10 * start][len(tried) :]
        else:
            best = min(tried, key=lambda attempt: attempt.loss).coefficient
            wanted = [best / _HALF_DECADE, best * _HALF_DECADE]
        known = [attempt.coefficient for attempt in tried]
        for coefficient in (_inside(each, asked) for each in wanted):
            if not any(math.isclose(coefficient, each, rel_tol=1e-3) for each in known):
                return coefficient
        return None

    return tries


def _thinned(path: Sequence[float]) -> tuple[float, ...]:
    """Return less than `_PATH` of the points, evenly spaced, the first and the last among them."""
    if len(path) < _PATH:
        return tuple(path)
    return tuple(path[i] for i in np.linspace(0, len(path) - 1, _PATH - 1).round().astype(int))
