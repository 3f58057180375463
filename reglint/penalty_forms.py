"""Penalties written out by hand, as the factors of L1 and L2 that they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reglint.operations import OPERATORS, called_operation
from reglint.syntax import (
    code,
    cst,
    descendants,
    is_name,
    needs_parentheses,
    number,
    parameters_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from reglint.names import Module
    from reglint.scopes import Scope

    Factors: TypeAlias = Mapping[str, str]  # of "l1" and "l2", as code; "" is 1
    Function: TypeAlias = "cst.FunctionDef | cst.Lambda"

_SAME = {"cast", "convert", "identity"}
_SQUARE = 2


@dataclass(frozen=True, slots=True)
class Penalty:
    """A function of one tensor that is a sum of its absolute values, or squares, or of both."""

    factors: Factors
    plain: bool  # whether all factors are numbers

    def arguments(self) -> str:
        """Return the arguments of the regularizer, as code."""
        given = {kind: factor or "1.0" for kind, factor in sorted(self.factors.items())}
        if len(given) == 1:
            return next(iter(given.values()))
        return ", ".join(f"{kind}={factor}" for kind, factor in given.items())

    @property
    def name(self) -> str:
        """Return the name of the regularizer: "l1", "l2" or "L1L2"."""
        return next(iter(self.factors)) if len(self.factors) == 1 else "L1L2"


def penalty(
    function: Function, bound: Mapping[str, cst.BaseExpression], seen_from: Scope, module: Module
) -> Penalty | None:
    """Return what a function computes if it is nothing but such sums of its first parameter.

    `bound` is what its other parameters are, and those of the function around it. The factors are
    as code in `seen_from` can write them.
    """
    scope = module.scope_of(function)
    body = _result(function)
    parameters = list(parameters_of(function.params))
    if scope is None or body is None or not parameters:
        return None
    tensor, *others = parameters
    bound = {p.name.value: p.default for p in others if p.default} | dict(bound)
    if any(p.name.value not in bound for p in others):
        return None
    reader = _Reader(tensor.name.value, bound, scope, seen_from, module)
    factors = reader.factors(body, summed=False)
    return Penalty(factors, reader.plain) if factors and reader.visible else None


def _result(function: Function) -> cst.BaseExpression | None:
    """Return what a function of one line returns."""
    if isinstance(function, cst.Lambda):
        return function.body
    match function.body.body:
        case [*before, cst.SimpleStatementLine(body=[cst.Return(value=value)])] if all(
            isinstance(line, cst.SimpleStatementLine)
            and isinstance(line.body[0], cst.Expr)
            and isinstance(line.body[0].value, (cst.SimpleString, cst.ConcatenatedString))
            for line in before
        ):
            return value
    return None


class _Reader:
    """Reads the expression that a function of `tensor` returns."""

    def __init__(
        self, tensor: str, bound: Mapping[str, cst.BaseExpression], scope: Scope, seen_from: Scope,
        module: Module,
    ) -> None:  # fmt: skip
        self.tensor = tensor
        self.bound = bound
        self.scope = scope
        self.seen_from = seen_from
        self.module = module
        self.plain = True  # whether all factors are numbers
        self.visible = True  # whether all factors mean the same where they are to be written

    def factors(self, node: cst.BaseExpression, *, summed: bool) -> Factors | None:
        """Return the factors of what is summed up, or is to be; nothing if it is anything else."""
        operation, parts = self._operation(node)
        match operation, parts:
            case "add", [left, right]:
                return self._both(left, right, summed=summed)
            case "multiply", [left, right] if self._is_factor(left):
                return self._scaled(right, "{} * ", left, summed=summed)
            case (("multiply" | "divide"), [left, right]) if self._is_factor(right):
                form = "{} * " if operation == "multiply" else " / {}"
                return self._scaled(left, form, right, summed=summed)
            case "abs", [inner] if summed and not is_name(inner, self.tensor):
                return self._scaled_inside(inner)
            case "sum", [inner] if not summed:
                return self.factors(inner, summed=True)
            case _, [inner, *_] if operation in _SAME:
                return self.factors(inner, summed=summed)
        if not parts or not is_name(parts[0], self.tensor):
            return None
        return self._of_tensor(operation, parts[1:], summed=summed)

    def _of_tensor(
        self, operation: str, others: list[cst.BaseExpression], *, summed: bool
    ) -> Factors | None:
        """Return the factors of an operation on the tensor itself."""
        match operation, others:
            case "l2_loss", [] if not summed:
                return {"l2": "0.5"}
            case "abs", [] if summed:
                return {"l1": ""}
            case "square", [] if summed:
                return {"l2": ""}
            case "power", [exponent] if summed and number(exponent) == _SQUARE:
                return {"l2": ""}
            case "multiply", [other] if summed and is_name(other, self.tensor):
                return {"l2": ""}
        return None

    def _both(
        self, left: cst.BaseExpression, right: cst.BaseExpression, *, summed: bool
    ) -> Factors | None:
        first, second = self.factors(left, summed=summed), self.factors(right, summed=summed)
        if not first or not second or first.keys() & second.keys():
            return None
        return {**first, **second}

    def _scaled(
        self, inner: cst.BaseExpression, form: str, by: cst.BaseExpression, *, summed: bool
    ) -> Factors | None:
        if isinstance(by, cst.Name):
            by = self.bound.get(by.value, by)
        self.plain &= self._is_number(by)
        self.visible &= all(self._is_visible(n) for n in descendants(by))
        found = self.factors(inner, summed=summed) or {}
        operand = f"({code(by)})" if needs_parentheses(by) else code(by)
        text = form.format(operand)
        divides = text.startswith(" /")
        return {
            kind: f"{old or '1.0'}{text}" if divides else f"{text}{old}" if old else code(by)
            for kind, old in found.items()
        }

    def _scaled_inside(self, node: cst.BaseExpression) -> Factors | None:
        """Return the factor of `abs(0.1 * tensor)`."""
        match self._operation(node):
            case "multiply", [factor, tensor] if is_name(tensor, self.tensor):
                return {"l1": code(factor)} if (number(factor) or 0) > 0 else None
        return None

    def _is_number(self, node: cst.BaseExpression) -> bool:
        """Tell whether an expression is made of nothing but numbers, by whatever names."""
        if isinstance(node, cst.BinaryOperation):
            return self._is_number(node.left) and self._is_number(node.right)
        known = self.module.expression(node, self.scope)
        return known is not None and number(known.node) is not None

    def _is_visible(self, node: cst.CSTNode) -> bool:
        if not isinstance(node, cst.Name) or node in self.bound.values():
            return True
        return self.scope.find(node.value) is self.seen_from.find(node.value)

    def _operation(self, node: cst.BaseExpression) -> tuple[str, list[cst.BaseExpression]]:
        """Return what an expression does, and with what."""
        if isinstance(node, cst.BinaryOperation):
            return OPERATORS.get(type(node.operator).__name__, ""), [node.left, node.right]
        if not isinstance(node, cst.Call) or any(arg.star or arg.keyword for arg in node.args):
            return "", []
        parts = [arg.value for arg in node.args]
        match node.func:
            case cst.Attribute(value=value) if not self.module.meaning(value, self.scope):
                return "", []  # a method
        return called_operation(node, self.scope, self.module) or "", parts

    def _is_factor(self, node: cst.BaseExpression) -> bool:
        """Tell whether an expression is the same for every tensor, and may be a strength."""
        value = number(node)
        if value is not None:
            return value > 0
        return not any(is_name(n, self.tensor) for n in descendants(node))
