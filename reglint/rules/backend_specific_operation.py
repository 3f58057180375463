"""RGL502."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.calls import spelling
from reglint.analysis.guards import releases
from reglint.analysis.penalties import Of, penalties
from reglint.analysis.syntax import code, cst, string
from reglint.model import AddImport, Finding, Fix, Replace, Severity
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reglint.analysis.names import Module
    from reglint.analysis.penalties import Penalty
    from reglint.analysis.terms import Term
    from reglint.model import Change

_TENSORFLOW, _NUMPY, _PYTHON = "tensorflow.", "numpy.", "builtins.sum"
# What TensorFlow calls differently from `keras.ops`, and both call alike.
_RENAMED = {
    "reduce_sum": "sum", "reduce_mean": "mean", "reduce_max": "max", "reduce_min": "min",
    "reduce_prod": "prod", "reduce_std": "std", "reduce_variance": "var", "pow": "power",
    "concat": "concatenate", "constant": "convert_to_tensor",
}  # fmt: skip
_ALIKE = frozenset({
    "sum", "mean", "max", "min", "prod", "std", "var", "square", "abs", "sqrt", "rsqrt", "exp",
    "log", "log1p", "sign", "maximum", "minimum", "add", "subtract", "multiply", "divide", "power",
    "norm", "matmul", "dot", "transpose", "reshape", "expand_dims", "squeeze", "stack", "cast",
    "where", "tanh", "eye", "trace", "relu", "sigmoid", "softmax", "stop_gradient",
    "convert_to_tensor",
})  # fmt: skip
_KEYWORDS = frozenset({"axis", "keepdims", "dtype"})
# Other arguments of these mean something else, or are told in another way.
_OF_ONE = frozenset({"norm", "transpose", "eye", "convert_to_tensor"})


class BackendSpecificOperation(Rule):
    """A penalty is computed with a package that not every backend of Keras can use.

    - **TensorFlow's functions** in a regularizer seem to work on JAX, because `model.losses`
      shows the right number; it is `fit` that raises `TracerArrayConversionError`. In the
      `call` of a layer they raise when the model is built.
    - **NumPy's functions** raise in `fit` on TensorFlow, in Keras 2 and 3, and on JAX; on torch
      they have no gradient, and the penalty changes nothing.
    - **Python's `sum`** of a tensor raises in `fit` on TensorFlow.

    TensorFlow's functions are found in code for Keras 3 in projects that use `keras.ops` or choose
    a backend.

    ## Example

    ```python
    class Cubic(keras.regularizers.Regularizer):
        def __call__(self, weights):
            return 0.01 * tf.reduce_sum(keras.ops.abs(weights) ** 3)
    ```

    Use instead:

    ```python
    class Cubic(keras.regularizers.Regularizer):
        def __call__(self, weights):
            return 0.01 * keras.ops.sum(keras.ops.abs(weights) ** 3)
    ```

    ## Fix safety

    Safe: on TensorFlow, `keras.ops` calls the same functions. Functions that have no twin with
    the same arguments are left alone.

    ## References

    Run on tf.keras 2.15, and on Keras 3.15.1 with TensorFlow and JAX.
    """

    code = "RGL502"
    name = "backend-specific-operation"
    severity = Severity.WARNING
    triggers = (b"keras", rb"tensorflow|numpy|sum\(", rb"egulariz|add_loss")

    def check_module(self, module: Module) -> Iterator[Finding]:
        seen: set[int] = set()
        for penalty in penalties(module):
            found = _found(penalty)
            if found and id(found.node) not in seen:
                seen.add(id(found.node))
                yield found


def _is_portable(module: Module) -> bool:
    """Tell whether the code is to run on more than TensorFlow, and does not ask where it runs."""
    of_one_backend = module.calls_named("backend", "GradientTape") or _chooses(module)
    return not of_one_backend and module.project.mentions("multi-backend")


def _chooses(module: Module) -> bool:
    """Tell whether a script says `os.environ["KERAS_BACKEND"] = "tensorflow"`."""
    for line in module.tree.body:
        match line:
            case cst.SimpleStatementLine(body=[cst.Assign(value=value)]):
                if string(value) == "tensorflow" and "KERAS_BACKEND" in code(line):
                    return True
    return False


def _found(penalty: Penalty) -> Finding | None:
    versions = releases(penalty.root, penalty.module.keras) if penalty.root else ()
    for term in penalty.value.walk() if versions else ():
        if not isinstance(term.node, cst.Call) or not penalty.takes_tensor(term):
            continue
        name = f"`{code(term.node.func)}`"
        if term.name.startswith(_NUMPY):
            message = f"{name} cannot compute a penalty: `fit` raises on TensorFlow and JAX"
            return Finding(term.node, message, _ported(penalty, _NUMPY), Severity.ERROR)
        if term.name == _PYTHON and penalty.of is not Of.ADDED and _is_one_by_one(term.parts[0]):
            message = f"{name} goes through the rows of a tensor: `fit` raises on TensorFlow"
            return Finding(term.node, message, _ported(penalty, _PYTHON), Severity.ERROR)
        modern = penalty.root == "keras" and max(versions) >= (3, 0)
        of_tensorflow = modern and term.name.startswith(_TENSORFLOW)
        if of_tensorflow and penalty.module.once(_is_portable):  # which may read the whole project
            message = f"{name} computes a penalty on the TensorFlow backend only"
            return Finding(term.node, message, _ported(penalty, _TENSORFLOW))
    return None


def _is_one_by_one(term: Term) -> bool:
    """Tell whether a value surely is a tensor, and no list of them."""
    return term.operation in {"parameter", "abs", "square", "power", "multiply"}


def _ported(penalty: Penalty, package: str) -> tuple[Fix, ...]:
    """Return the fix that takes all that a penalty has from a package from `keras.ops`."""
    if penalty.root != "keras":
        return ()
    terms = [
        term
        for term in penalty.value.walk()
        if term.name.startswith(package) and isinstance(term.node, cst.Call)
        if package == _TENSORFLOW or penalty.takes_tensor(term)
    ]
    ops = spelling("keras.ops", penalty)
    if ops is None and penalty.scope.find("ops") is not None:
        return ()
    changes = list(_renamed(terms, ops or "ops"))
    if len(changes) < len(terms):
        return ()
    imports: tuple[Change, ...] = () if ops else (AddImport("keras", "ops"),)
    return (Fix(f"Use `{ops or 'keras.ops'}`", (*changes, *imports)),)


def _renamed(terms: Iterable[Term], ops: str) -> Iterator[Change]:
    for term in terms:
        name = _RENAMED.get(term.short, term.short)
        if isinstance(term.node, cst.Call) and name in _ALIKE and _is_alike(name, term.node):
            yield Replace(term.node.func, f"{ops}.{name}")


def _is_alike(name: str, call: cst.Call) -> bool:
    """Tell whether the arguments mean the same to the function of `keras.ops`."""
    placed = [arg for arg in call.args if arg.keyword is None]
    named = {arg.keyword.value for arg in call.args if arg.keyword}
    # `tf.float32` is for TensorFlow, and `norm` takes no list on JAX.
    foreign = {"cast": cst.Attribute, "norm": cst.List}.get(name)
    return (
        0 < len(placed) <= (1 if name in _OF_ONE else 3)
        and named <= _KEYWORDS
        and not any(arg.star for arg in call.args)
        and not (foreign and any(isinstance(arg.value, foreign) for arg in call.args[1:]))
    )
