"""A linter, fixer and runtime inspector for regularization in Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reglint.inspector.api import NotRead, PenaltyReport, inspect

__version__ = "0.1.0"
__all__ = ["NotRead", "PenaltyReport", "__version__", "inspect"]


def __getattr__(name: str) -> Any:
    """Import the inspector on first use: to check code it is not needed, nor installed."""
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    try:
        from reglint.inspector import api  # noqa: PLC0415
    except ModuleNotFoundError as error:
        message = f'reglint.{name} needs {error.name}: pip install "reglint[inspect]"'
        raise ImportError(message) from error

    return getattr(api, name)
