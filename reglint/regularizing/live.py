"""Change the regularizers of a model in memory, so that Keras acts on it at once, and saves it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import keras

from reglint.inspector.facts import Regularizer
from reglint.inspector.listing import few
from reglint.inspector.runtime.layers import walk
from reglint.inspector.runtime.loading import one_line
from reglint.regularizing.live_sites import (
    ACTIVITY,
    ITSELF,
    SUFFIX,
    Held,
    Place,
    held,
    places,
    sites,
)
from reglint.regularizing.operations import (
    Remove,
    Scale,
    Set,
    WrongOperation,
    parse_regularizer,
    parse_remove,
    parse_scale,
    set_of,
)
from reglint.regularizing.plan import Change, plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.inspector.runtime.layers import Tree
    from reglint.regularizing.live_sites import Site
    from reglint.regularizing.operations import Operation

Given: TypeAlias = str | Callable[[Any], Any]  # `l2(1e-4)`, or a regularizer
_NAMED = 3  # of many layers, in a warning


def regularize(
    model: Any,
    *,
    set: Mapping[str, Given] | None = None,  # noqa: A002 - as the command calls it
    remove: str | Iterable[str] = (),
    scale: float | Mapping[str, float] | None = None,
    classes: str | Iterable[str] = (),
) -> tuple[Change, ...]:
    """Set, remove and scale regularizers of a Keras model; return what changed.

        regularize(model, set={"conv*:kernel": "l2(1e-4)", "head:kernel": my_regularizer})
        regularize(model, remove=["head:bias"])
        regularize(model, scale=0.5, classes=["Dense"])

    It holds at once: in `fit`, also one that is running, `evaluate`, `train_on_batch` and
    `model.losses`, on TensorFlow, JAX and torch; compiled functions are made anew where there were
    some. Weights, optimizer, metrics and `compile` stay as they are. `model.save`, `clone_model`
    and `get_config` have it too.

    - `set`: by `PATTERN:ROLE`, a regularizer of Keras as text (never evaluated), or any
      regularizer object or function, which several layers may share;
    - `remove`: `PATTERN:ROLE`, or `PATTERN` for all roles;
    - `scale`: a number for all regularizers there are, or numbers by `PATTERN[:ROLE]`; those of
      Keras only;
    - `classes`: names of classes, to which all patterns are narrowed.

    A pattern is a glob over the paths of layers that `reglint inspect` shows: without `/` over the
    last step, `**` crosses `/`. A role is an argument without `_regularizer`: `kernel`,
    `activity`. First is scaled, then set, then removed, so that what is set is not scaled, and
    `set={"**:kernel": ...}, remove=["head:kernel"]` leaves out the head.

    Had the layer been made with the regularizer, it would be in the same places. Of Keras' own
    layers these are known, adapters (LoRA) included. A class that is not is copied from its config
    to see them: it may hand the argument on to layers within, to a variable, or use it in its
    `call`. Where it cannot be copied, they are the attribute `<role>_regularizer` and the variable
    of that role. What a class writes into its code (`add_weight(regularizer="l2")`) has no role.
    A layer without variables yet has them made with its regularizer.

    - A variable that is not trainable, or quantized, adds nothing to the loss.
    - Penalties on activity need a call: `model.losses` of a former call forget theirs.
    - Another model that has the same layers, and was trained, keeps its compiled functions:
      call its `make_train_function(force=True)` and `make_test_function(force=True)`.
    - There is a warning when the config of the model cannot tell a change, as that of a subclassed
      model cannot: then it is not saved.

    Raise `WrongOperation`, a ValueError, for what cannot be done; TypeError for what is no
    regularizer, pattern or model. The model is then as before.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(f"a Keras model is needed, not {_shown(model)}")
    operations: list[Operation] = [*_scaled(scale), *_set(set), *_removed(remove)]
    if not operations:
        raise WrongOperation("there is nothing to do: give `set`, `remove` or `scale`")
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()  # in a callback, variables have no values until then
    tree = walk(model)
    layers = {site.target.path: site for site in sites(tree)}
    targets = [site.target for site in layers.values()]
    changes = plan(targets, operations, _texts("classes", classes))
    if changes:
        _apply(changes, layers, tree)
        _make_functions_anew(node.layer for node in tree.nodes)
    return tuple(
        replace(change, before=_plain(change.before), after=_plain(change.after))
        for change in changes
    )


