"""Find out by running what the public classes of one Keras take and what `get_config` writes.

    python probe_classes.py [keras|tf_keras]

Prints JSON about the Keras installed for this Python (tf.keras 2 or Keras 3), for each class by
its name under `keras`, such as `losses.Huber`:

    NAME.kind        layer, model, regularizer ...
    NAME.names       every public spelling of the class
    NAME.paths       where the class is defined
    NAME.parameters  the parameters that may be passed by position, in order
    NAME.required    the parameters without a default
    NAME.keywords    the parameters that may be passed by keyword only
    NAME.swallows    whether there is `**kwargs`, whatever becomes of it
    NAME.config      the keys that a subclass gets from `super().get_config()`; null if that raises

A class that cannot be made here (it wants a file, a GPU, PyTorch) has no `config`. Of a callback,
which has no configuration, only the names are found out.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

from at_hand import keras_at_hand, show
from constructors import constructors, is_transparent, is_variadic, parameters
from recipes import CLASS_VALUES, GONE, KINDS, MODULES, OTHER_VALUES, VALUES

if TYPE_CHECKING:
    from collections.abc import Iterator


def member(keras: Any, path: str) -> Any:
    """Return what Keras has at a dotted path, None if there is nothing."""
    found = keras
    for part in filter(None, path.split(".")):
        found = getattr(found, part, None)
    return found


def kind(keras: Any, target: Any) -> str | None:
    """Return what kind of class it is, None if none that reglint looks at."""
    if not inspect.isclass(target):
        return None
    for name, path in KINDS:
        base = member(keras, path)
        if inspect.isclass(base) and issubclass(target, base):
            return name
    return None


def classes(keras: Any) -> Iterator[tuple[str, list[str], type]]:
    """Yield each public class, what kind it is, and its names."""
    names: dict[type, list[str]] = {}
    for path in MODULES:
        module = member(keras, path)
        for name in dir(module):
            target = getattr(module, name)
            if kind(keras, target) and target.__name__ not in GONE:
                place = path.partition(".experimental")[0]
                names.setdefault(target, []).append(f"{place}.{name}".lstrip("."))
    for target, spellings in names.items():
        yield str(kind(keras, target)), sorted(set(spellings)), target


def main_name(names: list[str], target: type) -> str:
    """Return the name to go by: that of the class, and its place; models alone are at the top."""
    return max(
        names,
        key=lambda name: (
            name.rpartition(".")[2] == target.__name__,
            ("." in name) != (target.__name__ in {"Model", "Sequential"}),
        ),
    )


def subclass(target: type) -> type:
    """Return a class with a `get_config` that adds nothing to that of `target`."""

    def get_config(self: Any) -> Any:
        return target.get_config(self)  # type: ignore[attr-defined]

    todo = dict.fromkeys(getattr(target, "__abstractmethods__", ()), lambda *_, **__: None)
    return type(target.__name__, (target,), {**todo, "get_config": get_config})


def configuration(keras: Any, target: type, named: list[inspect.Parameter]) -> list[str] | None:
    """Return every key that `get_config` ever writes; raise if no instance can be made.

    Keras leaves out some keys unless they were given, so each parameter is given once.
    """
    values = {**VALUES, **OTHER_VALUES}
    required = {p.name: values[p.name] for p in named if p.default is p.empty and p.name in values}
    known = {p.name for p in named}
    for name, value in CLASS_VALUES.get(target.__name__, {}).items():
        if not name.endswith("?") or name[:-1] in known:
            required[name.rstrip("?")] = value

    def keys(**optional: Any) -> set[str]:
        given = {**required, **optional}
        made = subclass(target)(**{n: v(keras) if callable(v) else v for n, v in given.items()})
        return set(made.get_config())

    try:
        found = keys()
    except NotImplementedError:
        return None
    candidates = {p.name for p in named if not is_variadic(p)}
    if issubclass(target, keras.layers.Layer) and not issubclass(target, keras.metrics.Metric):
        candidates.add("activity_regularizer")
    for name in sorted(candidates - found - required.keys()):
        for value in (values.get(name), "l2", 0.5, 2, True):
            try:
                found |= keys(**{name: value})
            except Exception:  # noqa: BLE001, S112 - whatever Keras raises: the wrong value
                continue
    return sorted(found)


def report(keras: Any, what: str, names: list[str], target: type) -> dict[str, Any]:
    """Return all there is to know about one class."""
    found: dict[str, Any] = {
        "kind": what,
        "names": names,
        "path": f"{target.__module__}.{target.__qualname__}",
    }
    if what == "callback":
        return found
    function = next((f for f in constructors(target) if not is_transparent(f)), None)
    named = parameters(function) if function else []
    if target is keras.Model:  # takes what its subclass for functional models does
        tensor = keras.layers.Input((4,))
        made = type(target(tensor, tensor))
        named = parameters(next(f for f in constructors(made) if not is_transparent(f)))
        named = [p.replace(default=None) for p in named if not is_variadic(p)]
        named.append(inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD))
    plain = [p for p in named if not is_variadic(p)]
    found["parameters"] = [p.name for p in plain if p.kind is p.POSITIONAL_OR_KEYWORD]
    found["required"] = [p.name for p in plain if p.default is p.empty]
    found["keywords"] = [p.name for p in plain if p.kind is p.KEYWORD_ONLY]
    found["swallows"] = any(p.kind is p.VAR_KEYWORD for p in named)
    try:
        found["config"] = configuration(keras, target, named)
    except Exception as error:  # noqa: BLE001 - whatever Keras raises: it cannot be made here
        print(names[0], repr(error)[:200], file=sys.stderr)
    return found


def main() -> None:
    """Probe the Keras named on the command line, print the report."""
    keras = keras_at_hand()
    found = {}
    for what, names, target in classes(keras):
        found[main_name(names, target)] = report(keras, what, names, target)
    show({"keras": keras.__version__, "classes": found})


if __name__ == "__main__":
    main()
