"""A progress bar, where there is somebody to see it and something to wait for."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 1.0  # seconds without a bar


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
