"""All that happens to a model file in the confined process: read, changed, written, verified."""

from __future__ import annotations

import errno
import json
import math
from typing import TYPE_CHECKING

import h5py

from reglint.inspector.codec import encode
from reglint.inspector.facts import Danger, Format, StaticReading, Variable
from reglint.inspector.files import archive, hdf5
from reglint.inspector.files.preflight import preflight
from reglint.inspector.process.messages import Failure, Message, Trouble
from reglint.inspector.static.reader import ACTIVITY, located, read
from reglint.regularizing import files
from reglint.regularizing.document import places, write
from reglint.regularizing.facts import Effect, RegularizeReport
from reglint.regularizing.operations import WrongOperation
from reglint.regularizing.plan import plan
from reglint.report.rows import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reglint.inspector.facts import Verdict
    from reglint.inspector.files.archive import ModelFile
    from reglint.inspector.static.reader import Reading
    from reglint.regularizing.document import Place
    from reglint.regularizing.plan import Change
    from reglint.regularizing.request import Edit

_MATRIX = 2  # its rank
_WARM = (
    "the file has the state of its optimizer, and training goes on with it: moving averages take "
    "some steps to follow another penalty"
)
_OLD = (
    "an .h5 keeps its regularizers, but Keras 3 may not be able to train a compiled one on: for "
    "that, load it, compile it again, and save it as .keras"
)


def regularize(path: str, edit: Edit) -> Message:
    """Do `edit` with the model file at `path`; raise Refused, and OSError without memory."""
    try:
        with archive.opened(path) as file:
            verdict = preflight(file)
            if verdict.found(Danger.REFUSED):
                return Message(static=StaticReading(file.facts, verdict))
            return Message(regularized=_changed(path, file, edit, verdict))
    except archive.WrongUsage:
        return _unavailable("it has weights and no configuration, where regularizers stand")
    except WrongOperation as error:
        return _unavailable(str(error))
    except files.NotTheSame as error:
        return _unavailable(f"what was written is not what it should be ({error}); try again")
    except _Unwritable as error:
        return _unavailable(f"it cannot be written: {error}")


def _unavailable(message: str) -> Message:
    """Return why it is not done, in one line: a name of a layer may have several."""
    return Message(failure=Failure(Trouble.UNAVAILABLE, printable(message)))


class _Unwritable(Exception):  # noqa: N818 - says why
    """The disk is full, or does not take it for another reason."""


def _changed(path: str, file: ModelFile, edit: Edit, verdict: Verdict) -> RegularizeReport:
    """Return what `edit` changes; write it where that is asked for, and verify it."""
    assert file.config is not None
    stored = located(file)
    found = places(file, stored)
    before = read(file, stored)
    changes = plan(
        [place.target for place in found], [step.operation for step in edit.steps], edit.classes
    )
    write(file.config, found, changes)  # `file` has it from here on
    sha256 = ""
    if edit.side is None or not changes:
        after = read(file)  # what is shared goes by the configuration, which is another now
    else:
        _write(path, edit.side, file)
        with archive.opened(edit.side) as written:
            stored = located(written)
            after = read(written, stored)
            if not _meant(preflight(written)) <= _meant(verdict):
                raise files.NotTheSame("what it refers to")
            _verify(places(written, stored), found, changes)
            sha256 = written.facts.sha256
    _verify_penalties(found, changes, before, after)
    effects = _effects(found, changes, before, after)
    rises = [each.rise for each in effects if each.rise is not None]
    return RegularizeReport(file.facts, effects, sum(rises), tuple(_notes(file)), sha256)


def _effects(
    found: Sequence[Place], changes: Sequence[Change], before: Reading, after: Reading
) -> tuple[Effect, ...]:
    by_path = {place.target.path: place for place in found}
    earlier, later = _values(before), _values(after)
    effects = []
    for change in changes:
        place = by_path[change.layer]
        roles = [v for v, role in place.variables.items() if role == change.role]
        effects.append(
            Effect(
                change,
                0.0 if change.before is None else _penalty(roles, earlier),
                0.0 if change.after is None else _penalty(roles, later),
                "" if change.after is None else _note(change, place, roles, after),
            )
        )
    return tuple(effects)


