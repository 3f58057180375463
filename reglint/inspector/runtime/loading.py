"""A model from its file, as Keras loads it; whoever calls this trusts the file at that level."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from reglint.inspector.facts import Danger, Level, Refused, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reglint.inspector.request import Request

_MAX_MESSAGE = 300  # characters of a message of Keras
_STYLE = re.compile(r"\x1b\[[0-9;]*m")  # bold, and back


def load(request: Request, level: Level, verdict: Verdict) -> Any:
    """Return the model of a file, not compiled.

    Imports the modules that the user named first. Raise Refused: what is missing, or what Keras
    says.
    """
    for module in request.imports:
        try:
            importlib.import_module(module)
        except Exception as error:
            raise Refused(f"cannot import `{module}`: {import_error(error)}") from error
    if level is not Level.LAMBDA:
        _check_names(request, verdict)
    safe = level is not Level.LAMBDA
    try:
        with keras.saving.custom_object_scope(custom_objects(verdict, request.imports)):
            if request.config is None:
                return keras.saving.load_model(request.path, compile=False, safe_mode=safe)
            return _from_config(request.path, request.config, safe=safe)
    except Refused:
        raise
    except Exception as error:
        raise Refused(f"Keras {keras.__version__} cannot load it: {one_line(error)}") from error


def without_foreign(
    compile_config: Mapping[str, Any] | None, verdict: Verdict, request: Request, level: Level
) -> dict[str, Any]:
    """Return what a file is compiled with, without the parts that name what nobody allowed.

    A part is an argument, so that what is not named like one is no part; a configuration that is
    an object itself has none.
    """
    foreign = {
        reason.compiled
        for reason in verdict.reasons
        if not (reason.danger is Danger.CUSTOM and _is_known(reason.name, request.imports))
        and not (reason.danger is Danger.CODE and level is Level.LAMBDA)
    }
    if "" in foreign or "class_name" in (compile_config or {}):
        return {}
    return {
        key: part
        for key, part in (compile_config or {}).items()
        if key.isidentifier() and key not in foreign
    }


def import_error(error: BaseException) -> str:
    """Return what an error of an import says, and what to do if a module is not found."""
    missing = isinstance(error, ModuleNotFoundError)
    hint = "; install it, or set PYTHONPATH=. if it is in this folder" if missing else ""
    return one_line(error) + hint


def one_line(error: BaseException) -> str:
    """Return what an error says, cut to one line, without a full stop.

    Where Keras wraps another error, that is what it says.
    """
    text = _STYLE.sub("", str(error)).rpartition("Exception encountered: ")[2]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    leading = ("Exception encountered when calling", "Example error message")
    end = next(
        (
            number
            for number, line in enumerate(lines, 1)
            if not line.endswith(":") and not line.startswith(leading)
        ),
        1,
    )
    said = " ".join(lines[:end]) or type(error).__name__
    return said.partition(" Full object config")[0][:_MAX_MESSAGE].rstrip(".: ")


def _check_names(request: Request, verdict: Verdict) -> None:
    """Raise Refused if a class or function of the user's is not where the user said."""
    missing = sorted(
        {
            reason.name
            for reason in verdict.found(Danger.CUSTOM)
            if not _is_known(reason.name, request.imports)
        }
    )
    if not missing:
        return
    names = ", ".join(f"`{name}`" for name in missing)
    if not request.imports:
        raise Refused(f"needs {names}: import the module that has it with `--import MODULE`")
    modules = ", ".join(f"`{module}`" for module in request.imports)
    raise Refused(f"needs {names}, and {modules} does not register it")


def custom_objects(verdict: Verdict, modules: tuple[str, ...]) -> dict[str, Any]:
    """Return the classes and functions that the modules have, and have not registered."""
    names = (reason.name for reason in verdict.found(Danger.CUSTOM))
    found = ((name.rpartition(".")[2], _in_modules(name, modules)) for name in names)
    return {name: thing for name, thing in found if thing is not None}


def _is_known(name: str, modules: tuple[str, ...]) -> bool:
    """Return whether a registered name, or `module.Class`, comes with the modules."""
    registered = keras.saving.get_registered_object(name)
    return registered is not None or _in_modules(name, modules) is not None


def _in_modules(name: str, modules: tuple[str, ...]) -> Any:
    """Return what `module.Class` is, or `Class` in any of the modules; None: they have it not.

    Keras itself does not look into modules for what is not registered (3.15.1). What a module has
    from another package is not its own: out of a `.h5`, Keras calls anything with any arguments.
    """
    packages = {module.partition(".")[0] for module in modules}
    place, _, last = name.rpartition(".")
    places = [place] if place else list(modules)
    for each in places:
        if any(each == module or each.startswith(f"{module}.") for module in modules):
            found = getattr(sys.modules.get(each), last, None)
            defined = getattr(found, "__module__", None)
            if isinstance(defined, str) and defined.partition(".")[0] in packages:
                return found
    return None


def _from_config(path: str, config: str, *, safe: bool) -> Any:
    serialized = json.loads(Path(config).read_text(encoding="utf-8"))
    serialized.pop("compile_config", None)
    model = keras.saving.deserialize_keras_object(serialized, safe_mode=safe)
    if not isinstance(model, keras.Model):
        raise Refused(f"`{config}` is the config of something that is no model")
    if not model.built:
        raise Refused(
            f"`{config}` does not say the shapes that the model was built with, so that it has no"
            " variables to load weights into"
        )
    model.load_weights(path)
    return model
