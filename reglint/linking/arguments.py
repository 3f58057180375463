"""What a call surely passes to the layer it makes, and whether the layer's configuration agrees."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

from reglint import keras_api
from reglint.analysis.canonical import keras_name
from reglint.analysis.syntax import cst, descendants, is_name, number, parameters_of, string
from reglint.keras_api import Generation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.scopes import Scope
    from reglint.inspector.facts import Argument, LayerFacts
    from reglint.linking.places import Site

    # What an argument is compared as; None: nothing is known of it.
    _Value: TypeAlias = "Argument | None"

# Arguments that Keras keeps as they are given, by what they are. Left out is all that may change
# later (`trainable`, regularizers) or that Keras rewrites (`go_backwards`, in a `Bidirectional`).
_COUNTS = frozenset({
    "depth_multiplier", "filters", "groups", "input_dim", "key_dim", "n", "num_heads", "output_dim",
    "units", "value_dim",
})  # fmt: skip
_SIZES = frozenset({
    "dilation_rate", "dims", "kernel_size", "pool_size", "size", "strides", "target_shape",
})  # fmt: skip
_FACTORS = frozenset({
    "alpha", "dropout", "epsilon", "momentum", "negative_slope", "rate", "recurrent_dropout",
    "stddev",
})  # fmt: skip
_FLAGS = frozenset({
    "center", "mask_zero", "reset_after", "return_sequences", "return_state", "scale", "use_bias",
})  # fmt: skip
_WORDS = frozenset({"data_format", "interpolation", "merge_mode", "padding"})
_AXES = frozenset({"axes", "axis"})
_FUNCTIONS = frozenset({"activation", "recurrent_activation"})
# What Keras calls its functions of activation, in any release: the name it keeps now.
_ACTIVATIONS = {
    **dict.fromkeys((
        "elu", "exponential", "gelu", "hard_sigmoid", "leaky_relu", "linear", "log_softmax", "mish",
        "relu", "relu6", "selu", "sigmoid", "softmax", "softplus", "softsign", "tanh",
    )),
    "swish": "silu", "silu": "silu", "hard_swish": "hard_silu", "hard_silu": "hard_silu",
}  # fmt: skip
# What these are without an argument, in tf.keras 2.15, Keras 3.0 and 3.15 alike, by signature.
_DEFAULTS: Mapping[str, Argument] = {
    "activation": "linear", "center": True, "dilation_rate": 1, "mask_zero": False,
    "padding": "valid", "return_sequences": False, "return_state": False, "scale": True,
    "use_bias": True,
}  # fmt: skip
_RECURRENT = ("GRU", "LSTM", "RNN")
_LATEST = (Generation.TF_KERAS, Generation.KERAS_3_0, Generation.KERAS_3)
_CLOSE = 1e-5  # relative: some releases keep factors in float32
_CONV_SIZES = 3  # numbers by place that old releases read as filters, rows and columns


def contradiction(site: Site, layer: LayerFacts) -> str:
    """Return why a call cannot have made a layer, as far as arguments tell; else "".

    Only what the call passes for certain is compared, and only with what Keras, or the class of the
    source, keeps as it is given.
    """
    for name, written in site.literals.items():
        kept = layer.arguments.get(name)
        if kept is not None and _differ(name, written, kept, own=site.own is not None):
            made = f"{site.layer_class}({name}={written!r})"
            return f"{site} makes `{made}`, and the model has `{name}={kept!r}`"
    return ""


def literals(site: Site) -> dict[str, Argument]:
    """Return the arguments of a call whose values the text tells, with the defaults of Keras."""
    passed = dict(_passed(site))
    known = {name: value for name, node in passed.items() if (value := _value(name, node, site))}
    values = {name: value for name, (value,) in known.items()}
    stars = any(arg.star for arg in site.node.args)
    if site.own is None and not stars and not _is_partial(site):
        values |= {name: value for name, value in _defaults(site.layer_class) if name not in passed}
    return {n: value for n, value in values.items() if not {n, f"_{n}"} & site.changed}


def _defaults(layer_class: str) -> Iterator[tuple[str, Argument]]:
    yield from _DEFAULTS.items()
    if any(word in layer_class for word in _RECURRENT):
        yield "activation", "tanh"
    if "Conv" in layer_class:  # of pooling they are those of the pool
        yield from (("strides", 1), ("groups", 1))


# -- What is passed


def _passed(site: Site) -> Iterator[tuple[str, cst.BaseExpression]]:
    """Yield the arguments that stand in the call, by name."""
    known = keras_api.layer(site.layer_class) if site.own is None else None
    renames = known.renames if known else {}
    by_place = [arg for arg in site.node.args if arg.keyword is None and not arg.star]
    if not _is_partial(site) and not any(arg.star == "*" for arg in site.node.args):
        yield from zip(_places(site, by_place), (arg.value for arg in by_place), strict=False)
    for arg in site.node.args:
        if arg.keyword is not None:
            name = arg.keyword.value
            # Of `nb_row` and `nb_col` each is but half of `kernel_size`.
            plain = renames.get(name, name)
            yield (plain if [*renames.values()].count(plain) <= 1 else name), arg.value


def _places(site: Site, by_place: list[cst.Arg]) -> tuple[str, ...]:
    """Return the names of what is passed by position, as far as all releases agree."""
    if site.own is not None:
        method = site.own.inherited("__init__")
        return tuple(p.name.value for p in parameters_of(method[1].params))[1:] if method else ()
    known = keras_api.layer(site.layer_class)
    orders = [order for g in _LATEST if known and (order := known.positional(g))]
    names = []
    for each in zip(*orders, strict=False):
        if len(set(each)) > 1:
            break
        names.append(each[0])
    numbers = [arg for arg in by_place[:_CONV_SIZES] if number(arg.value) is not None]
    if names[1:2] == ["kernel_size"] and len(numbers) == _CONV_SIZES:
        return tuple(names[:1])  # `Conv2D(8, 3, 3)` is of a kernel of 3 x 3 in Keras 2
    return tuple(names)


def _is_partial(site: Site) -> bool:
    """Tell whether what is called is bound to a call, such as `functools.partial(...)`."""
    value = site.file.module.expression(site.node.func, site.scope)
    return value is not None and isinstance(value.node, cst.Call)


def _value(name: str, node: cst.BaseExpression, site: Site) -> tuple[Argument] | None:
    """Return the value of an argument, if it is certain and of the kind that it has to be."""
    if site.own is not None:
        told = site.own.module.once_about(site.own, kept)
        value = _literal(node, site.scope, site) if name in told else None
    elif name in _FUNCTIONS:
        value = _activation(node, site.scope, site)
    else:
        value = _as_kept(name, _literal(node, site.scope, site))
    return None if value is None else (value,)


def _literal(node: cst.BaseExpression, scope: Scope, site: Site) -> _Value:
    """Return what an expression is, if it is a literal or a name that is bound to one, once."""
    if isinstance(node, cst.Name) and node.value in site.changed:
        return None
    value = site.file.module.expression(node, scope)
    if value is None:
        return None
    for word in (True, False):
        if is_name(value.node, str(word)):
            return word
    match value.node:
        case cst.Tuple(elements=elements):
            pass
        case cst.List(elements=elements) if value.node is node:  # else it may have grown since
            pass
        case _:
            text = string(value.node)
            return number(value.node) if text is None else text
    items = [number(element.value) for element in elements]
    whole = tuple(int(item) for item in items if item is not None and float(item).is_integer())
    return whole if items and len(whole) == len(items) else None


def _activation(node: cst.BaseExpression, scope: Scope, site: Site) -> str | None:
    if is_name(node, "None"):
        return "linear"
    value = site.file.module.expression(node, scope)
    literal = string(value.node) if value else None
    if literal is None:
        package, _, literal = (keras_name(node, scope, site.file.module) or "").rpartition(".")
        if package != "keras.activations":
            return None
    elif isinstance(node, cst.Name) and node.value in site.changed:
        return None
    return literal if literal in _ACTIVATIONS else None


# -- What is kept


def _as_kept(name: str, value: _Value) -> _Value:
    """Return the value of an argument of Keras, if it is one that Keras keeps as it is."""
    match value:
        case bool():
            fits = name in _FLAGS
        case str():
            fits = name in _WORDS
        case tuple():
            fits = name in _SIZES and min(value, default=0) > 0
        case int() | float():
            whole = float(value).is_integer()
            positive = value > 0 and name in _COUNTS | _SIZES
            fits = name in _FACTORS or (whole and (positive or name in _AXES))
        case _:
            fits = False
    return value if fits else None


def _differ(name: str, written: Argument, kept: Argument, *, own: bool) -> bool:
    """Tell whether two values of an argument are surely not the same."""
    if not own and name in _FUNCTIONS:
        names = [str(each) for each in (written, kept)]
        known = all(each in _ACTIVATIONS for each in names)
        return known and len({_ACTIVATIONS[each] or each for each in names}) > 1
    if not own and _as_kept(name, kept) is None:
        return False  # Keras keeps something else under this name
    match written, kept:
        case (bool(), bool()):
            return written is not kept
        case (bool(), _) | (_, bool()):
            return False
        case (str(), str()):
            return written != kept if own else written.lower() != kept.lower()
        case (int() | float(), int() | float()):
            if name in _AXES and not own:  # Keras may count from the other end
                return (written < 0) is (kept < 0) and written != kept
            return not math.isclose(written, kept, rel_tol=_CLOSE)
        case (int() | tuple(), int() | tuple()):
            return _sizes_differ(written, kept)
    return False


def _sizes_differ(one: int | tuple[int, ...], other: int | tuple[int, ...]) -> bool:
    """Tell whether sizes differ: 3 is (3, 3), and (3,) is 3."""
    left = one if isinstance(one, tuple) else (one,)
    right = other if isinstance(other, tuple) else (other,)
    if 1 in {len(left), len(right)}:
        return set(left) != set(right)
    return left != right


# -- Classes of the source


def kept(own: KerasClass) -> frozenset[str]:
    """Return the parameters that a class keeps as they are given, and tells in `get_config`."""
    init, config = own.inherited("__init__"), own.inherited("get_config")
    if not own.complete or not init or not config:
        return frozenset()
    definition, function = init
    scope = definition.module.scope_of(function)
    methods = {
        node.name.value
        for each in own.lineage
        for node in each.node.body.body
        if isinstance(node, cst.FunctionDef)
    }
    if scope is None or "__setattr__" in methods:
        return frozenset()
    plain = {p.name.value for p in parameters_of(function.params)} - methods
    stored = Counter(name for each in own.lineage for name, _ in _stores(each.node))
    taken = {name for name, value in _stores(function) if is_name(value, name) and name in plain}
    told = Counter(name for name, value in _entries(config[1]))
    right = {name for name, value in _entries(config[1]) if of_self(value) == name}
    return frozenset(
        name
        for name in taken & right
        if stored[name] == told[name] == len(scope.names.get(name, ())) == 1
    )


def _stores(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode | None]]:
    """Yield each attribute of `self` that code sets, and to what."""
    for each in descendants(node):
        match each:
            case cst.Assign(targets=targets, value=value):
                yield from ((of_self(t.target), value) for t in targets)
            case cst.AnnAssign(target=target) | cst.AugAssign(target=target):
                yield of_self(target), each.value if isinstance(each, cst.AnnAssign) else None


def _entries(function: cst.FunctionDef) -> Iterator[tuple[str, cst.CSTNode]]:
    """Yield what code puts into dictionaries: `{"a": x}`, `dict(a=x)`, `d["a"] = x`."""
    for each in descendants(function):
        match each:
            case cst.DictElement(key=key, value=value):
                yield string(key) or "", value
            case cst.Arg(keyword=cst.Name(name), value=value):
                yield name, value
            case cst.Assign(
                targets=[
                    cst.AssignTarget(
                        target=cst.Subscript(
                            slice=[cst.SubscriptElement(slice=cst.Index(value=key))]
                        )
                    )
                ],
                value=value,
            ):
                yield string(key) or "", value


def of_self(node: cst.CSTNode) -> str:
    """Return `dense` for `self.dense`."""
    match node:
        case cst.Attribute(value=cst.Name("self"), attr=cst.Name(name)):
            return name
    return ""