def _scaled(scale: float | Mapping[str, float] | None) -> list[Scale]:
    if scale is None:
        return []
    if isinstance(scale, Mapping):
        _texts("scale", scale)
        return [parse_scale(f"{place}={_number(factor)!r}") for place, factor in scale.items()]
    return [parse_scale(repr(_number(scale)))]


def _number(value: Any) -> float:
    if isinstance(value, (bool, str)):
        raise TypeError(f"`scale` takes numbers, not {_shown(value)}")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"`scale` takes numbers, not {_shown(value)}") from None


def _set(given: Mapping[str, Given] | None) -> list[Set]:
    if given is None:
        return []
    if not isinstance(given, Mapping):
        raise TypeError('`set` takes a dict: {"conv*:kernel": "l2(1e-4)"}')
    _texts("set", given)
    return [set_of(place, _regularizer(place, value)) for place, value in given.items()]


def _regularizer(place: str, given: Any) -> Regularizer:
    if isinstance(given, str):
        try:
            return parse_regularizer(given)
        except WrongOperation as error:
            raise WrongOperation(f"`{place}`: {error}") from None
    if given is None:
        raise TypeError(f'`{place}`: None is no regularizer: remove=["{place}"]')
    if isinstance(given, type) or not callable(given):
        raise TypeError(f"`{place}`: {_shown(given)} is no regularizer: write `l2(1e-4)`")
    return held(given)


def _removed(remove: str | Iterable[str]) -> list[Remove]:
    return [parse_remove(place) for place in _texts("remove", remove)]


def _texts(name: str, given: str | Iterable[str]) -> list[str]:
    if not isinstance(given, Iterable):
        raise TypeError(f"`{name}` takes text, not {_shown(given)}")
    texts = [given] if isinstance(given, str) else list(given)
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"`{name}` takes text, not {_shown(text)}")
    return texts


def _shown(value: Any) -> str:
    return f"the class `{value.__name__}`" if isinstance(value, type) else f"`{value!r:.60}`"


def _object(regularizer: Regularizer | None) -> Any:
    """Return a regularizer that can be called."""
    if regularizer is None:
        return None
    if isinstance(regularizer, Held):
        return regularizer.made
    return getattr(keras.regularizers, regularizer.name)(**regularizer.factors)


def _plain(regularizer: Regularizer | None) -> Regularizer | None:
    return regularizer.plain() if isinstance(regularizer, Held) else regularizer


def _apply(changes: Iterable[Change], layers: Mapping[str, Site], tree: Tree) -> None:
    """Make `changes`, or none of them on an error."""
    with _restored_on_error() as put:
        for change in changes:
            node, regularizer = layers[change.layer].node, _object(change.after)
            if isinstance(node.layer, ITSELF) and change.role == ACTIVITY:
                regularizer = _in_itself(node.layer, change, put)
            for place in _checked(places(node, change.role, tree), change):
                put(place, regularizer)
                if place.is_variable and regularizer is not None:
                    _try(regularizer, place.holder, change)
        _warn_of_unsaved(changes, layers, tree)
    for change in changes:
        if change.role == ACTIVITY:  # of the former regularizer
            layers[change.layer].node.layer._clear_losses()  # noqa: SLF001


