"""How much of a variable each step of the optimizer takes away, whatever the data.

To first order in what a step takes: half of a variable is left after ln 2 / per_step steps. Each
formula was run on keras 3.15.1 (tensorflow and jax): one weight, no gradient of the data. For
optimizers that are not Keras' own there are none.
"""

from __future__ import annotations

import inspect
import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import h5py
import keras

from reglint.inspector.facts import Decay, Finding, Regularizer, Variable
from reglint.inspector.files import hdf5
from reglint.inspector.runtime.loading import one_line
from reglint.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reglint.inspector.files.archive import ModelFile

_WEIGHT_DECAY = "weight_decay of the optimizer"
_L1_L2 = frozenset({"L1", "L2", "L1L2"})

# The largest share, over 1 - momentum, at which half is left after ln 2 / share steps: 6 % off
# there, at momentums of 0 to 0.99.
_SMALL = 0.1

# These divide the gradient by its root mean square. Run with gradients of the data of mean 0: an L2
# penalty takes 2 * learning_rate * factor / rms(gradient) of a weight, as long as its own gradient
# is small beside them (at a sixteenth, 4 % less under Adam and 7 % under RMSprop).
_BY_RMS = frozenset({"RMSprop", "Adam", "AdamW", "Nadam"})
_RMS_SHARE = "2 * {} * {} / rms(gradient)"

# `variable -= lr * weight_decay * variable` comes first in every optimizer of Keras; these two
# then write the variable anew from state that has not shrunk.
_OVERWRITTEN = {
    "Ftrl": "it computes the variable from its own state, which does not decay",
    "ScheduleFreeAdamW": "it averages with its own copy of the variable, which does not decay",
}
_WHATEVER_THE_DATA = (
    "If decay is meant, `weight_decay` of the optimizer takes learning_rate * weight_decay of a"
    " weight at each step, whatever the data"
)
_NOT_KERAS = "what it makes of a gradient is not known, as it is not Keras' own"


# What optimizers have that are made of others, and whose first variable is another.
_OF_OTHERS = ("inner_optimizer", "_optimizer_map")

_PERHAPS_EXCLUDED = "unless it is excluded from weight decay, which the file does not say"


@dataclass(frozen=True, slots=True)
class Trained:
    """A trainable variable, its name in the report, and the regularizer that it carries."""

    variable: Any
    name: Variable
    regularizer: Regularizer | None


@dataclass(frozen=True, slots=True)
class Unsaid:
    """What a file does not say of its optimizer."""

    exclusions: bool = False  # the config of an optimizer does not keep exclude_from_weight_decay
    step: bool = False


EVERYTHING_SAID = Unsaid()  # as a live optimizer does


class NoOptimizer(Exception):  # noqa: N818 - why not stands in its message
    """An optimizer cannot be made from what the file says: one line that says why."""


def saved(compile_config: Mapping[str, Any] | None, step: int | None = None) -> tuple[Any, Unsaid]:
    """Return the optimizer of a file, not built, and what is unsaid of it. Raise NoOptimizer.

    None if the file has none. It is at `step`, or at its first where that is not known.
    """
    if compile_config is None:
        return None, EVERYTHING_SAID
    config = compile_config.get("optimizer")
    try:
        optimizer = None if config is None else keras.optimizers.get(config)
        told = step is not None and not any(hasattr(optimizer, name) for name in _OF_OTHERS)
        if optimizer is not None and told:
            optimizer.iterations.assign(step)
    except Exception as error:  # noqa: BLE001 - a class of the user's may raise anything
        raise NoOptimizer(f"the optimizer cannot be made: {one_line(error)}") from None
    return optimizer, Unsaid(exclusions=True, step=not told)


def step_of(file: ModelFile) -> int | None:
    """Return how many steps the optimizer of a file has made, None where it does not say.

    Keras saves `iterations` first (run on 3.15.1), in the format `.keras`. Raise facts.Refused.
    """
    found = None if file.weights is None else hdf5.at(file.weights, "optimizer/vars/0")
    if not isinstance(found, h5py.Dataset) or found.shape != () or found.dtype.kind not in "iu":
        return None
    return int(next(hdf5.chunks(found)).item())


