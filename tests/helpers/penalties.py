"""Penalties made by hand."""

from __future__ import annotations

from reglint.inspector.facts import FileFacts, Format, Kind, Penalty, Regularizer

L2 = Regularizer("L2", {"l2": 0.01})
FILE = FileFacts("model.keras", Format.KERAS)


def weight(layer="dense", value=1.0, **changes):
    """Return the L2 penalty of the kernel of a Dense layer."""
    given = {"kind": Kind.WEIGHT, "role": "kernel", "regularizer": L2} | changes
    return Penalty(layer=layer, layer_class="Dense", value=value, **given)


def activity(layer="dense", value=1.0, **changes):
    """Return the penalty of what a Dense layer puts out."""
    return Penalty(layer=layer, layer_class="Dense", kind=Kind.ACTIVITY, value=value, **changes)