@contextmanager
def _restored_on_error() -> Iterator[Callable[[Place, Any], None]]:
    """Give a function that puts a regularizer into a place; all are put back on an error."""
    before: list[tuple[Place, Any]] = []

    def put(place: Place, regularizer: Any) -> None:
        before.append((place, getattr(place.holder, place.attribute)))
        setattr(place.holder, place.attribute, regularizer)
        if getattr(place.holder, place.attribute) is not regularizer:
            raise WrongOperation(
                f"{type(place.holder).__name__}.{place.attribute} does not keep what it is set to"
            )

    try:
        yield put
    except BaseException:
        for place, regularizer in reversed(before):
            setattr(place.holder, place.attribute, regularizer)
        raise


def _in_itself(layer: Any, change: Change, put: Callable[[Place, Any], None]) -> Any:
    """Give an `ActivityRegularization` its new arguments; return the regularizer made of them."""
    after = change.after or Regularizer("L1L2")
    if after.name not in {"L1", "L2", "L1L2"}:
        raise WrongOperation(f"`{change.layer}:{change.role}` is an L1L2, and no `{after}`")
    factors = {name: after.factors.get(name, 0.0) for name in ("l1", "l2")}
    for name, value in factors.items():
        put(Place(layer, name), value)
    return keras.regularizers.L1L2(**factors)


def _checked(found: list[Place], change: Change) -> list[Place]:
    """Return the places of a change, if that would do anything; raise WrongOperation."""
    if not found:
        raise WrongOperation(
            f"`{change.layer}` ({change.layer_class}) has nowhere to keep a `{change.role}{SUFFIX}`"
        )
    return found


def _try(regularizer: Callable[[Any], Any], variable: Any, change: Change) -> None:
    """Raise WrongOperation if a variable is not one for a regularizer: not when training."""
    try:
        regularizer(variable)
    except Exception as error:  # a regularizer may raise anything
        raise WrongOperation(
            f"`{change.layer}:{change.role}`: {change.after} does not take a variable of shape "
            f"{tuple(variable.shape)}: {one_line(error)}"
        ) from error


def _make_functions_anew(layers: Iterable[Any]) -> None:
    """Make what is compiled anew: it was traced with the regularizers there were."""
    for layer in layers:
        for name in ("train", "test"):
            if getattr(layer, f"{name}_function", None) is not None:
                getattr(layer, f"make_{name}_function")(force=True)


def _warn_of_unsaved(changes: Iterable[Change], layers: Mapping[str, Site], tree: Tree) -> None:
    """Warn of changes that the config of the model does not have."""
    model = tree.nodes[0].layer
    written: dict[str, list[Mapping[str, Any]]] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what saving says, it says then
            _collect(keras.saving.serialize_keras_object(model), written)
    except Exception:  # noqa: BLE001, S110 - a model that cannot be saved at all
        pass
    unsaved = dict.fromkeys(
        change.layer
        for change in changes
        if not _is_written(change, written.get(layers[change.layer].node.layer.name, ()))
    )
    if unsaved:
        several = [f"`{path}`" for path in unsaved]
        warnings.warn(
            f"the regularizers of {few(several, _NAMED)} hold in memory, but the "
            "config of the model does not have them: a saved model is without this change",
            stacklevel=4,
        )


def _collect(serialized: Any, written: dict[str, list[Mapping[str, Any]]]) -> None:
    """Add all configs in a serialized model, by the name of the layer."""
    if isinstance(serialized, Mapping):
        config = serialized.get("config")
        if isinstance(config, Mapping) and isinstance(config.get("name"), str):
            written.setdefault(config["name"], []).append(config)
        for value in serialized.values():
            _collect(value, written)
    elif isinstance(serialized, (list, tuple)):
        for value in serialized:
            _collect(value, written)


def _is_written(change: Change, configs: Iterable[Mapping[str, Any]]) -> bool:
    after = _object(change.after)
    if change.layer_class == ITSELF.__name__:
        return True  # in arguments of its own
    wanted = None if after is None else keras.regularizers.serialize(after)
    key = f"{change.role}{SUFFIX}"
    return any(config.get(key) == wanted for config in configs if after is None or key in config)