def describe(optimizer: Any) -> str:
    """Return the optimizer as one would write it, less what is default and decays nothing."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    defaults = inspect.signature(type(optimizer).__init__).parameters
    arguments = []
    for key, value in optimizer.get_config().items():
        known = defaults.get(key)
        told = key == "learning_rate" or (key == "weight_decay" and value)
        differs = known is not None and key != "name" and _shown(value) != _shown(known.default)
        if told or differs:
            arguments.append(f"{key}={_shown(value)}")
    return f"{type(optimizer).__name__}({', '.join(arguments)})"


def decays(
    variables: Iterable[Trained], optimizer: Any, unsaid: Unsaid = EVERYTHING_SAID
) -> tuple[Decay, ...]:
    """Return what shrinks each variable: its regularizer first, then the optimizer."""
    return tuple(
        decay
        for trained in variables
        for decay in _decays(trained, _of(optimizer, trained), unsaid)
    )


def two_decays(
    variables: Iterable[Trained], found: Iterable[Decay], unsaid: Unsaid = EVERYTHING_SAID
) -> tuple[Finding, ...]:
    """Return a finding for each variable that both L2 and weight decay shrink."""
    severity = Severity.INFO if unsaid.exclusions else Severity.WARNING
    condition = f", {_PERHAPS_EXCLUDED}" if unsaid.exclusions else ""
    by_optimizer = {
        decay.variable for decay in found if decay.mechanism == _WEIGHT_DECAY and decay.per_step
    }
    return tuple(
        Finding(
            "two-decays",
            severity,
            trained.name.layer,
            f"`{trained.name}` is shrunk twice: {trained.regularizer} in the loss,"
            f" weight_decay in the optimizer{condition}",
            help="If one of them is enough, remove the regularizer, or exclude the variable from"
            " weight decay",
        )
        for trained in variables
        if trained.name in by_optimizer
        and trained.regularizer is not None
        and _factor(trained.regularizer, "l2")
    )


def not_weight_decay(variables: Iterable[Trained], optimizer: Any) -> tuple[Finding, ...]:
    """Return a finding for an optimizer under which L2 penalties do not act as decay.

    Run on keras 3.15.1 with each optimizer, no gradient of the data: only under SGD ten times the
    factor is ten times the decay.
    """
    kinds = Counter(
        type(own).__name__
        for trained in variables
        if trained.regularizer is not None and _factor(trained.regularizer, "l2")
        if _rescales(own := _of(optimizer, trained))
    )
    share = _RMS_SHARE.format("learning_rate", "factor")
    formula = f": where the data pull more, a step takes {share} of a weight"
    return tuple(
        Finding(
            "l2-is-not-weight-decay",
            Severity.INFO,
            "",
            f"L2 in the loss, of {held} variable{'s' * (held != 1)}, is not weight decay under"
            f" {kind}, which rescales its gradient with that of the data"
            + formula
            * (kind in _BY_RMS),
            help="" if kind in _OVERWRITTEN else _WHATEVER_THE_DATA,
        )
        for kind, held in kinds.items()
    )


def _of(optimizer: Any, trained: Trained) -> Any:
    """Return the optimizer that writes a variable, of those that others are made of."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if hasattr(optimizer, "_optimizer_map"):  # MultiOptimizer: one for each variable
        return optimizer._optimizer_map(trained.variable)  # noqa: SLF001
    return optimizer


def _decays(trained: Trained, optimizer: Any, unsaid: Unsaid) -> Iterator[Decay]:
    rate, when = _learning_rate(optimizer, unsaid)
    if trained.regularizer is not None:
        yield _in_the_loss(trained.name, trained.regularizer, optimizer, rate, when)
    strength = _weight_decay(optimizer, trained.variable)
    if strength:
        why = _OVERWRITTEN.get(type(optimizer).__name__, "") if _of_keras(optimizer) else _NOT_KERAS
        if why:
            yield Decay(trained.name, _WEIGHT_DECAY, "", None, None, f"no such number: {why}")
        else:
            formula = f"{rate:g} * {strength:g}"
            notes = [when] * bool(when) + [_PERHAPS_EXCLUDED] * unsaid.exclusions
            share, note = rate * strength, "; ".join(notes)
            yield _with_half_life(Decay(trained.name, _WEIGHT_DECAY, formula, share, None, note))


