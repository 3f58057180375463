"""What a user asks of an inspection: data only."""

from __future__ import annotations

from dataclasses import dataclass, field

MIB, GIB = 1 << 20, 1 << 30

BACKENDS = ("tensorflow", "jax", "torch")  # in the order in which `auto` takes them


def sized(count: int) -> str:
    """Return a number of bytes in MiB or GiB."""
    return f"{count / GIB:.3g} GiB" if count >= GIB else f"{count / MIB:.3g} MiB"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the process that runs a model may use."""

    memory: int = 8 * GIB  # bytes of data
    seconds: int = 300  # by the clock; also of processor time on each core
    written: int = 1 * GIB  # bytes of a file


@dataclass(frozen=True, slots=True)
class Request:
    """What to do with a model file; the defaults trust it with nothing."""

    path: str
    config: str | None = None  # config.json of a .weights.h5
    static: bool = False  # no Keras
    backend: str = "auto"  # or one of BACKENDS
    device: str = "auto"  # `cpu`, `gpu`, `gpu:1`
    batch_size: int = 4
    seed: int = 0
    data: str | None = None  # file.npz, a folder, or package.module:function
    loss: str | None = None  # of the data, where the file has none: a name that Keras knows
    input_spec: str | None = None  # `4,32,32,3:float32`, for models that do not know their own
    imports: tuple[str, ...] = ()  # modules of the user's, trusted by name
    unsafe_lambda: bool = False  # run the code in the file
    trust: str | None = None  # `sha256:...` of that code
    histograms: bool = False  # of the variables with a penalty: they are read twice more
    limits: Limits = field(default_factory=Limits)
