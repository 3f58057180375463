"""The classes and functions that a model's configuration names, and what each of them would do."""

from __future__ import annotations

import builtins
import hashlib
import json
import sys
from importlib import resources
from typing import TYPE_CHECKING, Any

from reglint.inspector.facts import Danger, Reason
from reglint.inspector.files.walk import join, objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ALLOWED: Mapping[str, Mapping[str, frozenset[str]]] = {
    part: {module: frozenset(names) for module, names in modules.items()}
    for part, modules in json.loads(
        resources.files(__package__).joinpath("allowed.json").read_text(encoding="utf-8")
    ).items()
}
CLASSES, FUNCTIONS, STRINGS = (ALLOWED[part] for part in ("classes", "functions", "strings"))
ANY_CLASS = frozenset().union(*CLASSES.values())
ANY_FUNCTION = frozenset().union(
    *(names for module, names in FUNCTIONS.items() if "ops" not in module)
)
KNOWN_NAMES = ANY_CLASS.union(*STRINGS.values())
ANY_STRING = frozenset().union(*STRINGS.values())

# Classes of Keras that run what the file holds, or something outside of it.
CODE = {
    "ClassMethod": "calls a TensorFlow method by name, and Keras 3 cannot load it",
    "FlaxLayer": "runs Python functions by reference",
    "InstanceMethod": "calls a TensorFlow method by name, and Keras 3 cannot load it",
    "InstanceProperty": "reads a TensorFlow property by name, and Keras 3 cannot load it",
    "JaxLayer": "runs Python functions by reference",
    "Lambda": "runs a Python function that is in the file",
    "ModuleWrapper": "calls a method of a TensorFlow module by name, and Keras 3 cannot load it",
    "SlicingOpLambda": "calls a TensorFlow function by name, and Keras 3 cannot load it",
    "TFOpLambda": "calls a TensorFlow function by name, and Keras 3 cannot load it",
    "TFSMLayer": "runs a SavedModel from another place",
    "TensorFlowOpLayer": "runs a TensorFlow operation by name, and Keras 3 cannot load it",
    "TorchModuleWrapper": "unpickles a PyTorch module, which runs what is in it",
}
LAMBDA = "__lambda__"
# Functions that stand beside the classes: Keras calls what a `.h5` names as a class, with arguments
# from the file (run on 3.15.1).
HELPERS = {"deserialize", "get", "serialize"}

# What Keras writes beside objects: plain data with a class name.
DATA = {
    "TensorShape", "__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__",
    "__tensor__", "__tuple__",
}  # fmt: skip
DTYPES = {
    "bool", "bfloat16", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2", "float16",
    "float32", "float64", "int4", "int8", "int16", "int32", "int64", "string",
    "uint8", "uint16", "uint32", "uint64",
}  # fmt: skip
SPECS = {"RaggedTensorSpec", "SparseTensorSpec", "TensorSpec"}  # of TensorFlow
TYPE_SPECS = {f"tf.{name}" for name in SPECS}

# Where an argument may be a string that names an object. The compile configuration in it too.
NAMED = {
    "activation": "activations",
    "constraint": "constraints",
    "initializer": "initializers",
    "loss": "losses",
    "metrics": "metrics",
    "regularizer": "regularizers",
    "weighted_metrics": "metrics",
}
AT_COMPILE = {"accuracy", "acc", "auto", "ce", "crossentropy"}

STANDARD_LIBRARY = (set(sys.stdlib_module_names) | set(sys.builtin_module_names)) - {"__main__"}


def reasons(config: Any, place: str, code: list[Any]) -> Iterator[Reason]:
    """Find what is not allowed to be named; add what is code to `code`, in order."""
    held: set[int] = set()  # what is in the configuration of code, by identity
    for where, found in objects(config, place):
        yield from _strings(found, where)
        if "class_name" not in found:
            continue
        name = found["class_name"]
        if not isinstance(name, str):
            yield _refused(where, f"the name of a class is {type(name).__name__}")
        elif name == LAMBDA:
            if id(found) not in held:
                code.append(found)
                yield Reason(Danger.CODE, where, "a Python lambda, as bytecode, is in the file")
        elif name == "function":
            yield from _function(found, where)
        elif name in {"__typespec__", "TypeSpec", "CompositeTensor"}:
            yield from _spec(found, where)
        elif name in DATA:
            yield from _plain(found, where)
        else:
            before = len(code)
            yield from _class(found, name, where, code)
            if len(code) > before and id(found) not in held:
                held.update(id(part) for _, part in objects(found.get("config")))


