"""Work shared out to several processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
R = TypeVar("R")

ENOUGH = 24  # items; for fewer, processes do not pay
CHUNK = 8  # items for a process at a time: few, to stop soon and to share the work well


def mapped(function: Callable[[T], R], items: Sequence[T], jobs: int) -> Iterator[R | None]:
    """Yield `function` of each of `items`, in order, worked out by `jobs` processes at most.

    What a process that was killed had to do, and all that comes after, is None.
    """
    if jobs == 1 or len(items) < ENOUGH:
        yield from map(function, items)
        return
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415  only where it pays
    from concurrent.futures.process import BrokenProcessPool  # noqa: PLC0415

    done = 0
    processes = min(jobs, len(items) // CHUNK)
    with ProcessPoolExecutor(processes, initializer=_end_on_interrupt) as pool:
        try:
            for result in pool.map(function, items, chunksize=CHUNK):
                done += 1
                yield result
        except BrokenProcessPool:
            yield from [None] * (len(items) - done)


def _end_on_interrupt() -> None:
    """Let Ctrl-C, which reaches all processes of a terminal, end this one without a word."""
    import signal  # noqa: PLC0415  only where it pays

    signal.signal(signal.SIGINT, signal.SIG_DFL)
