"""Whose each entry of `model.losses` is.

Keras lists what was added while the model was called (activity regularizers, `add_loss`), then one
entry for each trainable variable that has a regularizer, in the order of `trainable_weights`. So
around one eager call `Layer.add_loss` notes who adds what (`model.losses` hands out the same
objects, on every backend), and the last entries go to the variables by position. Run on 3.15.1 with
tensorflow, jax and torch.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import keras
import numpy as np

from reglint.inspector.facts import Kind, Penalty
from reglint.inspector.runtime.data import leaves
from reglint.inspector.runtime.layers import describe
from reglint.inspector.runtime.state import call

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reglint.inspector.runtime.layers import Node, Tree


@dataclass(slots=True)
class Added:
    """What a layer added to its losses while it was called."""

    layer: Any
    loss: Any  # kept, so that its id stays its own
    kind: Kind
    shape: tuple[int, ...] = ()  # of the tensor that is penalized; of the loss for ADD_LOSS
    dtype: str = ""
    repeats: Any | None = None  # the layer that penalized the very same tensor just before
    branch: tuple[Any, int] | None = None  # the layer that the model called, and the how manieth


@dataclass(frozen=True, slots=True)
class Observed:
    """What one call of a model left: its losses, and who added them."""

    losses: tuple[Any, ...]
    added: tuple[Added, ...]
    output: Any = None  # of the model; None: it was not called

    def is_empty(self) -> bool:
        """Return whether a tensor without elements was penalized: the inputs were too small."""
        return any(0 in item.shape for item in self.added)


@dataclass(frozen=True, slots=True)
class Attribution:
    """Every entry of `model.losses`, and what was added and is not among them."""

    penalties: tuple[Penalty, ...]
    total: float  # the sum of model.losses
    added: tuple[Added, ...]
    lost: tuple[str, ...] = ()  # entries nobody could be found for, a sentence each

    def evaluated(self) -> set[int]:
        """Return the ids of the layers whose activity regularizer was evaluated."""
        return {id(added.layer) for added in self.added if added.kind is Kind.ACTIVITY}


def observe(
    model: Any, tree: Tree, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
) -> Observed:
    """Return `model.losses` after one call in inference mode, and who added what meanwhile.

    Without arguments the model is not called, and there are weight penalties only. Leaves the model
    as it was, but for variables that the call itself updates. Raise what the call raises.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_losses_restored(tree))
        added = stack.enter_context(_recorded(tree))
        output = call(model, *args, training=False, **(kwargs or {})) if args or kwargs else None
        return Observed(tuple(model.losses), tuple(added), output)


def attribute(model: Any, tree: Tree, observed: Observed) -> Attribution:
    """Return whose each entry of `model.losses` is."""
    losses, added = observed.losses, observed.added
    regularized = [v for v in model.trainable_weights if v.regularizer is not None]
    called = max(len(losses) - len(regularized), 0)
    by_id = {id(item.loss): item for item in added}
    values = [value(loss) for loss in losses]
    penalties: list[Penalty] = []
    lost: list[str] = []
    for loss, number in zip(losses[:called], values, strict=False):
        item = by_id.get(id(loss))
        node = tree.node(item.layer) if item is not None else None
        if item is None or node is None:
            lost.append(f"no layer of the model added the entry of {number:g} in this call")
        else:
            penalties.append(_added(item, node, number))
    for variable, number in zip(regularized, values[called:], strict=False):
        penalties.append(_carried(variable, tree, number))
    if len(losses) < len(regularized):
        lost.append(
            f"{len(regularized)} variables have a regularizer, and model.losses has"
            f" {len(losses)} entries"
        )
    return Attribution(tuple(penalties), sum(values), added, tuple(lost))


class Mean:
    """The penalties of several batches, averaged by samples as `evaluate` does.

    What was added in some batches only counts as 0 in the others. Shapes are those of the first.
    """

    def __init__(self) -> None:
        self._samples = 0
        self._total = 0.0
        self._rows: dict[tuple[object, ...], tuple[Penalty, float]] = {}

    def add(self, found: Attribution, samples: int) -> None:
        """Take another batch into account."""
        self._samples += samples
        self._total += found.total * samples
        seen: Counter[tuple[object, ...]] = Counter()
        for penalty in found.penalties:
            name = (penalty.layer, penalty.kind, penalty.role)
            key = (*name, seen[name])
            seen[name] += 1
            row, so_far = self._rows.get(key, (penalty, 0.0))
            self._rows[key] = row, so_far + penalty.value * samples

    @property
    def total(self) -> float:
        """Return the mean of the sum of model.losses."""
        return self._total / self._samples

    @property
    def penalties(self) -> tuple[Penalty, ...]:
        """Return the mean of each penalty."""
        return tuple(replace(row, value=s / self._samples) for row, s in self._rows.values())


def value(loss: Any) -> float:
    """Return what the loss gets of an entry: summed in its own dtype, as the trainer does."""
    loss = keras.ops.stop_gradient(keras.ops.convert_to_tensor(loss))
    if not keras.backend.is_float_dtype(str(keras.backend.standardize_dtype(loss.dtype))):
        loss = keras.ops.cast(loss, keras.config.floatx())
    total = keras.ops.sum(loss)
    if keras.backend.standardize_dtype(total.dtype) == "bfloat16":
        total = keras.ops.cast(total, "float32")  # exact; numpy has no bfloat16
    return float(np.asarray(keras.ops.convert_to_numpy(total)))


