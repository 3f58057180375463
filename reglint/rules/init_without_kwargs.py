"""RGL306."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reglint.analysis.classes import is_base_only, is_never_saved, keras_classes
from reglint.analysis.configs import COMMON, chain
from reglint.analysis.constructors import init
from reglint.analysis.syntax import descendants, is_name
from reglint.keras_api.classes import Kind
from reglint.model import Finding, Fix, Replace, Severity
from reglint.rules.generated import kwargs_changes
from reglint.rules.rule import CLASS, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.configs import Chain
    from reglint.analysis.constructors import Init
    from reglint.analysis.names import Module


class InitWithoutKwargs(Rule):
    """The `__init__` of a layer does not take what every saved layer is made with.

    Keras 3 writes `name`, `trainable` and `dtype` into the configuration of each layer, and makes
    the layer again with all of them. If `__init__` takes neither these nor `**kwargs`, a model
    can be saved and never loaded: `load_model` and `clone_model` raise `TypeError`. The same goes
    for a `Model` whose `get_config` starts from `super().get_config()`.

    It is an error in files that save, load or clone models, and make the layer; else it is an
    information. One that is only made inside other layers and models is left alone: these make it
    again themselves.

    Keras looks for a parameter that is really called `kwargs`: with `**kw`, and without
    `get_config`, the layer is made again under another name.

    ## Example

    ```python
    class Scale(keras.layers.Layer):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def call(self, inputs):
            return self.factor * inputs
    ```

    Use instead:

    ```python
    class Scale(keras.layers.Layer):
        def __init__(self, factor, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, inputs):
            return self.factor * inputs
    ```

    ## Fix safety

    Safe: calls that were right are as before. It is offered where `super().__init__` is called
    once, with keywords only.

    ## References

    Run on Keras 3.0.5 and 3.15.1: `load_model` and `clone_model`. In tf.keras 2 a layer without
    `get_config` has other rules.
    """

    code = "RGL306"
    name = "init-without-kwargs"
    since = (3, 0)
    triggers = (b"keras", b"__init__", CLASS)

    def check_module(self, module: Module) -> Iterator[Finding]:
        for cls in keras_classes(module):
            if cls.root == "tf_keras" or not cls.complete or cls.inherited("from_config"):
                continue
            if is_base_only(cls) or is_never_saved(cls):
                continue
            made, written = init(cls), chain(cls)
            if made is None or not made.definition.defines(cls):
                continue
            if not written.known or not _writes_common(cls, written):
                continue
            severity = None if _is_saved(cls) else Severity.INFO
            if not made.keywords and not made.parameters.keys() >= COMMON:
                yield replace(_without(cls, made), severity=severity)
            elif (
                made.keywords not in {"", "kwargs"}
                and "name" not in made.parameters
                and not written.methods
            ):
                yield replace(_misnamed(cls, made), severity=severity)


def _is_saved(cls: KerasClass) -> bool:
    """Tell whether the class is made where models are saved."""
    return bool(cls.module.calls_named(cls.name)) and cls.module.project.says("saving")


def _writes_common(cls: KerasClass, written: Chain) -> bool:
    """Tell whether the configuration holds what every layer has."""
    if cls.kind is Kind.LAYER:
        return written.reaches_keras
    return cls.names == {"keras.Model"} and bool(written.methods) and written.reaches_keras


def _without(cls: KerasClass, made: Init) -> Finding:
    lacking = [name for name in ("name", "trainable", "dtype") if name not in made.parameters]
    names = ", ".join(f"`{name}`" for name in lacking)
    message = f"`{cls.name}` cannot be loaded in Keras 3: `__init__` takes no {names} or `**kwargs`"
    changes = kwargs_changes(cls, made)
    fixes = (Fix("Take `**kwargs` and hand them on", changes),) if changes else ()
    return Finding(made.function.name, message, fixes)


def _misnamed(cls: KerasClass, made: Init) -> Finding:
    message = (
        f"`**{made.keywords}` is not called `**kwargs`: Keras 3 loads `{cls.name}` without its name"
    )
    uses = [
        node for node in descendants(made.function.body) if is_name(node, made.keywords)
    ]  # fmt: skip
    parameter = made.function.params.star_kwarg
    assert parameter is not None
    taken = any(is_name(node, "kwargs") for node in descendants(made.function))
    changes = tuple(Replace(node, "kwargs") for node in (parameter.name, *uses))
    return Finding(parameter, message, () if taken else (Fix("Call it `**kwargs`", changes),))
