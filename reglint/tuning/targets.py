"""Which variables of a model have their L2 tuned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from reglint.inspector.facts import Regularizer
from reglint.inspector.listing import few
from reglint.inspector.runtime import invariance
from reglint.inspector.runtime.data import DataError
from reglint.inspector.runtime.layers import Tree, describe, walk
from reglint.regularizing.live_sites import places, sites
from reglint.regularizing.operations import WrongOperation, set_of
from reglint.regularizing.plan import plan
from reglint.tuning.facts import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reglint.inspector.facts import Variable
    from reglint.inspector.runtime.data import Batch

# What is called a weight: biases, and the gains and offsets of normalization, are small and few.
_KERNELS = frozenset({"kernel", "depthwise", "pointwise", "recurrent", "embeddings"})
_ANY = Regularizer("")  # another than any that a layer has, so that all are changes
_NAMED = 5  # of many, in a note


def find(model: Any, on: Sequence[str], notes: list[str]) -> list[tuple[Any, Target]]:
    """Return the variables to tune, with what the report says of them. Raise DataError.

    Those that `on` names, `PATTERN:ROLE` each; else those that have L2 now; else all kernels. They
    are trainable. What has another regularizer keeps it, and is no target: that is added to
    `notes`.
    """
    tree = walk(model)
    trained = {
        names[0]: variable
        for variable in model.trainable_variables
        if (names := tree.owners(variable))
    }
    present = {name: _coefficient(variable) for name, variable in trained.items()}
    if on:
        wanted = _named(tree, trained, on)
    elif not (wanted := [name for name in trained if present[name]]):
        wanted = [name for name in trained if name.role in _KERNELS]
    other = [name for name in wanted if present[name] is None]
    if other:
        shown = few([f"`{name}`" for name in other], _NAMED)
        notes.append(f"{shown} keeps the regularizer that it has, which is not L2")
    found = [
        (trained[name], Target(name, carrier.class_name if carrier else "", coefficient))
        for name in wanted
        if (coefficient := present[name]) is not None
        for carrier in [tree.carrier(trained[name])]
    ]
    if not found:
        raise DataError(
            "the model has no trainable kernels whose L2 could be tuned; name variables:"
            " --on PATTERN:ROLE"
        )
    return found


def normalized(model: Any, found: Sequence[tuple[Any, Target]], batch: Batch) -> Iterator[str]:
    """Yield a note on those whose size a normalization takes out of what the model says."""
    if batch.samples < invariance.MIN_SAMPLES:
        return
    named = [(variable, target.variable) for variable, target in found]
    try:
        measured = invariance.measure(model, named, batch)
    except Exception:  # noqa: BLE001 - backends raise all kinds, and training may do without
        return
    names = [f"`{each.variable}`" for each in measured if each.change < invariance.THRESHOLD]
    if names:
        yield (
            f"a normalization follows {few(names, _NAMED)}: L2 there acts on the effective learning"
            " rate alone, so that the epochs and the learning rate may matter more"
        )


def _coefficient(variable: Any) -> float | None:
    """Return the coefficient of L2 that a variable has; None: it has another regularizer."""
    regularizer = getattr(variable, "regularizer", None)
    if regularizer is None:
        return 0.0
    if not isinstance(regularizer, (keras.regularizers.L2, keras.regularizers.L1L2)):
        return None
    factors = describe(regularizer).factors
    l1, l2 = (factors.get(name, 0.0) for name in ("l1", "l2"))
    return float(l2) if l1 == 0 else None


def _named(tree: Tree, trained: dict[Variable, Any], on: Sequence[str]) -> list[Variable]:
    """Return the variables that `on` names, in the order of the model. Raise DataError."""
    layers = {site.target.path: site for site in sites(tree)}
    try:
        operations = [set_of(place, _ANY) for place in on]
        changes = plan([site.target for site in layers.values()], operations)
    except WrongOperation as error:
        raise DataError(f"--on {error}") from None
    chosen = {
        id(place.holder)
        for change in changes
        for place in places(layers[change.layer].node, change.role, tree)
        if place.is_variable
    }
    return [name for name, variable in trained.items() if id(variable) in chosen]
