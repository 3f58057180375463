"""A model is left as it was found: what calls change is put back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

State = list[tuple[Any, Any]]


def snapshot(variables: Iterable[Any]) -> State:
    """Return variables with copies of their values."""
    return [(variable, keras.ops.convert_to_numpy(variable).copy()) for variable in variables]


def restore(state: State) -> None:
    """Give variables the values that they had, bit by bit."""
    for variable, value in state:
        variable.assign(value)


@contextmanager
def preserved(model: Any) -> Iterator[None]:
    """Restore weights, moving statistics, seeds and metrics of the losses at the end."""
    losses = getattr(model, "_compile_loss", None)
    before = snapshot([*model.variables, *getattr(losses, "variables", ())])
    try:
        yield
    finally:
        restore(before)
        # A multi-output loss that was first called within has made its metrics meanwhile.
        known = {id(variable) for variable, _ in before}
        for metric in getattr(losses, "metrics", ()):
            if any(id(variable) not in known for variable in metric.variables):
                metric.reset_state()


def call(model: Any, *args: Any, training: bool, **kwargs: Any) -> Any:
    """Return `model(*args, **kwargs)`; one that does not know `training` is called without."""
    # The trainers of Keras ask the same.
    if getattr(model, "_call_has_training_arg", True):
        kwargs["training"] = training
    return model(*args, **kwargs)


@contextmanager
def same_noise() -> Iterator[None]:
    """Draw the same noise within, each time; the state of random generators is put back.

    On torch alone: its Dropout takes the generator of the process (keras 3.15.1), elsewhere noise
    comes from variables of the model.
    """
    if keras.backend.backend() != "torch":
        yield
        return
    import torch  # noqa: PLC0415 - the backend in use

    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
