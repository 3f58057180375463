"""One compiled model, trained again and again with other coefficients of L2.

The coefficients are in a variable of the model, so that the `fit` of Keras is compiled once and
whatever comes later, another candidate, seed or search, only assigns values (run on keras 3.15.1:
nothing is traced again, and what comes out is what a `fit` with `keras.regularizers.L2` gives).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import keras
import numpy as np

from reglint.inspector.runtime import measures
from reglint.inspector.runtime.data import Batch, DataError, leaves, structured
from reglint.inspector.runtime.gradients import compiled
from reglint.inspector.runtime.layers import walk
from reglint.inspector.runtime.loading import one_line
from reglint.inspector.runtime.state import State, call, restore, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    T = TypeVar("T")

_CHECKED = 256  # samples that a model is called on before all else, for what may be wrong


@dataclass(frozen=True, slots=True)
class Cost:
    """What a training took."""

    steps: int  # batches, each with one gradient
    seconds: float


@dataclass(frozen=True, slots=True)
class Tested:
    """What a model does on samples that it was not trained on."""

    loss: float  # of the data, without any penalty; infinite if it is not a number
    constant: float  # what it would be if all samples had the mean prediction
    metrics: dict[str, float]  # as compiled


class Trainer:
    """A compiled `model` to train with coefficients of L2 on `variables`, which are trainable.

    Between two trainings all is as it was: weights, moving statistics, the state of the optimizer,
    of random generators and of metrics. With `keep_weights` a training begins at the weights that
    the model has now, else at new ones, that the seed alone decides; layers that are frozen, and
    those that learn nothing by being called in training (`Normalization`), keep what they have.
    Variables with the same of `settings` take one coefficient wherever that is written, as those in
    the parts of a `MultiHeadAttention` do.
    The model is taken over: what it was is not put back.

    For a fair comparison, in each process `train` gives the same for the same seed, samples and
    coefficients, whatever was trained before; on a GPU up to the order in which it adds up.
    """

    def __init__(  # noqa: PLR0913
        self,
        model: Any,
        variables: Sequence[Any],
        *,
        settings: Sequence[str] = (),
        batch_size: int = 32,
        keep_weights: bool = False,
        safe_mode: bool = True,
    ) -> None:
        self.model = model
        self.variables = list(variables)
        numbers = {name: number for number, name in enumerate(dict.fromkeys(settings))}
        self.settings = [numbers[name] for name in settings] or list(range(len(self.variables)))
        self.batch_size = batch_size
        self._safe_mode = safe_mode
        model.optimizer.build(model.trainable_variables)
        self._kept = snapshot([*model.variables, *model.optimizer.variables])
        self._keep_weights = keep_weights
        self._initial: tuple[int, State] | None = None  # of the seed before, mostly the same
        self._coefficients = _install(model, self.variables)
        self._loss = _data_loss(model)
        self._outputs = compiled(lambda x: call(model, x, training=False), model.variables)
        self._fitted: set[int] = set()  # samples in a last batch, of what was compiled for
        self._made: dict[Any, Any] = {}

    @property
    def coefficients(self) -> np.ndarray[Any, Any]:
        """Return the coefficients of the moment, one for each variable."""
        return np.asarray(keras.ops.convert_to_numpy(self._coefficients))

    def assign(self, coefficients: Sequence[float]) -> None:
        """Train with these from now on; in a callback, JAX must have synchronized its state."""
        self._coefficients.assign(np.asarray(coefficients, np.float32))

    def batches(self, samples: int) -> int:
        """Return how many batches an epoch of so many samples has."""
        return -(-samples // self.batch_size)

    def once(self, make: Callable[[Trainer], T]) -> T:
        """Return what `make` returns of this, made at the first call: what is slow to compile."""
        if make not in self._made:
            self._made[make] = make(self)
        return self._made[make]  # type: ignore[no-any-return]

    def check(self, batch: Batch) -> None:
        """Raise DataError if the model cannot be trained on `batch`: shapes, labels, the loss."""
        part = _extremes(batch)
        measures.evaluated(self.model, walk(self.model), part, self.model._compile_loss)  # noqa: SLF001

    def train(
        self,
        samples: Batch,
        coefficients: Sequence[float],
        *,
        seed: int,
        epochs: int,
        callbacks: Sequence[Any] = (),
    ) -> Cost:
        """Train from the beginning; `seed` is of the initial weights and the order of batches.

        `callbacks` are those of Keras; they may `assign` other coefficients. Raise DataError.
        """
        self._compile(samples)
        restore(self._initial_values(seed))
        self.assign(coefficients)
        counted = _Counter()
        keras.utils.set_random_seed(seed)
        start = time.perf_counter()
        self._fit(samples, epochs, counted, *callbacks)
        return Cost(counted.steps, time.perf_counter() - start)

    def _compile(self, samples: Batch) -> None:
        """Train on a batch of each size that `samples` have, unless such were before.

        The first `fit` compiles, and draws from the order of batches to build; JAX compiles for
        each size.
        """
        last = samples.samples % self.batch_size
        if last not in self._fitted:
            self._fitted.add(last)
            count = min(self.batch_size + last, samples.samples)
            # With `use_ema`, a `fit` on JAX leaves variables that share their memory, and raises if
            # it begins with that (keras 3.15.1): so it never does.
            restore(self._kept)
            self._fit(subset(samples, np.arange(count)), 1)

    def _fit(self, samples: Batch, epochs: int, *callbacks: Any) -> None:
        try:
            self.model.fit(
                samples.x,
                samples.y,
                sample_weight=samples.sample_weight,
                batch_size=self.batch_size,
                epochs=epochs,
                callbacks=list(callbacks),
                verbose=0,
            )
        except DataError:
            raise
        except Exception as error:
            raise DataError(f"{samples.source}: it cannot be trained: {one_line(error)}") from error

    def loss(self, samples: Batch) -> float:
        """Return the data loss at the values of the moment; a callback can ask for it, too."""
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()  # in `fit`, variables have no values until then
        total = sum(
            count * float(keras.ops.convert_to_numpy(self._loss(x, y, weight)))
            for count, x, y, weight in samples.batches()
        )
        return total / samples.samples

    def evaluate(self, samples: Batch) -> Tested:
        """Return how good the model is now."""
        loss = self.loss(samples)
        of_loss = getattr(self.model._compile_loss, "metrics", ())  # noqa: SLF001 - not in 3.0
        losses = {"loss", *(each.name for each in of_loss)}
        names = [metric.name for metric in self.model.metrics if metric.name not in losses]
        if not names:
            return Tested(_finite(loss), self._constant(samples), {})
        try:
            found = self.model.evaluate(
                samples.x,
                samples.y,
                sample_weight=samples.sample_weight,
                batch_size=samples.size,
                verbose=0,
                return_dict=True,
            )
        except Exception:
            if np.isfinite(loss):
                raise
            found = dict.fromkeys(names, float("nan"))  # some metrics do not take NaN
        metrics = {name: float(value) for name, value in found.items() if name not in losses}
        return Tested(_finite(loss), self._constant(samples), metrics)

    def _constant(self, samples: Batch) -> float:
        """Return the data loss if the mean prediction were that of each sample."""
        means: dict[int, Any] = {}  # by number of the output
        for _, x, _, _ in samples.batches():
            for number, output in enumerate(_listed(self._outputs(x))):
                array = keras.ops.convert_to_numpy(output).astype("float64")
                means[number] = means.get(number, 0.0) + array.sum(0) / samples.samples
        total = 0.0
        for count, x, y, weight in samples.batches():
            left = iter(means.values())
            same = structured(lambda output: _filled(output, next(left)), self._outputs(x))  # noqa: B023
            loss = self.model._compile_loss(y, same, weight)  # noqa: SLF001
            total += count * float(keras.ops.convert_to_numpy(loss))
        return total / samples.samples

    def _initial_values(self, seed: int) -> State:
        """Return what a training with `seed` begins with."""
        if self._keep_weights:
            return self._kept
        if self._initial is None or self._initial[0] != seed:
            self._initial = None  # one set of weights at a time
            self._initial = seed, self._anew(seed)
        return self._initial[1]

    def _anew(self, seed: int) -> State:
        model = self.model
        keras.utils.set_random_seed(seed)
        try:
            config = _without_seeds(keras.saving.serialize_keras_object(model))
            config.pop("compile_config", None)
            fresh = keras.saving.deserialize_keras_object(config, safe_mode=self._safe_mode)
            optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
            pairs = _paired(model, fresh, {id(variable) for variable, _ in self._kept})
        except Exception as error:  # noqa: BLE001 - a class of the user's may raise anything
            raise DataError(
                f"it cannot be initialized anew: {one_line(error)}; train on from the weights of"
                " the file with --keep-weights"
            ) from None
        kept = _constant(model)
        before = {id(variable): value for variable, value in self._kept}
        optimizer.build(fresh.trainable_variables)  # some begin with copies of the weights
        pairs += zip(model.optimizer.variables, optimizer.variables, strict=True)
        return [
            (variable, before[id(variable)] if id(variable) in kept else _value(other))
            for variable, other in pairs
        ]


class _L2:
    """L2 with a coefficient that is an element of a variable."""

    def __init__(self, coefficients: Any, index: int) -> None:
        self._coefficients = coefficients
        self._index = index

    def __call__(self, variable: Any) -> Any:
        ops = keras.ops
        squares = ops.sum(ops.square(variable))
        return ops.cast(self._coefficients[self._index], squares.dtype) * squares


class _Counter(keras.callbacks.Callback):  # type: ignore[misc]
    """Counts batches."""

    steps = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.steps += 1


def _install(model: Any, variables: Sequence[Any]) -> Any:
    """Return the variable of `model` that holds the coefficients of its `variables` from now on.

    It belongs to the model, so that JAX passes it to what it compiles; else it would be a constant
    there.
    """
    model._tracker.locked = False  # noqa: SLF001 - as Keras itself does to add weights of LoRA
    coefficients = model.add_weight(
        shape=(len(variables),),
        initializer="zeros",
        dtype="float32",
        trainable=False,
        name="l2_coefficients",
    )
    model._tracker.locked = True  # noqa: SLF001
    for index, variable in enumerate(variables):
        variable.regularizer = _L2(coefficients, index)
    return coefficients


def _data_loss(model: Any) -> Any:
    """Return a compiled function of samples: the data loss in inference mode."""

    def loss(x: Any, y: Any, weight: Any) -> Any:
        return model._compile_loss(y, call(model, x, training=False), weight)  # noqa: SLF001

    return compiled(loss, model.variables)


def _paired(model: Any, fresh: Any, known: set[int]) -> list[tuple[Any, Any]]:
    """Return the variables of a model with those of another of the same config."""
    own = [variable for variable in model.variables if id(variable) in known]
    pairs = list(zip(own, fresh.variables, strict=True))
    for variable, other in pairs:
        if variable.shape != other.shape:
            raise ValueError(f"{variable.path} has another shape when it is built from its config")
    return pairs


def _constant(model: Any) -> set[int]:
    """Return the ids of variables that a training does not begin anew.

    Those of frozen layers, and what a layer holds beside its trainable variables if it does not
    know of training when it is called, as `Normalization` holds the mean of the data.
    """
    trainable = {id(variable) for variable in model.trainable_variables}
    return {
        id(variable)
        for node in walk(model).nodes
        for variable in node.layer._trainable_variables + node.layer._non_trainable_variables  # noqa: SLF001
        if id(variable) not in trainable
        if not (node.layer.trainable and getattr(node.layer, "_call_has_training_arg", False))
    }


def _without_seeds(config: Any) -> Any:
    """Return a config whose initializers have no seeds of their own, which would be all alike."""
    if isinstance(config, list):
        return [_without_seeds(item) for item in config]
    if not isinstance(config, dict):
        return config
    made = {key: _without_seeds(item) for key, item in config.items()}
    inner = made.get("config")
    if "initializers" in str(made.get("module")) and isinstance(inner, dict) and "seed" in inner:
        made["config"] = inner | {"seed": None}
    return made


def _extremes(batch: Batch) -> Batch:
    """Return some samples evenly spaced, and those with the lowest and highest ids and labels."""
    part = {0, *np.linspace(0, batch.samples - 1, min(_CHECKED, batch.samples)).astype(int)}
    for array in (*leaves(batch.x), *leaves(batch.y)):
        if array.dtype.kind in "iu":
            flat = np.asarray(array).reshape(len(array), -1)
            part |= {int(flat.min(1).argmin()), int(flat.max(1).argmax())}
    index = np.array(sorted(part))
    if batch.fixed:  # whole batches
        index = np.resize(index, -(-len(index) // batch.fixed) * batch.fixed)
    return subset(batch, index)


def subset(batch: Batch, index: np.ndarray[Any, Any]) -> Batch:
    """Return some samples of data."""
    x, y, weight = batch.take(index)
    return Batch(x, y, weight, batch.source, len(index), batch.fixed, batch.notes)


def _listed(outputs: Any) -> list[Any]:
    """Return the tensors in lists and dicts, in the order in which `structured` goes."""
    found: list[Any] = []
    structured(found.append, outputs)
    return found


def _filled(output: Any, value: Any) -> Any:
    """Return a tensor like `output` that has `value` for each sample."""
    return keras.ops.convert_to_tensor(np.broadcast_to(value, output.shape).copy(), output.dtype)


def _value(variable: Any) -> Any:
    return keras.ops.convert_to_numpy(variable).copy()


def _finite(loss: float) -> float:
    return loss if np.isfinite(loss) else float("inf")
