"""A model compiled to be trained: as its file says, or as the user says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from reglint.inspector.runtime.data import DataError
from reglint.inspector.runtime.loading import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping


def compile_model(
    model: Any,
    config: Mapping[str, Any],
    *,
    loss: str | None,
    optimizer: str | None,
    notes: list[str],
) -> None:
    """Compile `model` with what the user names, else with `config`, as its file has it.

    Metrics that cannot be made are left out, which is added to `notes`. Raise DataError.
    """
    own = type(model).compile_from_config is not keras.Model.compile_from_config
    if own and config and loss is None and optimizer is None:
        try:
            model.compile_from_config(dict(config))
        except Exception as error:  # noqa: BLE001 - a class of the user's may raise anything
            raise DataError(f"it cannot be compiled as the file says: {one_line(error)}") from None
    else:
        model.compile(
            loss=_loss(config, loss),
            optimizer=_optimizer(config, optimizer),
            **_metrics(model, config, notes),
            **{
                key: config[key]
                for key in ("loss_weights", "auto_scale_loss", "jit_compile")
                if loss is None and config.get(key) is not None
            },
        )
    if getattr(model, "_compile_loss", None) is None:
        raise DataError("the model has no loss to train with; name one: --loss NAME")
    model.steps_per_execution = 1
    # TensorFlow and JAX write into a file that they compile. PyTorch's compiler, by default off,
    # was not done with a small convolution after 5 minutes (torch 2.13, two cores).
    if keras.backend.backend() == "torch":
        model.jit_compile = False
    if getattr(model.optimizer, "weight_decay", None):
        notes.append(
            "the optimizer's own weight_decay is for all variables here: which ones are excluded"
            " from it the file does not say"
        )


def _loss(config: Mapping[str, Any], name: str | None) -> Any:
    if name is None and config.get("loss") is None:
        raise DataError("the model has no loss to train with; name one: --loss NAME")
    try:
        if name is not None:
            keras.losses.get(name)  # `compile` takes any name
            return name
        return keras.saving.deserialize_keras_object(config["loss"])
    except Exception as error:  # noqa: BLE001 - a class of the user's may raise anything
        what = f"--loss {name}" if name is not None else "the loss of the file"
        raise DataError(f"{what}: {one_line(error)}") from None


def _optimizer(config: Mapping[str, Any], name: str | None) -> Any:
    written = config.get("optimizer") or config.get("optimizer_config")  # of a `.h5`
    if name is None and written is None:
        raise DataError("the model has no optimizer to train with; name one: --optimizer NAME")
    try:
        return keras.optimizers.get(name if name is not None else written)
    except Exception as error:  # noqa: BLE001 - a class of the user's may raise anything
        what = f"--optimizer {name}" if name is not None else "the optimizer of the file"
        raise DataError(f"{what}: {one_line(error)}") from None


def _metrics(model: Any, config: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    made = {}
    for key in ("metrics", "weighted_metrics"):
        if config.get(key) is None:
            continue
        try:
            made[key] = keras.saving.deserialize_keras_object(config[key])
        except Exception as error:  # noqa: BLE001 - a class of the user's may raise anything
            notes.append(f"{model.name} is tested without its {key}: {one_line(error)}")
    return made
