"""A progress bar, where there is somebody to see it and something to wait for."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from reglint.report.rows import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 1.0  # seconds without a bar
_STEPS = 1000  # of a bar that shows parts of a whole


@contextmanager
def progress() -> Iterator[Callable[[int, int], None] | None]:
    """Give a function to be told how many files are done, of how many; None without a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    start = time.monotonic()
    with ExitStack() as stack:
        bar = None

        def show(done: int, total: int) -> None:
            nonlocal bar
            if bar is None and time.monotonic() - start > PATIENCE:
                new = click.progressbar(length=total, show_pos=True, file=sys.stderr)
                bar = stack.enter_context(new)
            if bar is not None:
                bar.update(done - bar.pos)

        yield show


@contextmanager
def portion() -> Iterator[Callable[[str, float], None]]:
    """Give a function to be told what is done now, and what part of all is done, from 0 to 1.

    Without a terminal nothing is shown.
    """
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    with click.progressbar(length=_STEPS, item_show_func=lambda item: item, file=sys.stderr) as bar:

        def show(stage: str, done: float) -> None:
            bar.update(max(0, round(done * _STEPS) - bar.pos), printable(stage))

        yield show


@contextmanager
def stages(models: int, each: int) -> Iterator[Callable[[str, str], None]]:
    """Give a function to be told what is done now, with which of so many models.

    A model takes `each` stages at most. Without a terminal nothing is shown, nor before a model's
    second stage: the first is short.
    """
    seen: dict[str, int] = {}
    with ExitStack() as stack:
        bar = None

        def show(model: str, stage: str) -> None:
            nonlocal bar
            seen[model] = min(each, seen.get(model, 0) + 1)
            if bar is None and seen[model] > 1 and sys.stderr.isatty():
                new = click.progressbar(
                    length=models * each, item_show_func=lambda item: item, file=sys.stderr
                )
                bar = stack.enter_context(new)
            if bar is not None:
                done = (len(seen) - 1) * each + seen[model] - 1
                bar.update(done - bar.pos, f"{model}: {stage}")

        yield show
