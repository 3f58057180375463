"""What operations change in a model that is told as targets: no keras, no files, no HDF5."""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003 - read at run time, by the codec
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from reglint.inspector.facts import Regularizer  # noqa: TC001 - read by the codec
from reglint.inspector.listing import few
from reglint.regularizing.operations import Remove, Scale, Set, WrongOperation, scaled
from reglint.selectors import closest, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reglint.regularizing.operations import Operation

_MAGIC = re.compile(r"[*?]")  # `[` is none: there are paths like `rnn/cell/cells[0]`
_NAMED = 5  # of many, in a message


@dataclass(frozen=True, slots=True)
class Target:
    """A layer with one configuration, and the regularizers that it takes.

    A layer that several names lead to is one target: one that two models hold, one in both
    directions of a `Bidirectional`, and an `LSTM` with the cell that has its variables.
    """

    path: str
    layer_class: str
    roles: Mapping[str, Regularizer | None]  # that it takes or has: what it has
    refused: Mapping[str, str] = field(default_factory=dict)  # roles not to set: why, a clause
    also: Mapping[str, str] = field(default_factory=dict)  # other paths to it: the class there
    parts: Mapping[str, str] = field(default_factory=dict)  # that cannot be changed one by one
    own: bool = True  # of Keras: what it takes is known

    def names(self) -> dict[str, str]:
        """Return all paths to it, with the class of what is there."""
        return {self.path: self.layer_class, **self.also}


@dataclass(frozen=True, slots=True)
class Change:
    """One regularizer that will be another."""

    layer: str
    layer_class: str
    role: str
    before: Regularizer | None
    after: Regularizer | None
    also: tuple[str, ...] = ()  # other paths to the same layer


def plan(
    targets: Sequence[Target], operations: Iterable[Operation], classes: Sequence[str] = ()
) -> tuple[Change, ...]:
    """Return what `operations` change, one after the other, in layers of `classes`; () is all.

    What they leave as it is, is no change. Raise WrongOperation if one of them has nothing to work
    on, names what is not there, or would do nothing.
    """
    _check_classes(targets, classes)
    operations = _joined(targets, operations)
    after = [dict(target.roles) for target in targets]
    for operation in operations:
        scope = _Scope(targets, operation, tuple(classes))
        done = False
        for index in scope.indexes:
            for role in scope.roles(targets[index], after[index]):
                after[index][role] = _applied(operation, targets[index], role, after[index])
                done = True
        if not done:
            raise WrongOperation(scope.nothing())
    return tuple(
        Change(target.path, target.layer_class, role, target.roles[role], new, tuple(target.also))
        for target, roles in zip(targets, after, strict=True)
        for role, new in roles.items()
        if new != target.roles[role]
    )


def _applied(
    operation: Operation, target: Target, role: str, roles: Mapping[str, Regularizer | None]
) -> Regularizer | None:
    match operation:
        case Set():
            return operation.regularizer
        case Scale():
            present = roles[role]
            assert present is not None
            try:
                return scaled(present, operation.factor)
            except WrongOperation as error:
                raise WrongOperation(f"`{target.path}:{role}`: {error}") from None
    return None


