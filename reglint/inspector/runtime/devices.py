"""Where Keras runs: the device asked for, and what it is."""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, Any

import keras

from reglint.inspector.facts import Run

if TYPE_CHECKING:
    from reglint.inspector.facts import Level, Probe, Seconds


class Unavailable(Exception):  # noqa: N818 - what is missing stands in its message
    """A device that was asked for is not there: one line."""


def place(name: str) -> contextlib.AbstractContextManager[Any]:
    """Return a context that runs Keras on `auto`, `cpu`, `gpu` or `gpu:N`; raise Unavailable."""
    if name == "auto":
        return contextlib.nullcontext()
    kind, _, number = name.partition(":")
    found = _count_gpus()
    if kind == "gpu" and int(number or 0) >= found:
        there = "no GPU" if not found else "one GPU" if found == 1 else f"{found} GPUs"
        raise Unavailable(
            f"the device `{name}` is not there: {keras.backend.backend()} sees {there}"
        )
    return keras.device(f"{kind}:{number or 0}")  # type: ignore[no-any-return]


def describe(name: str) -> tuple[str, int | None]:
    """Return the device that `name` means here, as `gpu:0 (NVIDIA H200)`, and its bytes if told."""
    kind, _, number = name.partition(":")
    if kind == "cpu" or not _count_gpus():
        return "cpu", None
    index = int(number or 0)
    model, memory = _gpu(index)
    return f"gpu:{index} ({model})" if model else f"gpu:{index}", memory


def run(device: str, level: Level, seconds: Seconds, probe: Probe | None = None) -> Run:
    """Return how this process runs a model on the `device` that was asked for."""
    name, memory = describe(device)
    return Run(
        keras_version=keras.__version__,
        backend=keras.backend.backend(),
        backend_version=backend_version(),
        device=name,
        device_memory=memory,
        level=level,
        seconds=seconds,
        probe=probe,
    )


def backend_version() -> str:
    """Return the version of the backend that Keras uses."""
    return str(importlib.import_module(keras.backend.backend()).__version__)


def _count_gpus() -> int:
    match keras.backend.backend():
        case "tensorflow":
            tensorflow = importlib.import_module("tensorflow")
            return len(tensorflow.config.list_physical_devices("GPU"))
        case "jax":
            jax = importlib.import_module("jax")
            return sum(device.platform == "gpu" for device in jax.local_devices())
        case "torch":
            return int(importlib.import_module("torch").cuda.device_count())
    return 0


def _gpu(index: int) -> tuple[str, int | None]:
    """Return name and memory of a GPU; what a backend does not tell is left empty."""
    match keras.backend.backend():
        case "tensorflow":
            tensorflow = importlib.import_module("tensorflow")
            gpu = tensorflow.config.list_physical_devices("GPU")[index]
            details = tensorflow.config.experimental.get_device_details(gpu)
            return str(details.get("device_name", "")), None
        case "jax":
            jax = importlib.import_module("jax")
            gpu = [device for device in jax.local_devices() if device.platform == "gpu"][index]
            stats = gpu.memory_stats() or {}
            return str(gpu.device_kind), stats.get("bytes_limit")
        case "torch":
            torch = importlib.import_module("torch")
            properties = torch.cuda.get_device_properties(index)
            return str(properties.name), int(properties.total_memory)
    return "", None
