"""Compares ways to choose the coefficient of L2, on the networks and data of `tuning_settings.py`.

    python benchmarks/tuning.py --seeds 10              # an hour; goes on where it stopped
    python benchmarks/tuning.py --setting "breast cancer" --method "grid of 13"
    python benchmarks/tuning_table.py > benchmarks/tuning.md

Every method sees samples for training and for validation, in the end trains a network on both, and
is judged on other samples. All train with the `fit` of Keras through the same `Trainer`, from the
same initial weights in the same order of batches, so that differences between methods are those
between coefficients. Cost is counted in trainings on all samples for training and validation.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reglint.tuning.request import Method

if TYPE_CHECKING:
    from collections.abc import Callable

    from reglint.tuning.trainer import Tested

RESULTS = Path(__file__).with_name("tuning.jsonl")
GRID = np.logspace(-6, 0, 13)
FORWARD = 1 / 3  # what a loss costs, in gradients


@dataclass(frozen=True)
class Result:
    """What one method came to with one seed."""

    setting: str
    seed: int
    method: str
    coefficient: float
    cost: float  # in trainings
    seconds: float
    loss: float  # on the samples for testing
    accuracy: float | None


class Bench:
    """A setting with a seed: what methods may do with it."""

    def __init__(self, setting: Any, seed: int, trainer: Any) -> None:
        from reglint.inspector.runtime.data import Batch  # noqa: PLC0415 - imports Keras

        parts = setting.parts(seed)
        both = tuple(np.concatenate(arrays) for arrays in zip(*parts[:2], strict=True))
        self.training, self.validation, self.testing, self.everything = (
            Batch(x, y, None, setting.name, len(x)) for x, y in (*parts, both)
        )
        self.setting, self.seed, self.trainer = setting, seed, trainer
        self.full = setting.epochs * math.ceil(len(both[0]) / trainer.batch_size)  # steps
        self.cost = 0.0
        self._curves: dict[float, tuple[float, list[float]]] = {}

    def train(self, coefficient: float, *, on: Any = None, callbacks: Any = (), epochs: int = 0):  # noqa: ANN201
        """Train with one coefficient for all; `cost` grows."""
        done = self.trainer.train(
            on or self.training,
            [coefficient] * len(self.trainer.variables),
            seed=self.seed,
            epochs=epochs or self.setting.epochs,
            callbacks=callbacks,
        )
        self.cost += done.steps / self.full
        return done

    def curve(self, coefficient: float) -> list[float]:
        """Return the validation loss after each epoch of a training, which is done once."""
        if coefficient not in self._curves:
            from keras.callbacks import LambdaCallback  # noqa: PLC0415

            found: list[float] = []
            look = LambdaCallback(
                on_epoch_end=lambda *_: found.append(self.trainer.loss(self.validation))
            )
            before = self.cost
            self.train(coefficient, callbacks=[look])
            self._curves[coefficient] = self.cost - before, [_worst(loss) for loss in found]
        else:
            self.cost += self._curves[coefficient][0]
        return self._curves[coefficient][1]

    def watched(self, coefficient: float) -> list[float]:
        """Return the same where each epoch is looked at, which costs more."""
        losses = self.curve(coefficient)
        looks = len(losses) * math.ceil(self.validation.samples / self.trainer.batch_size)
        self.cost += FORWARD * looks / self.full
        return losses

    def validated(self, coefficient: float) -> float:
        """Return the validation loss at the end of a training."""
        return self.curve(coefficient)[-1]

    def tested(self, coefficient: float, epochs: int = 0) -> Tested:
        """Train on all but the samples for testing, and test."""
        self.train(coefficient, on=self.everything, epochs=epochs)
        return self.trainer.evaluate(self.testing)  # type: ignore[no-any-return]


def fixed(coefficient: float) -> Callable[[Bench], tuple[float, Tested]]:
    """Return the method that takes what it is given."""
    return lambda bench: (coefficient, bench.tested(coefficient))


def grid(bench: Bench) -> tuple[float, Tested]:
    """Take the best of 13 on the samples for validation."""
    best = min(GRID, key=bench.validated)
    return float(best), bench.tested(float(best))


def grid_and_epochs(bench: Bench) -> tuple[float, Tested]:
    """Take the best of 13 at its best epoch, and train as many epochs."""
    losses = {float(each): bench.watched(float(each)) for each in GRID}
    best = min(losses, key=lambda each: min(losses[each]))
    return best, bench.tested(best, epochs=_best_epoch(losses[best]))


def early_stopping(bench: Bench) -> tuple[float, Tested]:
    """Use no L2, and train on all for as many epochs as were best for validation.

    They are those of `EarlyStopping(restore_best_weights=True)` whose patience lasts.
    """
    return 0.0, bench.tested(0.0, epochs=_best_epoch(bench.watched(0.0)))


def _best_epoch(losses: list[float]) -> int:
    return int(np.argmin(losses)) + 1


def bayesian(trials: int) -> Callable[[Bench], tuple[float, Tested]]:
    """Return the search of KerasTuner with so many trainings."""

    def method(bench: Bench) -> tuple[float, Tested]:
        import keras_tuner  # noqa: PLC0415

        space = keras_tuner.HyperParameters()
        space.Float("l2", float(GRID[0]), float(GRID[-1]), sampling="log")
        oracle = keras_tuner.oracles.BayesianOptimizationOracle(
            objective=keras_tuner.Objective("loss", "min"),
            max_trials=trials,
            hyperparameters=space,
            seed=bench.seed,
        )
        tried: dict[float, float] = {}
        with tempfile.TemporaryDirectory() as folder:
            oracle._set_project_dir(folder, "search")  # noqa: SLF001 - as its Tuner does
            for _ in range(trials):
                trial = oracle.create_trial("one")
                coefficient = float(trial.hyperparameters.get("l2"))
                tried[coefficient] = bench.validated(coefficient)
                oracle.update_trial(trial.trial_id, {"loss": tried[coefficient]})
                trial.status = "COMPLETED"
                oracle.end_trial(trial)
        best = min(tried, key=lambda each: tried[each])
        return best, bench.tested(best)

    return method


def one_shot(bench: Bench) -> tuple[float, Tested]:
    """Train once, with 0.01, and take the best of the grid by what it would change."""
    import tuning_one_shot  # noqa: PLC0415 - imports JAX

    bench.train(1e-2)
    chosen, steps = tuning_one_shot.best(bench.trainer, bench.training, bench.validation, GRID)
    bench.cost += steps / bench.full
    return chosen, bench.tested(chosen)


def reglint(**options: Any) -> Callable[[Bench], tuple[float, Tested]]:
    """Return what `reglint tune` does with these options."""

    def method(bench: Bench) -> tuple[float, Tested]:
        from keras.callbacks import Callback  # noqa: PLC0415

        from reglint.inspector.request import Request  # noqa: PLC0415
        from reglint.tuning.facts import Candidate  # noqa: PLC0415
        from reglint.tuning.request import TuneRequest  # noqa: PLC0415
        from reglint.tuning.search import Search  # noqa: PLC0415

        asked = TuneRequest(Request(bench.setting.name), **options)
        search = Search(
            bench.trainer, bench.training, bench.validation, asked, bench.setting.epochs, bench.seed
        )
        found = search.choose(Candidate.CHOSEN, Callback())
        bench.cost += found.steps / bench.full
        return found.coefficients[0], bench.tested(found.coefficients[0], found.epochs)

    return method


METHODS: dict[str, Callable[[Bench], tuple[float, Tested]]] = {
    "none": fixed(0.0),
    "1e-4": fixed(1e-4),
    "0.01": fixed(1e-2),
    "early stopping": early_stopping,
    "grid of 13": grid,
    "grid of 13, and epochs": grid_and_epochs,
    "KerasTuner, 3 trials": bayesian(3),
    "reglint tune": reglint(),
    "reglint tune --keep-epochs": reglint(keep_epochs=True),
    "reglint tune --method t1-t2": reglint(method=Method.T1_T2),
    "the same, --keep-epochs": reglint(method=Method.T1_T2, keep_epochs=True),
    "one-shot linear response": one_shot,
}


def run(settings: list[str], methods: list[str], seeds: int) -> None:
    """Do what is not in the results yet."""
    from tuning_settings import SETTINGS  # noqa: PLC0415 - imports Keras

    from reglint.tuning.trainer import Trainer  # noqa: PLC0415

    done = {(result.setting, result.seed, result.method) for result in results()}
    for name in settings or SETTINGS:
        setting = SETTINGS[name]
        trainer = None
        for seed in range(seeds):
            left = [each for each in methods or METHODS if (name, seed, each) not in done]
            if left and trainer is None:
                model = setting.network(setting.parts(0)[0][0].shape[1:])
                kernels = [v for v in model.trainable_variables if v.name == "kernel"]
                trainer = Trainer(model, kernels)
            bench = Bench(setting, seed, trainer) if left else None
            for method in left:
                _record(bench, method)


def _record(bench: Bench, method: str) -> None:
    bench.cost = 0.0
    start = time.perf_counter()
    coefficient, tested = METHODS[method](bench)
    result = Result(
        bench.setting.name, bench.seed, method, coefficient, round(bench.cost, 4),
        round(time.perf_counter() - start, 2), tested.loss, tested.metrics.get("accuracy"),
    )  # fmt: skip
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(result)) + "\n")
    print(result, file=sys.stderr, flush=True)


def _worst(loss: float) -> float:
    return loss if math.isfinite(loss) else math.inf


def results() -> list[Result]:
    """Return all results so far."""
    if not RESULTS.exists():
        return []
    lines = RESULTS.read_text(encoding="utf-8").splitlines()
    return [Result(**json.loads(line)) for line in lines]


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--setting", action="append", default=[])
    parser.add_argument("--method", action="append", default=[], choices=METHODS)
    parser.add_argument("--seeds", type=int, default=10)
    asked = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", "jax")
    run(asked.setting, asked.method, asked.seeds)


if __name__ == "__main__":
    main()
