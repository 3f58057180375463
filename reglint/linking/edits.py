"""Coefficients of L2, written at the calls that make the layers: text edits, nothing else moves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from reglint import files, keras_api
from reglint.analysis.calls import Place, spelling
from reglint.analysis.canonical import keras_name
from reglint.analysis.scopes import Value
from reglint.analysis.syntax import code, cst, is_name, number, string
from reglint.diff import unified
from reglint.edits import Locator
from reglint.keras_api import Generation
from reglint.model import Finding, Fix, Insert, Replace
from reglint.parsing import ParseError, parse
from reglint.rules.values import append_arguments, reference
from reglint.source import SourceError
from reglint.spans import locate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reglint.analysis.calls import Argument
    from reglint.analysis.scopes import Scope
    from reglint.linking.match import Links
    from reglint.linking.places import File, Site
    from reglint.model import AddImport, Change, Edit
    from reglint.source import Source

_L2 = frozenset({"keras.regularizers.L2", "keras.regularizers.l2"})
_GENERATION = Generation.KERAS_3
_LONGEST = 8  # chain of names that stand for each other
_SAME = 1.01  # coefficients closer than this differ in nothing that is written


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A file with its edits."""

    before: Source
    edits: tuple[Edit, ...]
    after: Source


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written, and what is not."""

    files: tuple[Rewritten, ...]
    notes: tuple[str, ...]  # what an edit also does, a sentence each
    refused: Mapping[tuple[str, str], str]  # by layer and role: why, without a full stop

    @property
    def diff(self) -> str:
        """Return all of it as `git apply` takes it."""
        return "".join(
            unified(each.before.path, each.before.data, each.after.data) for each in self.files
        )


class _RefusedError(Exception):
    """A coefficient cannot be written; the message says why."""


class _Use(NamedTuple):
    """A name on the way to a number, and the scope that binds it."""

    node: cst.Name
    owner: Scope


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a number is to go."""

    changes: tuple[Change, ...]
    names: tuple[_Use, ...] = ()  # that stand for it in between


@dataclass(slots=True)
class _Target:
    """An argument of a call, and the layers that want something of it."""

    site: Site
    argument: str  # `kernel_regularizer`
    wanted: dict[str, float] = field(default_factory=dict)  # by layer


def coefficient_edits(links: Links, wanted: Mapping[tuple[str, str], float]) -> Plan:
    """Plan to write these coefficients of L2, by the path of a layer and its role.

    A call that makes several layers gets the geometric mean of what they want, with a note; 0 takes
    a penalty away. What is not certain to become just that penalty is refused: arguments that
    `**kwargs` may bring, regularizers that are no plain L2, numbers that others share.
    """
    refused: dict[tuple[str, str], str] = {}
    slots: list[tuple[_Target, _Slot, str]] = []
    for target in _targets(links, wanted, refused):
        try:
            text = written(_mean(target))
            slots.append((target, _slot(target, text), text))
        except _RefusedError as refusal:
            _refuse(target, str(refusal), refused)
    every = [(slot, text) for _, slot, text in slots]
    by_file: dict[File, list[tuple[_Target, _Slot, str]]] = {}
    for target, slot, text in slots:
        if reason := _shared(slot, text, every, links):
            _refuse(target, reason, refused)
        elif slot.changes:
            by_file.setdefault(target.site.file, []).append((target, slot, text))
    rewritten, notes = [], list[str]()
    for file, several in by_file.items():
        try:
            rewritten.append(_rewritten(file, [c for _, slot, _ in several for c in slot.changes]))
            notes += [note for target, _, text in several for note in _notes(target, links, text)]
        except (SourceError, ParseError) as error:
            for target, _, _ in several:
                _refuse(target, f"{file.source.path}: {error.message}", refused)
    ordered = sorted(rewritten, key=lambda each: each.before.path)
    return Plan(tuple(ordered), tuple(dict.fromkeys(notes)), refused)


def _targets(
    links: Links, wanted: Mapping[tuple[str, str], float], refused: dict[tuple[str, str], str]
) -> Iterable[_Target]:
    """Return what is wanted, argument by argument of the calls."""
    targets: dict[tuple[int, str], _Target] = {}
    for (path, role), coefficient in wanted.items():
        link = links.found.get(path)
        if link is None:
            refused[path, role] = links.refused.get(path, "the model has no such layer")
            continue
        key = id(link.site.node), f"{role}_regularizer"
        targets.setdefault(key, _Target(link.site, key[1])).wanted[path] = coefficient
    return targets.values()