def _added(item: Added, node: Node, number: float) -> Penalty:
    activity = item.kind is Kind.ACTIVITY
    return Penalty(
        layer=node.path,
        layer_class=node.class_name,
        kind=item.kind,
        value=number,
        regularizer=describe(item.layer.activity_regularizer) if activity else None,
        shape=item.shape,
        dtype=item.dtype,
    )


def _carried(variable: Any, tree: Tree, number: float) -> Penalty:
    first, *others = tree.owners(variable)
    node = tree.carrier(variable)
    return Penalty(
        layer=first.layer,
        layer_class=node.class_name if node is not None else "",
        kind=Kind.WEIGHT,
        value=number,
        role=first.role,
        regularizer=describe(variable.regularizer),
        shape=tuple(variable.shape),
        dtype=str(variable.dtype),
        also=tuple(others),
    )


class _Marked:
    """An activity regularizer that says of what it was evaluated last."""

    def __init__(self, regularizer: Any, layer: Any, pending: dict[int, Any]) -> None:
        self.__dict__.update(regularizer=regularizer, layer=layer, pending=pending)

    def __call__(self, output: Any) -> Any:
        penalty = self.regularizer(output)
        self.pending[id(self.layer)] = output
        return penalty

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["regularizer"], name)


class _Recorder:
    """Notes what layers add to their losses, in place of two methods of `keras.Layer`."""

    def __init__(self) -> None:
        self.added: list[Added] = []
        self.pending: dict[int, Any] = {}  # by layer: what its activity regularizer just got
        self._last: tuple[Any, Any] = (None, None)  # the tensor that was penalized last, by whom
        self._stack: list[Any] = []  # layers that are being called, the model first
        self._calls: Counter[int] = Counter()  # of the layers that the model calls itself
        self._add_loss = keras.Layer.add_loss
        self._call = keras.Layer.__call__

    def add_loss(self, layer: Any, loss: Any) -> Any:
        """Stand in for `Layer.add_loss`."""
        output = self.pending.pop(id(layer), None)
        kind = Kind.ADD_LOSS if output is None else Kind.ACTIVITY
        branch = self._stack[1] if len(self._stack) > 1 else None
        for item in leaves(loss):
            of = item if output is None else output
            note = Added(layer, item, kind, _shape(of), _dtype(of))
            if branch is not None:
                note.branch = branch, self._calls[id(branch)]
            if output is not None:
                note.repeats = self._last[1] if self._last[0] is output else None
                self._last = output, layer
            self.added.append(note)
        return self._add_loss(layer, loss)

    def call(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        """Stand in for `Layer.__call__`."""
        self._stack.append(layer)
        if len(self._stack) == 2:  # noqa: PLR2004
            self._calls[id(layer)] += 1
        try:
            return self._call(layer, *args, **kwargs)
        finally:
            self._stack.pop()


def _shape(tensor: Any) -> tuple[int, ...]:
    return tuple(size or 0 for size in getattr(tensor, "shape", ()))


def _dtype(tensor: Any) -> str:
    return str(keras.backend.standardize_dtype(tensor.dtype)) if hasattr(tensor, "dtype") else ""


@contextlib.contextmanager
def _recorded(tree: Tree) -> Iterator[list[Added]]:
    """Note what layers add to their losses, and leave them as they were."""
    recorder = _Recorder()
    with contextlib.ExitStack() as stack:
        # Functions, as only these become methods.
        for name, stand_in in (
            ("add_loss", lambda layer, loss: recorder.add_loss(layer, loss)),  # noqa: PLW0108
            ("__call__", lambda layer, *args, **kwargs: recorder.call(layer, *args, **kwargs)),  # noqa: PLW0108
        ):
            stack.enter_context(patch.object(keras.Layer, name, stand_in))
        for node in tree.nodes:
            # By the instance's dictionary: no tracker, and no property of a subclass, sees it.
            held = vars(node.layer)
            regularizer = held.get("activity_regularizer")
            if regularizer is not None:
                held["activity_regularizer"] = _Marked(regularizer, node.layer, recorder.pending)
                stack.callback(held.__setitem__, "activity_regularizer", regularizer)
        yield recorder.added


@contextlib.contextmanager
def _losses_restored(tree: Tree) -> Iterator[None]:
    """Set losses of earlier calls aside.

    After `fit` they are symbolic tensors on TensorFlow, and on JAX what training used.
    """
    names = ("_losses", "_loss_ids", "_losses_override")
    saved = [
        (held, held.copy())
        for node in tree.nodes
        for name in names
        if (held := getattr(node.layer, name, None)) is not None
    ]
    for held, _ in saved:
        held.clear()
    try:
        yield
    finally:
        for held, before in saved:
            held.clear()
            _refill(held, before)


def _refill(held: Any, before: Any) -> None:
    if isinstance(held, set):
        held.update(before)
    else:
        held.extend(before)
