"""RGL304."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.canonical import keras_name
from reglint.analysis.classes import is_never_saved, keras_classes
from reglint.analysis.constructors import init
from reglint.analysis.scopes import Class
from reglint.analysis.syntax import cst, is_name
from reglint.keras_api.classes import SAVED, base_class
from reglint.model import Finding, Fix, Severity
from reglint.rules.generated import get_config
from reglint.rules.rule import CLASS, Rule
from reglint.rules.stored_values import config_values
from reglint.rules.values import listed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.constructors import Init
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Site

_GETTERS = {f"keras.{family}.get" for family in ("regularizers", "constraints", "initializers")}


class AutomaticConfigFails(Rule):
    """A layer without `get_config` takes an argument that Keras cannot write down by itself.

    Keras 3 notes the arguments of a layer that has no `get_config`, and writes them as its
    configuration. That works for strings, numbers, `None` and lists and dictionaries of these; a
    layer needs no `get_config` for them. With a regularizer, another layer or a function among
    the arguments, `model.save` and `clone_model` raise `NotImplementedError`.

    It is a warning where the module passes such an object, and an information where `__init__`
    only makes a regularizer, constraint or initializer of an argument: with a name such as
    `"l2"` that can be saved, with `keras.regularizers.L2(0.1)` it cannot.

    A layer that is only made inside other layers and models is left alone: these make it again
    themselves.

    ## Example

    ```python
    class Scale(keras.layers.Layer):
        def __init__(self, gain_regularizer=None, **kwargs):
            super().__init__(**kwargs)
            self.gain_regularizer = keras.regularizers.get(gain_regularizer)


    scale = Scale(gain_regularizer=keras.regularizers.L2(0.1))
    ```

    Use instead:

    ```python
    class Scale(keras.layers.Layer):
        def __init__(self, gain_regularizer=None, **kwargs):
            super().__init__(**kwargs)
            self.gain_regularizer = keras.regularizers.get(gain_regularizer)

        def get_config(self):
            config = super().get_config()
            config.update(
                {
                    "gain_regularizer": keras.regularizers.serialize(self.gain_regularizer),
                }
            )
            return config


    scale = Scale(gain_regularizer=keras.regularizers.L2(0.1))
    ```

    ## Fix safety

    Safe: training does not call `get_config`, and what does fails without it. It is offered where
    each argument is stored as it is, or through `regularizers.get` and its kind.

    ## References

    Run on Keras 3.0.5 and 3.15.1: saving and `clone_model`. tf.keras 2 has other rules.
    """

    code = "RGL304"
    name = "automatic-config-fails"
    severity = Severity.WARNING
    since = (3, 0)
    triggers = (b"keras", b"__init__", CLASS)

    def check_module(self, module: Module) -> Iterator[Finding]:
        for cls in keras_classes(module):
            made = init(cls)
            if made is None or not _is_automatic(cls) or not made.definition.defines(cls):
                continue
            passed = _passed(cls, made)
            if passed:
                what = f"is passed {listed(sorted(passed))} as an object"
                message = f"`{cls.name}` has no `get_config` and {what}: it cannot be saved"
                yield Finding(cls.node.name, message, tuple(_written(cls, made, passed)))
                continue
            taken = [name for name in made.parameters if _makes_object(name, made)]
            if taken:
                what = f"takes {listed(taken)}: with an object, and not a name, it cannot be saved"
                message = f"`{cls.name}` has no `get_config` and {what}"
                fixes = tuple(_written(cls, made))
                yield Finding(cls.node.name, message, fixes, Severity.INFO)


def _is_automatic(cls: KerasClass) -> bool:
    """Tell whether Keras makes the configuration of a layer by itself."""
    return (
        cls.names == {"keras.layers.Layer"}
        and cls.root != "tf_keras"
        and cls.complete
        and not cls.inherited("get_config")
        and not cls.inherited("from_config")
        and not is_never_saved(cls)
    )


def _passed(cls: KerasClass, made: Init) -> set[str]:
    """Return the parameters that are passed an object somewhere in the module."""
    names = list(made.parameters)
    found = set()
    for site in cls.module.calls_named(cls.name):
        call = cst.ensure_type(site.node, cst.Call)
        meanings = cls.module.meaning(call.func, site.scope)
        if not all(isinstance(m, Class) and m.node is cls.node for m in meanings):
            continue
        for place, arg in enumerate(call.args):
            if arg.star:
                break
            name = arg.keyword.value if arg.keyword else next(iter(names[place : place + 1]), "")
            if name in made.parameters and _is_object(arg.value, site, cls.module):
                found.add(name)
    return found


def _is_object(node: cst.BaseExpression, site: Site, module: Module) -> bool:
    """Tell whether an argument is certainly something Keras does not write down by itself."""
    value = module.expression(node, site.scope)
    if value is None:
        return False
    if isinstance(value.node, cst.Lambda):
        return True
    if not isinstance(value.node, cst.Call):
        return False
    name = keras_name(value.node.func, value.scope, module)
    base = base_class(name) if name else None
    return base is not None and base.kind in SAVED


def _makes_object(name: str, made: Init) -> bool:
    module, scope = made.definition.module, made.definition.scope
    for values in made.stored.values():
        for value in values:
            match value:
                case cst.Call(func=function, args=[cst.Arg(value=argument)]) if (
                    is_name(argument, name) and keras_name(function, scope, module) in _GETTERS
                ):
                    return True
    return False


def _written(cls: KerasClass, made: Init, objects: Collection[str] = frozenset()) -> Iterator[Fix]:
    values = None if made.positional else config_values(made.parameters, made, cls)
    if values is None or not all(".serialize(" in values[name] for name in objects):
        return  # what was made of a layer, `__init__` cannot make a layer of again
    change = get_config(cls, values, asks=True)
    if change:
        yield Fix("Write `get_config`", (change,))
