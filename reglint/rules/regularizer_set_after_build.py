"""RGL401."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reglint.analysis.built import body, is_built_layer, loops_around, targets
from reglint.analysis.calls import called
from reglint.analysis.classes import class_around
from reglint.analysis.scopes import Site
from reglint.analysis.syntax import code, cst, descendants, is_name, string
from reglint.model import Finding, Fix, Insert, Safety
from reglint.rules.rule import Rule
from reglint.rules.values import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.names import Module

# Where a layer keeps the variable that the regularizer is for; those that may be `None` are left
# out, and those of recurrent layers, which refuse to be set.
_VARIABLES = {
    "kernel_regularizer": "kernel",
    "depthwise_regularizer": "depthwise_kernel",
    "pointwise_regularizer": "pointwise_kernel",
    "embeddings_regularizer": "embeddings",
    "alpha_regularizer": "alpha",
}
_ATTRIBUTES = frozenset({
    *_VARIABLES, "bias_regularizer", "recurrent_regularizer", "gamma_regularizer",
    "beta_regularizer",
})  # fmt: skip
# Making a model anew from its configuration is how the setting takes effect.
_REBUILDS = ("clone_model", "from_config", "model_from_config", "model_from_json",
             "model_from_yaml")  # fmt: skip
_WRITES = frozenset({"get_config", "load_model", "to_json", "to_yaml"})
_SAVES = frozenset({"save", "save_model"})
_TRAINS = frozenset({"compile", "evaluate", "fit", "fit_generator", "train_on_batch"})


class RegularizerSetAfterBuild(Rule):
    """A regularizer is set on a layer that is already built, where it has no effect.

    The penalty is tied to the weight when that is made. What is set on the layer afterwards, by
    `layer.kernel_regularizer = ...` or by `setattr`, only goes into its configuration. Measured
    for a kernel of six ones and `L2(0.01)`: `model.losses` is `[]`, and `evaluate` reports 0.0,
    where a regularizer given to the constructor makes 0.06. Compiling again does not help. All
    53 layers of `MobileNetV2` that have a `kernel_regularizer` in tf.keras 2 take one, and
    `model.losses` stays empty. Setting it to `None` leaves the penalty that was there: 3.0 before
    and after. (On a recurrent layer it raises `AttributeError`.)

    It works before the layer is built, and for `activity_regularizer` always. It also takes effect
    in a model that is made anew from the configuration, by `keras.models.clone_model(model)` or
    `model_from_json(model.to_json())`, followed by `set_weights`: 0.06.

    ## Example

    ```python
    model = keras.applications.ResNet50(weights=None)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.kernel_regularizer = keras.regularizers.L2(1e-4)
    ```

    Use instead:

    ```python
    model = keras.applications.ResNet50(weights=None)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.kernel_regularizer = layer.kernel.regularizer = keras.regularizers.L2(1e-4)
    ```

    ## Fix safety

    Unsafe: the penalty that was missing is there from then on. It is there in Keras 3 only, where
    a variable has a regularizer of its own, and a model that has been trained must be compiled
    again (0.0 in `fit` before, 0.06 after). In tf.keras 2 only a model made anew helps, so there
    is no fix for code that is known to run on Keras 2.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1 with TensorFlow, and on Keras 3.15.1 with JAX;
    [keras#8721](https://github.com/keras-team/keras/issues/8721),
    [keras#9106](https://github.com/keras-team/keras/issues/9106),
    [tensorflow#37511](https://github.com/tensorflow/tensorflow/issues/37511).
    """

    code = "RGL401"
    name = "regularizer-set-after-build"
    since = (2, 0)
    triggers = (b"keras", b"_regularizer")

    def check_module(self, module: Module) -> Iterator[Finding]:
        found = [s for s in _settings(module) if _has_no_effect(s, module)]
        if not found or module.calls_named(*_REBUILDS):
            return
        for setting in found:
            names = listed(setting.attributes)
            if is_name(setting.value, "None"):
                if not module.project.mentions("saving"):
                    message = (
                        f"setting {names} to `None` on a layer that is built keeps the penalty"
                    )
                    yield Finding(setting.place, message)
            else:
                message = f"setting {names} on a layer that is built adds no penalty"
                yield Finding(setting.place, message, tuple(_fixes(setting, module)))


class _Setting(NamedTuple):
    """Something that is set on a layer."""

    layer: cst.BaseExpression
    attributes: tuple[str, ...]
    value: cst.BaseExpression
    place: cst.CSTNode  # what is wrong
    site: Site  # the assignment, or the call of `setattr`


def _settings(module: Module) -> Iterator[_Setting]:
    for name in sorted(_ATTRIBUTES & module.attributes.keys()):
        for site in module.attributes[name]:
            node = cst.ensure_type(site.node, cst.Assign)
            for assigned in node.targets:
                match assigned.target:
                    case cst.Attribute(value=layer, attr=cst.Name(attr)) as place if attr == name:
                        yield _Setting(layer, (name,), node.value, place, site)
    for site in module.calls_named("setattr"):
        match site.node:
            case cst.Call(func=cst.Name(), args=[target, attribute, value]) as call:
                names = tuple(sorted(_ATTRIBUTES & {*_strings(attribute.value, site, module)}))
                if names:
                    yield _Setting(target.value, names, value.value, call, site)


def _strings(node: cst.BaseExpression, site: Site, module: Module) -> Iterator[str]:
    """Yield what a string may be: a literal, or one of the literals that a loop runs over."""
    if (literal := string(node)) is not None:
        yield literal
        return
    for loop in loops_around(site, module):
        if isinstance(node, cst.Name) and node.value in targets(loop):
            value = module.expression(loop.iter, site.scope)
            if value and isinstance(value.node, (cst.List, cst.Tuple)):
                yield from filter(None, (string(e.value) for e in value.node.elements))
            return


def _has_no_effect(setting: _Setting, module: Module) -> bool:
    if is_name(setting.layer, "self") or _sets_variable(setting, module):
        return False
    built = is_built_layer(setting.layer, setting.site, module) or _is_called(setting, module)
    return built and not _takes_effect(setting, module)


def _sets_variable(setting: _Setting, module: Module) -> bool:
    """Tell whether the regularizer of the variable, `layer.kernel.regularizer`, is set as well."""
    variable = f".{_VARIABLES.get(setting.attributes[0])}.regularizer"
    return any(
        code(target.target).endswith(variable)
        for site in module.attributes.get("regularizer", ())
        if body(site.scope, module) is body(setting.site.scope, module)
        for target in cst.ensure_type(site.node, cst.Assign).targets
    )


def _is_called(setting: _Setting, module: Module) -> bool:
    """Tell whether the layer was made in the same function, and called since."""
    match setting.layer, module.expression(setting.layer, setting.site.scope):
        case cst.Name(name), value if value and isinstance(value.node, cst.Call):
            names = called(Site(value.node, value.scope, None), module)
            if value.scope is setting.site.scope and names:
                before = _before(setting, module)
                return all(n.startswith("keras.layers.") for n in names) and any(
                    isinstance(n, cst.Call) and is_name(n.func, name) for n in before
                )
    return False


def _before(setting: _Setting, module: Module) -> list[cst.CSTNode]:
    everything = list(descendants(body(setting.site.scope, module)))
    return everything[: everything.index(setting.site.node)]


def _takes_effect(setting: _Setting, module: Module) -> bool:
    """Tell whether the configuration is written after it was set, before anything is trained."""
    everything = list(descendants(body(setting.site.scope, module)))
    after = everything[everything.index(setting.site.node) :]
    names = [
        node.func.attr.value if isinstance(node.func, cst.Attribute) else code(node.func)
        for node in after
        if isinstance(node, cst.Call)
    ]
    first = next((name for name in names if name in _TRAINS | _SAVES), "")
    return first in _SAVES or not _WRITES.isdisjoint(names)


def _fixes(setting: _Setting, module: Module) -> Iterator[Fix]:
    variable = _VARIABLES.get(setting.attributes[0])
    if variable is None or setting.place is setting.site.node or string(setting.value) is not None:
        return
    # A step that is already compiled for training would not see the penalty.
    if max(module.keras) >= (3, 0) and class_around(setting.site.scope, module) is None:
        text = f" = {code(setting.layer)}.{variable}.regularizer"
        reason = "it adds the penalty, and in Keras 3 only"
        change = Insert(setting.place, text)
        yield Fix("Set it on the variable too", (change,), Safety.UNSAFE, reason)