def _values(reading: Reading) -> dict[Variable, float]:
    """Return what each variable adds to the loss, of those that the file tells."""
    penalties, dormant, _ = reading
    values = {Variable(p.layer, p.role): p.value for p in penalties if p.role is not None}
    return values | {Variable(each.layer, each.role): 0.0 for each in dormant}


def _penalty(variables: Sequence[Variable], values: Mapping[Variable, float]) -> float | None:
    """Return what some variables add to the loss, None where the file does not tell."""
    if not variables or any(variable not in values for variable in variables):
        return None
    return math.fsum(values[variable] for variable in variables)


def _note(change: Change, place: Place, variables: Sequence[Variable], reading: Reading) -> str:
    """Return why a regularizer adds nothing, or why that is not known; raise WrongOperation."""
    _, dormant, unknown = reading
    wanted = set(variables) or {Variable(change.layer, change.role)}
    idle = [each for each in dormant if Variable(each.layer, each.role) in wanted]
    if idle:
        adds = "adds nothing" if len(idle) == len(wanted) else "adds nothing for a part"
        return f"{adds}: {idle[0].message}"
    if change.role == ACTIVITY:
        return "penalizes what the layer puts out, which only a run tells"
    owners = {each.layer for each in wanted} | set(place.target.names())
    problems = [each.message for each in unknown if each.layer in owners]
    if problems and change.after is not None and change.after.name == "OrthogonalRegularizer":
        raise WrongOperation(f"`{change.layer}:{change.role}`: {problems[0]}")
    return problems[0] if problems else ""


def _notes(file: ModelFile) -> list[str]:
    assert file.weights is not None
    groups = ("optimizer/vars", "optimizer_weights", "_optimizer/vars")
    warm = any(
        hdf5.names(group)
        for group in (hdf5.at(file.weights, path) for path in groups)
        if group is not None and not isinstance(group, h5py.Dataset)
    )
    notes = [_WARM] if warm else []
    return [*notes, _OLD] if file.facts.format is Format.H5 else notes


def _meant(verdict: Verdict) -> set[tuple[Danger, str, str]]:
    """Return what there is to say against a file, wherever in it."""
    return {(each.danger, each.name, each.message) for each in verdict.reasons}


def _write(path: str, side: str, file: ModelFile) -> None:
    """Write the model file with the configuration that `file` has now."""
    kind, text = file.facts.format, json.dumps(file.config)  # as Keras writes it
    try:
        files.write(path, kind, text, side)
    except OSError as error:
        if error.errno in {errno.EFBIG, errno.ENOMEM}:  # our own limits
            raise
        raise _Unwritable(error.strerror or str(error)) from None
    files.compare(path, kind, side)


def _verify(written: Sequence[Place], found: Sequence[Place], changes: Sequence[Change]) -> None:
    """Raise NotTheSame unless all layers have the regularizers that they had, but for `changes`."""
    wanted = {place.target.path: dict(place.target.roles) for place in found}
    for change in changes:
        wanted[change.layer][change.role] = change.after
    if {place.target.path: place.target.roles for place in written} != wanted:
        raise files.NotTheSame("its regularizers")


def _verify_penalties(
    found: Sequence[Place], changes: Sequence[Change], before: Reading, after: Reading
) -> None:
    """Raise NotTheSame unless all variables but those of `changes` have the penalties they had."""
    changed = {(change.layer, change.role) for change in changes}
    variables = {
        variable
        for place in found
        for variable, role in place.variables.items()
        if (place.target.path, role) in changed
    }
    one, other = (
        [encode(p) for p in reading[0] if Variable(p.layer, p.role or "") not in variables]
        for reading in (before, after)
    )
    if one != other:
        raise files.NotTheSame("its penalties")
