"""Check and fix one source: pure functions, no files, no printing."""

from __future__ import annotations

import traceback
import warnings
from contextlib import closing, nullcontext
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import libcst as cst

from reglint import edits, keras_api, suppress
from reglint.analysis import calls, imports
from reglint.analysis.guards import reachable, releases
from reglint.analysis.names import Module
from reglint.model import Diagnostic, FileError, Finding, Fixed, Offer, Result, Safety
from reglint.parsing import ParseError, parse
from reglint.project import View
from reglint.rules import RULES
from reglint.rules.unused_suppression import UnusedSuppression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeAlias

    from reglint.analysis.scopes import Site
    from reglint.model import Fix, Settings, Version
    from reglint.rules.rule import Rule
    from reglint.source import Source

    Findings: TypeAlias = Callable[[], Iterable[Finding]]

ROUNDS = 10  # of fixing before reglint suspects two rules of undoing each other


def check(source: Source, settings: Settings, project: View | None = None) -> Result:
    """Find what is wrong in one source, which is seen as part of `project`.

    Raises ParseError if its text is not Python. The cells of a notebook are judged one by one:
    those that do not parse become errors of the result, the others are checked.
    """
    view = project or View(None, Path(), settings, source.text)
    known = view.known(source.text, settings)
    tree, source, errors = (known.tree, source, []) if known else parse_cells(source)
    diagnostics: list[Diagnostic] = []
    try:
        with nullcontext(known) if known else closing(Module(tree, settings, view)) as module:
            found = _found(source, module, settings, errors)
            diagnostics = _diagnostics(source, tree, _merge(found))
    except RecursionError:
        raise
    except Exception as error:  # noqa: BLE001 - what fails on one file must not end the run
        errors.append(_internal(source, "the analysis", error))
    result = suppress.apply(source.text, diagnostics, settings.codes)
    unused = [_unused(source, item) for item in result.unused]
    kept = sorted([*result.kept, *unused], key=lambda d: d.order)
    if settings.severities:
        chosen = dict(settings.severities)
        kept = [replace(each, severity=chosen.get(each.code, each.severity)) for each in kept]
    return Result(tuple(kept), result.count, tuple(errors))


def _found(
    source: Source, module: Module, settings: Settings, errors: list[FileError]
) -> list[tuple[type[Rule], Finding]]:
    """Return all findings; a rule that crashes becomes one of `errors`."""
    rules = [rule for rule in RULES if rule.code in settings.codes]
    found: list[tuple[type[Rule], Finding]] = []
    for rule, findings in _findings(module, rules):
        try:
            found += [(rule, finding) for finding in findings()]
        except Exception as error:  # noqa: BLE001 - one broken rule must not take the others along
            errors.append(_internal(source, rule.code, error))
    return found


def fix(
    source: Source, settings: Settings, project: View | None = None, *, unsafe: bool = False
) -> Fixed:
    """Apply every fix that may be applied, until there is none left.

    Each fix is applied whole or not at all; one that touches what another has changed waits for
    the next round. If a rule leaves text that does not parse, or the rounds do not end, the
    source is returned as it was, with an error that names the rules.
    """
    allowed = {Safety.SAFE, Safety.UNSAFE} if unsafe else {Safety.SAFE}
    first = result = check(source, settings, project)
    fixed, applied = source, list[Diagnostic]()
    for _ in range(ROUNDS):
        taken, chosen = edits.choose(result.diagnostics, allowed)
        if not chosen:
            return Fixed(fixed, tuple(applied), result)
        try:
            fixed = fixed.edited(taken)
            result = check(fixed, settings, project)
        except ParseError:
            return _undone(source, first, chosen, "left text that does not parse")
        applied += chosen
        if not _compiles(fixed) and _compiles(source):
            return _undone(source, first, chosen, "left text that does not compile")
    return _undone(source, first, chosen, f"did not come to an end in {ROUNDS} rounds")


