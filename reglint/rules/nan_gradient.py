"""RGL501."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.packages import package
from reglint.analysis.penalties import Of, penalties
from reglint.analysis.syntax import code, cst, number, string
from reglint.model import Finding, Fix, Insert, Replace, Safety, Severity
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.names import Module
    from reglint.analysis.penalties import Penalty
    from reglint.analysis.terms import Term
    from reglint.model import Change

# A gradient gets through these, and they are 0 if what they are made from is.
_LINEAR = frozenset({
    "sum", "mean", "total", "multiply", "divide", "negative", "abs", "square", "cast", "convert",
    "identity", "reshape", "transpose", "concatenate", "gather", "each", "element", "tuple",
    "matmul", "sqrt", "norm", "euclidean_norm", "std", "var", "trace", "l2_loss",
})  # fmt: skip
_THROUGH = _LINEAR | {"add", "subtract", "power", "choice", "loop", "result", "exp", "log", "log1p"}
_EUCLIDEAN = frozenset({"euclidean", "fro"})
_REASON = "a root changes by at most 1e-6"


class NanGradient(Rule):
    """A penalty takes the norm, or the root, of weights that may all be 0.

    The derivative of a root is infinite at 0, and Keras multiplies it by 0: the gradient is NaN,
    and after one step of training so are the weights. A bias starts at 0, and one with the
    penalty `0.1 * norm(bias)` is all NaN after one step on TensorFlow and JAX. In a kernel it is
    enough that one row has become 0, as is the purpose of a penalty of groups.

    | of weights that are 0 | TensorFlow | JAX |
    |---|---|---|
    | `norm(w)`, `norm(w, axis=1)`, `sqrt(sum(square(w)))`, `std(w)` | NaN | NaN |
    | `sqrt(abs(w))`, `abs(w) ** 0.5` | NaN | infinite |
    | `norm(w) ** 2`, `square(norm(w))` | 0 | NaN |
    | `norm(w, ord=1)`, `abs(w) ** 1.5`, `sqrt(sum(square(w)) + 1e-12)` | finite | finite |

    On torch, `norm` and `std` are finite, and the roots are NaN.

    ## Example

    ```python
    class GroupLasso(keras.regularizers.Regularizer):
        def __call__(self, weights):
            return 0.01 * tf.reduce_sum(tf.norm(weights, axis=1))
    ```

    Use instead:

    ```python
    class GroupLasso(keras.regularizers.Regularizer):
        def __call__(self, weights):
            return 0.01 * tf.reduce_sum(tf.sqrt(tf.reduce_sum(tf.square(weights), axis=1) + 1e-12))
    ```

    ## Fix safety

    Unsafe: each root grows, by 1e-6 at 0 and by less elsewhere. A squared norm becomes a sum of
    squares, which is the same number, and safe.

    ## References

    Run with `fit` on tf.keras 2.15, and on Keras 3.15.1 with TensorFlow and JAX. That of `tf.norm`
    is [TensorFlow issue 12071](https://github.com/tensorflow/tensorflow/issues/12071).
    """

    code = "RGL501"
    name = "nan-gradient"
    triggers = (b"keras", rb"norm|sqrt|std|pow|\*\*", rb"egulariz|add_loss")

    def check_module(self, module: Module) -> Iterator[Finding]:
        seen: set[int] = set()
        for penalty in penalties(module):
            if penalty.of is Of.ACTIVITY:
                continue
            for root in _roots(penalty.value, set()):
                found = None if id(root.node) in seen else _judged(root, penalty)
                if found:
                    seen.add(id(root.node))
                    yield found


def _roots(term: Term, seen: set[int]) -> Iterator[Term]:
    """Yield the roots, and squares of roots, that a gradient comes to."""
    if id(term) in seen or term.operation not in _THROUGH or _stops(term):
        return
    seen.add(id(term))
    if _root_of(term) is not None:
        yield term
    squared = _squared(term)
    if squared and _root_of(squared) is not None:
        yield term
        return
    for part in term.parts:
        yield from _roots(part, seen)


def _stops(term: Term) -> bool:
    """Tell whether each root arrives with a gradient of 0 where it is 0: TensorFlow keeps that 0.

    Not so for a sum of roots, of which only some are 0.
    """
    if term.operation == "abs" or (term.operation == "norm" and not _is_euclidean(term)):
        return any(_root_of(form) is not None for form in term.parts[0].forms())
    return False


def _judged(term: Term, penalty: Penalty) -> Finding | None:
    squared = _squared(term)
    root = squared if squared and _root_of(squared) is not None else term
    radicand = _root_of(root)
    if radicand is None or not _vanishes(radicand, penalty):
        return None
    name = _shown(root)
    if root is term:
        message = f"the gradient of {name} is NaN for weights that are all 0"
        return Finding(term.node, message, _fixes(term))
    if not root.name.startswith(("keras.ops.", "jax.")):
        return None
    message = f"the gradient of the square of {name} is NaN on JAX for weights that are all 0"
    return Finding(term.node, message, _unrooted(term, root), Severity.WARNING)


def _root_of(term: Term) -> Term | None:
    """Return what a root is taken of, if the derivative at 0 is infinite."""
    match term.operation:
        case "sqrt" | "std" | "euclidean_norm":
            return term.parts[0]
        case "norm":
            return term.parts[0] if _is_euclidean(term) else None
        case "power" if 0 < _exponent(term) < 1:
            return term.parts[0]
    return None


def _is_euclidean(norm: Term) -> bool:
    order = norm.options.get("ord")
    if order is None or order.operation == "none" or string(order.node) in _EUCLIDEAN:
        return True
    # Of a matrix, or along two axes, some packages take the largest singular value then.
    axis = norm.options.get("axis")
    return number(order.node) == 2 and axis is not None and number(axis.node) is not None  # noqa: PLR2004


def _squared(term: Term) -> Term | None:
    if term.operation == "square" or (term.operation == "power" and _exponent(term) == 2):  # noqa: PLR2004
        return term.parts[0]
    return None


def _exponent(power: Term) -> float:
    """Return the exponent, 0 if it is not known."""
    return number(power.parts[1].node) or 0.0 if len(power.parts) > 1 else 0.0


def _vanishes(term: Term, penalty: Penalty) -> bool:
    """Tell whether a value is 0 where the weights are."""
    if penalty.is_weight(term):
        return True
    inside = [_vanishes(part, penalty) for part in term.parts]
    match term.operation:
        case "choice" | "loop" | "result" | "add" | "subtract" | "tuple" | "each":
            return bool(inside) and all(inside)
        case "multiply" | "matmul":
            return any(inside)
        case "divide":
            return inside[:1] == [True] and not any(inside[1:])
        case "power":
            return inside[:1] == [True] and _exponent(term) > 0
    return term.operation in _LINEAR and inside[:1] == [True]


def _shown(term: Term) -> str:
    match term.node:
        case cst.Call(func=cst.Attribute(value=cst.Name() | cst.Attribute()) | cst.Name() as func):
            return f"`{code(func)}`"
        case cst.Call(func=cst.Attribute(attr=name)):
            return f"`{name.value}`"
    return f"`** {code(term.parts[1].node)}`"


def _fixes(term: Term) -> tuple[Fix, ...]:
    change = _padded(term)
    if change is None:
        return ()
    return (Fix("Add `1e-12` below the root", (change,), Safety.UNSAFE, _REASON),)


def _padded(term: Term) -> Change | None:
    """Return the change that keeps a root from 0."""
    half = _exponent(term) == 0.5  # noqa: PLR2004
    match term.operation, term.node:
        case "power", cst.BinaryOperation(left=left) if half:
            return Replace(left, f"({code(left)} + 1e-12)")
        case "sqrt", cst.Call(args=[cst.Arg(value=value, keyword=None, star="")]):
            return Insert(value, " + 1e-12") if _takes_a_sum(value) else None
        case "power", cst.Call(args=[cst.Arg(value=value, keyword=None, star=""), _]) if half:
            return Insert(value, " + 1e-12") if _takes_a_sum(value) else None
        case ("sqrt", cst.Call(func=cst.Attribute(value=owner), args=[])):
            return Replace(owner, f"({code(owner)} + 1e-12)")
        case (("norm" | "euclidean_norm"), cst.Call()):
            squares, sqrt = _squares(term)
            return Replace(term.node, f"{sqrt}({squares} + 1e-12)") if squares else None
    return None


def _takes_a_sum(node: cst.BaseExpression) -> bool:
    """Tell whether `node + 1e-12` needs no parentheses."""
    bad = (cst.IfExp, cst.Lambda, cst.BooleanOperation, cst.Comparison, cst.NamedExpr)
    return not isinstance(node, bad)


def _unrooted(square: Term, root: Term) -> tuple[Fix, ...]:
    """Return the fix that takes the squares instead of the square of their root."""
    if root.operation != "norm":
        return ()
    squares, _ = _squares(root)
    fix = Fix("Take the sum of the squares", (Replace(square.node, squares),))
    return (fix,) if squares else ()


def _squares(norm: Term) -> tuple[str, str]:
    """Return the sum of squares that a norm is the root of, and how to write the root, as code."""
    known = package(norm)
    node = cst.ensure_type(norm.node, cst.Call)
    match node.args:
        case [cst.Arg(value=tensor, keyword=None, star=""), *others] if known:
            kept = [arg for arg in others if not _is_order(arg)]
            if all(_is_reduction(arg) for arg in kept):
                squares = f"{known.function('square')}({code(tensor)})"
                arguments = ", ".join([squares, *(_argument(arg) for arg in kept)])
                return f"{known.function('sum')}({arguments})", known.function("sqrt")
    return "", ""


def _argument(arg: cst.Arg) -> str:
    return f"{arg.keyword.value if arg.keyword else ''}={code(arg.value)}"


def _is_order(arg: cst.Arg) -> bool:
    place = arg.keyword is None and not arg.star
    return place or (arg.keyword is not None and arg.keyword.value == "ord")


def _is_reduction(arg: cst.Arg) -> bool:
    return arg.keyword is not None and arg.keyword.value in {"axis", "keepdims"}
