"""HTML by construction: what is not markup already is escaped, so that no name becomes any."""

from __future__ import annotations

from html import escape
from typing import TypeAlias

from reglint.inspector.render.document import spans

_VOID = {"meta"}


class Markup(str):
    """Text that is HTML."""

    __slots__ = ()


Child: TypeAlias = "Markup | str | None"


def tag(name: str, /, *children: Child, **attributes: str | float | None) -> Markup:
    """Return the element `name`; children and attributes that are None are left out.

    A trailing underscore of an attribute is dropped (`class_`), others become hyphens.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*children: Child) -> Markup:
    """Return all of `children`, one after the other."""
    return Markup("".join(_escaped(child) for child in children if child is not None))


def _escaped(child: str) -> str:
    return child if isinstance(child, Markup) else escape(child)


def prose(message: str) -> Markup:
    """Return a message with its code as such."""
    return joined(*(tag("code", part) if code else part for part, code in spans(message)))