def apply(plan: Plan) -> tuple[str, ...]:
    """Write the files of a plan, each at once; return their paths.

    Raises AccessError if one changed since it was read, or cannot be written: then none before it
    in the plan is lost, and none after it is touched. Nothing is written if one changed.
    """
    for each in plan.files:
        if files.read(each.before.path) != each.before.data:
            raise files.AccessError(each.before.path, "changed meanwhile, so nothing was written")
    for each in plan.files:
        files.replace(each.before.path, each.before.data, each.after.data)
    return tuple(each.before.path for each in plan.files)


def written(coefficient: float) -> str:
    """Return a number with three digits, short: `3.2e-4`, `0.01`, `1.0`; 0 is `None`."""
    if coefficient == 0:
        return "None"
    mantissa, _, exponent = f"{coefficient:.2e}".partition("e")
    if -2 <= int(exponent) <= 2:  # noqa: PLR2004 - as people write them
        return repr(float(f"{coefficient:.3g}"))
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _mean(target: _Target) -> float:
    """Return the geometric mean of what the layers of one call want."""
    values = list(target.wanted.values())
    if not all(math.isfinite(value) and value >= 0 for value in values):
        raise _RefusedError("a coefficient must be a number from 0 on")
    if 0 in values:
        if any(values):
            raise _RefusedError(f"{target.site} makes layers of which some are to have no penalty")
        return 0.0
    return math.exp(sum(map(math.log, values)) / len(values))


def _notes(target: _Target, links: Links, text: str) -> Iterable[str]:
    asked = target.wanted
    # Besides, layers of Keras have parts, which this is no news of.
    shared = {path for layer in asked for path in links.found[layer].shared} - asked.keys()
    others = [path for path in shared if not links.found[path].part]
    layers = _listed([*asked, *sorted(others)])
    if len(asked) + len(others) > 1:
        low, high = min(asked.values()), max(asked.values())
        mean = low and high / low > _SAME
        why = f", the geometric mean of {written(low)} to {written(high)}" if mean else ""
        yield f"{target.site} makes {layers}: one coefficient for all of them, {text}{why}"


