"""RGL307."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.classes import is_base_only, is_never_saved, keras_classes
from reglint.analysis.configs import COMMON
from reglint.analysis.constructors import init
from reglint.analysis.syntax import cst, is_name, number, string
from reglint.model import Finding, Fix, Safety, Severity
from reglint.rules.generated import get_config, kwargs_changes
from reglint.rules.rule import CLASS, Rule
from reglint.rules.stored_values import config_values
from reglint.rules.values import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.constructors import Init, Parameter
    from reglint.analysis.names import Module

_FUNCTIONAL = {"inputs", "outputs"}
_PLAIN = {"int", "float", "str", "bool"}
_REASON = "the configuration of saved models changes"


class ModelConfigReset(Rule):
    """A model that is saved has arguments and no `get_config`.

    Layers without `get_config` get one from Keras 3, models do not. A subclass of `keras.Model`
    that is saved and loaded is made again with the defaults of its `__init__`, without a word: a
    model made with `l2=0.5` had a penalty of 3.0 before saving and 0.0 after loading. If an
    argument has no default, saving raises `NotImplementedError`, and before Keras 3.9 loading
    raises `TypeError`.

    Only projects are judged in which models are saved or cloned with their configuration; for
    weights alone none of this matters. It is a warning in the files that do so, and an information
    in the others. A model that is only made inside other ones is left alone: these make it again
    themselves.

    ## Example

    ```python
    class Net(keras.Model):
        def __init__(self, l2=0.0, **kwargs):
            super().__init__(**kwargs)
            self.l2 = l2
            self.head = keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(l2))

        def call(self, inputs):
            return self.head(inputs)


    model = Net(l2=0.5)
    model.save("net.keras")
    ```

    Use instead:

    ```python
    class Net(keras.Model):
        def __init__(self, l2=0.0, **kwargs):
            super().__init__(**kwargs)
            self.l2 = l2
            self.head = keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(l2))

        def call(self, inputs):
            return self.head(inputs)

        def get_config(self):
            config = super().get_config()
            config.update({"l2": self.l2})
            return config


    model = Net(l2=0.5)
    model.save("net.keras")
    ```

    ## Fix safety

    Unsafe: the configuration of saved models changes. It is offered where each argument is stored
    and plainly a number, a string or a regularizer.

    ## References

    Run on Keras 3.0.5 and 3.15.1; keras-team/keras#21546 and #20321. tf.keras 2 writes the
    arguments of models by itself.
    """

    code = "RGL307"
    name = "model-config-reset"
    severity = Severity.WARNING
    since = (3, 0)
    triggers = (b"keras", b"Model", b"__init__", CLASS)

    def check_module(self, module: Module) -> Iterator[Finding]:
        for cls in keras_classes(module):
            made = init(cls)
            if made is None or not _is_reset(cls) or not made.definition.defines(cls):
                continue
            lost = [p for p in made.parameters.values() if p.name not in COMMON]
            if made.parameters.keys() >= _FUNCTIONAL:
                continue  # made like a functional model, which writes all of itself
            if lost and module.project.mentions("saving"):
                severity = None if module.project.says("saving") else Severity.INFO
                fixes = tuple(_fixes(cls, made))
                yield Finding(cls.node.name, _message(cls, lost), fixes, severity)


def _is_reset(cls: KerasClass) -> bool:
    return (
        cls.names == {"keras.Model"}
        and cls.root != "tf_keras"
        and cls.complete
        and not cls.inherited("get_config")
        and not cls.inherited("from_config")
        and not cls.inherited("save")
        and not is_base_only(cls)
        and not is_never_saved(cls)
    )


def _message(cls: KerasClass, lost: list[Parameter]) -> str:
    names = listed(parameter.name for parameter in lost)
    if any(parameter.required for parameter in lost):
        return (
            f"`{cls.name}` takes {names} and has no `get_config`: Keras 3 cannot save and load it"
        )
    what = "its default" if len(lost) == 1 else "their defaults"
    return f"`{cls.name}` has no `get_config`: Keras 3 loads it with {names} back at {what}"


def _fixes(cls: KerasClass, made: Init) -> Iterator[Fix]:
    names = [name for name in made.parameters if name not in COMMON]
    values = None if made.positional else config_values(names, made, cls)
    if values is None or not all(_is_plain(made.parameters[name]) for name in names):
        return
    change = get_config(cls, values, asks=True)
    takes = () if made.keywords else kwargs_changes(cls, made)
    if change and takes is not None:
        yield Fix("Write `get_config`", (change, *takes), Safety.UNSAFE, _REASON)


def _is_plain(parameter: Parameter) -> bool:
    """Tell whether a parameter is certainly something that a configuration can hold."""
    node = parameter.node
    if node.annotation and isinstance(node.annotation.annotation, cst.Name):
        return node.annotation.annotation.value in _PLAIN
    if node.default is None:
        return False
    literal = number(node.default) is not None or string(node.default) is not None
    boolean = any(is_name(node.default, word) for word in ("True", "False"))
    return literal or boolean or parameter.name.endswith("_regularizer")