def _compiles(source: Source) -> bool:
    """Tell whether Python takes the text; unlike libcst it sees that an argument is repeated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(source.text, source.path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError):
            return False
    return True


def _undone(source: Source, result: Result, chosen: list[Diagnostic], what: str) -> Fixed:
    names = ", ".join(sorted({d.code for d in chosen}))
    error = FileError(source.path, f"internal-error: the fixes of {names} {what}; nothing changed")
    return Fixed(source, (), Result(result.diagnostics, result.suppressed, (*result.errors, error)))


# -- Parsing


def parse_cells(source: Source) -> tuple[cst.Module, Source, list[FileError]]:
    """Parse a source; of a notebook, as many cells as can be."""
    try:
        return parse(source.text), source, []
    except ParseError as error:
        if not source.is_notebook:
            place = source.place(min(error.offset, len(source.text)))
            raise ParseError(error.message, place) from None
    errors, broken = [], set[int]()
    for cell in source.cells:
        try:
            parse(source.text[cell.start : cell.end])
        except ParseError as error:
            broken.add(cell.number)
            place = source.place(min(cell.start + error.offset, cell.end))
            errors.append(FileError(source.path, error.message, place))
    source = source.without_cells(broken)
    return parse(source.text), source, errors


# -- Rules


@lru_cache(maxsize=64)
def _handlers(rules: tuple[type[Rule], ...], event: str) -> dict[str, tuple[type[Rule], ...]]:
    table: dict[str, tuple[type[Rule], ...]] = {}
    for rule in rules:
        for name in getattr(rule, event):
            table[name] = (*table.get(name, ()), rule)
    return table


@lru_cache(maxsize=64)
def _last_names(rules: tuple[type[Rule], ...]) -> frozenset[str]:
    """Return how the name of what is called can end, if it is an attribute that matters."""
    ends = {name.rpartition(".")[2] for name in _handlers(rules, "calls")}
    return frozenset(ends | {"__init__", "partial"} | keras_api.layer_names())


def _listening(rules: tuple[type[Rule], ...], event: str, name: str) -> tuple[type[Rule], ...]:
    table = _handlers(rules, event)
    return (*table.get(name, ()), *table.get(f"{name.rpartition('.')[0]}.*", ()))


def _findings(module: Module, rules: list[type[Rule]]) -> Iterator[tuple[type[Rule], Findings]]:
    """Yield, for each event that a rule listens to, the call that asks the rule."""
    active = tuple(rules)
    for site in module.calls:
        yield from _at_call(site, module, active)
    for site in module.imports:
        for imported in imports.names(site, module):
            listening = _listening(active, "imports", imported.name)
            versions = reachable(site.branch, module) if listening else module.keras
            for rule in listening:
                if _overlap(rule.since, rule.until, versions):
                    yield rule, partial(rule().check_import, imported)
    for rule in active:
        if _overlap(rule.since, rule.until, module.keras):
            yield rule, partial(rule().check_module, module)


def _at_call(
    site: Site, module: Module, rules: tuple[type[Rule], ...]
) -> Iterator[tuple[type[Rule], Findings]]:
    node = cst.ensure_type(site.node, cst.Call)
    if type(node.func) is cst.Attribute and node.func.attr.value not in _last_names(rules):
        return  # nine calls out of ten, and no need to know of whom
    symbols, skip, target = calls.targets(site, module)
    listening = [_listening(rules, "calls", s.name) for s in symbols]
    if not listening or not all(listening):
        return
    first, *others = listening
    layer = all(name.startswith("keras.layers.") for name, _ in symbols)
    interested = [
        rule
        for rule in first
        if all(rule in other for other in others)
        and not (layer and rule.argument and not _may_pass(node, rule.argument))
    ]
    if not interested:
        return
    versions = reachable(site.branch, module)
    arguments, complete = calls.arguments(site, module, skip)
    every = [
        calls.Call(
            node=node,
            name=name,
            root=root,
            target=target,
            arguments=arguments,
            complete=complete,
            versions=releases(root, versions),
            assumed=module.is_up_to_the_caller(target, site.scope),
            scope=site.scope,
            module=module,
        )
        for name, root in sorted(symbols)
    ]
    for rule in interested:
        if all(_overlap(rule.since, rule.until, call.versions) for call in every):
            yield rule, partial(_agreed, rule(), every)


def _may_pass(node: cst.Call, argument: str) -> bool:
    """Tell whether a call may have an argument whose name ends like this."""
    return any(
        arg.star == "**" or (arg.keyword is not None and arg.keyword.value.endswith(argument))
        for arg in node.args
    )


@lru_cache(maxsize=1024)
def _overlap(since: Version, until: Version, versions: frozenset[Version]) -> bool:
    return any(since <= version <= until for version in versions)


def _agreed(rule: Rule, candidates: list[calls.Call]) -> Iterator[Finding]:
    """Yield what is wrong whichever of several things a call calls.

    Only fixes that are right for each of them are kept, and are as safe as the least safe.
    """
    first, *others = [list(rule.check_call(call)) for call in candidates]
    for finding in first:
        same = [f for other in others for f in other if f.node is finding.node]
        if len(same) == len(others):
            fixes = list(filter(None, (_common(fix, same) for fix in finding.fixes)))
            certain = not candidates[0].assumed
            fixes = [fix if certain else _doubtful(fix) for fix in fixes]
            yield replace(finding, fixes=tuple(fixes))


def _common(fix: Fix, findings: list[Finding]) -> Fix | None:
    """Return the least safe variant of a fix among findings that all have one."""
    variants = [other for f in findings for other in f.fixes if other.changes == fix.changes]
    if len(variants) < len(findings):
        return None
    return max([fix, *variants], key=lambda variant: list(Safety).index(variant.safety))


def _doubtful(fix: Fix) -> Fix:
    """Return a fix of a call whose callee the caller of the function around it may replace."""
    reason = "callers may pass something else to be called"
    return (
        fix if fix.safety is not Safety.SAFE else replace(fix, safety=Safety.UNSAFE, reason=reason)
    )


def _merge(found: list[tuple[type[Rule], Finding]]) -> list[tuple[type[Rule], Finding]]:
    """Return one finding per rule and node: a dictionary may reach a rule through many calls."""
    merged: dict[tuple[str, int], tuple[type[Rule], Finding]] = {}
    for rule, finding in found:
        key = rule.code, id(finding.node)
        other = merged.get(key)
        if other and other[1].fixes != finding.fixes:
            finding = replace(other[1], fixes=())  # noqa: PLW2901
        merged[key] = rule, finding
    return list(merged.values())


def _internal(source: Source, failed: str, error: Exception) -> FileError:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
    what = f"internal-error: {failed} failed with {type(error).__name__}: {error} ({where})"
    return FileError(source.path, what)


# -- From nodes to text


def _diagnostics(
    source: Source, tree: cst.Module, found: list[tuple[type[Rule], Finding]]
) -> list[Diagnostic]:
    if not found:
        return []
    locator = edits.Locator(source.text, tree, [finding for _, finding in found])
    return [
        _diagnostic(
            source,
            rule,
            finding,
            locator.span(finding.node),
            tuple(locator.offer(fix) for fix in finding.fixes),
        )
        for rule, finding in found
    ]


def _diagnostic(
    source: Source,
    rule: type[Rule],
    finding: Finding | suppress.Unused,
    span: tuple[int, int],
    offers: tuple[Offer, ...],
) -> Diagnostic:
    start, end = span
    own = finding.severity if isinstance(finding, Finding) else None
    severity = own or rule.severity
    return Diagnostic(
        source.path, rule.code, rule.name, severity, finding.message, start, end,
        source.place(start), source.place(end), offers,
    )  # fmt: skip


def _unused(source: Source, item: suppress.Unused) -> Diagnostic:
    offers = (Offer(item.title, (item.edit,), Safety.SAFE),) if item.edit else ()
    return _diagnostic(source, UnusedSuppression, item, (item.start, item.end), offers)
