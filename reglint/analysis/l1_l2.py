"""Sums of absolute values and of squares, read as the L1 and L2 of Keras that they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reglint.analysis.syntax import code, cst, descendants, needs_parentheses, number
from reglint.analysis.terms import Term

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from reglint.analysis.scopes import Scope

    Factors: TypeAlias = "dict[str, tuple[Factor, ...]]"  # of "l1" and "l2", as far as there

_SAME = frozenset({"cast", "convert", "identity"})
_SQUARE = 2
_ARITHMETIC = frozenset({"add", "subtract", "multiply", "divide", "power", "negative", "number"})
_ALTERNATIVES = frozenset({"choice", "loop", "result", "cast"})
# What gives tensors and variables, which no regularizer takes as its factor.
_TENSORS = ("keras.", "tensorflow.")
# Functions that know no symbolic tensors, and no gradient: what they give is another penalty.
_NO_GRADIENT = "numpy."


@dataclass(frozen=True, slots=True)
class Factor:
    """What a sum is multiplied with, or divided by."""

    term: Term
    places: tuple[tuple[cst.CSTNode, Scope], ...]  # how the code writes it, and from where
    divides: bool = False

    @property
    def is_plain(self) -> bool:
        """Tell whether it is made of nothing but numbers, by whatever names."""
        return all(term.operation in _ARITHMETIC for term in self.term.walk())

    @property
    def is_literal(self) -> bool:
        """Tell whether it is written as a number."""
        return number(self.places[0][0]) is not None

    def seen_from(self, spot: Scope) -> cst.BaseExpression | None:
        """Return an expression for it that means the same elsewhere, if there is one."""
        for node, scope in self.places:
            names = [n.value for n in descendants(node) if isinstance(n, cst.Name)]
            if isinstance(node, cst.BaseExpression) and all(
                _means_the_same(name, scope, spot) for name in names
            ):
                return node
        return None


@dataclass(frozen=True, slots=True)
class L1L2:
    """A sum of absolute values, or of squares, or of both."""

    norms: Mapping[str, tuple[Factor, ...]]

    @property
    def name(self) -> str:
        """Return the name of the regularizer: "l1", "l2" or "L1L2"."""
        return next(iter(self.norms)) if len(self.norms) == 1 else "L1L2"

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Return all that is multiplied with either sum."""
        return tuple(factor for factors in self.norms.values() for factor in factors)

    def arguments(self, spot: Scope) -> str | None:
        """Return the arguments of the regularizer as code, if they can be written there."""
        given = []
        for kind, factors in sorted(self.norms.items()):
            text = _product(factors, spot)
            if text is None:
                return None
            given.append(text if len(self.norms) == 1 else f"{kind}={text}")
        return ", ".join(given)


def l1_l2(
    term: Term, is_tensor: Callable[[Term], bool], given: Mapping[str, Term] | None = None
) -> L1L2 | None:
    """Return what a value is if it is nothing but such sums, over all axes of one tensor.

    `given` is what is known of the parameters that may be factors.
    """
    norms = _Reader(is_tensor, given or {}).norms(term, summed=False)
    return L1L2(norms) if norms else None


