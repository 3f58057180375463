"""Time and memory of a process, seen from outside, and a table of them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

REGLINT = [sys.executable, "-m", "reglint"]
HEADER = "| what | CPU s | wall s | memory MB | ratio of CPU |\n|---|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took: CPU seconds, wall seconds, peak memory in MB."""

    cpu: float
    wall: float
    memory: float


def cost(command: list[str], *, cwd: Path | None = None, stdin: str = "") -> Cost:
    """Run a command once and return its cost."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(stdin.encode())
    process.stdin.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def median(command: list[str], runs: int, *, cwd: Path | None = None, stdin: str = "") -> Cost:
    """Return the median cost of several runs, after one that is not counted."""
    cost(command, cwd=cwd, stdin=stdin)
    return middle([cost(command, cwd=cwd, stdin=stdin) for _ in range(runs)])


def middle(costs: list[Cost]) -> Cost:
    """Return the median of each time, and the largest memory."""
    return Cost(
        statistics.median(c.cpu for c in costs),
        statistics.median(c.wall for c in costs),
        max(c.memory for c in costs),
    )


def row(what: str, value: Cost, peer: str = "", against: Cost | None = None) -> None:
    """Print one line of the table."""
    ratio = f"{value.cpu / against.cpu:.2f} of {peer}" if against else ""
    print(f"| {what} | {value.cpu:.2f} | {value.wall:.2f} | {value.memory:.0f} | {ratio} |")
