"""RGL102."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.calls import arguments
from reglint.analysis.scopes import Imported
from reglint.analysis.syntax import code, cst, dotted
from reglint.model import Finding, Fix, Replace, Safety
from reglint.rules.rule import Rule
from reglint.rules.values import append_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Argument, Call
    from reglint.analysis.imports import ImportedName
    from reglint.analysis.scopes import Scope, Site
    from reglint.model import Change

# What each became, and the factors that Keras 1 filled in where the new one does not.
_NEW: dict[str, tuple[str, tuple[str, ...]]] = {
    "activity_l1": ("l1", ()),
    "activity_l2": ("l2", ()),
    "activity_l1l2": ("L1L2", ("l1", "l2")),
    "l1l2": ("L1L2", ("l1", "l2")),
    "WeightRegularizer": ("L1L2", ()),
    "ActivityRegularizer": ("L1L2", ()),
    "L1L2Regularizer": ("L1L2", ()),
}
_KERAS_1_DEFAULT = "0.01"
_NAMES = (*_NEW, "EigenvalueRegularizer")


class RemovedRegularizer(Rule):
    """A regularizer that Keras 2 removed is imported or called.

    Keras 1 had `l1l2`, `activity_l1`, `activity_l2`, `activity_l1l2`, `WeightRegularizer`,
    `ActivityRegularizer` and `L1L2Regularizer`, all of them one and the same class. Since Keras 2
    the import fails (`ImportError`), or the attribute is missing.

    The fix renames the import and every use of it in the file. The functions filled in 0.01 for
    a factor they were not given, where `L1L2` fills in 0; so that factor is written out. Whether
    a penalty is for the weights or the activity has always been decided by the argument, not by
    the name: `kernel_regularizer=activity_l2(0.01)` penalises the kernel.

    `EigenvalueRegularizer` has no successor.

    ## Example

    ```python
    from keras.regularizers import activity_l2, l1l2

    Dense(8, kernel_regularizer=l1l2(l1=0.001), activity_regularizer=activity_l2(0.01))
    ```

    Use instead:

    ```python
    from keras.regularizers import l2, L1L2

    Dense(8, kernel_regularizer=L1L2(l1=0.001, l2=0.01), activity_regularizer=l2(0.01))
    ```

    ## Fix safety

    Safe: the penalties are the same numbers as on Keras 1. (That of an activity was a sum over the
    batch there, and is a mean since tf.keras 2 and Keras 3.14, whatever its name.) It is unsafe
    where the name is used other than in a call (handed on, or imported by other modules), because
    the factors that are left out are then filled in elsewhere.

    ## References

    Run on Keras 1.2.2, 2.3.1 and 3.15.1.
    """

    code = "RGL102"
    name = "removed-regularizer"
    since = (2, 0)
    triggers = (
        b"keras",
        b"egulariz",
        rb"activity_l[12]|l1l2|WeightRegularizer|ActivityRegularizer|L1L2Regularizer|Eigenvalue",
    )
    calls = tuple(f"keras.regularizers.{name}" for name in _NAMES)
    imports = calls

    def check_call(self, call: Call) -> Iterator[Finding]:
        """Look at `regularizers.l1l2(...)`; a name imported by itself is `check_import`'s."""
        if not isinstance(call.target, cst.Attribute):
            return
        fixes: tuple[Fix, ...] = ()
        if call.short in _NEW:
            new, filled = _NEW[call.short]
            factors = _factors(call.arguments, call.node, filled) if call.complete else None
            if factors is not None:
                changes = (Replace(call.target.attr, new), *factors)
                fixes = (Fix(f"Use `{new}`", changes),)
        yield Finding(call.target, _message(call.short), fixes)

    def check_import(self, imported: ImportedName) -> Iterator[Finding]:
        name = imported.name.rpartition(".")[2]
        fix = _import_fix(imported, name) if name in _NEW else None
        yield Finding(imported.alias, _message(name), (fix,) if fix else ())