def _listed(paths: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(f"`{path}`" for path in paths[:most])
    return f"{shown} and {len(paths) - most} more" if len(paths) > most else shown


def _refuse(target: _Target, reason: str, refused: dict[tuple[str, str], str]) -> None:
    role = target.argument.removesuffix("_regularizer")
    refused.update({(path, role): reason for path in target.wanted})


# -- Where the number goes


def _slot(target: _Target, text: str) -> _Slot:
    """Return the change that makes a call pass L2 of this number."""
    site, name = target.site, target.argument
    argument = _given(site, name)
    if argument is None:
        return _Slot(() if text == "None" else _appended(site, name, text))
    if not any(argument.node is arg for arg in site.node.args):
        raise _RefusedError(f"{site} has its `{name}` from a dictionary")
    value, names = _behind(argument.value, argument.scope, site)
    node, module = value.node, site.file.module
    if isinstance(node, cst.Call) and keras_name(node.func, value.scope, module) in _L2:
        if text == "None":
            return _Slot((Replace(node, text),), names)
        return _factor(node, value.scope, site, text, names)
    if is_name(node, "None") or string(node) in {"l2", "L2"}:
        if text == "None":
            return _Slot((Replace(node, text),), names)
        regularizer, imports = _regularizer(site, text)
        return _Slot((Replace(node, regularizer), *imports), names)
    raise _RefusedError(f"{site} has `{name}={code(node)}`, which is no plain L2")


def _given(site: Site, name: str) -> Argument | None:
    """Return the argument as the call passes it; None if it does not, and takes it."""
    arguments, complete = site.given
    found = site.argument(name)
    if found is not None:
        return found
    kind = site.layer_class
    if site.own is not None:
        if site.own.inherited("__init__") or len(site.own.bases) != 1:
            raise _RefusedError(f"`{site.own.name}` is a class of the source, which decides on it")
        kind = next(iter(site.own.names)).rpartition(".")[2]
    layer = keras_api.layer(kind)
    if layer is None or not layer.accepts(name, _GENERATION):
        raise _RefusedError(f"`{site.layer_class}` takes no `{name}`")
    positional = layer.positional(_GENERATION)
    place = positional.index(name) if name in positional else len(arguments)
    by_place = [each for each in arguments if each.name is None]
    if place < len(by_place):
        return by_place[place]
    if not complete:
        raise _RefusedError(f"{site} passes on arguments that may bring `{name}`")
    return None


def _behind(node: cst.BaseExpression, scope: Scope, site: Site) -> tuple[Value, tuple[_Use, ...]]:
    """Return what a name stands for, and the names on the way."""
    names: list[_Use] = []
    for _ in range(_LONGEST):
        if not isinstance(node, cst.Name) or is_name(node, "None"):
            break
        owner = scope.find(node.value)
        match owner.names[node.value] if owner else None:
            case [Value() as value] if owner:
                names.append(_Use(node, owner))
                node, scope = value.node, value.scope
            case _:
                raise _RefusedError(f"{site} has `{node.value}` from elsewhere")
    return Value(node, scope), tuple(names)


def _factor(call: cst.Call, scope: Scope, site: Site, text: str, names: tuple[_Use, ...]) -> _Slot:
    """Return the change of the number that a call of L2 is given."""
    match call.args:
        case []:
            return _Slot((Replace(call, f"{code(call.func)}({text})"),), names)
        case [cst.Arg(value=given, star="")]:
            value, more = _behind(given, scope, site)
            if number(value.node) is not None:
                return _Slot((Replace(value.node, text),), (*names, *more))
    raise _RefusedError(f"{site} has `{code(call)}`, whose factor is no number in the code")


def _shared(slot: _Slot, text: str, slots: Iterable[tuple[_Slot, str]], links: Links) -> str:
    """Return why a number cannot be changed: others mean it too, and want another one or none."""
    for use, owner in slot.names:
        same = {id(other.node) for each, wanted in slots if wanted == text for other in each.names}
        uses = [
            found
            for file in links.sources.files
            for found in file.module.loads.get(use.value, ())
            if id(found.node) not in file.module.stores and found.scope.find(use.value) is owner
        ]
        imported = any(
            alias.evaluated_name == use.value and owner.parent is None
            for file in links.sources.files
            for spot in file.module.imports
            for alias in _aliases(spot.node)
        )
        if imported or any(id(found.node) not in same for found in uses):
            return f"`{use.value}` is used for more than what is to get {text}"
    return ""


def _aliases(node: cst.CSTNode) -> Sequence[cst.ImportAlias]:
    names = cst.ensure_type(node, cst.ImportFrom).names
    return () if isinstance(names, cst.ImportStar) else names


def _regularizer(site: Site, text: str) -> tuple[str, tuple[AddImport, ...]]:
    """Return L2 of a number as the file would write it, and the import that it needs."""
    spots = [Place(site.scope, site.file.module, root) for root in site.roots]
    for name in sorted(_L2):
        for spot in spots:
            if (known := spelling(name, spot)) is not None:
                return f"{known}({text})", ()
    found = reference(spots[0], "regularizers.L2")
    if found is None:
        raise _RefusedError(f"{site} is where the name `L2` means something else")
    return f"{found[0]}({text})", found[1]


def _appended(site: Site, name: str, text: str) -> tuple[Change, ...]:
    """Return the changes that add an argument, on a line of its own where the last one has one."""
    regularizer, imports = _regularizer(site, text)
    added = f"{name}={regularizer}"
    if not site.node.args:
        return append_arguments(site.node, added), *imports
    last = site.node.args[-1]
    whole = site.file.source.text
    span = locate(site.file.module.tree, [last])[id(last)]
    indent = whole[whole.rfind("\n", 0, span.start) + 1 : span.start]
    separator = f",\n{indent}" if indent.isspace() else ", "
    return Insert(last, f"{separator}{added}"), *imports


def _rewritten(file: File, changes: Sequence[Change]) -> Rewritten:
    finding = Finding(file.module.tree, "", (Fix("", tuple(changes)),))
    locator = Locator(file.source.text, file.module.tree, [finding])
    edits = locator.offer(finding.fixes[0]).edits
    after = file.source.edited(edits)
    parse(after.text)
    return Rewritten(file.source, edits, after)