class _Reader:
    """Reads the terms that are made from one tensor."""

    def __init__(self, is_tensor: Callable[[Term], bool], given: Mapping[str, Term]) -> None:
        self._is_tensor = is_tensor
        self._given = given

    def norms(self, term: Term, *, summed: bool) -> Factors | None:
        """Return the factors of what is summed up, or is to be; nothing if it is anything else."""
        if term.name.startswith(_NO_GRADIENT):
            return None
        match term:
            case Term(operation="add", parts=[left, right]):
                return self._both(left, right, summed=summed)
            case Term(operation="sum", parts=[inner]) if not summed and not term.options:
                return self.norms(inner, summed=True)
            case Term(operation=operation, parts=[inner]) if operation in _SAME | {"result"}:
                return self.norms(inner, summed=summed)
        of_tensor = self._of_tensor(term) if summed else self._half(term)
        return self._scaled(term, summed=summed) if of_tensor is None else of_tensor

    def _of_tensor(self, term: Term) -> Factors | None:
        """Return the norm that an operation on the tensor itself is summed up to."""
        match term:
            case Term(operation="square", parts=[inner]) if self._is_tensor(inner):
                return {"l2": ()}
            case Term(operation="power", parts=[inner, exponent]) if self._is_tensor(inner):
                return {"l2": ()} if number(exponent.node) == _SQUARE else None
            case Term(operation="multiply", parts=parts) if all(map(self._is_tensor, parts)):
                return {"l2": ()}
            case Term(operation="abs", parts=[inner]) if self._is_tensor(inner):
                return {"l1": ()}
            case Term(operation="abs", parts=[Term(operation="multiply", parts=[by, inner]) as of]):
                if self._is_tensor(inner) and (number(by.node) or 0) > 0:
                    return {"l1": (_factor(of, 0, by),)}
        return None

    def _half(self, term: Term) -> Factors | None:
        match term:
            case Term(operation="l2_loss", parts=[inner]) if self._is_tensor(inner):
                half = Term("number", cst.Float("0.5"), term.scope)
                return {"l2": (Factor(half, ((half.node, half.scope),)),)}
        return None

    def _both(self, left: Term, right: Term, *, summed: bool) -> Factors | None:
        first, second = self.norms(left, summed=summed), self.norms(right, summed=summed)
        if not first or not second or first.keys() & second.keys():
            return None
        return {**first, **second}

    def _scaled(self, term: Term, *, summed: bool) -> Factors | None:
        """Return the norms of a product or quotient: its factors stay in the order of the code."""
        if term.operation not in {"multiply", "divide"} or len(term.parts) != 2:  # noqa: PLR2004
            return None
        left, right = (self._given.get(_parameter(part), part) for part in term.parts)
        if self._is_strength(right):
            by = _factor(term, 1, right)
            inner = self.norms(left, summed=summed)
            return {kind: (*old, by) for kind, old in inner.items()} if inner else None
        if term.operation == "multiply" and self._is_strength(left):
            by = _factor(term, 0, left)
            inner = self.norms(right, summed=summed)
            return {kind: (by, *old) for kind, old in inner.items()} if inner else None
        return None

    def _is_strength(self, term: Term) -> bool:
        """Tell whether a value may be a positive number, and is the same for every tensor."""
        if term.operation == "number":
            return (number(term.node) or 0) > 0
        return _may_be_number(term) and not any(map(self._is_tensor, term.walk()))


def _may_be_number(term: Term) -> bool:
    if term.path or term.operation in {"attribute", "element", "number"}:
        return True
    if term.operation == "call":
        return not term.name.startswith(_TENSORS)
    if term.operation == "cast" and term.name != "builtins.float":
        return False
    known = term.operation in _ARITHMETIC | _ALTERNATIVES
    return known and all(map(_may_be_number, term.parts))


def _parameter(term: Term) -> str:
    return term.name if term.operation == "parameter" else ""


def _factor(product: Term, index: int, by: Term) -> Factor:
    """Return what one side of a product is multiplied with, or divided by."""
    written: tuple[cst.CSTNode, ...] = ()
    match product.node:
        case cst.BinaryOperation(left=left, right=right):
            written = (left, right)
        case cst.Call(args=[cst.Arg(value=left, keyword=None), cst.Arg(value=right, keyword=None)]):
            written = (left, right)
    places = [(node, product.scope) for node in written[index : index + 1]]
    divides = index == 1 and product.operation == "divide"
    return Factor(by, (*places, (by.node, by.scope)), divides)


def _means_the_same(name: str, scope: Scope, elsewhere: Scope) -> bool:
    here, there = scope.find(name), elsewhere.find(name)
    if name == "self" and here and there:
        return here.parent is there.parent  # methods of one class
    return here is there


def _product(factors: tuple[Factor, ...], spot: Scope) -> str | None:
    """Return a product as code, if that can be written there."""
    text = ""
    for factor in factors:
        node = factor.seen_from(spot)
        if node is None:
            return None
        bare = len(factors) == 1 and not factor.divides
        operand = code(node) if bare or not needs_parentheses(node) else f"({code(node)})"
        sign = " / " if factor.divides else " * "
        text = f"{text or '1.0'}{sign}{operand}" if text or factor.divides else operand
    return text or "1.0"
