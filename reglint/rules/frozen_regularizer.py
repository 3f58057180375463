"""RGL408."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.classes import class_around
from reglint.analysis.syntax import cst, is_name
from reglint.keras_api.classes import LAYERS
from reglint.model import Finding, Severity
from reglint.rules.rule import Rule
from reglint.rules.values import is_regularizer, regularizers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Call
    from reglint.analysis.names import Module

# These train a layer that is made with `trainable=False` all the same.
_IGNORED = frozenset({(3, 0), (3, 1)})


class FrozenRegularizer(Rule):
    """A weight that is not trained is given a regularizer, which cannot change it.

    Keras 3 leaves the penalty out: `model.losses` is `[]`. tf.keras 2 adds it to the loss, as a
    constant without a gradient: 3.0 for a frozen kernel of six ones and `L2(0.5)`, 1.0 for
    `add_weight(trainable=False)` of two ones. So nothing is regularized in either, and the losses
    of the two cannot be compared.

    A layer that is frozen for the time being is another matter, as is an `activity_regularizer`,
    which acts on the layers before. So nothing is found in a module that sets any `trainable` to
    `True`.

    ## Example

    ```python
    keras.layers.Embedding(1000, 8, trainable=False, embeddings_regularizer="l2")
    ```

    ## Fix safety

    There is no fix: either the regularizer or `trainable=False` is not meant.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5, 3.1.1, 3.2.1, 3.3.3 and 3.15.1. Keras 3.0 and 3.1 ignore
    `trainable=False` in the constructor of a layer (two trainable weights and a penalty of 3.0).
    """

    code = "RGL408"
    name = "frozen-regularizer"
    severity = Severity.INFO
    since = (2, 0)
    triggers = (b"keras", b"trainable", b"egularizer", rb"trainable\s*=\s*False")
    calls = ("keras.layers.*",)
    argument = "_regularizer"

    def check_call(self, call: Call) -> Iterator[Finding]:
        frozen = call.keyword("trainable")
        if not frozen or not is_name(frozen.value, "False") or _is_set(call.module):
            return
        if call.versions <= _IGNORED:
            return
        for penalty in regularizers(call):
            if penalty.name != "activity_regularizer" and is_regularizer(penalty, call.module):
                message = f"`{penalty.name}` of a layer that is not trained regularizes nothing"
                yield Finding(penalty.key, message)

    def check_module(self, module: Module) -> Iterator[Finding]:
        for site in module.calls_named("add_weight"):
            node = cst.ensure_type(site.node, cst.Call)
            given = {arg.keyword.value: arg for arg in node.args if arg.keyword}
            penalty = given.get("regularizer")
            if penalty and "trainable" in given and not is_name(penalty.value, "None"):
                around = class_around(site.scope, module)
                frozen = is_name(given["trainable"].value, "False")
                if frozen and around and around.kind in LAYERS:
                    message = "a regularizer of a weight that is not trained regularizes nothing"
                    yield Finding(penalty, message)


def _is_set(module: Module) -> bool:
    """Tell whether anything is thawed later."""
    return any(
        not is_name(cst.ensure_type(site.node, cst.Assign).value, "False")
        for site in module.attributes.get("trainable", ())
    )
