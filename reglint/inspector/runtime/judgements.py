"""Judgements on the penalties of a model that need no data.

Each is a fact about `fit`, measured on Keras 3.15.1 with tensorflow 2.21, jax 0.10 and torch 2.13:
trained with a data loss of 0 and a learning rate of 0, `loss` in the history is what training sees.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import keras
from packaging.version import Version

from reglint.inspector.facts import AGREEMENT, Finding, Kind
from reglint.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.inspector.runtime.attribution import Attribution
    from reglint.inspector.runtime.layers import Node, Tree

SAFE_KERAS = Version("3.15.0")  # advisories up to CVE-2026-12570 are fixed there

FLOAT16_MAX = 65504.0
_HALVES = {"float16", "bfloat16"}


def judge(
    model: Any, tree: Tree, attribution: Attribution, *, batch_size: int
) -> tuple[Finding, ...]:
    """Return what there is to say of a model that was called on a batch."""
    return (
        *_values(attribution, batch_size),
        *_cells(tree, attribution),
        *_ignored(model, tree, attribution),
        *_halves(attribution),
        *_twice(tree, attribution),
        *_attributed(attribution),
        *_keras(),
    )


def _values(attribution: Attribution, batch_size: int) -> Iterator[Finding]:
    for penalty in attribution.penalties:
        probed = penalty.kind is not Kind.WEIGHT
        on = f" on a batch of {batch_size}" if probed else ""
        overflows = not abs(penalty.value) < FLOAT16_MAX / 2 and not math.isnan(penalty.value)
        if penalty.dtype == "float16" and overflows:
            yield Finding(
                "half-precision-overflow",
                Severity.ERROR,
                penalty.layer,
                f"the penalty of {penalty.name} is computed in float16, which ends at"
                f" {FLOAT16_MAX:g}, and is {penalty.value:g}{on}",
                help="Compute this layer in float32: give it `dtype='float32'`",
                probed=probed,
            )
        elif not math.isfinite(penalty.value):
            yield Finding(
                "not-finite",
                Severity.ERROR,
                penalty.layer,
                f"the penalty of {penalty.name} is {penalty.value:g}{on}: so is the loss",
                help=("Look at what the layer puts out" if probed else "Look at the saved weights"),
                probed=probed,
            )


def _cells(tree: Tree, attribution: Attribution) -> Iterator[Finding]:
    """Yield cells of recurrent layers that penalize: what they add is lost in the loop.

    `fit` raises InaccessibleTensorError on TensorFlow and UnexpectedTracerError on JAX; on torch,
    and unrolled, it trains.
    """
    adding = {id(added.layer) for added in attribution.added if added.kind is Kind.ADD_LOSS}
    for outer in tree.nodes:
        cell = getattr(outer.layer, "cell", None)
        place = tree.node(cell)
        if not isinstance(outer.layer, keras.layers.RNN) or outer.layer.unroll or place is None:
            continue
        for node in _below(tree, place):
            what = "an activity regularizer" if _has_activity(node) else "add_loss"
            if _has_activity(node) or id(node.layer) in adding:
                yield Finding(
                    "cell-activity-regularizer",
                    Severity.ERROR,
                    node.path,
                    f"{what} in the cell of a recurrent layer: `fit` raises on TensorFlow and JAX,"
                    " unless the layer is unrolled",
                    help="Penalize the output of the recurrent layer, not of its cell",
                )


def _below(tree: Tree, place: Node) -> Iterator[Node]:
    for node in tree.nodes:
        if node is place or node.path.startswith(f"{place.path}/"):
            yield node


def _has_activity(node: Node) -> bool:
    return getattr(node.layer, "activity_regularizer", None) is not None


def _ignored(model: Any, tree: Tree, attribution: Attribution) -> Iterator[Finding]:
    if getattr(model, "activity_regularizer", None) is not None:
        yield Finding(
            "ignored-by-jax",
            Severity.WARNING,
            "",
            "the model itself has an activity regularizer: `fit` on JAX ignores it",
            help="Give it to the last layer of the model",
        )
    calls: dict[int, tuple[Any, int]] = {}
    for added in attribution.added:
        if added.branch is not None:
            calls[id(added.branch[0])] = added.branch
    for layer, times in calls.values():
        node = tree.node(layer)
        if times > 1 and node is not None:
            yield Finding(
                "ignored-by-jax",
                Severity.WARNING,
                node.path,
                f"the model calls `{node.path}` {times} times: `fit` on JAX counts what it"
                " penalizes in the last call only",
                help="Penalize the outputs in a layer of their own, one for each call",
            )


def _halves(attribution: Attribution) -> Iterator[Finding]:
    """Yield penalties in half precision.

    TensorFlow cannot add them to the data loss, in float32: `fit` raises TypeError, "Cannot convert
    a list containing a tensor of dtype float16 to float32".
    """
    for penalty in attribution.penalties:
        if penalty.dtype in _HALVES:
            yield Finding(
                "mixed-precision-activity",
                Severity.ERROR,
                penalty.layer,
                f"the penalty of {penalty.name} is {penalty.dtype}: `fit` raises on TensorFlow,"
                " which adds it to a loss in float32",
                help="Give this layer `dtype='float32'`, or train on JAX or torch",
            )


def _twice(tree: Tree, attribution: Attribution) -> Iterator[Finding]:
    """Yield layers of Keras that penalize what their sublayer has penalized already."""
    for added in attribution.added:
        outer, inner = tree.node(added.layer), tree.node(added.repeats)
        if outer is None or inner is None or not inner.path.startswith(f"{outer.path}/"):
            continue  # two regularizers, of a layer and of the next, are meant
        if type(outer.layer).__module__.partition(".")[0] == "keras" and not hasattr(
            outer.layer, "layers"
        ):
            yield Finding(
                "counted-twice",
                Severity.WARNING,
                outer.path,
                f"the activity regularizer counts the output of {outer.path} twice: once as its"
                f" own, once as that of {inner.path}",
                help="Penalize the output in a layer of its own, such as ActivityRegularization",
            )


def _attributed(attribution: Attribution) -> Iterator[Finding]:
    for sentence in attribution.lost:
        yield Finding("not-attributed", Severity.ERROR, "", sentence)
    known = sum(penalty.value for penalty in attribution.penalties)
    if not _agree(known, attribution.total) and not attribution.lost:
        yield Finding(
            "not-attributed",
            Severity.ERROR,
            "",
            f"the penalties add up to {known:g}, model.losses to {attribution.total:g}",
        )


def _agree(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or math.isclose(one, other, rel_tol=AGREEMENT)


def _keras() -> Iterator[Finding]:
    if Version(keras.__version__) < SAFE_KERAS:
        yield Finding(
            "old-keras",
            Severity.INFO,
            "",
            f"Keras {keras.__version__} ran the file: {SAFE_KERAS} fixes holes in loading models",
            help=f"Upgrade Keras to {SAFE_KERAS} or later before you load files of others",
        )
