"""Markdown as a terminal shows it: what rules' documentation uses of it, no more."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.report import Style

_FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ITEM = re.compile(r"(?:[-*]|\d+\.) ")
_CODE = re.compile(r"`[^`\n]+`")
_WIDEST = 88  # columns; longer lines are hard to read


def rendered(markdown: str, style: Style) -> str:
    """Return `markdown` as paragraphs that fit, with an empty line between each two."""
    return "\n\n".join(_blocks(markdown, style)) + "\n"


def _blocks(markdown: str, style: Style) -> Iterator[str]:
    for number, part in enumerate(_FENCE.split(markdown)):
        if number % 2:  # what was within a fence
            yield style.paint(textwrap.indent(part.rstrip(), "    "), fg="green")
        else:
            yield from (
                _block(text, style) for text in re.split(r"\n{2,}", part.strip("\n")) if text
            )


def _block(text: str, style: Style) -> str:
    if text.startswith("#"):
        return style.paint(text.lstrip("#").strip(), bold=True)
    if text.startswith("|"):  # a table is as wide as it is
        return text
    width = min(style.width, _WIDEST)
    if _ITEM.match(text):
        items = re.split(r"\n(?=(?:[-*]|\d+\.) )", text)
        filled = "\n".join(textwrap.fill(item, width, subsequent_indent="  ") for item in items)
    else:
        filled = textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)
    return _CODE.sub(lambda code: style.paint(code[0], fg="cyan"), filled)