def _in_the_loss(
    name: Variable, regularizer: Regularizer, optimizer: Any, rate: float, when: str
) -> Decay:
    """Return what a regularizer does through the gradient of the loss."""
    mechanism, kind = f"{regularizer.name} in the loss", type(optimizer).__name__
    l1, l2 = _factor(regularizer, "l1"), _factor(regularizer, "l2")
    if regularizer.name not in _L1_L2:
        note = "no such number: its gradient is not proportional to the variable"
        return Decay(name, mechanism, "", None, None, note)
    if not _of_keras(optimizer):
        return Decay(name, mechanism, "", None, None, f"no such number: {_NOT_KERAS}")
    if _rescales(optimizer):
        note = f"no such number: {kind} rescales the gradient of the penalty with that of the data"
        if kind not in _BY_RMS or l1 or not l2:
            return Decay(name, mechanism, "", None, None, note)
        formula = _RMS_SHARE.format(f"{rate:g}", f"{l2:g}")
        return Decay(name, mechanism, formula, None, None, f"{note}; {when}" if when else note)
    momentum = float(optimizer.momentum)
    gain = f" / (1 - {momentum:g})" if momentum else ""
    effective = rate / (1 - momentum) if momentum < 1 else math.inf
    notes = [when] if when else []
    if _clips(optimizer):
        notes.append("at most: gradients are clipped")
    if l1:
        notes.insert(
            0, f"L1 has no half-life: it takes {effective * l1:g} a step, whatever is left"
        )
    if not l2:
        return Decay(name, mechanism, f"{rate:g} * {l1:g}{gain}", None, None, "; ".join(notes))
    formula = f"2 * {rate:g} * {l2:g}{gain}"
    decay = Decay(name, mechanism, formula, 2 * effective * l2, None, "; ".join(notes))
    return _with_half_life(decay, _SMALL * (1 - momentum))


def _with_half_life(decay: Decay, most: float = _SMALL) -> Decay:
    """Return it with the half-life, or with why it has none: a step takes more than `most`."""
    assert decay.per_step is not None
    if decay.per_step > most:
        note = f"no half-life: the formula holds up to {most:g} a step"
        return replace(decay, note="; ".join(filter(None, (decay.note, note))))
    return replace(decay, half_life=math.log(2) / decay.per_step if decay.per_step > 0 else None)


def _of_keras(optimizer: Any) -> bool:
    return type(optimizer).__module__.partition(".")[0] == "keras"


def _rescales(optimizer: Any) -> bool:
    """Return whether it is one of Keras' optimizers, which do that but for SGD."""
    return _of_keras(optimizer) and type(optimizer).__name__ != "SGD"


def _learning_rate(optimizer: Any, unsaid: Unsaid) -> tuple[float, str]:
    """Return the learning rate now, and what to say of it where it changes."""
    rate = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
    schedule = optimizer._learning_rate  # noqa: SLF001
    notes = []
    if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        step = int(keras.ops.convert_to_numpy(optimizer.iterations))
        unknown = ": the file does not say how far it was trained" if unsaid.step else ""
        notes.append(f"at step {step} of {type(schedule).__name__}{unknown}")
    if getattr(optimizer, "gradient_accumulation_steps", None):
        notes.append(f"a step is {optimizer.gradient_accumulation_steps} batches")
    return rate, "; ".join(notes)


def _weight_decay(optimizer: Any, variable: Any) -> float:
    """Return the `weight_decay` that a variable gets, 0 if none."""
    on_tensorflow = keras.backend.backend() == "tensorflow"
    # On TensorFlow Keras matches the names of exclude_from_weight_decay with the path, elsewhere
    # with the last part of it.
    asked = variable.value if on_tensorflow else variable
    if not optimizer._use_weight_decay(asked):  # noqa: SLF001
        return 0.0
    strength = optimizer.weight_decay
    if hasattr(optimizer, "_should_use_adamw") and optimizer._should_use_adamw(variable):  # noqa: SLF001
        strength = optimizer.adam_weight_decay
    return float(strength or 0.0)


def _clips(optimizer: Any) -> bool:
    return any((optimizer.clipnorm, optimizer.clipvalue, optimizer.global_clipnorm))


def _factor(regularizer: Regularizer, key: str) -> float:
    value = regularizer.factors.get(key)
    return value if isinstance(value, float) and regularizer.name in _L1_L2 else 0.0


def _shown(value: Any) -> str:
    """Return a value of a config, short; learning rates have been through float32."""
    match value:
        case bool() | None:
            return str(value)
        case int() | float():
            return f"{value:g}"
        case {"class_name": str(name)}:
            return name
    return str(value)
