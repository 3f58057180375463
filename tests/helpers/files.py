"""Files for a test to be about."""

from __future__ import annotations

from pathlib import Path


def write(path: Path | str, text: str) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def write_all(root: Path, **contents: str) -> None:
    for name, text in contents.items():
        write(root / name, text)
