"""Which releases of Keras code is to run on, as far as its project tells.

`keras-version` says it, or else the requirements nearest to a file do: lock files before all
others, then what the project needs in any case, then what some of its users install. A requirement
without a version says nothing, nor do those that contradict each other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, TypeAlias

from reglint.dependencies import Facts, Kind, facts
from reglint.keras_api import KNOWN_VERSIONS
from reglint.project import is_project

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from reglint.dependencies import Requirement, Requirements
    from reglint.model import Version

    Releases: TypeAlias = frozenset[Version]

EVERY: Releases = frozenset(KNOWN_VERSIONS)
TF_KERAS: Releases = frozenset(v for v in KNOWN_VERSIONS if (2, 15) <= v < (3, 0))
# There is no Keras 2.16: after 2.15 the releases of Keras 2 are of `tf_keras` alone.
_KERAS: Releases = frozenset(v for v in KNOWN_VERSIONS if not (2, 15) < v < (3, 0))

# The Keras that comes with a release of TensorFlow and the ones after it: the first and the last
# that it can be. Since 2.6 TensorFlow requires it, before it had a copy of its own beside the
# package: that of TensorFlow 1 is as strict as 2.4. From the metadata of 2.14 to 2.21.
_LATEST = KNOWN_VERSIONS[-1]
_BROUGHT: dict[Version, tuple[Version, Version]] = {
    (1, 0): ((1, 2), (2, 4)),
    (2, 0): ((2, 2), (2, 4)),
    (2, 4): ((2, 4), (2, 4)),
    (2, 5): ((2, 4), (2, 5)),
    **{(2, minor): ((2, minor), (2, minor)) for minor in range(6, 16)},
    (2, 16): ((3, 0), _LATEST),
    (2, 17): ((3, 2), _LATEST),
    (2, 18): ((3, 5), _LATEST),
    (2, 20): ((3, 10), _LATEST),
    (2, 21): ((3, 12), _LATEST),
}
_TENSORFLOW: tuple[Version, ...] = (
    *((1, minor) for minor in range(16)),
    *((2, minor) for minor in range(22)),
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The releases of Keras that some requirements leave, and those requirements."""

    releases: Releases
    requirements: tuple[Requirement, ...]


# What the packages of Keras call themselves.
_KERAS_ITSELF = {"keras", "keras-core", "keras-nightly", "tf-keras", "tf_keras", "tf-keras-nightly"}


class Projects:
    """What the projects around the files of a run say; no folder is looked into twice."""

    def __init__(self) -> None:
        self._facts: dict[Path, Facts] = {}
        self._evidence: dict[Path, Evidence | None] = {}

    def evidence(self, directory: Path, root: Path) -> Evidence | None:
        """Return what limits the Keras of the files in `directory`: nothing, where any may be.

        The nearest folder with requirements that tell something counts, up to the top of the
        repository, or else of the project or `root`. Both paths are absolute.
        """
        for folder in _upward(directory, root):
            if self._read(folder).name in _KERAS_ITSELF:
                return None  # the TensorFlow that it needs has another Keras in it
            if found := self._of(folder):
                return None if found.releases >= _KERAS else found
        return None

    def name(self, directory: Path, root: Path) -> str:
        """Return what the project around `directory` is called, as an import would have it."""
        folders = _upward(directory, root)
        name = next(filter(None, (self._read(folder).name for folder in folders)), "")
        name = re.sub(r"[-.\s]+", "_", name.strip()).lower()
        return name if name.isidentifier() else ""

    def _of(self, folder: Path) -> Evidence | None:
        if folder not in self._evidence:
            self._evidence[folder] = limit(self._read(folder).requirements)
        return self._evidence[folder]

    def _read(self, folder: Path) -> Facts:
        if folder not in self._facts:
            self._facts[folder] = facts(folder)
        return self._facts[folder]


def _upward(directory: Path, root: Path) -> Sequence[Path]:
    folders = (directory, *directory.parents)
    repository = (n for n, folder in enumerate(folders, 1) if (folder / ".git").exists())
    if end := next(repository, 0):
        return folders[:end]
    project = next((n for n, folder in enumerate(folders, 1) if is_project(folder)), 1)
    return folders[: max(project, folders.index(root) + 1 if root in folders else 1)]


