"""A process gives up what it does not need, for good, before it opens a file it does not trust."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.inspector.request import Limits

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_FILES = 512  # open at once
_LINUX = sys.platform.startswith("linux")
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # of unshare(2)
_DEATH_SIGNAL, _NO_NEW_PRIVILEGES = 1, 38  # of prctl(2)


def confine(limits: Limits) -> tuple[str, ...]:
    """Confine this process, which must have one thread; return which limits could not be had."""
    missing = list(_limited(limits))
    if _LINUX:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_DEATH_SIGNAL, signal.SIGKILL)  # no model runs on when reglint is killed
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if not (_LINUX and _offline(libc)):
        missing.append("network access")
    return tuple(missing)


def _offline(libc: ctypes.CDLL) -> bool:
    """Move to a network that has no way out; return whether this system allows that."""
    user = os.getuid()
    if libc.unshare(_NEW_NETWORK) == 0:  # as root, who in a namespace of users would lose rights
        return True
    if libc.unshare(_NEW_USER | _NEW_NETWORK) != 0:
        return False
    with suppress(OSError):  # without a name in there one is nobody, which is as good
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    return True


def _limited(limits: Limits) -> Iterator[str]:
    """Set resource limits; yield what cannot be limited here."""
    if resource is None:
        yield from ("memory", "processor time", "file sizes")
        return
    # Memory is RLIMIT_DATA, what is written to: frameworks reserve far more addresses than that.
    processor = limits.seconds * (os.cpu_count() or 1)
    wanted = {
        "memory": (resource.RLIMIT_DATA, limits.memory),
        "processor time": (resource.RLIMIT_CPU, processor),
        "file sizes": (resource.RLIMIT_FSIZE, limits.written),
        "open files": (resource.RLIMIT_NOFILE, _FILES),
        "core dumps": (resource.RLIMIT_CORE, 0),
    }
    for name, (kind, most) in wanted.items():
        _, hard = resource.getrlimit(kind)
        soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
        # At the hard limit of processor time comes SIGKILL, at the soft one a signal that says why.
        room = 1 if kind == resource.RLIMIT_CPU and soft == most else 0
        try:
            resource.setrlimit(kind, (soft, soft + room))
        except (OSError, ValueError):
            yield name
