"""What a project wants of reglint: `[tool.reglint]` in pyproject.toml, or a reglint.toml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from os.path import abspath
from pathlib import Path
from typing import TYPE_CHECKING

from reglint.keras_api import KNOWN_VERSIONS
from reglint.keras_version import Projects, described
from reglint.model import Assumption, Reason, Settings
from reglint.options import Options, Reader
from reglint.project import shadowed
from reglint.selectors import catalog
from reglint.tomlfile import ConfigError, Document, Problem, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeAlias

    from reglint.model import Severity, Version
    from reglint.selectors import Catalog, Selector
    from reglint.tomlfile import Key

    # What the command line gives: keys and values as in a file, without those it does not give.
    Overrides: TypeAlias = Mapping[str, object]
    _Outcome: TypeAlias = "Config | tuple[Problem, ...]"

_OWN = "reglint.toml"
_SHARED = "pyproject.toml"
_INSPECT = "inspect"  # the key that has keys of its own


@dataclass(frozen=True)
class Config:
    """The validated configuration of some directories, together with the command line's."""

    file: Path | None  # where it stands; None: nowhere
    root: Path  # the folder of `file`, or the current one
    options: Options
    catalog: Catalog
    selecting: tuple[Options, ...]  # of the file and of the command line: each has its say in turn
    keras: frozenset[Version]  # unless the project of a file says less
    projects: Projects | None  # None: they are not asked

    @cached_property
    def codes(self) -> frozenset[str]:
        """Return the codes of the rules that are on, before `per-file-ignores`."""
        return _selected(self.catalog, self.selecting)

    def rules(self, path: Path) -> frozenset[str]:
        """Return the codes of the rules that are on for the file `path`."""
        if not self.options.per_file_ignores:
            return self.codes
        path = _absolute(path)
        off = (codes for patterns, codes in self.options.per_file_ignores if patterns.match(path))
        return self.codes.difference(*off)

    def settings(self, path: Path) -> Settings:
        """Return what holds for the file `path`, as one object where it is the same for several."""
        folder = _absolute(path).parent
        assumption = self.assumption(path)
        package = self.options.serialization_package
        if package is None:
            package = self.projects.name(folder, self.root) if self.projects else ""
        return _settings(
            codes=self.rules(path),
            keras=assumption.releases if assumption else self.keras,
            shadowed=shadowed(folder, self.root),
            assumed=assumption is not None,
            severities=_severities(self.options.severity),
            decorators=self.options.registration_decorators,
            package=package,
        )

    def assumption(self, path: Path) -> Assumption | None:
        """Return what the project of the file `path` says of Keras, if the settings do not."""
        if self.options.keras_version or not self.projects:
            return None
        found = self.projects.evidence(_absolute(path).parent, self.root)
        if not found:
            return None
        reasons = ((str(shown(each.file)), each.line, each.text) for each in found.requirements)
        every = tuple(Reason(*reason) for reason in reasons)
        return Assumption(described(found.releases), found.releases, every)

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
        """Take `explicit` for all directories, or no file at all if `isolated`, or the nearest.

        If `isolated`, the projects of the files are not asked for their requirements either.
        """
        self._rules = rules or catalog()
        self._here = Path.cwd()
        self._projects = None if isolated else Projects()
        reader = Reader(CommandLine(overrides or {}, self._here), self._rules)
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
            self._rules,
            (Options(**values), Options(**self._given)),
            options.keras_version or frozenset(KNOWN_VERSIONS),
            self._projects,
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
        named = key[: 1 + (key[0] == _INSPECT)]
        return f"`{'.'.join(map(str, named))}`"

    def problem(self, message: str, key: Key, *, with_value: bool = True) -> Problem:
        return self.document.problem(message, (*self.header, *key), with_value=with_value)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The settings in the options of a command."""

    values: Overrides
    base: Path

    def label(self, key: Key) -> str:
        """Return the name of the option."""
        return f"`--{key[0]}`"

    def problem(self, message: str, _key: Key, *, with_value: bool = True) -> Problem:
        """Return `message`, which has no place."""
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
def _severities(
    chosen: tuple[tuple[Selector, Severity], ...],
) -> frozenset[tuple[str, Severity]]:
    """Return the severity of each rule that is given one; the selector of more weight wins."""
    severities: dict[str, Severity] = {}
    for selector, severity in sorted(chosen, key=lambda choice: choice[0].weight):
        severities |= dict.fromkeys(selector.codes, severity)
    return frozenset(severities.items())


_settings = cache(Settings)


def _absolute(path: Path) -> Path:
    return Path(abspath(path))  # noqa: PTH100 - the folder that the user sees, not a link's target
