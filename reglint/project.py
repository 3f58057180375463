"""What a project defines itself: a package of its own called `keras` is not Keras."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Top-level packages that reglint takes for Keras, and a folder that only the real ones have.
_REAL = {"keras": "src", "keras_core": "src", "tensorflow": "python", "tf_keras": "src"}
_MARKERS = (".git", "pyproject.toml", "setup.py")


@cache
def shadowed(directory: Path, root: Path) -> frozenset[str]:
    """Return the top-level packages that mean something else to the files of `directory`.

    The folders from `directory` up to the project's are searched: up to the first one with `.git`,
    `pyproject.toml` or `setup.py`, or else to `root`. Both paths are absolute.
    """
    folders = (directory, *directory.parents)
    top = next((folder for folder in folders if _is_project(folder)), root)
    if top in folders:
        folders = folders[: folders.index(top) + 1]
    return frozenset().union(*map(_defined, folders))


@cache
def _is_project(folder: Path) -> bool:
    return any((folder / marker).exists() for marker in _MARKERS)


@cache
def _defined(folder: Path) -> frozenset[str]:
    """Return the packages in `folder` that `import` finds when it is a start of the module path."""
    if (folder / "__init__.py").exists():  # a package itself: what it contains is not top-level
        return frozenset()
    return frozenset(name for name in _REAL if _is_own(folder, name))


def _is_own(folder: Path, name: str) -> bool:
    package = folder / name
    if (package / "__init__.py").is_file():
        return not (package / _REAL[name]).is_dir()
    return (folder / f"{name}.py").is_file()