class _Scope:
    """What one operation is about."""

    def __init__(
        self, targets: Sequence[Target], operation: Operation, classes: tuple[str, ...]
    ) -> None:
        self._targets = targets
        self._operation = operation
        self._classes = classes
        pattern = operation.pattern
        self._literal = pattern is not None and (
            not _MAGIC.search(pattern)
            or any(pattern.lstrip("/") in target.names() for target in targets)
        )
        self.named = [  # whatever their class
            index for index, target in enumerate(targets) if any(map(self._matches, target.names()))
        ]
        self.indexes = [
            index
            for index in self.named
            if not classes
            or any(
                self._matches(path) and c in classes for path, c in targets[index].names().items()
            )
        ]

    def _matches(self, path: str) -> bool:
        pattern = self._operation.pattern
        if pattern is None:
            return True
        if "/" not in pattern:
            path = path.rpartition("/")[2]
        pattern = pattern.removeprefix("/")
        return path == pattern if self._literal else _regex(pattern).fullmatch(path) is not None

    def roles(self, target: Target, present: Mapping[str, Regularizer | None]) -> tuple[str, ...]:
        """Return the roles of a target to work on; raise WrongOperation if it is named in vain."""
        role = self._operation.role
        if role is None:
            return tuple(each for each in present if present[each] is not None)
        setting = isinstance(self._operation, Set)
        if role in present and not (setting and role in target.refused):
            return (role,) if setting or present[role] is not None else ()
        if self._literal:
            raise WrongOperation(f"`{self._operation}`: {self._refusal(target, role)}")
        return ()

    def nothing(self) -> str:
        """Return why there is nothing to work on."""
        operation, told = self._operation, f"`{self._operation}`"
        if operation.pattern is None:
            where = " in layers of these classes" if self._classes else ""
            return f"there is no regularizer to scale{where}"
        if not self.named:
            return f"{told}: {self._unknown(operation.pattern)}"
        here = [self._targets[index] for index in self.indexes]
        if not here:
            found = _listed(dict.fromkeys(self._targets[i].layer_class for i in self.named))
            return f"{told}: of the classes asked for it matches none, but {found}"
        takers = [t for t in here if operation.role is None or operation.role in t.roles]
        if not takers or isinstance(operation, Set):
            others = f", and so with {len(here) - 1} more" if len(here) > 1 else ""
            return f"{told}: {self._refusal(here[0], operation.role or '')}{others}"
        verb = "remove" if isinstance(operation, Remove) else "scale"
        hint = self._below(here[0], operation.role) if len(here) == 1 else ""
        return f"{told}: there is no regularizer to {verb}{hint}"

    def _unknown(self, pattern: str) -> str:
        """Return what to say of a pattern that matches no layer."""
        for target in self._targets:
            if any(map(self._matches, target.parts)):
                hint = f"{target.path}:{self._operation.role or 'kernel'}"
                return f"it is a part of `{target.path}`, which has one setting for all: `{hint}`"
        paths = [path for target in self._targets for path in target.names()]
        known = paths if "/" in pattern else dict.fromkeys(p.rpartition("/")[2] for p in paths)
        if not known:
            return "the model has no layers that reglint can tell apart"
        hint = did_you_mean(closest(pattern, known)) or f"; there are {_listed(known)}"
        what = "there is no such layer" if self._literal else "it matches no layer"
        return f"{what}{hint}"

    def _refusal(self, target: Target, role: str) -> str:
        """Return why a role of a target cannot be worked on, and which can."""
        layer = f"`{target.path}` ({target.layer_class})"
        takes = [each for each in target.roles if each not in target.refused]
        others = f"it takes {_listed(takes)}" if takes else "it takes none"
        if role in target.refused:
            return f"{layer} {target.refused[role]}; {others}"
        argument = f"`{role}_regularizer`"
        below = self._below(target, role)
        if not target.own:
            return f"{layer} is not Keras' own and its configuration has no {argument}; {others}"
        return f"{layer} takes no {argument}; {others}{below or did_you_mean(closest(role, takes))}"

    def _below(self, target: Target, role: str | None) -> str:
        """Return how to name the layers in a target that take `role`, if there are such."""
        start = f"{target.path}/"
        inside = [each for each in self._targets if each.path.startswith(start)]
        if any((role in each.roles) if role else any(each.roles.values()) for each in inside):
            return f"; for the layers in it name `{start}**{f':{role}' if role else ''}`"
        return ""


def _joined(targets: Sequence[Target], operations: Iterable[Operation]) -> list[Operation]:
    """Return `operations`, with one for a target in place of the same for each of its parts."""
    joined = list(operations)
    for target in targets:
        by_role: dict[str, dict[str, Set]] = {}
        for operation in joined:
            if isinstance(operation, Set) and operation.pattern.removeprefix("/") in target.parts:
                named = by_role.setdefault(operation.role, {})
                named[operation.pattern.removeprefix("/")] = operation
        for role, named in by_role.items():
            first, *others = named.values()
            if len(named) == len(target.parts) and all(
                other.regularizer == first.regularizer for other in others
            ):
                joined[joined.index(first)] = Set(f"/{target.path}", role, first.regularizer)
                joined = [each for each in joined if each not in others]
    return joined


def _check_classes(targets: Sequence[Target], classes: Sequence[str]) -> None:
    known = dict.fromkeys(name for target in targets for name in target.names().values())
    for name in classes:
        if name not in known:
            hint = did_you_mean(closest(name, known)) or f"; there are {_listed(known)}"
            raise WrongOperation(f"no layer is of class `{name}`{hint}")


def _listed(names: Iterable[str]) -> str:
    return few([f"`{name}`" for name in names], _NAMED)


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    """Return what a glob matches: `*` and `?` stay within a step, `**/` is any number of them."""
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    return re.compile("".join(wild.get(part) or re.escape(part) for part in parts), re.DOTALL)
