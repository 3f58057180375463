"""Find out by running Keras what a saved model may refer to without running foreign code.

    python build_allowed.py measure > TABLE.json      where one Keras is installed
    python build_allowed.py merge TABLE.json... > reglint/inspector/files/allowed.json

A saved model names its classes and functions by module and name. Of Keras, it may name

    classes    the public classes with a `from_config` that a model is made of, by every spelling,
               and operations and the like without a public name, by where they are defined
               under "", where they stand by their name in Python, as before Keras 3
    functions  public functions that compute: activations, losses, metrics, operations
    strings    what an argument may say instead of an object: `relu`, `glorot_uniform`, `mse`

Those that run what is in the file, or read other files, are told apart in `preflight.py`, not here.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    Table = dict[str, dict[str, list[str]]]

PACKAGES = (
    "",
    "activations",
    "constraints",
    "distillation",
    "dtype_policies",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "optimizers",
    "quantizers",
    "random",
    "regularizers",
    "utils",
)
FUNCTIONS = ("activations", "losses", "metrics", "ops")
HELPERS = {"deserialize", "get", "serialize"}  # public functions that make objects
STRINGS = (
    "activations",
    "constraints",
    "initializers",
    "losses",
    "metrics",
    "optimizers",
    "regularizers",
)
PRIVATE = (
    "keras.src.applications",
    "keras.src.backend.torch.optimizers",
    "keras.src.engine.functional",
    "keras.src.layers",
    "keras.src.metrics",
    "keras.src.models",
    "keras.src.ops",
    "keras.src.trainers",
)


def main() -> None:
    """Do what the command line says."""
    match sys.argv[1:]:
        case ["measure"]:
            table = measured()
        case ["merge", *paths] if paths:
            table = merged([json.loads(Path(path).read_text(encoding="utf-8")) for path in paths])
        case _:
            sys.exit(__doc__)
    print(json.dumps(table, indent=1, sort_keys=True))


def measured() -> Table:
    """Return the classes and functions of the Keras installed here, by module."""
    keras = importlib.import_module("keras")
    classes: dict[str, set[str]] = defaultdict(set)
    functions: dict[str, set[str]] = defaultdict(set)
    for name, found in public(keras):
        module, _, last = name.rpartition(".")
        package = module.removeprefix("keras").lstrip(".").split(".")[0]
        if package in PACKAGES and inspect.isclass(found) and hasattr(found, "from_config"):
            classes[module].add(last)
            classes[""].add(found.__name__)
        elif inspect.isfunction(found) and package in FUNCTIONS and last not in HELPERS:
            functions[module].add(last)
    named = {found for _, found in public(keras) if inspect.isclass(found)}
    for found in private(keras):
        if found not in named:
            classes[found.__module__].add(found.__name__)
    return {
        "measured": {"keras": [keras.__version__]},
        "classes": {module: sorted(names) for module, names in classes.items()},
        "functions": {module: sorted(names) for module, names in functions.items()},
        "strings": {package: strings(package) for package in STRINGS},
    }


def strings(package: str) -> list[str]:
    """Return what `keras.<package>.get` knows by name."""
    module = importlib.import_module(f"keras.src.{package}")
    return sorted(getattr(module, "ALL_OBJECTS_DICT", ()))


def public(keras: Any) -> Iterator[tuple[str, Any]]:
    """Yield every public name under `keras`, and what it names."""
    try:
        registry = importlib.import_module("keras.src.api_export").REGISTERED_NAMES_TO_OBJS
    except (ImportError, AttributeError):  # before Keras 3: what the public modules hold
        for package in (*PACKAGES, "optimizers.schedules", "optimizers.legacy"):
            holder: Any = keras
            for part in filter(None, package.split(".")):
                holder = getattr(holder, part, None)
            for name, found in vars(holder).items() if holder is not None else ():
                if not name.startswith("_"):
                    yield ".".join(filter(None, ("keras", package, name))), found
    else:
        yield from registry.items()


def private(keras: Any) -> Iterator[type]:
    """Yield the savable classes of Keras that have their configuration, by where they are."""
    source = importlib.import_module("keras.src")
    for module in pkgutil.walk_packages(source.__path__, "keras.src."):
        name = module.name
        if not name.startswith(PRIVATE) or name.endswith(("_test", "conftest")):
            continue
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - wants another backend
            print(f"left out {name}: {error}", file=sys.stderr)
    bases = [
        keras.layers.Layer,
        keras.losses.Loss,
        keras.metrics.Metric,
        keras.optimizers.Optimizer,
    ]
    bases.append(getattr(keras, "Operation", keras.Model))
    seen: set[type] = set()
    stack: list[type] = bases
    while stack:
        found = stack.pop()
        if found not in seen:
            seen.add(found)
            stack.extend(found.__subclasses__())
    for found in seen:
        if found.__module__.startswith(PRIVATE) and not found.__module__.endswith("_test"):
            yield found


def merged(tables: list[Table]) -> Table:
    """Return what any of the tables has."""
    whole: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for table in tables:
        for part, modules in table.items():
            for module, names in modules.items():
                whole[part][module].update(names)
    return {
        part: {module: sorted(names) for module, names in modules.items()}
        for part, modules in whole.items()
    }


if __name__ == "__main__":
    main()
