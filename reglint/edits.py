"""From what rules want changed to edits of the text, and which of them go together."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from reglint.analysis.imports import Placement, placement
from reglint.model import (
    AddImport,
    Diagnostic,
    Edit,
    Fix,
    Insert,
    InsertLines,
    Offer,
    Prepend,
    Remove,
    RemoveLine,
    Replace,
    Safety,
)
from reglint.spans import locate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    import libcst as cst

    from reglint.model import Change, Finding


class Locator:
    """Knows the place of every node that some findings are about."""

    def __init__(self, text: str, tree: cst.Module, findings: Sequence[Finding]) -> None:
        self.text = text
        changes = [c for f in findings for fix in f.fixes for c in fix.changes]
        wanted = {c for c in changes if isinstance(c, AddImport)}
        self._imports = {add: placement(tree, add) for add in wanted}
        nodes: list[cst.CSTNode] = [f.node for f in findings]
        for change in changes:
            nodes += _nodes(change)
        nodes += [p.node for p in self._imports.values() if p and p.node]
        self._spans = locate(tree, {id(n): n for n in nodes}.values())

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return the offsets of a node without what surrounds it."""
        span = self._spans[id(node)]
        return span.start, span.end

    def offer(self, fix: Fix) -> Offer:
        """Return a fix as edits. One that would take a comment away is never safe."""
        edits = tuple(sorted({e for c in fix.changes for e in self._edits(c)}))
        safety, reason = fix.safety, fix.reason
        if safety is Safety.SAFE and any("#" in self.text[e.start : e.end] for e in edits):
            safety, reason = Safety.UNSAFE, "a comment would be lost"
        return Offer(fix.title, edits, safety, reason)

    def _edits(self, change: Change) -> Iterator[Edit]:
        match change:
            case Replace(node, text):
                yield Edit(*self.span(node), text)
            case Insert(node, text):
                end = self._spans[id(node)].end
                yield Edit(end, end, text)
            case Prepend(node, text):
                start = self._spans[id(node)].start
                yield Edit(start, start, text)
            case InsertLines(node, text):
                # Before the line break: what is behind it may be another cell of a notebook.
                end = self.text.find("\n", self._spans[id(node)].end)
                end = len(self.text) if end < 0 else end
                yield Edit(end, end, "\n" + text.removesuffix("\n"))
            case Remove(node, siblings):
                yield self._removal(node, siblings)
            case RemoveLine(node):
                span = self._spans[id(node)]
                start = self.text.rfind("\n", 0, span.start) + 1
                yield Edit(start, span.full_end, "")
            case AddImport():
                where = self._imports[change]
                if where:
                    yield self._import(where)

    def _removal(self, node: cst.CSTNode, siblings: Sequence[cst.CSTNode]) -> Edit:
        span = self._spans[id(node)]
        at = next(i for i, sibling in enumerate(siblings) if sibling is node)
        if at + 1 < len(siblings):
            return Edit(span.start, self._spans[id(siblings[at + 1])].start, "")
        if at > 0:
            return Edit(self._spans[id(siblings[at - 1])].end, span.end, "")
        return Edit(span.start, span.full_end, "")

    def _import(self, where: Placement) -> Edit:
        if where.node is None:
            return Edit(0, 0, where.text)
        span = self._spans[id(where.node)]
        if not where.text.endswith("\n"):  # one more name in a list
            at = span.end if where.behind else span.start
            return Edit(at, at, where.text)
        at = span.full_end
        unfinished = at > 0 and self.text[at - 1] != "\n"
        return Edit(at, at, f"\n{where.text.rstrip()}" if unfinished else where.text)


def _nodes(change: Change) -> list[cst.CSTNode]:
    match change:
        case Remove(node, siblings):
            return [node, *siblings]
        case AddImport():
            return []
    return [change.node]


def choose(
    diagnostics: Iterable[Diagnostic], allowed: Collection[Safety]
) -> tuple[list[Edit], list[Diagnostic]]:
    """Return edits that can be made together, sorted, and the diagnostics they put right.

    The first come are served first; each whole or not at all. What two fixes both want is done
    once and counts for both.
    """
    taken: list[Edit] = []
    chosen = []
    for diagnostic in diagnostics:
        offer = next((o for o in diagnostic.offers if o.safety in allowed and o.edits), None)
        if offer is None:
            continue
        new = [edit for edit in offer.edits if not _contains(taken, edit)]
        if any(_collides(taken, edit) for edit in new):
            continue
        for edit in new:
            insort(taken, edit)
        chosen.append(diagnostic)
    return taken, chosen


def _contains(taken: list[Edit], edit: Edit) -> bool:
    at = bisect_left(taken, edit)
    return at < len(taken) and taken[at] == edit


def _collides(taken: list[Edit], edit: Edit) -> bool:
    """Tell whether an edit overlaps one of `taken`, which are sorted and do not overlap."""
    at = bisect_left(taken, edit)
    return any(
        (other.start < edit.end and edit.start < other.end)
        or (other.start == other.end == edit.start == edit.end)
        for other in taken[max(at - 2, 0) : at + 2]
    )
