"""What an inspection reports: data only, of the standard library only.

Numbers are what the loss gets: a penalty of 0.5 makes the loss 0.5 larger. A layer is named by its
path: names below a functional model or a Sequential, attributes below another layer
(`encoder/lstm/cell`); `""` is the model itself. A variable is named by its role, the regularizer
argument without `_regularizer` (`kernel`, `recurrent`, `depthwise`), or, where the layer is not
Keras' own, by its attribute.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - read at run time, by the codec
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from reglint.model import Severity

SCHEMA_VERSION = 1
AGREEMENT = 1e-5  # relative: what two ways to compute one number may differ by


class Refused(Exception):  # noqa: N818 - the file is, and says no more than that
    """A file is not read any further: its message says what is wrong with it, in one line."""


class Changed(Refused):
    """A file is not the one that was looked at before."""

    def __init__(self) -> None:
        super().__init__("it changed while it was looked at; try again")


class Kind(Enum):
    """How a penalty comes about."""

    WEIGHT = "weight"  # the regularizer of a variable
    ACTIVITY = "activity"  # `activity_regularizer`, of what a layer put out
    ADD_LOSS = "add_loss"  # what a layer computes itself


class Format(Enum):
    """What kind of file a model comes in."""

    KERAS = "keras"  # .keras: a zip archive of config.json and model.weights.h5
    H5 = "h5"  # .h5: config and weights in one HDF5 file
    WEIGHTS = "weights"  # .weights.h5, with the config in another file
    MEMORY = "memory"  # no file: a model of this process


class Level(Enum):
    """How far a file is trusted; each level includes those before it."""

    STATIC = "static"  # read, never run
    RUN = "run"  # classes of Keras only, run in a limited process
    IMPORT = "import"  # modules that the user named, too
    LAMBDA = "lambda"  # code in the file itself, too


class Danger(Enum):
    """What a preflight can find."""

    CUSTOM = "custom"  # a class or function of somebody else's: needs an import
    CODE = "code"  # code in the file itself, or a class that runs code by design
    REFUSED = "refused"  # never opened any further


AT_COMPILE = ("compile_config", "training_config")  # places of what only compiling needs


@dataclass(frozen=True, slots=True)
class Reason:
    """Something in a file that keeps it from being run."""

    danger: Danger
    place: str  # in the file: a path in config.json, a member, an HDF5 object
    message: str  # one sentence without a full stop
    name: str = ""  # what to import, the registered name or `module.Class`; of CUSTOM only

    @property
    def compiled(self) -> str | None:
        """Return which part of compiling needs it, `loss` or `optimizer`; None: the model does."""
        root, _, rest = self.place.partition("/")
        return rest.partition("/")[0].partition("[")[0] if root in AT_COMPILE else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a preflight says of a file."""

    reasons: tuple[Reason, ...] = ()
    code_sha256: str = ""  # of all code in the file, for `--trust`; empty: there is none

    def found(self, danger: Danger) -> tuple[Reason, ...]:
        """Return the reasons of one kind."""
        return tuple(reason for reason in self.reasons if reason.danger is danger)

    def needed(self, *, data: bool) -> Verdict:
        """Return it without the custom parts that a run can do without.

        These are metrics, the optimizer and, without data, the loss: a model is loaded without
        being compiled. A file that carries code is not run, wherever that is.
        """
        parts = {None, "loss"} if data else {None}
        reasons = (
            reason
            for reason in self.reasons
            if reason.danger is not Danger.CUSTOM or reason.compiled in parts
        )
        return Verdict(tuple(reasons), self.code_sha256)

    @property
    def data_only(self) -> bool:
        """Return whether to load the file runs nothing but Keras."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A model file."""

    path: str  # as the user wrote it
    format: Format
    size: int = 0  # bytes
    sha256: str = ""
    keras_version: str | None = None  # that wrote it, if it says so
    date_saved: str | None = None  # the same; ISO 8601 where Keras wrote it so
    config_sha256: str = ""  # of the `config.json` of a `.weights.h5`


@dataclass(frozen=True, slots=True)
class Regularizer:
    """A regularizer and its factors."""

    name: str  # `L2`; for somebody else's the registered name (`package>Name`) or the class
    factors: Mapping[str, float | str] = field(default_factory=dict)

    def __str__(self) -> str:
        factors = [
            f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}"
            for key, value in self.factors.items()
        ]
        if len(factors) == 1 and self.name in {"L1", "L2"}:
            factors = [factors[0].partition("=")[2]]
        return f"{self.name}({', '.join(factors)})" if factors else self.name


