"""RGL106."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.calls import called
from reglint.analysis.canonical import keras_name
from reglint.analysis.syntax import code, cst, dotted, is_name, needs_parentheses
from reglint.model import Finding, Fix, Replace
from reglint.rules.rule import Rule
from reglint.rules.values import reference, regularizers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Call
    from reglint.analysis.imports import ImportedName
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope

_CONTRIB = "tensorflow.contrib.layers."
# Keras' name of each; and of each factor its name, what it is multiplied by, and its default.
_NEW: dict[str, tuple[str, tuple[tuple[str, str, str | None], ...]]] = {
    "l1_regularizer": ("l1", (("scale", "", None),)),
    "l2_regularizer": ("l2", (("scale", "0.5 * ", None),)),
    "l1_l2_regularizer": ("L1L2", (("scale_l1", "", "1.0"), ("scale_l2", "0.5 * ", "0.5"))),
}
_GET = "tensorflow.get_collection"
_COLLECTED = (
    "tensorflow.losses.get_regularization_loss",
    "tensorflow.losses.get_regularization_losses",
)
_COLLECTION = "tensorflow.GraphKeys.REGULARIZATION_LOSSES"
_TF1_LAYERS = ("tensorflow.layers.", "tensorflow.contrib.", "tf_slim.", "tensorflow.get_variable")


class Tf1Regularizer(Rule):
    """A regularizer of TensorFlow 1 is given to a Keras layer, or looked for in its collection.

    `tf.contrib` is gone since TensorFlow 2. What replaces its regularizers is **not** the Keras
    regularizer of the same strength: TensorFlow 1 halves the square. For weights whose squares
    sum up to 30, `tf.contrib.layers.l2_regularizer(0.1)` is 1.5, and `keras.regularizers.l2(0.1)`
    is 3.0. So the factor is halved. `l1_l2_regularizer` halves its L2 part, and its factors
    default to 1; that of slim and of tf-slim is the same function.

    `tf.losses.get_regularization_loss()` and the collection `REGULARIZATION_LOSSES` do not see
    the penalties of Keras layers: in TensorFlow 1.15 the collection does not grow, and in
    TensorFlow 2 it is empty. `model.losses` has them.

    An import from `tf.contrib` that nothing uses any more is reported, too: it would fail.

    Regularizers given to TensorFlow 1's own layers, or to slim's, are none of reglint's business.

    ## Example

    ```python
    tf.keras.layers.Dense(8, kernel_regularizer=tf.contrib.layers.l2_regularizer(0.1))
    ```

    Use instead:

    ```python
    tf.keras.layers.Dense(8, kernel_regularizer=tf.keras.regularizers.l2(0.5 * 0.1))
    ```

    ## Fix safety

    Safe: the penalty is the same number. For the collection there is no fix: what to add, and to
    which loss, depends on the training loop.

    ## References

    Run on TensorFlow 1.15.5 (`tf.contrib`), tf.keras 2.15 and Keras 3.15.1.
    """

    code = "RGL106"
    name = "tf1-regularizer"
    since = (2, 0)
    triggers = (b"keras", b"egulariz", rb"tensorflow|tf_slim")
    calls = ("keras.layers.*", _GET, *_COLLECTED)
    argument = "_regularizer"
    imports = tuple(_CONTRIB + name for name in _NEW)

    def check_call(self, call: Call) -> Iterator[Finding]:
        if call.name.startswith("tensorflow."):
            yield from self._read(call)
            return
        for argument in regularizers(call):
            value = call.module.expression(argument.value, argument.scope)
            if value is None:
                continue
            if isinstance(value.node, cst.Call):
                yield from _contrib(value.node, value.scope, call)
            elif keras_name(value.node, value.scope, call.module) == "tensorflow.nn.l2_loss":
                fix = _built(argument.value, "l2", "0.5", call)
                message = "`tf.nn.l2_loss` is no Keras regularizer: it cannot be saved and loaded"
                yield Finding(argument.value, message, fix)

    def check_import(self, imported: ImportedName) -> Iterator[Finding]:
        """Find what is left of an import once its regularizers are Keras'."""
        path = ".".join(dotted(imported.statement.module))
        if imported.uses() or not path.startswith("tensorflow.contrib"):
            return
        removed = imported.removed()
        fixes = (Fix("Remove the import", (removed,)),) if removed else ()
        message = f"`{imported.local}` is imported from `{path}`, which is gone, and not used"
        yield Finding(imported.alias, message, fixes)

    @staticmethod
    def _read(call: Call) -> Iterator[Finding]:
        """Find the collection being read where only Keras layers are regularized."""
        if call.name == _GET and not any(
            keras_name(a.value, call.scope, call.module) == _COLLECTION for a in call.arguments
        ):
            return
        if _only_keras_regularizes(call.module):
            message = "the penalties of Keras layers are not in this collection"
            yield Finding(call.node, f"{message}, but in `model.losses`")


def _contrib(node: cst.Call, scope: Scope, call: Call) -> Iterator[Finding]:
    old = keras_name(node.func, scope, call.module) or ""
    name = old.removeprefix(_CONTRIB)
    if not old.startswith(_CONTRIB) or name not in _NEW:
        return
    new, factors = _NEW[name]
    arguments = _scaled(node, factors)
    fixes = _built(node, new, arguments, call) if arguments else ()
    half = ", whose L2 penalty is half of Keras'" if "2" in name else ""
    yield Finding(node, f"`{code(node.func)}` is a regularizer of TensorFlow 1{half}", fixes)


def _built(old: cst.CSTNode, name: str, factors: str, call: Call) -> tuple[Fix, ...]:
    known = reference(call, f"regularizers.{name}")
    if known is None:
        return ()
    text = f"{known[0]}({factors})"
    return (Fix(f"Use `{text}`", (Replace(old, text), *known[1])),)


def _scaled(node: cst.Call, factors: tuple[tuple[str, str, str | None], ...]) -> str | None:
    """Return the arguments of a TensorFlow 1 regularizer as Keras wants them."""
    given: dict[str, cst.BaseExpression] = {}
    names = [name for name, _, _ in factors]
    for i, argument in enumerate(node.args):
        if argument.star or (argument.keyword is None and i >= len(names) + 1):
            return None
        name = argument.keyword.value if argument.keyword else [*names, "scope"][i]
        given[name] = argument.value
    if set(given) - {*names, "scope"}:
        return None
    texts = []
    for name, half, default in factors:
        if name not in given and default is None:
            return None
        text = default
        if name in given:
            factor = code(given[name])
            text = half + (f"({factor})" if half and needs_parentheses(given[name]) else factor)
        texts.append(f"{name.removeprefix('scale_')}={text}" if len(factors) > 1 else str(text))
    return ", ".join(texts)


def _only_keras_regularizes(module: Module) -> bool:
    """Tell whether a Keras layer of this module has a regularizer, and nothing of TensorFlow 1."""
    keras = False
    for site in module.calls:
        for argument in cst.ensure_type(site.node, cst.Call).args:
            name = argument.keyword.value if argument.keyword else ""
            if name.endswith("regularizer") and not is_name(argument.value, "None"):
                names = called(site, module)
                if any(found.startswith(_TF1_LAYERS) for found in names):
                    return False
                keras |= any(found.startswith("keras.layers.") for found in names)
    return keras