def _message(name: str) -> str:
    gone = "was removed in Keras 2"
    return f"`{name}` {gone}" if name in _NEW else f"`{name}` {gone} and has no successor"


def _import_fix(imported: ImportedName, name: str) -> Fix | None:
    new, filled = _NEW[name]
    module, local = imported.module, imported.local
    called = {id(cst.ensure_type(site.node, cst.Call).func): site for site in module.calls}
    uses = imported.uses()
    if not uses:
        return _unused(imported)
    changes: list[Change] = []
    only_called = True
    for use in uses:
        site = called.get(id(use.node))
        if site is None:
            only_called = False
            continue
        found, complete = arguments(site, module)
        factors = _factors(found, cst.ensure_type(site.node, cst.Call), filled)
        if factors is None or not complete:
            return None
        changes += factors
    title, renaming = _renaming(imported, new, uses, everywhere=only_called)
    changes = [*renaming, *changes]
    if only_called:
        return Fix(title, tuple(changes))
    reason = f"`{local}` is used for more than being called in this file"
    return Fix(title, tuple(changes), Safety.UNSAFE, reason)


def _unused(imported: ImportedName) -> Fix | None:
    removed = imported.removed()
    if removed is None:
        return None
    if imported.module.calls:
        return Fix("Remove the import, which nothing uses", (removed,))
    reason = "other modules may import the name from this one, which only collects names"
    return Fix("Remove the import", (removed,), Safety.UNSAFE, reason)


def _renaming(
    imported: ImportedName, new: str, uses: list[Site], *, everywhere: bool
) -> tuple[str, list[Change]]:
    """Return how to import the new name: under its own if that is free, else under the old."""
    alias, local = imported.alias, imported.local
    if alias.asname:
        return f"Import `{new}` instead", [Replace(alias.name, new)]
    renames: list[Change] = [Replace(use.node, new) for use in uses]
    scopes = [imported.scope, *(use.scope for use in uses)]
    bound = {found for scope in scopes if (found := scope.find(new)) is not None}
    if everywhere and (_is_ours(imported, new, bound) or _follows_a_twin(imported, new)):
        drop = imported.removed() or Replace(alias, new)
        return f"Use `{new}`", [drop, *renames]
    if everywhere and not bound:
        return f"Use `{new}`", [Replace(alias, new), *renames]
    return f"Import `{new}` instead", [Replace(alias, f"{new} as {local}")]


def _is_ours(imported: ImportedName, new: str, bound: set[Scope]) -> bool:
    """Tell whether `new` already is that very regularizer, wherever the old name is used."""
    if bound != {imported.scope}:
        return False
    path = f"{'.'.join(dotted(imported.statement.module))}.{new}"
    return all(isinstance(b, Imported) and b.path == path for b in imported.scope.names[new])


def _follows_a_twin(imported: ImportedName, new: str) -> bool:
    """Tell whether a name before this one in the same statement becomes the same new name."""
    assert not isinstance(imported.statement.names, cst.ImportStar)
    for alias in imported.statement.names:
        if alias is imported.alias:
            return False
        if not alias.asname and _NEW.get(dotted(alias.name)[0], ("", ()))[0] == new:
            return imported.scope.find(new) is None
    return False


def _factors(
    given: tuple[Argument, ...], call: cst.Call, filled: tuple[str, ...]
) -> list[Change] | None:
    """Return what makes the arguments say the same to the new name; nothing if that is unclear."""
    positional = [a for a in given if a.name is None]
    names = {a.name for a in given}
    if names - {None, "l", "l1", "l2"} or any(a.node not in call.args for a in given):
        return None
    changes: list[Change] = [Replace(a.node, code(a.value)) for a in given if a.name == "l"]
    passed = {*filled[: len(positional)], *names}
    missing = ", ".join(f"{f}={_KERAS_1_DEFAULT}" for f in filled if f not in passed)
    return [*changes, append_arguments(call, missing)] if missing else changes
