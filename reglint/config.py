"""What a project wants of reglint: `[tool.reglint]` in pyproject.toml, or a reglint.toml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from os.path import abspath
from pathlib import Path
from typing import TYPE_CHECKING

from reglint.keras_api import KNOWN_VERSIONS
from reglint.model import Settings
from reglint.options import Options, Reader
from reglint.project import shadowed
from reglint.selectors import catalog
from reglint.tomlfile import ConfigError, Document, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeAlias

    from reglint.model import Version
    from reglint.selectors import Catalog
    from reglint.tomlfile import Key

    # What the command line gives: keys and values as in a file, without those it does not give.
    Overrides: TypeAlias = Mapping[str, object]
    _Outcome: TypeAlias = "Config | tuple[Problem, ...]"

_OWN = "reglint.toml"
_SHARED = "pyproject.toml"


@dataclass(frozen=True, slots=True)
class Config:
    """The validated configuration of some directories, together with the command line's."""

    file: Path | None  # where it stands; None: nowhere
    root: Path  # the folder of `file`, or the current one
    options: Options
    codes: frozenset[str]  # of the rules that are on, before `per-file-ignores`
    keras: frozenset[Version]

    def settings(self, path: Path) -> Settings:
        """Return what holds for the file `path`, as one object where it is the same for several."""
        path = _absolute(path)
        off = (codes for patterns, codes in self.options.per_file_ignores if patterns.match(path))
        shadows = shadowed(path.parent, self.root)
        return _settings(self.codes.difference(*off), self.keras, shadows)

    def excluded(self, path: Path, *, is_dir: bool = False) -> bool:
        """Return whether the configuration says to pass over `path`."""
        patterns = self.options.exclude
        return patterns is not None and patterns.match(_absolute(path), is_dir=is_dir)


class Resolver:
    """Finds the configuration of each directory; no file is read twice."""

    def __init__(
        self,
        explicit: Path | None = None,
        *,
        isolated: bool = False,
        overrides: Overrides | None = None,
        rules: Catalog | None = None,
    ) -> None:
        """Take `explicit` for all directories, or no file at all if `isolated`, or the nearest."""
        self._rules = rules or catalog()
        self._here = Path.cwd()
        reader = Reader(_CommandLine(overrides or {}, self._here), self._rules)
        self._given = reader.options()
        self._problems = tuple(reader.problems)
        self._found: dict[Path, _Outcome] = {}
        self._asked: dict[Path, _Outcome] = {}  # the same, as asked for: absolute or not
        self._everywhere: _Outcome | None = None
        if isolated:
            self._everywhere = self._outcome(None)
        elif explicit:
            self._everywhere = self._read(_absolute(explicit), required=True)

    def for_directory(self, directory: Path) -> Config:
        """Return the configuration for the files in `directory`.

        Raise ConfigError if that or the command line has errors, each time it is asked for.
        """
        outcome = self._everywhere or self._asked.get(directory)
        if outcome is None:
            absolute = _absolute(directory)
            outcome = self._found.get(absolute) or self._nearest(absolute)
            self._asked[directory] = outcome
        if isinstance(outcome, Config):
            return outcome
        raise ConfigError(outcome)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that is wrong with the command line and the files read so far, each thing once."""
        outcomes = (self._problems, self._everywhere, *self._found.values())
        failed = (outcome for outcome in outcomes if isinstance(outcome, tuple))
        return tuple(dict.fromkeys(problem for problems in failed for problem in problems))

    def _nearest(self, directory: Path) -> _Outcome:
        passed = []
        for folder in (directory, *directory.parents):
            passed.append(folder)
            outcome = self._found.get(folder) or self._own(folder)
            if outcome:
                break
        else:
            outcome = self._outcome(None)
        self._found.update(dict.fromkeys(passed, outcome))
        return outcome

    def _own(self, folder: Path) -> _Outcome | None:
        files = (folder / name for name in (_OWN, _SHARED))
        outcomes = (self._read(file) for file in files if file.is_file())
        return next((outcome for outcome in outcomes if outcome), None)

    def _read(self, file: Path, *, required: bool = False) -> _Outcome | None:
        try:
            table = _table(file)
        except ConfigError as error:
            return (*self._problems, *error.problems)
        if required and not table:
            return (*self._problems, Problem("no table `[tool.reglint]` in it", file))
        return self._outcome(table) if table else None

    def _outcome(self, table: _Table | None) -> _Outcome:
        values, problems = {}, self._problems
        if table:
            reader = Reader(table, self._rules)
            values = reader.options()
            problems += tuple(sorted(reader.problems, key=lambda p: (p.line, p.column)))
        if problems:
            return problems
        options = Options(**{**values, **self._given})
        return Config(
            table.document.path if table else None,
            table.base if table else self._here,
            options,
            _selected(self._rules, (Options(**values), Options(**self._given))),
            options.keras_version or frozenset(KNOWN_VERSIONS),
        )


@dataclass(frozen=True, slots=True)
class _Table:
    """The settings in a file."""

    document: Document
    header: Key
    values: Mapping[str, object]

    @property
    def base(self) -> Path:
        return self.document.path.parent

    def label(self, key: Key) -> str:
        return f"`{key[0]}`"

    def problem(self, message: str, key: Key, *, with_value: bool = True) -> Problem:
        return self.document.problem(message, (*self.header, *key), with_value=with_value)


@dataclass(frozen=True, slots=True)
class _CommandLine:
    """The settings in the options of a command."""

    values: Overrides
    base: Path

    def label(self, key: Key) -> str:
        return f"`--{key[0]}`"

    def problem(self, message: str, _key: Key, *, with_value: bool = True) -> Problem:
        del with_value
        return Problem(message)


def _table(file: Path) -> _Table | None:
    """Return the settings in `file`, or None for a pyproject.toml without; raise ConfigError."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigError((Problem(f"cannot be read: {error.strerror}", file),)) from None
    if file.name != _SHARED:
        document = Document.parse(file, data)
        return _Table(document, (), document.data)
    if b"reglint" not in data:  # it may even be a template, and no TOML
        return None
    document = Document.parse(file, data)
    tools = document.data.get("tool")
    if not isinstance(tools, dict) or "reglint" not in tools:
        return None
    header: Key = ("tool", "reglint")
    if not isinstance(tools["reglint"], dict):
        raise ConfigError((document.problem("expected a table for `tool.reglint`", header),))
    return _Table(document, header, tools["reglint"])


def _selected(rules: Catalog, layers: Iterable[Options]) -> frozenset[str]:
    """Return the rules that are on when each of `layers` has its say in turn.

    Within a layer, the selector of more weight wins over the other; `ignore` wins over an equal.
    """
    on = rules.default
    for layer in layers:
        chosen = [(selector, True) for selector in (*(layer.select or ()), *layer.extend_select)]
        chosen += [(selector, False) for selector in layer.ignore]
        states: dict[str, bool] = {}
        for selector, state in sorted(chosen, key=lambda choice: choice[0].weight):
            states |= dict.fromkeys(selector.codes, state)
        start = on if layer.select is None else frozenset[str]()
        on = start.difference(states) | {code for code, state in states.items() if state}
    return on


@cache
def _settings(
    codes: frozenset[str], keras: frozenset[Version], shadows: frozenset[str]
) -> Settings:
    return Settings(codes, keras, shadows)


def _absolute(path: Path) -> Path:
    return Path(abspath(path))  # noqa: PTH100 - the folder that the user sees, not a link's target
