"""Many files: the byte filter, the cache, processes and a stable order, from paths to a Report."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from itertools import groupby
from os.path import dirname
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reglint import files
from reglint.cache import Caches, Entry, key
from reglint.diff import unified
from reglint.model import Assumption, Diagnostic, FileError, Place, Report, Result, Severity
from reglint.parsing import ParseError
from reglint.processes import mapped
from reglint.project import View, project
from reglint.source import Source, SourceError
from reglint.tomlfile import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TypeAlias

    from reglint.config import Config, Resolver
    from reglint.model import Settings
    from reglint.project import Answers
    from reglint.tomlfile import Problem

    Progress: TypeAlias = Callable[[int, int], None]

_KILLED = "not checked: its process was killed, maybe for want of memory; try --jobs 1"


class Mode(Enum):
    """What to do with a file."""

    CHECK = "check"
    FIX = "fix"  # with the safe fixes
    FIX_ALL = "fix-all"  # with the unsafe ones too


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with files, and how."""

    mode: Mode = Mode.CHECK
    write: bool = True  # False: the report has what would be written, as a diff
    force_exclude: bool = False
    cache: bool = True
    jobs: int = 1  # processes at most


class Terms(NamedTuple):
    """What a configuration says about reporting a file."""

    fail_on: Severity = Severity.WARNING
    assumption: Assumption | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file."""

    path: str
    result: Result = field(default_factory=Result)
    source: Source | None = None  # what `result` is about; None if nobody needs it
    applied: tuple[Diagnostic, ...] = ()  # to come to `source`
    before: bytes = b""  # what was in the file, if anything was applied
    checked: bool = True
    key: str = ""  # of `result` in the cache
    answers: Answers = field(default_factory=dict)  # of the project, that `result` rests on
    terms: Terms = field(default_factory=Terms)

    @property
    def after(self) -> bytes:
        """Return what is to be in the file."""
        return self.source.data if self.source else self.before


@dataclass(frozen=True, slots=True)
class _Task:
    """A file to work on, told so that another process can do it."""

    path: str
    settings: Settings
    mode: Mode
    root: Path  # of the configuration
    terms: Terms


# One file


def examine(
    path: str,
    data: bytes,
    settings: Settings,
    mode: Mode = Mode.CHECK,
    view: View | None = None,
) -> Outcome:
    """Check or fix `data`, of a file shown as `path`. What fails becomes an error of the result.

    `view` is what the file can see of its project.
    """
    from reglint import engine  # noqa: PLC0415  most files never get here: libcst is slow to import

    try:
        source = Source.from_bytes(path, data)
        if mode is Mode.CHECK:
            return Outcome(path, engine.check(source, settings, view), source)
        return _fixed(source, settings, view, unsafe=mode is Mode.FIX_ALL)
    except (SourceError, ParseError) as error:
        return _failed(FileError(path, error.message, error.place))
    except RecursionError:
        return _failed(FileError(path, "nested too deeply to be analysed"))


def _fixed(source: Source, settings: Settings, view: View | None, *, unsafe: bool) -> Outcome:
    from reglint import engine  # noqa: PLC0415  see above

    try:
        fixed = engine.fix(source, settings, view, unsafe=unsafe)
    except SourceError as error:  # its encoding has no room for a fix
        failure = FileError(source.path, error.message, error.place)
        return _unfixed(source, settings, failure, view)
    return Outcome(source.path, fixed.result, fixed.source, fixed.applied, source.data)


def _unfixed(
    source: Source, settings: Settings, error: FileError, view: View | None = None
) -> Outcome:
    from reglint import engine  # noqa: PLC0415  see above

    result = engine.check(source, settings, view)
    return Outcome(source.path, replace(result, errors=(*result.errors, error)), source)


def _failed(error: FileError) -> Outcome:
    return Outcome(error.path, Result(errors=(error,)), checked=False)


def terms(config: Config, path: str) -> Terms:
    """Return on which terms the file `path` is reported."""
    return Terms(config.options.fail_on, config.assumption(Path(path)))


# Which files to analyse at all


@cache
def _triggers(codes: frozenset[str]) -> tuple[tuple[bytes, ...], ...]:
    from reglint.rules import RULES  # noqa: PLC0415  not needed by the processes that analyse

    return tuple(dict.fromkeys(rule.triggers for rule in RULES if rule.code in codes))


def _may_matter(data: bytes, codes: frozenset[str]) -> bool:
    """Return whether a rule could find something in `data`."""

    @cache
    def occurs(trigger: bytes) -> bool:
        return trigger in data if trigger.isalnum() else bool(re.search(trigger, data))

    return any(all(map(occurs, triggers)) for triggers in _triggers(codes))


def _begun(path: str, config: Config, mode: Mode, caches: Caches) -> Outcome | _Task:
    """Return what becomes of a file, or the task to find out by analysing it."""
    try:
        data = files.read(path)
    except files.AccessError as failure:
        return _failed(failure.error)
    if not _may_matter(data, config.rules(Path(path))):
        return Outcome(path)
    task = _Task(path, config.settings(Path(path)), mode, config.root, terms(config, path))
    entry = caches.get(task.root, key(task.path, data, task.settings), task.path)
    result = entry.result if entry and _still(task, entry.answers) else None
    if result is None or (result.diagnostics and mode is not Mode.CHECK):
        return task
    source = Source.from_bytes(path, data) if result.diagnostics else None
    return Outcome(path, result, source, terms=task.terms)


def _still(task: _Task, answers: Answers) -> bool:
    """Tell whether the project would answer as it did."""
    if not answers:
        return True
    folder = Path(task.path).absolute().parent
    known = project(folder, task.root)
    return all(known.answer(asked, folder) == answer for asked, answer in answers.items())


# Many files


def run(
    paths: Sequence[str], resolver: Resolver, plan: Plan, progress: Progress | None = None
) -> Report:
    """Check or fix the files at `paths`.

    Raises ConfigError with everything that is wrong with the configurations of them all.
    `progress` is told how many files have been analysed, and how many are to be.
    """
    project.cache_clear()  # files may have changed since the last run
    found = discover(paths, resolver, force_exclude=plan.force_exclude)
    caches = Caches(enabled=plan.cache)
    try:
        outcomes = _outcomes(found.files, resolver, plan, caches, progress)
        return report(outcomes, found.errors, diff=not plan.write)
    finally:  # an interrupted run has done some work too
        caches.save()


def discover(
    paths: Sequence[str], resolver: Resolver, *, force_exclude: bool = False
) -> files.Found:
    """Find the files at `paths`; raises ConfigError as `run` does."""
    gitignore = True
    with suppress(ConfigError):  # the resolver notes it, and it is raised with all others
        gitignore = resolver.for_directory(Path()).options.respect_gitignore

    def excluded(path: Path, is_dir: bool) -> bool:  # noqa: FBT001  as it is called
        with suppress(ConfigError):
            return resolver.for_directory(path.parent).excluded(path, is_dir=is_dir)
        return False

    found = files.discover(
        paths, excluded=excluded, gitignore=gitignore, force_exclude=force_exclude
    )
    for folder in dict.fromkeys(map(dirname, found.files)):
        with suppress(ConfigError):
            resolver.for_directory(Path(folder))
    if resolver.problems:
        raise ConfigError(tuple(sorted(resolver.problems, key=_problem_order)))
    return found


def _problem_order(problem: Problem) -> tuple[str, int, int]:
    return (str(problem.file or ""), problem.line, problem.column)


def _outcomes(
    paths: Sequence[str],
    resolver: Resolver,
    plan: Plan,
    caches: Caches,
    progress: Progress | None,
) -> Iterator[Outcome]:
    tasks: list[_Task] = []
    for folder, together in groupby(paths, key=dirname):
        config = resolver.for_directory(Path(folder))
        for path in together:
            begun = _begun(path, config, plan.mode, caches)
            if isinstance(begun, Outcome):
                yield begun
            else:
                tasks.append(begun)
    outcomes = mapped(_perform, tasks, plan.jobs)
    for number, (task, outcome) in enumerate(zip(tasks, outcomes, strict=True), 1):
        if outcome is None:
            outcome = _failed(FileError(task.path, _KILLED))  # noqa: PLW2901
        elif not outcome.applied:
            caches.put(task.root, outcome.key, Entry(outcome.result, outcome.answers))
        elif plan.write:
            outcome = _written(task, outcome)  # noqa: PLW2901
        yield replace(outcome, terms=task.terms)
        if progress:
            progress(number, len(tasks))


def _written(task: _Task, outcome: Outcome) -> Outcome:
    """Write what was fixed; if that fails, nothing was."""
    try:
        files.replace(task.path, outcome.before, outcome.after)
    except files.AccessError as failure:
        source = Source.from_bytes(task.path, outcome.before)
        return _unfixed(source, task.settings, failure.error)
    return outcome


def _perform(task: _Task) -> Outcome:
    try:
        data = files.read(task.path)
    except files.AccessError as failure:
        return _failed(failure.error)
    folder = Path(task.path).absolute().parent
    around = project(folder, task.root)
    file = folder / Path(task.path).name
    view = View(around, file, task.settings, data.decode(errors="replace"))
    outcome = examine(task.path, data, task.settings, task.mode, view)
    around.trim()
    needed = outcome.applied or outcome.result.diagnostics
    return replace(
        outcome,
        source=outcome.source if needed else None,
        before=outcome.before if outcome.applied else b"",
        key=key(task.path, data, task.settings),
        answers=view.answers(),
    )


# From outcomes to the report


def report(
    outcomes: Iterable[Outcome], errors: Iterable[FileError] = (), *, diff: bool = False
) -> Report:
    """Return what `outcomes` come to, in the order in which everything is shown."""
    diagnostics, fixed, failures = list[Diagnostic](), list[Diagnostic](), list(errors)
    sources, diffs = dict[str, Source](), dict[str, str]()
    assumptions = Counter[Assumption]()
    checked = suppressed = failing = 0
    for outcome in outcomes:
        checked += outcome.checked
        suppressed += outcome.result.suppressed
        diagnostics += outcome.result.diagnostics
        failures += outcome.result.errors
        failing += sum(
            each.severity.reaches(outcome.terms.fail_on) for each in outcome.result.diagnostics
        )
        if outcome.terms.assumption:
            assumptions[outcome.terms.assumption] += 1
        if outcome.source and outcome.result.diagnostics:
            sources[outcome.path] = outcome.source
        if outcome.applied:
            fixed += outcome.applied
            diffs[outcome.path] = (
                unified(outcome.path, outcome.before, outcome.after) if diff else ""
            )
    return Report(
        diagnostics=tuple(sorted(diagnostics, key=lambda each: each.order)),
        errors=tuple(sorted(failures, key=lambda each: (each.path, each.place or Place(0, 0, 0)))),
        checked=checked,
        suppressed=suppressed,
        fixed=tuple(sorted(fixed, key=lambda each: each.order)),
        changed=tuple(sorted(diffs)),
        diff="".join(text for _, text in sorted(diffs.items())),
        sources=sources,
        failing=failing,
        assumptions=dict(assumptions.most_common()),
    )
