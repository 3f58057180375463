"""RGL108."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from reglint import keras_api
from reglint.analysis.syntax import code, cst, is_name, number, string
from reglint.model import Finding, Fix, Replace, Safety, Severity
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Argument, Call
    from reglint.analysis.scopes import Value

_NAMES = (
    "l1", "L1", "l2", "L2", "l1_l2", "L1L2", "OrthogonalRegularizer", "orthogonal_regularizer",
)  # fmt: skip
_LAYER = "keras.layers.ActivityRegularization"  # takes the factors of `L1L2`
# These take `None` for 0 since tf.keras 2.
_OFF_BY_NONE = frozenset({"l1_l2", "L1L2", "ActivityRegularization"})
_NARROW = frozenset(
    f"{package}.{name}" for package in ("numpy", "jax.numpy")
    for name in ("float32", "float16", "single", "half", "array", "asarray")
) | {"tensorflow.constant", "tensorflow.convert_to_tensor", "tensorflow.Variable"}  # fmt: skip


class RegularizerFactor(Rule):
    """A regularizer is given a factor that is no number, or means something else.

    - `L1(None)` and `L2(None)` are not "off": they mean the default, 0.01, in tf.keras 2 and Keras
      3, and a penalty of `nan` in Keras 2.3. What is off is no regularizer at all, or a factor of
      0. (`L1L2` does take `None` for 0; `OrthogonalRegularizer` raises.)
    - `L2(True)` is a factor of 1.
    - A negative factor rewards large weights: tf.keras 2 trains towards infinity, Keras 3 raises
      `ValueError`, as it does for `nan` and `inf`.
    - `np.float32(0.01)`, arrays, tensors and strings raise `ValueError` in tf.keras 2 and Keras 3,
      which ask for an `int` or a `float`. (`np.float64` is one.)

    ## Example

    ```python
    keras.regularizers.L2(np.float32(1e-4))
    ```

    Use instead:

    ```python
    keras.regularizers.L2(float(1e-4))
    ```

    ## Fix safety

    Safe where `np.float32(x)` becomes `float(x)`: that call raises, and the number is the same to
    the precision of the penalty. Unsafe for `np.float16`, which rounds: `np.float16(1e-8)` is 0.
    There is no fix for the rest, where only the author knows what was meant.

    ## References

    Run on Keras 2.3.1, tf.keras 2.15, Keras 3.0.5 and 3.15.1.
    """

    code = "RGL108"
    name = "regularizer-factor"
    severity = Severity.WARNING
    since = (2, 0)
    triggers = (b"keras", b"egulariz")
    calls = (*(f"keras.regularizers.{name}" for name in _NAMES), _LAYER)

    def check_call(self, call: Call) -> Iterator[Finding]:
        names = _factors("L1L2" if call.name == _LAYER else call.short)
        factors = [
            *zip(call.positional, names, strict=False),
            *((a, a.name) for a in call.arguments if a.name in {*names, "l"}),
        ]
        for argument, name in factors:
            value = call.module.expression(argument.value, argument.scope)
            wrong = value and self._wrong(value, call)
            if wrong:
                where = f"the factor `{name}` of `{call.short}`"
                yield Finding(argument.value, f"{where} {wrong}", self._fixes(argument, call))

    @staticmethod
    def _wrong(value: Value, call: Call) -> str | None:
        node = value.node
        if is_name(node, "None"):
            if call.short in _OFF_BY_NONE:
                return None
            if call.short.lower().startswith("ortho"):
                return "is `None`, and must be a number"
            return "is `None`, which means its default, 0.01, and not that it is off"
        if is_name(node, "True"):
            return "is `True`, which counts as 1"
        if string(node) is not None:
            return "is a string, and must be a number"
        factor = number(node)
        if factor is not None and factor < 0:
            return "is negative, which rewards large values instead of penalising them"
        match node:
            case cst.Call(func=function, args=[first, *_]):
                meanings = call.module.meaning(function, value.scope)
                if meanings == {"builtins.float"} and not math.isfinite(
                    _float(string(first.value))
                ):
                    return "is not finite"
                if len(meanings) == 1 and meanings <= _NARROW:
                    return f"is a `{code(function)}`, which Keras does not accept as a number"
        return None

    @staticmethod
    def _fixes(argument: Argument, call: Call) -> tuple[Fix, ...]:
        match argument.value:
            case cst.Call(func=function, args=[cst.Arg(keyword=None, star="")]):
                name = code(function)
                changes = (Replace(function, "float"),)
                title = f"Use `float` for `{name}`"
                if call.scope.find("float") is not None:
                    return ()
                if name.endswith(("float32", "single")):
                    return (Fix(title, changes),)
                if name.endswith(("float16", "half")):
                    return (Fix(title, changes, Safety.UNSAFE, "half precision rounds the number"),)
        return ()


def _factors(name: str) -> tuple[str, ...]:
    """Return the parameters of a regularizer that are numbers, in their order."""
    known = keras_api.regularizer(name)
    assert known is not None
    newest = list(known.factories.values())[-1]
    return tuple(p for p in newest.parameters if isinstance(newest.defaults.get(p), float))


def _float(text: str | None) -> float:
    try:
        return float(text) if text is not None else 0.0
    except ValueError:
        return 0.0