# What an argument of a layer may be, as it is told here: no list is longer than a shape.
Argument: TypeAlias = bool | int | float | str | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """A layer of the model, the model itself apart."""

    path: str
    layer_class: str
    name: str  # that its author gave it, or Keras did: `dense_1`
    # The plain ones of its configuration; a report as JSON leaves them out.
    arguments: Mapping[str, Argument] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class CallSite:
    """Where in the source a layer is made: the call. Lines, columns and cells count from 1."""

    path: str  # as the user would write it
    line: int  # of the cell, in a notebook
    column: int  # in characters; the end is behind the last one
    end_line: int
    end_column: int
    cell: int = 0  # of a notebook; 0: not a notebook

    def __str__(self) -> str:
        cell = f"cell {self.cell}:" if self.cell else ""
        return f"{self.path}:{cell}{self.line}"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable: the layer that owns it, and its role there."""

    layer: str
    role: str

    def __str__(self) -> str:
        return f"{self.layer}.{self.role}" if self.layer else self.role


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalty:
    """One entry of `model.losses`, or what will be one.

    Keras evaluates in the dtype of the variable or activation, `value` is that; the static reader
    computes in float64. Vectors are summed, as Keras sums them.
    """

    layer: str
    layer_class: str
    kind: Kind
    value: float  # may be NaN or infinite
    role: str | None = None  # of WEIGHT only
    regularizer: Regularizer | None = None  # None for ADD_LOSS
    shape: tuple[int, ...] = ()  # of the variable, or of the tensor that is penalized
    dtype: str = ""  # the same
    static: float | None = None  # as the static reader has it, if it can
    also: tuple[Variable, ...] = ()  # other names of a variable that several layers hold
    source: CallSite | None = None  # that makes the layer, where the source was looked at

    @property
    def name(self) -> str:
        """Return what a user calls it: `dense.kernel`, `dense (activity)`."""
        if self.role is not None:
            return str(Variable(self.layer, self.role))
        return f"{self.layer or '(model)'} ({self.kind.value})"


class Cause(Enum):
    """Why a regularizer adds nothing to the loss."""

    FROZEN = "frozen"  # its variable is not trainable
    NOT_CARRIED = "not-carried"  # the layer says so, but no variable has it: set after build
    NO_VARIABLE = "no-variable"  # the layer has no such variable, `use_bias=False`
    NOT_EVALUATED = "not-evaluated"  # an activity regularizer that the call did not reach
    DROPPED = "dropped"  # the layer takes the argument and ignores it
    QUANTIZED = "quantized"  # its variable is int8 or so now
    LORA = "lora"  # its variable is frozen under a low-rank adapter
    NOT_BUILT = "not-built"  # its variable does not exist yet

    @property
    def severity(self) -> Severity:
        """Return how much it matters: that a layer is frozen is mostly meant so."""
        meant = {Cause.FROZEN, Cause.QUANTIZED, Cause.LORA, Cause.NOT_BUILT}
        return Severity.INFO if self in meant else Severity.WARNING


@dataclass(frozen=True, slots=True)
class Dormant:
    """A regularizer that adds nothing to the loss."""

    layer: str
    layer_class: str
    role: str  # `activity` for an activity regularizer
    regularizer: Regularizer
    cause: Cause
    message: str  # why, in one sentence without a full stop
    source: CallSite | None = None  # as for a penalty


@dataclass(frozen=True, slots=True)
class Unknown:
    """What the static reader cannot know."""

    layer: str
    layer_class: str
    message: str  # what, and why; one sentence without a full stop


@dataclass(frozen=True, slots=True)
class Untraced:
    """A layer with something to tell, whose call in the source is not known for certain."""

    layer: str
    message: str  # why; one sentence without a full stop


@dataclass(frozen=True, slots=True)
class Finding:
    """A judgement: few, and certain."""

    code: str  # kebab-case, a key of `findings.CODES`
    severity: Severity
    layer: str
    message: str  # what is the case, with the number, in one sentence without a full stop
    help: str = ""  # what to do, in the imperative
    probed: bool = False  # whether it rests on the made-up inputs of a probe
    source: CallSite | None = None  # as for a penalty


@dataclass(frozen=True, slots=True)
class Seconds:
    """Where the time went."""

    importing: float = 0.0
    loading: float = 0.0
    probing: float = 0.0
    attributing: float = 0.0


@dataclass(frozen=True, slots=True)
class Probe:
    """What the model was run on."""

    source: str  # `seed 0`, or the data that the user gave
    batch_size: int
    shapes: Mapping[str, tuple[int, ...]]  # by input: with batch size, None dimensions filled in
    assumed: tuple[str, ...] = ()  # what was made up beyond that, a sentence each
    failed: str = ""  # why the model could not be run, if so: no activity or add_loss penalties


@dataclass(frozen=True, slots=True)
class Run:
    """How a model was run."""

    keras_version: str
    backend: str  # `tensorflow`, `jax` or `torch`
    backend_version: str
    device: str  # that ran the probe: `cpu`, `gpu:0 (NVIDIA H200)`
    device_memory: int | None  # bytes, if the backend says so
    level: Level
    seconds: Seconds
    probe: Probe | None = None  # None: not run


@dataclass(frozen=True, slots=True)
class LayerGradient:
    """Of one layer's trainable variables: what pulls at them.

    Norms are Euclidean, over all trainable variables that the layer itself owns.
    """

    layer: str
    layer_class: str
    parameters: int
    penalty: float  # |gradient of all penalties|
    loss: float  # |gradient of the data loss|

    @property
    def ratio(self) -> float:
        """Return how much stronger penalties pull than data, infinite where data does not."""
        if self.loss:
            return self.penalty / self.loss
        return float("inf") if self.penalty else 0.0


@dataclass(frozen=True, slots=True)
class Data:
    """What the model does on data of the user's."""

    source: str
    samples: int
    loss_name: str  # the loss function, as compiled
    loss: float  # the mean data loss, without penalties
    gradients: tuple[LayerGradient, ...] = ()
    notes: tuple[str, ...] = ()  # what holds of a part only or was not measured: a sentence each


