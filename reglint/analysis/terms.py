"""The value of an expression as what it is made from: data, no walk over code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reglint.analysis.scopes import Scope
    from reglint.analysis.syntax import cst


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """A value: an operation on other values, or where it comes from.

    The names of local variables are gone, and for a call of a function of the module stands what
    that returns. `operation` is one of those in `operations`, where the parts are the tensors, or

    - "parameter", "self", "number", "string", "none";
    - "symbol": something imported or built in, `name` is its path ("keras.losses.get");
    - "class", "function": of this module, `node` is its definition;
    - "attribute": `name` of the only part;
    - "element": one of the only part, `name` is the key if that is plain;
    - "tuple", "dict": a list too; plain keys of a dictionary are in `options`;
    - "choice": one of the parts, nobody knows which;
    - "loop": the first part where a loop has no turn, else one of the others;
    - "result": of a function of this module; the part is what it returns, `name` what is called;
    - "call": of anything else, `name` is what is called, the parts are what it is called on, and
      what with;
    - "each": the parts are what a comprehension gives in each turn;
    - "compare", and "unknown": it has parts that it is made from all the same, or is a variable
      whose `name` is all that is known.
    """

    operation: str
    node: cst.CSTNode
    scope: Scope
    parts: tuple[Term, ...] = ()
    name: str = ""
    # What else an operation is told: "axis", "keepdims", "ord", "dtype" ...
    options: Mapping[str, Term] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Return "inputs", "self.kernel", "model.losses"; nothing for what is computed."""
        if self.operation in {"parameter", "self", "symbol", "unknown"}:
            return self.name
        if self.operation == "attribute" and self.parts[0].path:
            return f"{self.parts[0].path}.{self.name}"
        return ""

    @property
    def short(self) -> str:
        """Return the last part of the name."""
        return self.name.rpartition(".")[2]

    def walk(self) -> Iterator[Term]:
        """Yield the term and all that it is made from, each once, from the outside in."""
        seen: set[int] = set()
        stack = [self]
        while stack:
            term = stack.pop()
            if id(term) not in seen:
                seen.add(id(term))
                yield term
                stack += reversed(term.parts)

    def forms(self, *, turns: bool = False) -> Iterator[Term]:
        """Yield all that it may be: choices, and functions of this module, are looked through.

        With `turns`, every loop has at least one turn.
        """
        seen: set[int] = set()
        stack = [self]
        while stack:
            term = stack.pop()
            if id(term) in seen:
                continue
            seen.add(id(term))
            if term.operation in {"choice", "loop", "result"}:
                skipped = 1 if turns and term.operation == "loop" else 0
                stack += reversed(term.parts[skipped:])
            else:
                yield term

    def leaves(self, without: frozenset[str] = frozenset()) -> Iterator[Term]:
        """Yield what it is made from in the end, as far as that has a path.

        What only goes into operations `without` is left out.
        """
        seen: set[int] = set()
        stack = [self]
        while stack:
            term = stack.pop()
            if id(term) in seen or term.operation in without:
                continue
            seen.add(id(term))
            if term.path:
                yield term
            else:
                stack += reversed(term.parts)

    def known(self) -> bool:
        """Tell whether everything is known of what it is made from, and how."""
        return all(term.operation not in {"call", "unknown"} for term in self.walk())
