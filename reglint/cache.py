"""Results of earlier runs, by content: a file that did not change is not analysed again."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import fields
from functools import cache
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from reglint import __version__
from reglint.model import Diagnostic, Edit, Offer, Place, Result, Safety, Severity
from reglint.project import Question

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.model import Settings
    from reglint.project import Answers

DIRECTORY = ".reglint_cache"
KEEP_DAYS = 14  # after the last use
_DAY = 24 * 60 * 60
_TAG = """\
Signature: 8a477f597d28d172789f06886806bc55
# Made by reglint; it may be deleted at any time. See https://bford.info/cachedir/
"""


class Entry(NamedTuple):
    """A result, and what it rests on besides the file itself."""

    result: Result
    answers: Answers


class Caches:
    """The cache of each root of a configuration; none if not `enabled`."""

    def __init__(self, *, enabled: bool = True) -> None:
        self._enabled = enabled
        self._caches: dict[Path, Cache] = {}

    def get(self, root: Path, key: str, path: str) -> Entry | None:
        """Return what `Cache.get` of the cache of `root` does."""
        return self._of(root).get(key, path) if self._enabled else None

    def put(self, root: Path, key: str, entry: Entry) -> None:
        """Do what `Cache.put` of the cache of `root` does."""
        if self._enabled:
            self._of(root).put(key, entry)

    def save(self) -> None:
        """Save them all."""
        for each in self._caches.values():
            each.save()

    def _of(self, root: Path) -> Cache:
        if root not in self._caches:
            self._caches[root] = Cache(root)
        return self._caches[root]


class Cache:
    """The results kept in one folder. Nothing that goes wrong with it concerns the user.

    Runs at the same time may share it: the file is replaced as a whole, and the key of a result
    covers everything that it depends on.
    """

    def __init__(self, root: Path) -> None:
        self._file = root / DIRECTORY / f"{_program()}.json"
        self._known = _load(self._file)
        self._used: dict[str, list[Any]] = {}  # key -> [day of last use, packed result]
        self._today = int(time.time() // _DAY)

    def get(self, key: str, path: str) -> Entry | None:
        """Return what is stored as `key`, told of a file shown as `path`."""
        try:
            day, packed = self._known[key]
            entry = _unpack(packed, path)
        except (KeyError, TypeError, ValueError):  # none, or none of our making
            return None
        if day != self._today:
            self._used[key] = [self._today, packed]
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Store a result, unless it has errors: those are looked into every time."""
        if not entry.result.errors:
            self._used[key] = [self._today, _pack(entry)]

    def save(self) -> None:
        """Write what was added or used, without what was not used for long."""
        if not self._used:
            return
        entries = _load(self._file) | self._used  # another run may have added to it
        oldest = self._today - KEEP_DAYS
        kept = {key: entry for key, entry in entries.items() if entry[0] >= oldest}
        with suppress(OSError):
            _prepare(self._file.parent)
            _write(self._file, json.dumps(kept, separators=(",", ":")))
            _prune(self._file.parent, before=time.time() - KEEP_DAYS * _DAY)


def key(path: str, data: bytes, settings: Settings) -> str:
    """Return the key of the result for a file at `path`, in whatever folder, that has `data`."""
    values = (getattr(settings, each.name) for each in fields(settings))
    facts = [sorted(value) if isinstance(value, frozenset) else value for value in values]
    return blake2b(data, key=_digest((Path(path).name, facts)), digest_size=16).hexdigest()


def _digest(facts: object) -> bytes:
    return blake2b(repr(facts).encode(errors="surrogateescape"), digest_size=16).digest()


@cache
def _program() -> str:
    """Return a name for this reglint, its parser and its Python, as far as they make the result."""
    facts: list[object] = [__version__, sys.version_info[:2]]
    for path in _program_files():
        with suppress(OSError):  # inside a zip file
            facts.append((path.name, path.stat().st_mtime_ns, path.stat().st_size))
    return _digest(facts).hex()


def _program_files() -> Iterator[Path]:
    package = Path(__file__).parent
    yield from sorted(file for file in package.rglob("*.*") if file.suffix in {".py", ".json"})
    parser = find_spec("libcst")
    if parser and parser.origin:
        yield Path(parser.origin)


def _load(file: Path) -> dict[str, list[Any]]:
    try:
        entries = json.loads(file.read_bytes())
        return {key: [int(day), packed] for key, (day, packed) in entries.items()}
    except (OSError, AttributeError, TypeError, ValueError):  # none, or damaged
        return {}


def _prepare(folder: Path) -> None:
    if not folder.exists():
        folder.mkdir()
        (folder / ".gitignore").write_text("*\n")
        (folder / "CACHEDIR.TAG").write_text(_TAG)


def _write(file: Path, text: str) -> None:
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(file)


def _prune(folder: Path, before: float) -> None:
    """Delete the files of versions of reglint, and of runs killed while writing, that are gone."""
    for file in folder.glob("*.json*"):
        if file.stat().st_mtime < before:
            file.unlink(missing_ok=True)


# A result as JSON, without the path.


def _pack(entry: Entry) -> list[Any]:
    diagnostics = [_pack_diagnostic(each) for each in entry.result.diagnostics]
    return [entry.result.suppressed, diagnostics, list(entry.answers.items())]


def _pack_diagnostic(each: Diagnostic) -> list[Any]:
    facts = [each.code, each.name, each.severity.value, each.message, each.start, each.end]
    places = [(place.cell, place.line, place.column) for place in (each.place, each.end_place)]
    offers = [
        (
            offer.title,
            offer.safety.value,
            offer.reason,
            [(e.start, e.end, e.text) for e in offer.edits],
        )
        for offer in each.offers
    ]
    return [*facts, *places, offers]


def _unpack(packed: list[Any], path: str) -> Entry:
    suppressed, diagnostics, answers = packed
    found = tuple(_unpack_diagnostic(each, path) for each in diagnostics)
    return Entry(Result(found, int(suppressed)), {Question(*q): answer for q, answer in answers})


def _unpack_diagnostic(packed: list[Any], path: str) -> Diagnostic:
    code, name, severity, message, start, end, place, end_place, offers = packed
    return Diagnostic(
        path,
        code,
        name,
        Severity(severity),
        message,
        start,
        end,
        Place(*place),
        Place(*end_place),
        tuple(
            Offer(title, tuple(Edit(*edit) for edit in edits), Safety(safety), reason)
            for title, safety, reason, edits in offers
        ),
    )
