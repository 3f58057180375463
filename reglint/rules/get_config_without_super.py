"""RGL305."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.classes import keras_classes
from reglint.analysis.configs import COMMON, chain
from reglint.analysis.constructors import init
from reglint.analysis.syntax import cst, is_name
from reglint.keras_api.classes import Kind
from reglint.model import Finding, Fix, Prepend, Severity
from reglint.rules.generated import bases_take_keywords, separator, super_init
from reglint.rules.rule import CLASS, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.configs import Chain
    from reglint.analysis.constructors import Init
    from reglint.analysis.names import Module


class GetConfigWithoutSuper(Rule):
    """The `get_config` of a layer leaves out what `Layer.get_config` writes.

    Every layer has a name, a dtype and a `trainable` flag, and may have an
    `activity_regularizer`. If `get_config` does not start from `super().get_config()`, these are
    lost when the model is saved and loaded, without a word: a frozen layer is trainable again, a
    penalty is gone.

    It is right for a `Model` and for a regularizer to write everything themselves. A layer whose
    `__init__` takes no `**kwargs`, or does not hand them on, could not take what is lost, so it is
    left alone. So is one that is an initializer or a function in truth, with `__call__` in place
    of `call`.

    ## Example

    ```python
    class Scale(keras.layers.Layer):
        def __init__(self, factor=1.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def get_config(self):
            return {"factor": self.factor}
    ```

    Use instead:

    ```python
    class Scale(keras.layers.Layer):
        def __init__(self, factor=1.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}
    ```

    ## Fix safety

    Safe: `__init__` takes `**kwargs` and hands them on, so that it takes what is written.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1: name, dtype, `trainable` and
    `activity_regularizer` after saving and loading.
    """

    code = "RGL305"
    name = "get-config-without-super"
    severity = Severity.WARNING
    triggers = (b"keras", b"get_config", CLASS)

    def check_module(self, module: Module) -> Iterator[Finding]:
        for cls in keras_classes(module):
            function = cls.method("get_config")
            if cls.kind is not Kind.LAYER or function is None or cls.inherited("from_config"):
                continue
            made, written = init(cls), chain(cls)
            if not written.known or written.reaches_keras or written.methods[-1][1] is not function:
                continue
            if made is None or not _takes_common(made) or _is_called(cls):
                continue
            if not COMMON.issubset(written.entries):
                lost = [
                    name for name in ("name", "dtype", "trainable") if name not in written.entries
                ]
                names = ", ".join(f"`{name}`" for name in lost)
                message = (
                    f"`get_config` of `{cls.name}` loses {names} and the `activity_regularizer`"
                )
                yield Finding(function.name, message, tuple(_fixes(cls, made, written)))


def _takes_common(made: Init) -> bool:
    """Tell whether `__init__` makes use of what every layer has, if it is among `**kwargs`."""
    return made.hands_on or bool(COMMON & made.asked_of_keywords)


def _is_called(cls: KerasClass) -> bool:
    """Tell whether a class only uses a layer to hold weights, and is called as a function."""
    return cls.inherited("__call__") is not None and cls.inherited("call") is None


def _fixes(cls: KerasClass, made: Init, written: Chain) -> Iterator[Fix]:
    call = super_init(made)
    handed_on = call and any(
        arg.star == "**" and is_name(arg.value, made.keywords) for arg in call.args
    )
    containers = {id(entry.container): entry.container for entry in written.entries.values()}
    if not handed_on or cls.names != {"keras.layers.Layer"} or not bases_take_keywords(cls):
        return
    if any(base.method("get_config") for base in cls.lineage[1:]):
        return  # what it writes, `__init__` may not take
    match list(containers.values()):
        case [cst.Dict(elements=[first, *_]) as literal]:
            text = f"**super().get_config(){separator(cls, literal)}"
            yield Fix("Start from `super().get_config()`", (Prepend(first, text),))
