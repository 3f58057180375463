"""RGL505."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.flow import returned
from reglint.analysis.guards import releases
from reglint.analysis.packages import package_within
from reglint.analysis.penalties import Of, penalties, regularizers
from reglint.analysis.syntax import code, cst, number
from reglint.model import Finding, Fix, Replace, Severity
from reglint.rules.rule import Rule
from reglint.rules.values import reference, spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.names import Module
    from reglint.analysis.packages import Package
    from reglint.analysis.penalties import Penalty
    from reglint.analysis.scopes import Site
    from reglint.analysis.terms import Term
    from reglint.model import Change, Version

_SUMMED = (3, 3)  # the first release that sums up a penalty of any shape
_STRICT = (3, 8)  # the first that takes no number for a penalty
_ELEMENTWISE = frozenset({
    "square", "sqrt", "abs", "exp", "log", "log1p", "negative", "clip", "cast", "convert",
    "identity", "activation", "stop_gradient",
})  # fmt: skip
_OF_TWO = frozenset({"add", "subtract", "multiply", "divide", "power", "maximum", "minimum"})


class NonScalarPenalty(Rule):
    """A penalty is not one tensor with one number: it is a plain number, a `None`, or many numbers.

    | | tf.keras 2.15 | Keras 3.0.5 | Keras 3.15 |
    |---|---|---|---|
    | a regularizer returns `0.0` | works | works | `AttributeError` in `fit` |
    | a regularizer returns `None` | works for a weight | `ValueError` | `AttributeError` |
    | `add_loss(0.0)`, `add_loss(None)` | does nothing | `RuntimeError` | `ValueError` |
    | a tensor that is not summed up | `ValueError` in `fit` | `ValueError` in `fit` | its sum |

    Keras 3 takes no number since 3.8, and sums up since 3.3. A number comes about where a
    regularizer starts from `0.0` and its factors are 0. In all these cases `model.losses` shows
    the penalty as if all was well; it is `fit` that fails.

    ## Example

    ```python
    class Smooth(keras.regularizers.Regularizer):
        def __init__(self, factor=0.0):
            self.factor = factor

        def __call__(self, weights):
            penalty = 0.0
            if self.factor:
                penalty += self.factor * tf.reduce_sum(tf.square(weights[1:] - weights[:-1]))
            return penalty
    ```

    Use instead:

    ```python
    class Smooth(keras.regularizers.Regularizer):
        def __init__(self, factor=0.0):
            self.factor = factor

        def __call__(self, weights):
            penalty = tf.convert_to_tensor(0.0, dtype=weights.dtype)
            if self.factor:
                penalty += self.factor * tf.reduce_sum(tf.square(weights[1:] - weights[:-1]))
            return penalty
    ```

    ## Fix safety

    Safe: the number is the same where the code runs.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1, with TensorFlow, and 3.15.1 with JAX.
    """

    code = "RGL505"
    name = "non-scalar-penalty"
    triggers = (b"keras", rb"egulariz|add_loss")

    def check_module(self, module: Module) -> Iterator[Finding]:
        for penalty in penalties(module):
            forms = list(penalty.value.forms(turns=True))
            for form in forms:
                yield from _no_tensor(form, penalty, certain=len(forms) == 1)
                yield from _not_summed(form, penalty)
        for _, function in regularizers(module):
            if not returned(function, module) and any(map(_is_action, function.body.body)):
                yield Finding(function.name, "the regularizer returns nothing")


def _is_action(statement: cst.CSTNode) -> bool:
    """Tell whether a statement does something, unlike those of an abstract method."""
    match statement:
        case cst.SimpleStatementLine(
            body=[cst.Expr(cst.SimpleString() | cst.ConcatenatedString() | cst.Ellipsis())]
        ):
            return False
        case cst.SimpleStatementLine(body=[cst.Pass() | cst.Raise()]):
            return False
    return True


def _no_tensor(form: Term, penalty: Penalty, *, certain: bool) -> Iterator[Finding]:
    """Find a number or `None` in place of a tensor."""
    added = penalty.of is Of.ADDED
    literal = form.operation == "none" or number(form.node) is not None
    if not literal or not penalty.root or (added and not certain):
        return
    refused = _versions(penalty, _STRICT if form.operation == "number" and not added else (3, 0))
    known = _package(penalty)
    if not refused or (known and known.name == "keras.backend" and penalty.root == "keras"):
        return  # that package has no operations in Keras 3
    what = "nothing" if form.operation == "none" else f"the number `{code(form.node)}`"
    may = "" if certain else "may "
    verb = f"`add_loss` {may}get{'' if may else 's'}" if added else f"the regularizer {may}return"
    message = f"{verb}{'' if may or added else 's'} {what}, which {spans(refused)} do not take"
    fixes = _converted(form, penalty) if form.operation == "number" else ()
    yield Finding(form.node, message, fixes, None if certain else Severity.WARNING)


def _versions(penalty: Penalty, since: Version, before: Version = (99, 0)) -> frozenset[Version]:
    every = releases(penalty.root, penalty.module.keras)
    return frozenset(version for version in every if since <= version < before)


def _package(penalty: Penalty) -> Package | None:
    """Return the package that a function, or else the value alone, is written with."""
    others = returned(penalty.function, penalty.module) if penalty.function else []
    return next(filter(None, map(package_within, [penalty.value, *others])), None)


def _converted(form: Term, penalty: Penalty) -> tuple[Fix, ...]:
    known = _package(penalty)
    changes: tuple[Change, ...] = ()
    if known:
        function = known.function("convert_to_tensor")
    elif penalty.root == "keras" and (found := reference(penalty, "ops.convert_to_tensor")):
        function, changes = found
    else:
        return ()
    dtype = f", dtype={penalty.parameter}.dtype" if penalty.parameter else ""
    text = f"{function}({float(code(form.node))}{dtype})"
    return (Fix(f"Write `{text}`", (Replace(form.node, text), *changes)),)


def _not_summed(form: Term, penalty: Penalty) -> Iterator[Finding]:
    """Find a tensor of which a release without sums of its own can make nothing."""
    known = package_within(form)
    first = (3, 0) if known and known.name == "keras.ops" else (2, 4)
    raising = _versions(penalty, first, _SUMMED)
    if not raising or not penalty.root or form.path or not _is_many(form, penalty):
        return
    fixes: tuple[Fix, ...] = ()
    if known:
        text = f"{known.function('sum')}({code(form.node)})"
        fixes = (Fix("Sum it up", (Replace(form.node, text),)),)
    modern = Severity.INFO if first == (3, 0) else Severity.WARNING
    severity = modern if _versions(penalty, _SUMMED) else None
    message = f"the penalty is not summed up, for which {spans(raising)} raise `ValueError`"
    yield Finding(form.node, message, fixes, severity)


def _is_many(term: Term, penalty: Penalty) -> bool:
    """Tell whether a value surely is more than one number."""
    if penalty.is_weight(term):
        return penalty.function is not None or any(map(_has_axes, penalty.made(term)))
    match term.operation:
        case "choice" | "loop" | "result":
            return all(_is_many(part, penalty) for part in term.parts)
        case "sum" | "mean" | "norm" | "max" | "min":
            axis = term.options.get("axis")
            kept = term.options.get("keepdims")
            # A weight with an axis 1 has an axis 0 as well.
            left = axis is not None and (number(axis.node) or 0) >= 1
            return (left or bool(kept and code(kept.node) == "True")) and _is_many(
                term.parts[0], penalty
            )
    if term.operation in _OF_TWO:
        return any(_is_many(part, penalty) for part in term.parts)
    return term.operation in _ELEMENTWISE and _is_many(term.parts[0], penalty)


def _has_axes(site: Site) -> bool:
    """Tell whether `add_weight` makes more than one number."""
    for arg in cst.ensure_type(site.node, cst.Call).args:
        if arg.keyword and arg.keyword.value == "shape":
            return isinstance(arg.value, (cst.Tuple, cst.List)) and bool(arg.value.elements)
    return False
