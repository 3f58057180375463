"""Ask the preflight about every architecture of keras.applications: it is to raise no alarm.

    python benchmarks/alarms.py [NAME...]

Builds each without weights, saves it as `.keras`, looks at the file, and deletes it. Needs Keras
and a backend, 2 GB of disk and 8 GB of memory. Prints a line for each, and a last one; exits with 1
if there was an alarm.

Recorded with keras 3.15.1 (torch, and TensorFlow for NASNetMobile to Xception) on 2 busy cores:
39 architectures, 0 alarms, 55 s of preflight, of which most is the SHA-256.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from reglint.inspector.files import archive
from reglint.inspector.files.preflight import preflight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def architectures() -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield what keras.applications builds, by name."""
    applications = importlib.import_module("keras").applications
    for name, found in sorted(vars(applications).items()):
        if inspect.isfunction(found) and "weights" in inspect.signature(found).parameters:
            yield name, found


def main(wanted: list[str]) -> int:
    """Look at each architecture, return the exit status."""
    utils = importlib.import_module("keras").utils
    alarms = looked = 0
    seconds = 0.0
    for name, build in architectures():
        if wanted and name not in wanted:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"{name}.keras")
            build(weights=None).save(path)  # type: ignore[attr-defined]
            utils.clear_session()
            start = time.perf_counter()
            with archive.opened(str(path)) as file:
                verdict = preflight(file)
            taken = time.perf_counter() - start
            size = path.stat().st_size
        found = "; ".join(f"{reason.place}: {reason.message}" for reason in verdict.reasons)
        print(f"{name:22} {size / 1e6:7.1f} MB {taken:6.2f} s  {found or 'data only'}", flush=True)
        looked += 1
        alarms += bool(verdict.reasons)
        seconds += taken
    print(f"{looked} architectures, {alarms} alarms, {seconds:.1f} s of preflight")
    return min(alarms, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
