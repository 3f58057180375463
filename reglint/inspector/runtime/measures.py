"""What a model does on data of the user's: its loss without penalties, and what penalties do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras

from reglint.inspector.facts import Data, Decay, Finding, LayerGradient, ScaleInvariance
from reglint.inspector.runtime import gradients, invariance, optimizers, weighing
from reglint.inspector.runtime.attribution import Mean, attribute, observe
from reglint.inspector.runtime.data import Batch, DataError, checked_ids, checked_labels
from reglint.inspector.runtime.layers import Tree, describe, walk
from reglint.inspector.runtime.loading import one_line
from reglint.inspector.runtime.optimizers import Trained
from reglint.inspector.runtime.state import preserved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reglint.inspector.facts import Penalty

GRADIENT_SAMPLES = 256


@dataclass(frozen=True, slots=True)
class Measured:
    """What data add to a reading, or replace in it."""

    data: Data
    penalties: tuple[Penalty, ...]  # the mean over all data
    total: float  # of `model.losses`, the same
    optimizer: str | None = None
    decays: tuple[Decay, ...] = ()
    scale_invariance: tuple[ScaleInvariance, ...] = ()
    findings: tuple[Finding, ...] = ()


def measure(
    model: Any,
    batch: Batch,
    compile_config: Mapping[str, Any] | None = None,
    loss_name: str | None = None,
    step: int | None = None,
) -> Measured:
    """Return what `model` does on `batch`; raise DataError.

    The loss is `loss_name`, else that with which the model is compiled, else that of
    `compile_config`, as a file has it; the model is compiled with it, and otherwise left as it was.
    Like `evaluate`, less the penalties: the mean over batches, with loss weights and sample
    weights, in inference mode. Gradients are those of at most 256 samples. `step` is how far the
    model of a file was trained, where the file says it.
    """
    if loss_name is not None or getattr(model, "_compile_loss", None) is None:
        _compile(model, compile_config or {}, loss_name)
    loss = model._compile_loss  # noqa: SLF001 - Keras hands it out with penalties only
    tree = walk(model)
    notes = list(batch.notes)
    with preserved(model):
        value, mean = evaluated(model, tree, batch, loss)
        part = batch.spread(GRADIENT_SAMPLES)
        pulls, why = _gradients(model, tree, loss, part)
    if part.samples < batch.samples:
        why = why or (
            f"gradients are those of {part.samples} of {batch.samples} samples, evenly spaced"
        )
    notes += [why] if why else []
    trained = trainable(model, tree)
    scales = _scales(model, trained, batch, notes)
    optimizer, decays, twice = optimizer_facts(model, trained, compile_config, notes, step)
    return Measured(
        Data(batch.source, batch.samples, loss_label(loss), value, pulls, tuple(notes)),
        mean.penalties,
        mean.total,
        optimizer,
        decays,
        scales,
        (
            *weighing.weigh(mean.penalties, mean.total, value, pulls),
            *twice,
            *invariance.findings(scales),
        ),
    )


def trainable(model: Any, tree: Tree) -> tuple[Trained, ...]:
    """Return the trainable variables of a model, each once, in the order of Keras."""
    return tuple(
        Trained(variable, owners[0], None if regularizer is None else describe(regularizer))
        for variable in model.trainable_variables
        if (owners := tree.owners(variable))
        for regularizer in [getattr(variable, "regularizer", None)]
    )


def optimizer_facts(
    model: Any,
    trained: tuple[Trained, ...],
    compile_config: Mapping[str, Any] | None,
    notes: list[str],
    step: int | None = None,
) -> tuple[str | None, tuple[Decay, ...], tuple[Finding, ...]]:
    """Return the optimizer, what it does to each variable, and findings; no data are needed.

    The optimizer is that of `compile_config`, as a file has it, at `step`; else that of `model`.
    What cannot be said is added to `notes`.
    """
    try:
        optimizer, unsaid = optimizers.saved(compile_config, step)
        if optimizer is None and (compile_config is None or _compiles_itself(model)):
            optimizer = getattr(model, "optimizer", None)  # else `compile` has made one up
        if optimizer is None:
            return None, (), ()
        decays = optimizers.decays(trained, optimizer, unsaid)
        twice = optimizers.two_decays(trained, decays, unsaid)
        rescaled = optimizers.not_weight_decay(trained, optimizer)
        return optimizers.describe(optimizer), decays, (*twice, *rescaled)
    except optimizers.NoOptimizer as error:
        notes.append(str(error))
    except Exception as error:  # noqa: BLE001 - its learning rate may be anything that is called
        notes.append(f"the optimizer cannot be asked: {type(error).__name__}: {one_line(error)}")
    return None, (), ()


def loss_label(loss: Any) -> str:
    """Return the losses of a compiled model as one would write them, with weights other than 1."""
    return _label(loss._user_loss, getattr(loss, "_user_loss_weights", None))  # noqa: SLF001


def _label(losses: Any, weights: Any) -> str:
    if isinstance(losses, (dict, list, tuple)):
        items = list(losses.items()) if isinstance(losses, dict) else list(enumerate(losses))
        parts = []
        for key, one in items:
            if isinstance(weights, dict):
                weight = weights.get(key)
            else:
                weight = weights[key] if isinstance(weights, (list, tuple)) else weights
            named = f"{key}: " if isinstance(losses, dict) else ""
            parts.append(f"{named}{_label(one, weight)}")
        return ", ".join(parts)
    if isinstance(losses, str) or losses is None:
        name = str(losses)
    else:
        name = getattr(losses, "__name__", type(losses).__name__)
    weight = weights[0] if isinstance(weights, (list, tuple)) and len(weights) == 1 else weights
    return f"{weight:g} * {name}" if isinstance(weight, (int, float)) and weight != 1 else name


def _compiles_itself(model: Any) -> bool:
    """Return whether the class of a model reads the compile config in a way of its own."""
    return type(model).compile_from_config is not keras.Model.compile_from_config


def _compile(model: Any, compile_config: Mapping[str, Any], loss_name: str | None) -> None:
    """Give a model its data loss. Raise DataError, if there is none.

    Not the optimizer and no metrics: the first has state as large as the model, and neither changes
    the loss.
    """
    try:
        if loss_name is not None:
            keras.losses.get(loss_name)  # `compile` takes any name
            model.compile(loss=loss_name)
        elif _compiles_itself(model) and compile_config:
            model.compile_from_config(dict(compile_config))
        else:
            keys = ("loss", "loss_weights")
            wanted = {key: compile_config[key] for key in keys if key in compile_config}
            if wanted.get("loss") is not None:
                model.compile(**keras.saving.deserialize_keras_object(wanted))
    except Exception as error:  # noqa: BLE001 - a class of the user's may raise anything
        what = f"--loss {loss_name}" if loss_name is not None else "the loss of the file"
        raise DataError(f"{what}: {one_line(error)}") from None
    if getattr(model, "_compile_loss", None) is None:
        raise DataError("the model has no loss to measure data with; name one: --loss NAME")


def evaluated(model: Any, tree: Tree, batch: Batch, loss: Any = None) -> tuple[float, Mean]:
    """Return the data loss (0 without one) and the penalties, which add up to what `evaluate` says.

    The model is called in inference mode on all of `batch`; what the calls change is left changed.
    Raise DataError.
    """
    total = 0.0
    mean = Mean()
    try:
        with checked_ids(), checked_labels():
            for count, x, y, weight in batch.batches():
                what = "the model"
                observed = observe(model, tree, (x,))
                mean.add(attribute(model, tree, observed), count)
                if loss is not None:
                    what = loss_label(loss)
                    total += _scalar(loss(y, observed.output, weight)) * count
    except DataError as error:
        raise DataError(f"{batch.source}: {error}") from None
    except Exception as error:  # noqa: BLE001 - backends and losses raise all kinds
        raise DataError(f"{batch.source}: {what} cannot be computed: {one_line(error)}") from None
    return total / batch.samples, mean


def _scalar(value: Any) -> float:
    array = keras.ops.convert_to_numpy(keras.ops.stop_gradient(value))
    if array.shape:
        raise DataError("the loss has a value for each sample; give it a reduction")
    return float(array)


def _gradients(
    model: Any, tree: Tree, loss: Any, part: Batch
) -> tuple[tuple[LayerGradient, ...], str]:
    """Return the gradients, and why there are none where `fit` cannot have any."""
    try:
        return gradients.measure(model, tree, loss, part), ""
    except Exception as error:  # noqa: BLE001 - what `fit` cannot train raises all kinds
        return (), f"no gradients: {type(error).__name__}: {one_line(error)}"


def _scales(
    model: Any, trained: tuple[Trained, ...], batch: Batch, notes: list[str]
) -> tuple[ScaleInvariance, ...]:
    regularized = [(one.variable, one.name) for one in trained if one.regularizer is not None]
    if not regularized:
        return ()
    if batch.samples < invariance.MIN_SAMPLES:
        notes.append(
            f"scale invariance was not measured: that takes {invariance.MIN_SAMPLES} samples"
        )
        return ()
    if len(regularized) > invariance.MAX_VARIABLES:
        notes.append(
            f"scale invariance was measured for {invariance.MAX_VARIABLES} of"
            f" {len(regularized)} regularized variables"
        )
    try:
        found = invariance.measure(model, regularized, batch)
    except Exception as error:  # noqa: BLE001 - backends raise all kinds
        notes.append(f"no scale invariance: {type(error).__name__}: {one_line(error)}")
        return ()
    missing = invariance.left_out([name for _, name in regularized], found)
    notes += [missing] if missing else []
    return found
