"""Penalty reports made by hand, for the tests of what shows them."""

from __future__ import annotations

import math
from dataclasses import replace

from reglint.inspector.facts import (
    Cause,
    Danger,
    Data,
    Decay,
    Dormant,
    FileFacts,
    Finding,
    Format,
    Histogram,
    Kind,
    LayerGradient,
    Level,
    Penalty,
    Probe,
    Reason,
    Regularizer,
    Run,
    ScaleInvariance,
    Seconds,
    Unknown,
    Variable,
    Verdict,
)
from reglint.inspector.report import PenaltyReport
from reglint.model import Severity

EVIL = "<script>document.title='run'</script>|`\x1b[31m\u202e&\"'"

L2 = Regularizer("L2", {"l2": 0.0001})
L1L2 = Regularizer("L1L2", {"l1": 1e-05, "l2": 0.001})

FILE = FileFacts(
    "models/classifier.keras",
    Format.KERAS,
    size=1_234_567,
    sha256="0123456789abcdef" * 4,
    keras_version="3.15.1",
    date_saved="2026-03-01T12:00:00",
)
RUN = Run(
    keras_version="3.15.1",
    backend="tensorflow",
    backend_version="2.21.0",
    device="gpu:0 (NVIDIA H200)",
    device_memory=139 * 1024**3,
    level=Level.RUN,
    seconds=Seconds(importing=4.123, loading=1.2, probing=0.81, attributing=0.0234),
    probe=Probe("seed 0", 4, {"image": (4, 32, 32, 3), "tokens": (4, 64)}),
)


def weight(  # noqa: PLR0913
    layer: str,
    value: float,
    shape: tuple[int, ...] = (128, 64),
    *,
    role: str = "kernel",
    regularizer: Regularizer = L2,
    also: tuple[Variable, ...] = (),
) -> Penalty:
    """Return the penalty of a variable."""
    return Penalty(
        layer=layer,
        layer_class="Dense",
        kind=Kind.WEIGHT,
        value=value,
        role=role,
        regularizer=regularizer,
        shape=shape,
        dtype="float32",
        static=value,
        also=also,
    )


def activity(layer: str, value: float) -> Penalty:
    """Return the penalty of an activation."""
    return Penalty(
        layer=layer,
        layer_class="Dense",
        kind=Kind.ACTIVITY,
        value=value,
        regularizer=Regularizer("L1", {"l1": 0.01}),
        shape=(4, 64),
        dtype="float32",
    )


def bell(variable: Variable, width: float) -> Histogram:
    """Return a histogram like that of trained weights."""
    edges = tuple(width * (i - 20) / 20 for i in range(41))
    counts = tuple(round(8000 * math.exp(-(((i - 19.5) / 8) ** 2))) for i in range(40))
    return Histogram(variable, edges, counts)


PENALTIES = (
    weight("stem/conv", 0.004321, (3, 3, 3, 64)),
    weight("encoder/block_1/attention/query_dense", 0.01234, (64, 4, 16), regularizer=L1L2),
    weight("encoder/block_1/attention/value_dense", 0.0098765, (64, 4, 16)),
    activity("encoder/block_1/mlp", 0.0021),
    weight("encoder/block_2/lstm/cell", 0.0345, (64, 256), role="recurrent"),
    weight("head", 0.05678, (64, 10), also=(Variable("decoder/output", "kernel"),)),
    weight("head", 1.25e-06, (10,), role="bias"),
    Penalty(
        layer="vae/sampling",
        layer_class="Sampling",
        kind=Kind.ADD_LOSS,
        value=0.0123,
        dtype="float32",
    ),
)

FULL = PenaltyReport(
    FILE,
    level=Level.RUN,
    verdict=Verdict(),
    penalties=PENALTIES,
    dormant=(
        Dormant(
            "backbone/conv_1", "Conv2D", "kernel", L2, Cause.FROZEN, "the layer is not trainable"
        ),
        Dormant(
            "encoder/rnn",
            "SimpleRNN",
            "activity",
            Regularizer("L1", {"l1": 0.01}),
            Cause.DROPPED,
            "`SimpleRNN` takes `activity_regularizer` and never applies it, in all of Keras 3",
        ),
    ),
    findings=(
        Finding(
            "scale-invariant",
            Severity.INFO,
            "stem/conv",
            "`stem/conv.kernel` is normalized: doubling it changes the output by 1e-07",
        ),
        Finding(
            "dominating-penalty",
            Severity.WARNING,
            "",
            "all penalties are 12.3 times the data loss",
            "Divide all factors by 100 to bring them below it",
        ),
        Finding(
            "half-precision-overflow",
            Severity.ERROR,
            "encoder/block_1/mlp",
            "the activity penalty is computed in float16 and reached 61,000 of at most 65,504",
            "Set `dtype='float32'` on this layer",
            probed=True,
        ),
    ),
    run=RUN,
    data=Data(
        "train.npz",
        512,
        "sparse_categorical_crossentropy",
        0.6931,
        (
            LayerGradient("stem/conv", "Conv2D", 1728, 0.0012, 0.345),
            LayerGradient("encoder/block_1/mlp", "Dense", 4160, 0.0, 0.12),
            LayerGradient("head", "Dense", 650, 0.0456, 0.00321),
        ),
    ),
    optimizer="SGD(learning_rate=0.1, momentum=0.9)",
    decays=(
        Decay(
            Variable("head", "kernel"),
            "L2 in the loss",
            "2 * 0.1 * 0.0001 / (1 - 0.9)",
            0.0002,
            3465.7,
        ),
        Decay(
            Variable("stem/conv", "kernel"), "L2 in the loss", "2 * 0.1 * 1e-05", 2e-06, 346573.6
        ),
        Decay(
            Variable("encoder/block_1/attention/query_dense", "kernel"),
            "L1 and L2 in the loss",
            "",
            None,
            None,
            "L1 takes away a constant, not a share",
        ),
    ),
    scale_invariance=(
        ScaleInvariance(Variable("stem/conv", "kernel"), 1.2e-07),
        ScaleInvariance(Variable("head", "kernel"), 0.83),
    ),
    histograms=(
        bell(Variable("stem/conv", "kernel"), 0.31),
        bell(Variable("encoder/block_1/attention/query_dense", "kernel"), 0.12),
        bell(Variable("encoder/block_2/lstm/cell", "recurrent"), 0.55),
        bell(Variable("head", "kernel"), 1.7),
        bell(Variable("head", "bias"), 0.002),
    ),
    notes=("the file was saved without a compile config for metrics",),
    static_seconds=0.31,
)

