"""What the source of a constructor tells about its arguments."""

from __future__ import annotations

import inspect
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def constructors(target: Any) -> Iterator[Callable[..., Any]]:
    """Yield the functions that see the arguments of a call of `target`, the outermost first."""
    if not inspect.isclass(target):
        yield target
        return
    for base in target.__mro__[:-1]:
        for name in ("__init__", "_init_graph_network"):
            if name in vars(base):
                yield vars(base)[name]


def parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters of `function`, also through decorators, without `self`."""
    found = list(inspect.signature(function).parameters.values())
    return found[1:] if found and found[0].name == "self" else found


def words(function: Callable[..., Any]) -> set[str]:
    """Return every name that `function` might know as a keyword.

    These are its parameters, and what its source has in quotes: keys of `**kwargs`.
    """
    found = {p.name for p in parameters(function) if not is_variadic(p)} | legacy_words(function)
    try:
        source = inspect.getsource(inspect.unwrap(function))
    except (OSError, TypeError):  # `object.__init__`
        return found
    return found | set(re.findall(r"""["']([A-Za-z]\w*)["']""", source)) - {"self"}


def is_variadic(parameter: inspect.Parameter) -> bool:
    """Return whether it is `*args` or `**kwargs`."""
    return parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)


def is_transparent(function: Callable[..., Any]) -> bool:
    """Return whether its only parameters are `*args` and `**kwargs`."""
    return [p.kind for p in parameters(function)] == [
        inspect.Parameter.VAR_POSITIONAL,
        inspect.Parameter.VAR_KEYWORD,
    ]


def legacy_interface(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the variables of the wrapper in which Keras 2 takes Keras 1 arguments, if any."""
    if not hasattr(function, "_original_function"):
        return {}
    return dict(inspect.getclosurevars(function).nonlocals)


def legacy_words(function: Callable[..., Any]) -> set[str]:
    """Return the Keras 1 keywords that the wrapper might know."""
    legacy = legacy_interface(function)
    found = {old for old, _ in legacy.get("conversions", ())}
    preprocessor = legacy.get("preprocessor")
    if preprocessor:
        module = sys.modules[preprocessor.__module__]
        for helper in (
            preprocessor,
            module.conv2d_args_preprocessor,
            module.conv3d_args_preprocessor,
        ):
            found |= words(helper)
    return found


def received_both(error: BaseException) -> str | None:
    """Return the Keras 2 keyword that was given beside its Keras 1 name, None if none was."""
    match = re.search(r"For the `(\w+)` argument.* received both", str(error))
    return match.group(1) if match else None


def converted(message: str) -> set[str]:
    """Return the keywords of the call that Keras 2 suggests instead of a Keras 1 call."""
    _, _, call = message.partition("call to the Keras 2 API: ")
    return set(re.findall(r"(?:\(|, )(\w+)=", call))
