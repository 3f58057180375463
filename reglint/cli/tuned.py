"""What `reglint tune` does once its options are read: tune, tell, and write what was chosen."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reglint.cli import FAILURE, OK
from reglint.cli.models import STATUSES, hand_out, say
from reglint.cli.options import Output, check_outputs
from reglint.cli.output import show_diff
from reglint.cli.progress import portion
from reglint.inspector.facts import Regularizer, Variable
from reglint.inspector.process.messages import NotRead
from reglint.inspector.render.numbers import count
from reglint.regularizing.operations import Set
from reglint.regularizing.request import RegularizeRequest
from reglint.tuning import render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.linking.edits import Plan
    from reglint.tuning.facts import TuneReport
    from reglint.tuning.request import TuneRequest
    from reglint.tuning.verdict import Advice

_BLOCK = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Results:
    """What is to become of the result."""

    out: Path | None
    force: bool
    source: tuple[str, ...]
    apply: bool
    yes: bool
    like: Path | None
    output_format: tuple[Output, ...]
    everything: bool
    quiet: bool
    color: str

    def __post_init__(self) -> None:
        check_outputs(self.output_format)
        for given, name, needed in (
            (self.force and not self.out, "--force", "-o"),
            (self.apply and not self.source, "--apply", "--source"),
            (self.yes and not self.apply, "--yes", "--apply"),
        ):
            if given:
                raise click.UsageError(f"`{name}` needs `{needed}`.")
        if self.apply and not self.yes and not _somebody():
            message = "`--apply` asks before it writes, and there is nobody to ask: add `--yes`."
            raise click.UsageError(message)
        for path in self.source:
            if not Path(path).exists():
                raise click.UsageError(f"{path}: there is no such file or folder.")
        if self.source and Output("json") in self.output_format:
            raise click.UsageError("JSON cannot share stdout with a diff: name a file for it.")


class Tuning:
    """One run of the command."""

    def __init__(self, asked: TuneRequest, results: Results, before: TuneReport | None) -> None:
        self._asked = asked
        self._results = results
        self._before = before
        self._status = OK

    def run(self) -> int:
        """Tune, report, write what is to be written; return the exit status."""
        path = self._asked.request.path
        if self._results.out and not self._may_write(self._results.out):
            return self._status
        if self._before and sha256(path) not in {None, self._before.file.sha256}:
            self._say("it is not the model that the earlier report is about")
        report = self._tuned()
        if report is None:
            return self._status
        for line in _differences(self._before, report) if self._before else ():
            self._say(line)
        self._deliver(report)
        self._write(report)
        return self._status

    def _tuned(self) -> TuneReport | None:
        from reglint.tuning.api import tune_file  # noqa: PLC0415

        try:
            with portion() as show:
                return tune_file(self._asked, show, self._say)
        except NotRead as error:
            self._tell(str(error), STATUSES.get(error.trouble, FAILURE))
        return None

    def _may_write(self, out: Path) -> bool:
        """Return whether a model can be written to `out`: that is asked first, as it takes long."""
        from reglint.regularizing.api import destination  # noqa: PLC0415

        if self._asked.request.config is not None:
            self._tell("-o writes to the configuration, which a .weights.h5 has not", FAILURE)
            return False
        try:
            destination(self._regularizing(out), Path(self._asked.request.path))
        except NotRead as error:
            self._tell(str(error), FAILURE)
            return False
        return True

    def _regularizing(self, out: Path) -> RegularizeRequest:
        request = self._asked.request
        return RegularizeRequest(
            path=request.path,
            operations=(),
            output=str(out),
            force=self._results.force,
            limits=request.limits,
        )

    def _deliver(self, report: TuneReport) -> None:
        results = self._results
        done = hand_out(
            results.output_format,
            lambda name, look: render.render(name, report, look),
            quiet=results.quiet,
            color=results.color,
            everything=results.everything,
        )
        if not done:
            self._status = FAILURE

    def _write(self, report: TuneReport) -> None:
        """Write the choice to where it is asked for."""
        results = self._results
        if not results.out and not results.source:
            return
        from reglint.tuning.verdict import judged  # noqa: PLC0415

        advice = judged(report).advice
        if advice is None:
            self._tell("nothing was chosen, so nothing is written", FAILURE)
            return
        if results.out:
            self._write_model(report, advice, results.out)
        if results.source:
            self._write_source(report, advice)

    def _write_model(self, report: TuneReport, advice: Advice, out: Path) -> None:
        from reglint.regularizing.api import regularize_file  # noqa: PLC0415

        request = replace(self._regularizing(out), operations=operations(report, advice))
        if sha256(request.path) != report.file.sha256:
            self._tell(f"it changed meanwhile, so {out} is not written", FAILURE)
            return
        try:
            written = regularize_file(request)
        except NotRead as error:
            self._tell(f"{out}: not written: {error}", STATUSES.get(error.trouble, FAILURE))
            return
        for note in written.notes:
            self._say(note)
        self._say(f"written to {out}, with the coefficients chosen")

    def _write_source(self, report: TuneReport, advice: Advice) -> None:
        """Show what would change in the source, and write it if that is asked for and confirmed."""
        from reglint.files import AccessError  # noqa: PLC0415
        from reglint.linking import edits  # noqa: PLC0415 - parses code

        plan = self._planned(report, advice)
        if plan is None:
            return
        for (layer, role), reason in plan.refused.items():
            line = f"{Variable(layer, role)}: not changed in the source: {reason}"
            self._tell(line, FAILURE if self._results.apply else OK)
        for note in plan.notes:
            self._say(note)
        diff = plan.diff
        if not diff:
            if not plan.refused:
                self._say("the source has these coefficients already")
            return
        show_diff(diff, self._results.color)
        question = f"Write this to {count(len(plan.files), 'file')}?"
        if not self._results.apply or not (self._results.yes or click.confirm(question, err=True)):
            return
        try:
            changed = edits.apply(plan)
        except AccessError as error:
            self._tell(str(error), FAILURE)
        else:
            self._say(f"written to {', '.join(changed)}")

    def _planned(self, report: TuneReport, advice: Advice) -> Plan | None:
        """Return what would change in the source, if that can be read."""
        from reglint.inspector.inspection import inspect_file  # noqa: PLC0415
        from reglint.inspector.tracing import look, notes  # noqa: PLC0415
        from reglint.linking.edits import coefficient_edits  # noqa: PLC0415
        from reglint.linking.match import link  # noqa: PLC0415

        try:
            model = inspect_file(replace(self._asked.request, static=True, data=None))
        except NotRead as error:
            self._tell(str(error), STATUSES.get(error.trouble, FAILURE))
            return None
        sources = look(self._results.source)
        for note in notes(sources):
            self._tell(note, FAILURE if sources.errors else OK)
        links = link(model.layers, sources, model.model_class)
        variables = ((each.variable.layer, each.variable.role) for each in report.targets)
        return coefficient_edits(links, dict(zip(variables, advice.coefficients, strict=True)))

    def _tell(self, line: str, status: int) -> None:
        self._say(line)
        self._status = max(self._status, status)

    def _say(self, line: str) -> None:
        say(self._asked.request.path, line)


def _somebody() -> bool:
    """Return whether there is anybody to ask."""
    return sys.stdin.isatty()


def _differences(before: TuneReport, now: TuneReport) -> Iterator[str]:
    """Yield what makes a report another one than `before`, beside what was asked for."""
    if before.data_sha256 != now.data_sha256:
        yield "the data are not those of the earlier report"
    then, today = (
        f"Keras {each.run.keras_version}, {each.run.backend} {each.run.backend_version},"
        f" {each.run.device}"
        for each in (before, now)
    )
    if then != today:
        yield f"it runs on {today}; the earlier report is of {then}"


def sha256(path: str) -> str | None:
    """Return the hash of a file; None if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    except (OSError, ValueError):
        return None
    return digest.hexdigest()


def operations(report: TuneReport, advice: Advice) -> tuple[Set, ...]:
    """Return what gives each variable the coefficient that was chosen for it."""
    return tuple(
        Set(f"/{target.variable.layer}", target.variable.role, Regularizer("L2", {"l2": value}))
        for target, value in zip(report.targets, advice.coefficients, strict=True)
    )
