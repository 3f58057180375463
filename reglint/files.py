"""Which files to check, reading them, and replacing one so that it is never lost."""

from __future__ import annotations

import errno
import os
import re
import stat
from codecs import BOM_UTF8
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from reglint.model import FileError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from pathspec import GitIgnoreSpec

    # The ignore files that hold in a folder, the strongest first, each with its own folder.
    _Rules: TypeAlias = tuple[tuple[str, GitIgnoreSpec], ...]

SUFFIXES = (".ipynb", ".py", ".pyi")
EXCLUDED = frozenset(
    [  # folders of other people's or generated files, wherever they are
        *(".bzr", ".direnv", ".eggs", ".git", ".git-rewrite", ".hg", ".hypothesis"),
        *(".ipynb_checkpoints", ".mypy_cache", ".nox", ".pants.d", ".pyenv", ".pytest_cache"),
        *(".pytype", ".reglint_cache", ".ruff_cache", ".svn", ".tox", ".venv", ".vscode"),
        *("__pycache__", "__pypackages__", "_build", "buck-out", "build", "dist"),
        *("node_modules", "site-packages", "venv"),
    ]
)


class AccessError(Exception):
    """A file could not be read or replaced; `error` says why."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.error = FileError(path, message)


@dataclass(frozen=True, slots=True)
class Found:
    """The files to check, named as the user would and sorted, and what could not be looked at."""

    files: tuple[str, ...]
    errors: tuple[FileError, ...]


def discover(
    paths: Sequence[str],
    *,
    excluded: Callable[[Path, bool], bool],
    gitignore: bool = True,
    force_exclude: bool = False,
) -> Found:
    """Find the Python files and notebooks at `paths`, each real file once.

    A file given by name is taken whatever its suffix and whether or not it is ignored. What is in a
    folder is left out if it is in `EXCLUDED`, if git ignores it (unless `gitignore` is off), or if
    `excluded`, called with its absolute path and whether it is a folder, says so. With
    `force_exclude` all this also holds for what is given by name.

    Links to folders are followed last, so that they name only what has no other name. Broken links
    are passed over, as there is nothing to check, unless given by name.
    """
    walk = _Walk(excluded, gitignore=gitignore)
    for path in paths:
        walk.take(path, force_exclude=force_exclude)
    walk.follow_links()
    errors = sorted(walk.errors, key=lambda error: (error.path, error.message))
    return Found(tuple(sorted(map(str, walk.files.values()))), tuple(errors))


class _Walk:
    def __init__(self, excluded: Callable[[Path, bool], bool], *, gitignore: bool) -> None:
        self.files: dict[Path, Path] = {}  # real path: as shown
        self.errors: set[FileError] = set()
        self._excluded = excluded
        self._gitignore = gitignore
        self._links: set[Path] = set()  # to folders
        self._seen: set[Path] = set()  # real paths of folders
        self._rules: dict[Path, _Rules | None] = {}  # of folders that were not come to by walking

    def take(self, path: str, *, force_exclude: bool) -> None:
        """Add what `path`, given by the user, leads to."""
        shown = Path(path)
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116 (an empty path is no file, but `Path("")`)
        except OSError as error:
            self.errors.add(FileError(path, _reason(error)))
            return
        real, is_folder = shown.resolve(), stat.S_ISDIR(mode)
        if force_exclude and self._is_left_out(shown, real, is_folder=is_folder):
            return
        if is_folder:
            rules = self._rules_in(real)
            self._walk(shown, real, self._within(real, ()) if rules is None else rules)
        elif stat.S_ISREG(mode):
            self._add(shown, real)
        else:
            self.errors.add(FileError(str(shown), "not a regular file"))

    def follow_links(self) -> None:
        """Add what is behind links to folders, unless git ignores it or it is in `EXCLUDED`."""
        while self._links:
            shown = min(self._links)
            self._links.remove(shown)
            real = shown.resolve()
            rules = self._rules_in(real)
            if rules is not None and EXCLUDED.isdisjoint(Path(os.path.relpath(real)).parts):
                self._walk(shown, real, rules)

    def _walk(self, shown: Path, real: Path, rules: _Rules) -> None:
        pending = [(shown, real, rules)]
        while pending:
            shown, real, rules = pending.pop()
            if real in self._seen:
                continue
            self._seen.add(real)
            try:
                with os.scandir(shown) as found:
                    entries = sorted(found, key=lambda entry: entry.name)
            except OSError as error:
                self.errors.add(FileError(str(shown), f"cannot be listed: {_reason(error)}"))
                continue
            for entry in entries:
                is_folder = _is_folder(entry)
                if not (is_folder or entry.name.endswith(SUFFIXES)):
                    continue
                path, inside = shown / entry.name, real / entry.name
                if self._is_unwanted(path, is_folder=is_folder):
                    continue
                if _ignores(rules, inside, is_folder=is_folder):
                    continue
                if not is_folder:
                    self._take_found(entry, path, inside)
                elif entry.is_symlink():
                    self._links.add(path)
                else:
                    pending.append((path, inside, self._within(inside, rules)))

    def _take_found(self, entry: os.DirEntry[str], shown: Path, inside: Path) -> None:
        try:
            mode = entry.stat().st_mode
        except OSError:  # a broken link, or it vanished
            return
        if stat.S_ISREG(mode):
            self._add(shown, inside.resolve() if entry.is_symlink() else inside)
        else:
            self.errors.add(FileError(str(shown), "not a regular file"))

    def _add(self, shown: Path, real: Path) -> None:
        known = self.files.setdefault(real, shown)
        if known is not shown:  # its own name beats that of a link, else the first one stays
            self.files[real] = min(known, shown, key=lambda path: _absolute(path) != real)

    def _is_unwanted(self, path: Path, *, is_folder: bool) -> bool:
        return (is_folder and path.name in EXCLUDED) or self._excluded(_absolute(path), is_folder)

    def _is_left_out(self, path: Path, real: Path, *, is_folder: bool) -> bool:
        """Tell whether a walk from the current folder would not come to `path`."""
        rules = self._rules_in(real if is_folder else real.parent)
        if rules is None or (not is_folder and _ignores(rules, real, is_folder=False)):
            return True
        here = Path.cwd()
        above = [folder for folder in _absolute(path).parents if here in folder.parents]
        return self._is_unwanted(path, is_folder=is_folder) or any(
            self._is_unwanted(folder, is_folder=True) for folder in above
        )

    def _rules_in(self, folder: Path) -> _Rules | None:
        """Return the rules in a folder by those of its repository; None if it is ignored."""
        if folder not in self._rules:
            rules: _Rules | None = ()
            if self._gitignore and _repository(folder) not in {None, folder}:
                rules = self._rules_in(folder.parent)
                if rules is not None and _ignores(rules, folder, is_folder=True):
                    rules = None
            self._rules[folder] = None if rules is None else self._within(folder, rules)
        return self._rules[folder]

    def _within(self, folder: Path, rules: _Rules) -> _Rules:
        """Return the rules in a folder; `rules` are those in the folder around it."""
        if not self._gitignore:
            return ()
        ignore_files = [folder / ".gitignore"]
        if os.path.lexists(folder / ".git"):  # a repository of its own
            ignore_files.append(folder / ".git" / "info" / "exclude")
            rules = ()
        own = []
        for path in filter(os.path.lexists, ignore_files):
            try:
                own.append((str(folder).rstrip(os.sep) + os.sep, _spec(read(str(path)))))
            except AccessError as failure:
                self.errors.add(failure.error)
        return (*own, *rules)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 (resolve() would follow links)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _repository(folder: Path) -> Path | None:
    """Return the top folder of the git repository that a folder is in."""
    for path in (folder, *folder.parents):
        if os.path.lexists(path / ".git"):
            return path
    return None


def _spec(data: bytes) -> GitIgnoreSpec:
    """Parse an ignore file; patterns that are not valid are passed over, as git does."""
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 (slow, and often not needed)

    specs = []
    for line in os.fsdecode(data.removeprefix(BOM_UTF8)).split("\n"):
        with suppress(ValueError, re.error):
            specs.append(GitIgnoreSpec.from_lines([line]))
    return GitIgnoreSpec([pattern for spec in specs for pattern in spec.patterns])


def _ignores(rules: _Rules, path: Path, *, is_folder: bool) -> bool:
    for folder, spec in rules:
        verdict = spec.check_file(str(path).removeprefix(folder) + "/" * is_folder).include
        if verdict is not None:
            return verdict
    return False


def read(path: str) -> bytes:
    """Return what is in a file; raises AccessError, and never waits for a pipe."""
    try:
        with _open(Path(path), os.O_RDONLY) as file:
            return file.read()
    except OSError as error:
        raise AccessError(path, f"cannot be read: {_reason(error)}") from None


def replace(path: str, old: bytes, new: bytes) -> None:
    """Put `new` in the place of `old` in a file, at once: whoever looks sees one or the other.

    The file keeps its mode and, where that is allowed, its owner. A link stays one; what it leads
    to is replaced. Other hard links to the file keep the old content. Raises AccessError, with the
    file as it was, if it does not hold `old` any more or cannot be written. Only a kill may leave
    something behind: a `.reglint-*.tmp` in the same folder.
    """
    from tempfile import mkstemp  # noqa: PLC0415 (slow, and needed to write only)

    try:
        status = Path(path).stat()
        target = Path(path).resolve(strict=True)
        try:
            descriptor, name = mkstemp(prefix=".reglint-", suffix=".tmp", dir=target.parent)
        except OSError as error:
            raise AccessError(path, f"its folder cannot be written to: {_reason(error)}") from None
        side = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(new)
                file.flush()
                os.fsync(descriptor)
            _copy_access(status, side)
            with _open(target, os.O_RDWR) as file:  # for writing too, to ask whether it is allowed
                if file.read() != old:
                    raise AccessError(path, "changed meanwhile, so it was not written")
            side.replace(target)
        finally:
            side.unlink(missing_ok=True)
    except OSError as error:
        raise AccessError(path, f"cannot be written: {_reason(error)}") from None
    _sync_folder(target.parent)


def _copy_access(status: os.stat_result, path: Path) -> None:
    if hasattr(os, "chown"):
        with suppress(OSError):  # only root may give files away
            os.chown(path, status.st_uid, status.st_gid)
    path.chmod(stat.S_IMODE(status.st_mode))


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not every system can, and the file is whole in any case
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _open(path: Path, flags: int) -> BinaryIO:
    """Open a regular file; raises OSError, also for anything that could make us wait."""
    flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return os.fdopen(descriptor, "rb")


def _reason(error: OSError) -> str:
    reason = error.strerror or str(error)
    return reason[:1].lower() + reason[1:]
