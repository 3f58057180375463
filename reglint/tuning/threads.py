"""How many threads a training takes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import keras

from reglint.inspector.runtime.state import call

if TYPE_CHECKING:
    from reglint.inspector.runtime.data import Batch

# Operations of a call on a batch, below which threads wait for each other longer than they compute:
# with two on two busy cores a step of a small convolution takes 0.3 s, with one 5 ms (torch 2.13).
SMALL = 2e8


def limit(model: Any, batch: Batch, size: int) -> None:
    """Let PyTorch compute batches of `size` on one thread if they are small.

    That is counted, not timed, so that it is the same each time: sums depend on it in their last
    digits. `OMP_NUM_THREADS` says otherwise.
    """
    if keras.backend.backend() != "torch" or "OMP_NUM_THREADS" in os.environ:
        return
    import torch  # noqa: PLC0415 - the backend in use
    from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415

    x, _, _ = batch.take(slice(0, size))
    with FlopCounterMode(display=False) as counter:
        call(model, x, training=False)
    if counter.get_total_flops() < SMALL:
        torch.set_num_threads(1)
