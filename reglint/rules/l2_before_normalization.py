"""RGL602."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from reglint.analysis.flow import value
from reglint.analysis.penalized import arguments, l2_factor
from reglint.analysis.syntax import code, cst, is_name, number
from reglint.model import Finding, Severity
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Site
    from reglint.analysis.terms import Term

_KERNEL = frozenset({"kernel_regularizer"})
_PARTS = frozenset({"depthwise_regularizer", "pointwise_regularizer"})
# How many arguments these take by position before an activation.
_LINEAR = {
    "Dense": 1,
    "DepthwiseConv1D": 2, "DepthwiseConv2D": 2,
    **{f"{kind}Conv{n}D{end}": 3 for kind in ("", "Separable") for n in (1, 2, 3)
       for end in ("", "Transpose")},
}  # fmt: skip
_ANY_BIAS = "BatchNormalization"  # which takes out what a bias adds
_NO_BIAS = frozenset({
    "LayerNormalization", "GroupNormalization", "RMSNormalization", "UnitNormalization",
})  # fmt: skip


class L2BeforeNormalization(Rule):
    """A kernel has an L2 penalty, and a normalization layer takes out its size.

    What comes out of `BatchNormalization` is the same for a kernel and for seven times that kernel,
    but for its `epsilon`: 0.003 apart where outputs are about 1. So the penalty does not make the
    model simpler: it only keeps the kernel small, and with a small kernel the same gradient turns
    it further. The factor acts as part of the learning rate.

    That can be what is wanted: most recipes for residual networks do it, and train well with it. So
    this rule is off unless it is asked for. The other normalization layers do the same where there
    is no bias.

    ## Example

    ```python
    keras.Sequential(
        [
            keras.layers.Conv2D(8, 3, kernel_regularizer="l2"),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
        ]
    )
    ```

    ## Fix safety

    None is offered.

    ## References

    Run on tf.keras 2.15 and Keras 3.15.1. Van Laarhoven, "L2 Regularization versus Batch and Weight
    Normalization".
    """

    code = "RGL602"
    name = "l2-before-normalization"
    severity = Severity.INFO
    default = False
    since = (2, 0)
    triggers = (b"keras", b"Normalization", b"egulariz")

    def check_module(self, module: Module) -> Iterator[Finding]:
        seen: set[int] = set()
        for layer, normalization in _neighbours(module):
            for node in _penalized(layer, normalization):
                if id(node) not in seen:
                    seen.add(id(node))
                    what = f"the size of the kernel that `{code(node)}` penalizes"
                    message = f"`{normalization.short}` takes out {what}"
                    yield Finding(node, message)


def _neighbours(module: Module) -> Iterator[tuple[Term, Term]]:
    """Yield pairs of layers, where the second gets what the first gives."""
    before: dict[tuple[int, str], Term] = {}
    for site in module.calls:
        node = cst.ensure_type(site.node, cst.Call)
        match node:
            case cst.Call(func=cst.Call(), args=[cst.Arg(value=given), *_]):
                yield from _applied(value(node, site.scope, module), given, site, module)
            case cst.Call(
                func=cst.Attribute(value=model, attr=cst.Name("add")), args=[cst.Arg(value=given)]
            ):
                key = id(site.scope), code(model)
                layer = value(given, site.scope, module)
                if key in before:
                    yield before[key], layer
                before[key] = layer
            case cst.Call(args=[cst.Arg(value=cst.List(elements=elements)), *_]):
                layers = [value(element.value, site.scope, module) for element in elements]
                if value(node, site.scope, module).name == "keras.Sequential":
                    yield from pairwise(layers)


def _applied(
    call: Term, node: cst.CSTNode, site: Site, module: Module
) -> Iterator[tuple[Term, Term]]:
    """Yield the layers of `BatchNormalization()(Conv2D(8, 3)(x))`."""
    if len(call.parts) < 2 or not _is_layer(call.parts[0]):  # noqa: PLR2004 - layer and input
        return
    for given in call.parts[1].forms():
        once = not isinstance(node, cst.Name) or _uses(given, node.value, site, module) == 1
        if given.operation == "call" and given.parts and _is_layer(given.parts[0]) and once:
            yield given.parts[0], call.parts[0]


def _uses(output: Term, name: str, site: Site, module: Module) -> int:
    """Return how often the code reads what a layer gives: a skip connection is not normalized."""
    reads = (use for use in module.loads.get(name, ()) if use.scope is site.scope)
    values = (value(use.node, use.scope, module) for use in reads)
    return sum(any(form is output for form in given.forms()) for given in values)


def _is_layer(term: Term) -> bool:
    return term.operation == "call" and term.name.startswith("keras.layers.")


def _penalized(layer: Term, normalization: Term) -> Iterator[cst.CSTNode]:
    """Yield the keywords of the L2 penalties of a layer that a normalization makes idle."""
    node = layer.node
    if not (_is_layer(layer) and _is_layer(normalization) and isinstance(node, cst.Call)):
        return
    given = arguments(layer, node)
    if not _is_linear(layer.short, given) or not _takes_out(normalization.short, given):
        return
    kernels = _PARTS if layer.short.startswith(("Depthwise", "Separable")) else _KERNEL
    regularizers = {name for name, regularizer in given if name in kernels and _is_l2(regularizer)}
    for arg in node.args:
        if arg.keyword and arg.keyword.value in regularizers:
            yield arg.keyword


def _is_linear(layer: str, given: list[tuple[str, Term]]) -> bool:
    """Tell whether a layer has no activation."""
    activation = dict(given).get("activation")
    plain = activation is None or activation.operation == "none" or activation.name == "linear"
    positional = [name for name, _ in given if not name]
    unknown = any(name.startswith("*") for name, _ in given)
    return plain and not unknown and len(positional) <= _LINEAR.get(layer, -1)


def _takes_out(normalization: str, given: list[tuple[str, Term]]) -> bool:
    bias = dict(given).get("use_bias")
    without = bias is not None and is_name(bias.node, "False")
    return normalization == _ANY_BIAS or (normalization in _NO_BIAS and without)


def _is_l2(regularizer: Term) -> bool:
    factors = [l2_factor(form) for form in regularizer.forms()]
    return bool(factors) and all(f is not None and number(f.node) != 0 for f in factors)
