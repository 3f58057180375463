"""RGL301."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.classes import is_base_only, is_part, keras_classes
from reglint.analysis.configs import chain
from reglint.analysis.constructors import init
from reglint.analysis.registration import is_registered
from reglint.keras_api.classes import Kind
from reglint.model import Finding, Fix, Safety, Severity
from reglint.rules.generated import decorator
from reglint.rules.rule import CLASS, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.names import Module

# What each kind has to define to be more than a base for others.
_ESSENTIAL = {
    Kind.REGULARIZER: ("__call__",),
    Kind.CONSTRAINT: ("__call__",),
    Kind.INITIALIZER: ("__call__",),
    Kind.LAYER: ("call", "build", "get_config"),
    Kind.MODEL: ("call", "get_config"),
}
_REASON = "models are saved under another name of the class, `package>class`"


class UnregisteredClass(Rule):
    """A custom class is not registered, so that Keras does not find it when a model is loaded.

    A saved model holds the names of its classes, and Keras finds those that are registered. A
    regularizer, constraint or initializer that is not even breaks `clone_model` and a deep copy
    of the model: `TypeError: Could not locate class`. The one way around it is to pass
    `custom_objects` wherever the model is loaded.

    Layers and models are reported as an information, and only in files that save, load or clone
    models themselves: a library cannot know what its users do. One that the file only makes inside
    other layers and models is never looked for. Up to Keras 3.8 a layer was found
    without being registered if its module could be imported; since 3.9 it is not.

    Registered counts a class in each of these cases: `register_keras_serializable`, under any
    name; a decorator of the project that calls it, or one in the option
    `registration-decorators`; a decorator from elsewhere that has `register`, `serializable` or
    `export` in its name; `get_custom_objects().update(...)`, `custom_objects={...}` and
    `custom_object_scope` anywhere in the project.

    ## Example

    ```python
    class Cubic(keras.regularizers.Regularizer):
        def __call__(self, x):
            return 0.01 * keras.ops.sum(keras.ops.abs(x) ** 3)

        def get_config(self):
            return {}
    ```

    Use instead:

    ```python
    @keras.saving.register_keras_serializable()
    class Cubic(keras.regularizers.Regularizer):
        def __call__(self, x):
            return 0.01 * keras.ops.sum(keras.ops.abs(x) ** 3)

        def get_config(self):
            return {}
    ```

    ## Fix safety

    Unsafe: the name that models are saved with changes. What was saved before can still be loaded
    with `custom_objects={"Cubic": Cubic}`. The option `serialization-package`, or else the name
    of the project, becomes the `package`.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5, 3.8.0 and 3.15.1; keras-team/keras#19899.
    """

    code = "RGL301"
    name = "unregistered-class"
    severity = Severity.WARNING
    triggers = (b"keras", CLASS)

    def check_module(self, module: Module) -> Iterator[Finding]:
        for cls in keras_classes(module):
            essential = _ESSENTIAL.get(cls.kind)
            if essential is None or not any(map(cls.inherited, essential)):
                continue
            whole = cls.kind in {Kind.LAYER, Kind.MODEL}
            if whole and (not module.project.says("saving") or is_part(cls)):
                continue
            if _is_beyond_help(cls) or (whole and cls.inherited("save")):
                continue
            if cls.scope is not module.scope or is_base_only(cls) or is_registered(cls):
                continue
            what = "loaded" if whole else "loaded, cloned or copied"
            message = f"`{cls.name}` is not registered: a model with it cannot be {what} by itself"
            severity = Severity.INFO if whole else None
            yield Finding(cls.node.name, message, tuple(_fixes(cls)), severity)


def _is_beyond_help(cls: KerasClass) -> bool:
    """Tell whether a class could not be made again anyway, for want of its arguments."""
    made = init(cls)
    required = made is not None and any(p.required for p in made.parameters.values())
    return cls.kind is Kind.INITIALIZER and required and not chain(cls).methods


def _fixes(cls: KerasClass) -> Iterator[Fix]:
    changes = decorator(cls, cls.module.settings.package)
    if changes:
        yield Fix("Register it", changes, Safety.UNSAFE, _REASON)
