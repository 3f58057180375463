"""Work shared out to several processes."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
R = TypeVar("R")

ENOUGH = 24  # items; for fewer, processes do not pay
CHUNK = 8  # items for a process at a time, to share the work well


def mapped(function: Callable[[T], R], items: Sequence[T], jobs: int) -> Iterator[R | None]:
    """Yield `function` of each of `items`, in order, worked out by `jobs` processes at most.

    If a process is killed, all that was not done by then is None.
    """
    if jobs == 1 or len(items) < ENOUGH:
        yield from map(function, items)
        return
    # Imported only where it pays.
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415
    from concurrent.futures.process import BrokenProcessPool  # noqa: PLC0415
    from multiprocessing import active_children  # noqa: PLC0415

    chunks = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
    others = set(active_children())
    with ProcessPoolExecutor(min(jobs, len(chunks)), initializer=_end_on_interrupt) as pool:
        futures = deque(pool.submit(_each, function, chunk) for chunk in chunks)
        try:
            for chunk in chunks:
                try:
                    results: Sequence[R | None] = futures.popleft().result()
                except BrokenProcessPool:
                    results = [None] * len(chunk)
                yield from results
        except BaseException:  # nobody waits for the rest; to cancel it would not end what runs
            for process in set(active_children()) - others:
                process.terminate()
            raise


def _each(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    return [function(item) for item in items]


def _end_on_interrupt() -> None:
    """Let Ctrl-C, which reaches all processes of a terminal, end this one without a word."""
    import signal  # noqa: PLC0415

    signal.signal(signal.SIGINT, signal.SIG_DFL)