@dataclass(frozen=True, slots=True)
class Decay:
    """What shrinks a variable at each step, the data apart.

    `per_step` is the share that is taken away; after `half_life` steps half is left:
    ln 2 / per_step. Both None where there is no such number: L2 in the loss is no decay under Adam.
    `half_life` is None, too, where a step takes too much for that formula.
    """

    variable: Variable
    mechanism: str  # `L2 in the loss`, `weight_decay of the optimizer`
    formula: str  # `2 * 0.1 * 0.0001 / (1 - 0.9)`; may have a part that the data decide
    per_step: float | None
    half_life: float | None  # steps
    note: str = ""  # why there is no number, or when it holds


@dataclass(frozen=True, slots=True)
class ScaleInvariance:
    """How much the output changes, relatively, when a variable is doubled (in training mode)."""

    variable: Variable
    change: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """How the values of a variable are distributed: `counts[i]` from `edges[i]` to `edges[i + 1]`.

    Values that are not finite are in no bin.
    """

    variable: Variable
    edges: tuple[float, ...]  # ascending, one more than there are counts
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StaticReading:
    """What a file alone tells."""

    file: FileFacts
    verdict: Verdict
    penalties: tuple[Penalty, ...] = ()
    dormant: tuple[Dormant, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    histograms: tuple[Histogram, ...] = ()  # one for each variable with a penalty
    layers: tuple[LayerFacts, ...] = ()  # all, in the order of the file
    model_class: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RuntimeReading:
    """What the model tells when Keras runs it."""

    run: Run
    penalties: tuple[Penalty, ...] = ()
    total: float = 0.0  # sum(model.losses), which the penalties must add up to
    dormant: tuple[Dormant, ...] = ()
    findings: tuple[Finding, ...] = ()
    data: Data | None = None
    optimizer: str | None = None  # `SGD(learning_rate=0.1, momentum=0.9)`
    decays: tuple[Decay, ...] = ()
    scale_invariance: tuple[ScaleInvariance, ...] = ()
    notes: tuple[str, ...] = ()  # what could not be said, and why
    histograms: tuple[Histogram, ...] = ()  # one for each variable with a penalty
    layers: tuple[LayerFacts, ...] = ()  # all, in the order of creation, each once
    model_class: str = ""