def limit(lists: Iterable[Requirements]) -> Evidence | None:
    """Return what the requirements of one folder leave; nothing if they say nothing.

    What all must hold is taken together, unless it contradicts itself: then any release may be.
    """
    by_kind: dict[Kind, list[Evidence]] = {kind: [] for kind in Kind}
    for each in lists:
        if found := _together(each.items):
            by_kind[each.kind].append(found)
    for kind, join in ((Kind.LOCK, or_), (Kind.MAIN, and_), (Kind.EXTRA, or_)):
        if every := by_kind[kind]:
            releases = reduce(join, (each.releases for each in every)) or _KERAS
            return Evidence(releases, _reasons(releases, every))
    return None


def _reasons(releases: Releases, every: Sequence[Evidence]) -> tuple[Requirement, ...]:
    """Return the requirements that explain `releases`: one list alone, if that is enough."""
    enough = next((each for each in every if each.releases == releases), None)
    given = enough.requirements if enough else (r for each in every for r in each.requirements)
    return tuple(dict.fromkeys(given))


def _together(items: Sequence[Requirement]) -> Evidence | None:
    """Return what requirements that are installed together leave."""
    by_package = {}
    for package in ("keras", "tensorflow"):
        about = [r for r in items if r.package == package]
        if found := _package(about):
            by_package[package] = found
    if not by_package:
        return None
    if "tensorflow" in by_package and any(r.package == "tf-keras" for r in items):
        found = by_package["tensorflow"]
        by_package["tensorflow"] = Evidence(found.releases | TF_KERAS, found.requirements)
    every = tuple(by_package.values())
    # `keras` and the `tf.keras` of an old TensorFlow need not be of the same release.
    releases = reduce(and_, (e.releases for e in every)) or reduce(or_, (e.releases for e in every))
    return Evidence(releases, _reasons(releases, every))


def _package(requirements: Sequence[Requirement]) -> Evidence | None:
    """Return what the requirements of one package leave, those with a condition by turns."""
    meant = [(r, found) for r in requirements if (found := _left(r))]
    certain = [found for r, found in meant if not r.conditional]
    by_turns = [found for r, found in meant if r.conditional]
    sets = [*certain, *([reduce(or_, by_turns)] if by_turns else [])]
    releases = reduce(and_, sets) if sets else frozenset()
    return Evidence(releases, tuple(r for r, _ in meant)) if releases else None


def _left(requirement: Requirement) -> Releases:
    """Return the Keras that a requirement leaves; none if it says nothing."""
    if not requirement.specifier or requirement.package == "tf-keras":
        return frozenset()
    try:
        if requirement.package == "keras":
            return matching(requirement.specifier, _KERAS)
        return frozenset().union(*map(_brought, matching(requirement.specifier, _TENSORFLOW)))
    except ValueError:
        return frozenset()


def _brought(tensorflow: Version) -> Releases:
    first, last = _BROUGHT[max(since for since in _BROUGHT if since <= tensorflow)]
    return frozenset(version for version in _KERAS if first <= version <= last)


def matching(text: str, known: Iterable[Version]) -> Releases:
    """Return the releases with a patch that a specifier allows; raises ValueError if it is none.

    A bare version means all releases that begin with it.
    """
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - only if there is one

    bare = re.fullmatch(r"\s*(\d+(?:\.\d+)*)\s*", text)
    specifiers = SpecifierSet(f"=={bare[1]}.*" if bare else text)
    named = {specifier.version.removesuffix(".*") for specifier in specifiers}
    found = set()
    for version in known:
        release = "{}.{}".format(*version)
        patches = {release, f"{release}.999", *(n for n in named if n.startswith(f"{release}."))}
        if any(specifiers.contains(patch, prereleases=True) for patch in patches):
            found.add(version)
    return frozenset(found)


def described(releases: Releases) -> str:
    """Return releases in words: `Keras 2.10 to 2.15`, `Keras 3.4 or later`."""
    return f"Keras {' or '.join(_spans(releases))}"


def _spans(releases: Releases) -> Iterator[str]:
    order = sorted(_KERAS | releases)
    start: Version | None = None
    for version, after in zip(order, [*order[1:], None], strict=True):
        if version not in releases:
            continue
        start = start or version
        if after is None:
            yield "{}.{} or later".format(*start)
        elif after not in releases:
            first, last = "{}.{}".format(*start), "{}.{}".format(*version)
            yield first if first == last else f"{first} to {last}"
            start = None
