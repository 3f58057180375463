"""A model file changed, from request to report. This process opens no model file.

The result is written to a side file in the folder of what it will replace, by the process that
reads the model, and takes its name when it was verified: at any moment there is a whole file or
none under every name.
"""

from __future__ import annotations

import filecmp
import os
import secrets
import shutil
import stat
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reglint.inspector.inspection import STATIC_MEMORY, identity, listed, unchanged
from reglint.inspector.process import sandbox
from reglint.inspector.process.messages import Job, NotRead, Trouble
from reglint.inspector.request import MIB, Request
from reglint.regularizing.request import Edit, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reglint.regularizing.facts import RegularizeReport
    from reglint.regularizing.request import RegularizeRequest

_BACKUP = ".bak"
_ROOM = 256 * MIB  # that a file may grow by
_KINDS = ((".keras",), (".h5", ".hdf5"))  # suffixes of one kind of file


def _nobody(_: str) -> None:
    """Tell nobody."""


def regularize_file(
    request: RegularizeRequest, progress: Callable[[str], None] = _nobody
) -> RegularizeReport:
    """Change a model file as `request` says; return what changed, also where nothing is written.

    Weights, optimizer state and all else in the file stay byte for byte. Raise NotRead where it
    cannot be done: nothing is changed then, and the message says what to do.
    """
    model = Path(os.path.abspath(request.path))  # noqa: PTH100 - links stay, and are refused
    whole = Request(str(model))
    before = identity(whole)
    target = destination(request, model)
    backup = _backup(model) if request.in_place and request.backup and target else None
    limits = replace(
        request.limits,
        memory=min(request.limits.memory, STATIC_MEMORY),
        written=max(request.limits.written, model.stat().st_size + _ROOM),
    )
    steps = tuple(map(Step.of, request.operations))
    progress("reading")
    with _side(target) as side:
        job = Job(
            whole, limits, edit=Edit(steps, request.classes, None if side is None else str(side))
        )
        report = _performed(job, progress)
        report = replace(report, file=replace(report.file, path=request.path))
        if target is None or side is None:
            return report
        if not report.effects:  # nothing to write in place; a copy is what was asked for else
            if request.in_place:
                return report
            _copy(model, side, target)
            report = replace(report, sha256=report.file.sha256)
        unchanged(whole, before)
        _put(side, target, model, backup, force=request.force or request.in_place)
    written = request.path if request.in_place else request.output
    kept = None if backup is None else f"{request.path}{_BACKUP}"
    return replace(report, output=written, backup=kept)


def _performed(job: Job, progress: Callable[[str], None]) -> RegularizeReport:
    try:
        message = sandbox.perform(job, progress)
    except NotRead as error:
        if error.trouble is Trouble.REFUSED:
            raise NotRead(error.trouble, f"refused: {error}") from None
        raise
    if message.static is not None:
        reasons = message.static.verdict.reasons
        raise NotRead(Trouble.REFUSED, f"refused: {listed(reasons)}")
    assert message.regularized is not None
    return message.regularized


def destination(request: RegularizeRequest, model: Path) -> Path | None:
    """Return the path to write to, without links; None if nothing is to be written.

    Raise NotRead if that may not be written.
    """
    if request.in_place:
        return model
    if request.output is None:
        return None
    target = Path(os.path.realpath(request.output))
    if target == Path(os.path.realpath(model)) or _same(target, model):
        raise _not_done(
            f"{request.output} is the model itself: to change that, `reglint regularize --in-place`"
        )
    if not target.parent.is_dir():
        raise _not_done(f"{request.output}: there is no such folder")
    if target.is_dir():
        raise _not_done(f"{request.output} is a folder: name a file in it")
    if os.path.lexists(request.output) and not request.force:
        raise _not_done(f"{request.output} is there already: to write over it, --force")
    allowed = next((kind for kind in _KINDS if model.suffix.lower() in kind), (model.suffix,))
    if target.suffix.lower() not in allowed:
        kinds = " or ".join(allowed)
        raise _not_done(f"{request.output}: Keras goes by the name, and this stays a {kinds}")
    return target


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _backup(model: Path) -> Path:
    """Return where to keep the original; raise NotRead if something else is there."""
    backup = Path(f"{model}{_BACKUP}")
    if os.path.lexists(backup) and not _alike(backup, model):
        raise _not_done(
            f"{backup.name} is there already, and is another file: move it away, or write without "
            "a backup by --no-backup, or to another file by -o"
        )
    return backup


def _alike(backup: Path, model: Path) -> bool:
    """Return whether a backup is a file of its own name with the content of the model."""
    try:
        return not backup.is_symlink() and filecmp.cmp(backup, model, shallow=False)
    except OSError:
        return False


@contextmanager
def _side(target: Path | None) -> Iterator[Path | None]:
    """Give an empty new file in the folder of `target`, under a name that is no model's."""
    if target is None:
        yield None
        return
    side = target.parent / f".reglint-{secrets.token_hex(8)}.tmp"
    try:
        os.close(os.open(side, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise _unwritable(target, error) from None
    try:
        yield side
    finally:
        with suppress(OSError):
            side.unlink()


def _copy(model: Path, side: Path, target: Path) -> None:
    try:
        shutil.copyfile(model, side)
        _sync(side)
    except OSError as error:
        raise _unwritable(target, error) from None


def _put(side: Path, target: Path, model: Path, backup: Path | None, *, force: bool) -> None:
    """Let `side` take the name of `target`; keep what was there as `backup`."""
    try:
        _dress(side, target, model)
        if backup is not None and not os.path.lexists(backup):
            _keep(model, backup)
        if force:
            side.replace(target)
        else:
            _claim(side, target)
        _sync(target.parent)
    except FileExistsError as error:
        raise _not_done(f"{error.filename2 or error.filename} is there already, by now") from None
    except OSError as error:
        raise _unwritable(target, error) from None


def _dress(side: Path, target: Path, model: Path) -> None:
    """Give `side` the mode, owner and group of what is at `target`; a new file the mode of `model`.

    Who may not give files away keeps them: then the owner is another, as after any copy.
    """
    if target.exists():
        like = target.stat()
        for owner, group in ((-1, like.st_gid), (like.st_uid, -1)):
            with suppress(PermissionError, AttributeError):  # there are none on Windows
                os.chown(side, owner, group)
    else:
        like = model.stat()
    side.chmod(stat.S_IMODE(like.st_mode))  # last: `chown` takes bits away


def _claim(side: Path, target: Path) -> None:
    """Let `side` have a name that nobody has; raise FileExistsError if somebody took it."""
    try:
        os.link(side, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(target):
            raise FileExistsError(0, "", str(target)) from None
        side.replace(target)


def _keep(model: Path, backup: Path) -> None:
    """Give the file at `model` a second name; where a file system has no links, a copy."""
    try:
        os.link(model, backup)
    except FileExistsError:
        raise
    except OSError:
        with _side(backup) as copy:
            assert copy is not None
            shutil.copy2(model, copy)
            _sync(copy)
            _claim(copy, backup)


def _sync(path: Path) -> None:
    """Have the disk keep a file, or what a folder names."""
    if os.name != "posix":  # where a folder cannot be opened
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(target: Path, error: OSError) -> NotRead:
    return _not_done(f"{target} cannot be written: {error.strerror or error}")


def _not_done(message: str) -> NotRead:
    return NotRead(Trouble.UNAVAILABLE, message)
