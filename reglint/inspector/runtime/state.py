"""A model is left as it was found: what calls change is put back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import keras

from reglint.inspector.runtime.data import leaves

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


def states(model: Any) -> list[Any]:
    """Return the states of stateful RNNs, which `model.variables` leaves out (keras 3.15.1)."""
    layers = model._flatten_layers()  # noqa: SLF001
    held = [layer.states for layer in layers if isinstance(layer, keras.layers.RNN)]
    return leaves(held)


@contextmanager
def preserved(model: Any) -> Iterator[None]:
    """Restore weights, moving statistics, states, seeds and metrics of the losses at the end."""
    losses = getattr(model, "_compile_loss", None)
    before = snapshot([*model.variables, *states(model), *getattr(losses, "variables", ())])
    try:
        yield
    finally:
        restore(before)
        known = {id(variable) for variable, _ in before}
        for state in states(model):
            if id(state) not in known:  # of a layer that was built within
                state.assign(keras.ops.zeros_like(state.value))
        # A multi-output loss that was first called within has made its metrics meanwhile.
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
