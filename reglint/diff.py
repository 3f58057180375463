"""What changes in a file, as `git apply` takes it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path


def unified(path: str, before: bytes, after: bytes) -> str:
    """Return the change of a file; bytes that are not UTF-8 are lone surrogates."""
    from difflib import unified_diff  # noqa: PLC0415  for those who ask

    old, new = (
        StringIO(data.decode(errors="surrogateescape"), newline="\n").readlines()
        for data in (before, after)
    )
    name = Path(path).as_posix().lstrip("/")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in unified_diff(old, new, f"a/{name}", f"b/{name}")
    )