def digest(code: list[Any]) -> str:
    """Return the SHA-256 of all code, "" if there is none."""
    if not code:
        return ""
    text = json.dumps(code, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _class(found: Mapping[str, Any], name: str, place: str, code: list[Any]) -> Iterator[Reason]:
    module, registered = found.get("module"), found.get("registered_name")
    if not isinstance(module, (str, type(None))) or not isinstance(registered, (str, type(None))):
        yield _refused(place, f"{name}: its module or registered name is no text")
        return
    if name in HELPERS:
        yield _refused(place, f"{name} is no class that a model is made of")
        return
    if registered is not None and registered != name:
        yield _custom(place, registered, "class")
        if module is not None and _foreign(module):
            return
    # A registered class wins, but only where it is registered: so look at what it else would be.
    own = name
    if module is None:  # as before Keras 3, where the name is all
        own = name.removeprefix("Custom>")  # so Keras 2.15 wrote its own optimizers, too
    if own in CODE and (module is None or _root(module) == "keras"):
        yield from _code(found, own, place, code)
    elif module is None:
        if own not in KNOWN_NAMES:
            yield _custom(place, name, "class")
    elif name not in CLASSES.get(module, ()):
        yield from _unknown(place, module, name, "class", CLASSES)


def _code(found: Mapping[str, Any], name: str, place: str, code: list[Any]) -> Iterator[Reason]:
    config = found.get("config")
    held = config.get("function") if name == "Lambda" and isinstance(config, dict) else None
    if isinstance(held, str):  # a function by its name, as Keras 2 wrote it
        yield from _function({"module": None, "config": held}, place)
        return
    if isinstance(held, dict) and held.get("class_name") == "function":
        return  # a function by its name: it is looked at by itself
    code.append({"class_name": name, "config": config})
    yield Reason(Danger.CODE, place, f"{name} {CODE[name]}")


def _function(found: Mapping[str, Any], place: str) -> Iterator[Reason]:
    module, name = found.get("module"), found.get("config")
    registered = found.get("registered_name")
    if not isinstance(name, str) or not isinstance(module, (str, type(None))):
        yield _refused(place, "a function whose name or module is no text")
        return
    if isinstance(registered, str) and registered not in {name, "function"}:
        yield _custom(place, registered, "function")
    if module in {None, "builtins"}:
        # Up to 3.6 Keras wrote functions of the user so, too.
        if name in ANY_FUNCTION:
            return
        if hasattr(builtins, name):
            yield _refused(place, f"builtins.{name} is no function of a model")
        else:
            yield _custom(place, name, "function")
    elif name not in FUNCTIONS.get(module or "", ()):
        yield from _unknown(place, module or "", name, "function", FUNCTIONS)


def _unknown(
    place: str, module: str, name: str, kind: str, known: Mapping[str, frozenset[str]]
) -> Iterator[Reason]:
    full = f"{module}.{name}"
    if ">" in name:
        yield _custom(place, name, kind)
    elif not _foreign(module):
        newer = module in known and name not in HELPERS
        if newer and (kind == "function" or name[:1].isupper()):
            yield _custom(place, full, kind)
        else:
            yield _refused(place, f"{full} is no {kind} that a model is made of")
    else:
        yield _custom(place, full, kind)


def _foreign(module: str) -> bool:
    """Return whether a module is neither of Keras itself nor of Python."""
    return _root(module) != "keras" and _root(module) not in STANDARD_LIBRARY


def _root(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def _spec(found: Mapping[str, Any], place: str) -> Iterator[Reason]:
    module = found.get("module")
    written, name = found.get("type_spec"), found.get("spec_name")
    if isinstance(written, str) and written in TYPE_SPECS:
        return
    own = str(module).startswith("tensorflow.python.")
    if isinstance(name, str) and name in SPECS and own:
        return
    yield _refused(place, "a TensorFlow object that a model has no use for")


def _plain(found: Mapping[str, Any], place: str) -> Iterator[Reason]:
    config = found.get("config")
    dtype = config.get("dtype") if isinstance(config, dict) else None
    if dtype is not None and not (isinstance(dtype, str) and dtype in DTYPES):
        yield _refused(place, f"{found['class_name']}: no such dtype")


def _strings(found: Mapping[str, Any], place: str) -> Iterator[Reason]:
    """Find strings that name an object of somebody else's, as Keras 2 wrote functions."""
    for key, value in found.items():
        package = NAMED.get(key.rpartition("_")[2] if key not in NAMED else key)
        if package is None:
            continue
        for name in _leaves(value):
            if name not in STRINGS[package] | AT_COMPILE and name not in ANY_STRING:
                yield _custom(join(place, key), name, "function")


def _leaves(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _leaves(item)
        case dict() if "class_name" not in value:  # by output
            for item in value.values():
                yield from _leaves(item)


def _custom(place: str, name: str, kind: str) -> Reason:
    return Reason(Danger.CUSTOM, place, f"{name} is a {kind} that is not of Keras", name)


def _refused(place: str, message: str) -> Reason:
    return Reason(Danger.REFUSED, place, message)