STATIC = replace(
    FULL,
    level=Level.STATIC,
    penalties=PENALTIES[:3],
    run=None,
    data=None,
    optimizer=None,
    decays=(),
    scale_invariance=(),
    findings=(),
    unknown=(
        Unknown("encoder/block_1/mlp", "Dense", "the activity penalty depends on the input"),
        Unknown(
            "my_layer", "my_package>Mixer", "a class of `my_package`: its variables are unknown"
        ),
    ),
    verdict=Verdict(
        (Reason(Danger.CUSTOM, "config.layers[3]", "class of another package", "my_package>Mixer"),)
    ),
)
EMPTY = PenaltyReport(FILE, level=Level.RUN, verdict=Verdict(), run=RUN)
UNCALLED = PenaltyReport(
    FILE,
    level=Level.RUN,
    verdict=Verdict(),
    dormant=FULL.dormant[:1],
    run=replace(RUN, probe=Probe("", 0, {}, failed="it was never built")),
)
REFUSED = PenaltyReport(
    replace(FILE, keras_version=None, path="downloads/evil.keras"),
    verdict=Verdict(
        (Reason(Danger.REFUSED, "config.json", "a reference to `os.system`, not of Keras"),)
    ),
)
BROKEN = replace(
    FULL,
    penalties=(
        weight("a", math.nan),
        weight("b", math.inf),
        weight("c", 0.5),
        weight("d", 0.0),
    ),
    findings=(Finding("not-finite", Severity.ERROR, "a", "the penalty is NaN"),),
    data=None,
)
HOSTILE = replace(
    FULL,
    file=replace(FILE, path=f"{EVIL}.keras", keras_version=EVIL, date_saved=EVIL),
    penalties=(
        weight(EVIL, 0.25, role=EVIL, regularizer=Regularizer(EVIL, {EVIL: EVIL})),
        weight("plain", 0.125, also=(Variable(EVIL, EVIL),)),
    ),
    dormant=(Dormant(EVIL, EVIL, EVIL, Regularizer(EVIL), Cause.DROPPED, EVIL),),
    unknown=(Unknown(EVIL, EVIL, EVIL),),
    findings=(Finding("not-finite", Severity.ERROR, EVIL, EVIL, EVIL),),
    verdict=Verdict((Reason(Danger.CUSTOM, EVIL, EVIL, EVIL),)),
    data=Data(EVIL, 5, EVIL, 1.0, (LayerGradient(EVIL, EVIL, 1, 1.0, 1.0),)),
    optimizer=EVIL,
    decays=(Decay(Variable(EVIL, EVIL), EVIL, EVIL, 0.1, 6.93, EVIL),),
    scale_invariance=(ScaleInvariance(Variable(EVIL, EVIL), 0.1),),
    histograms=(bell(Variable(EVIL, EVIL), 1.0),),
    notes=(EVIL,),
)
LARGE = replace(
    FULL,
    penalties=tuple(
        weight(f"backbone/stage_{i // 30}/block_{i % 30}/conv", 0.05 * 0.96**i, (3, 3, 64, 64))
        for i in range(150)
    ),
    decays=tuple(
        Decay(
            Variable(f"backbone/stage_{i // 30}/block_{i % 30}/conv", "kernel"),
            "L2 in the loss",
            "2 * 0.1 * 0.0001",
            2e-05 * 1.05**i,
            34657.0 / 1.05**i,
        )
        for i in range(150)
    ),
    histograms=tuple(
        bell(Variable(f"backbone/stage_{i // 30}/block_{i % 30}/conv", "kernel"), 0.3)
        for i in range(150)
    ),
    findings=(),
    dormant=(),
)
