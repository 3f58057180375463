"""`reglint inspect`: what regularization adds to the loss of a model."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reglint.cli import FAILURE, FINDINGS, OK
from reglint.cli.models import (
    STATUSES,
    check_packages,
    check_trust,
    earlier,
    hand_out,
    read_settings,
    say,
)
from reglint.cli.options import (
    Misconfigured,
    Output,
    check_outputs,
    color,
    everything,
    model_options,
    output_format,
)
from reglint.cli.progress import stages
from reglint.config import Resolver
from reglint.inspector import render
from reglint.inspector.request import Request
from reglint.inspector.settings import InspectOptions
from reglint.report.rows import printable
from reglint.tomlfile import ConfigError, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from reglint.inspector.comparison import Comparison
    from reglint.inspector.inspection import Inspection
    from reglint.inspector.report import PenaltyReport

_STAGES = 6  # of one model, for the progress bar
_DETAILED = {"html", "json"}  # formats that have histograms of the weights
_MAGIC = re.compile(r"[*?\[]")
_FUNCTION = re.compile(r"[\w.]+:\w+")  # as `data`, where it is no path

_EPILOG = """\b
Exit status:
  0  all was done, and nothing exceeds the budget
  1  the budget is exceeded, or there are findings as severe as --fail-on
  2  something was not done: wrong usage or settings, a missing file, backend
     or GPU; whatever could be read is reported all the same
  3  a file was refused: it is dangerous, malformed, or needs code that was not
     allowed; in the last case what it says of itself is reported
  4  a model took too much time or memory
The largest that applies.
"""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the options ask for beside the settings."""

    models: tuple[str, ...]
    static: bool
    model_config: str | None
    input_spec: str | None
    loss: str | None
    unsafe_lambda: bool
    trust: str | None
    output_format: tuple[Output, ...]
    baseline: Path | None
    config: Path | None
    isolated: bool
    everything: bool
    quiet: bool
    color: str

    def __post_init__(self) -> None:
        check_outputs(self.output_format)
        if self.config and self.isolated:
            raise click.UsageError("`--config` and `--isolated` exclude each other.")
        check_trust(self.trust, unsafe_lambda=self.unsafe_lambda)
        if self.static and self.unsafe_lambda:
            raise click.UsageError("`--static` runs nothing, so `--unsafe-lambda` is for nothing.")

    def request(self, path: str, settings: InspectOptions) -> Request:
        """Return what is asked of one model."""
        return Request(
            path,
            config=self.model_config,
            static=self.static,
            input_spec=self.input_spec,
            loss=self.loss,
            unsafe_lambda=self.unsafe_lambda,
            trust=self.trust,
            histograms=any(output.format in _DETAILED for output in self.output_format),
            **settings.request,
        )


@click.command("inspect", epilog=_EPILOG)
@click.argument("models", nargs=-1, required=True)
@click.option("--static", is_flag=True, help="Look at the file only: run nothing, need no Keras.")
@model_options(seconds="300")
@click.option("--batch-size", type=int, metavar="N", help="Samples of the probe (4).")
@click.option("--seed", type=int, metavar="N", help="Of the random inputs of the probe (0).")
@click.option(
    "--data",
    metavar="DATA",
    help="Data instead of a probe: file.npz, a folder, or package.module:function.",
)
@click.option(
    "--source",
    multiple=True,
    metavar="PATH",
    help=(
        "A file or folder with the source of the model: say which line makes each layer. May be"
        " repeated."
    ),
)
@click.option("--max-total", type=float, metavar="X", help="Fail if penalties are more than this.")
@click.option(
    "--max-share",
    type=float,
    metavar="SHARE",
    help="Fail if penalties are more than this share of the loss; needs --data.",
)
@click.option(
    "--fail-on",
    metavar="SEVERITY",
    help="The least severity to fail for: error (default), warning, info or never.",
)
@click.option(
    "--baseline",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="An earlier report in JSON: show what differs, and fail for new findings only.",
)
@output_format(render.FORMATS)
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The configuration, instead of the nearest one of the current folder.",
)
@click.option("--isolated", is_flag=True, help="Read no configuration.")
@everything
@click.option("--quiet", "-q", is_flag=True, help="No report on stdout unless asked for by format.")
@color
@click.pass_context
def command(context: click.Context, /, **given: Any) -> None:
    """Tell what each regularizer adds to the loss of MODELS.

    MODELS are .keras and .h5 files, and patterns like `runs/**/*.keras`. Of two
    models that are named, it is also told what differs.
    """
    keys = InspectOptions.__dataclass_fields__
    asked = _Asked(**{key: value for key, value in given.items() if key not in keys})
    settings = _settings(asked, {key: given[key] for key in keys if given[key] not in (None, ())})
    _check(asked, settings)
    context.exit(_Command(asked, settings).run())


def _settings(asked: _Asked, given: dict[str, object]) -> InspectOptions:
    """Return the settings of the current folder, and what the command line has instead.

    Not those of the model's folder: that may have come with the model, and settings are trusted.
    """
    found = read_settings(given)
    try:
        config = Resolver(asked.config, isolated=asked.isolated).for_directory(Path.cwd())
    except ConfigError as error:
        raise Misconfigured(error) from None
    usual = config.options.inspect or InspectOptions()
    if asked.static:  # these are for other runs: only options that do not fit are wrong usage
        usual = replace(usual, data=None, max_share=None)
    return replace(_located(usual, config.root), **found)


def _located(settings: InspectOptions, folder: Path) -> InspectOptions:
    """Return the settings of a configuration in `folder`, with paths found from anywhere."""
    if settings.source:
        found = tuple(str(shown(folder / path)) for path in settings.source)
        settings = replace(settings, source=found)
    if settings.data is None:
        return settings
    path = folder / settings.data
    if _FUNCTION.fullmatch(settings.data) and not path.exists():
        return settings
    return replace(settings, data=str(shown(path)))


def _check(asked: _Asked, settings: InspectOptions) -> None:
    """Raise UsageError for what cannot be done together, or without more packages."""
    check_packages("inspect")
    if asked.static and settings.data is not None:
        raise click.UsageError("`--data` needs the model to run: leave out `--static`.")
    if settings.max_share is not None and settings.data is None:
        raise click.UsageError("`--max-share` is of the loss on your data: it needs `--data`.")
    if asked.loss is not None and settings.data is None:
        raise click.UsageError("`--loss` is taken on your data: it needs `--data`.")


class _Command:
    """One run of the command: the models, one after the other."""

    def __init__(self, asked: _Asked, settings: InspectOptions) -> None:
        from reglint.inspector.budget import Budget  # noqa: PLC0415 - `--help` needs none

        self._asked = asked
        self._settings = settings
        self._budget = Budget(settings.max_total, settings.max_share, settings.limit)
        self._troubled: set[str] = set()  # paths of models of which not all could be read
        self._status = OK

    def run(self) -> int:
        """Inspect all models, deliver reports, and return the exit status."""
        paths = self._expanded()
        if self._asked.baseline and len(paths) > 1:
            raise click.UsageError("`--baseline` is compared with one model.")
        before = self._baseline()
        trace = self._trace()
        reports = [trace(report) for report in map(self._report, *self._inspected(paths)) if report]
        comparison = self._comparison(before, reports, paths)
        for report in reports:
            self._judge(report, comparison if before else None)
        self._deliver(reports, comparison)
        return self._status

    def _expanded(self) -> tuple[str, ...]:
        """Return the paths that are meant, each once; patterns are for shells that leave them."""
        from glob import glob  # noqa: PLC0415

        found: list[str] = []
        for text in self._asked.models:
            if not _MAGIC.search(text) or Path(text).exists():
                found.append(text)
                continue
            named = glob(text, recursive=True)  # noqa: PTH207 - of any folder, with `**`
            matches = sorted(path for path in named if Path(path).is_file())
            if not matches:
                self._tell(text, "no file matches", FAILURE)
            found += matches
        return tuple(dict.fromkeys(found))

    def _baseline(self) -> PenaltyReport | None:
        from reglint.inspector.render.json import Output as Written  # noqa: PLC0415 - `--help`

        path = self._asked.baseline
        if path is None:
            return None
        hint = "make one with `reglint inspect MODEL --output-format json:FILE`"
        reports = earlier(path, Written, hint).reports
        if len(reports) != 1:
            raise click.UsageError(f"{path}: has {len(reports)} reports, not one; {hint}")
        return reports[0]

    def _trace(self) -> Callable[[PenaltyReport], PenaltyReport]:
        """Return what puts the lines of the source into a report; without `--source`, nothing."""
        if not self._settings.source:
            return lambda report: report
        from reglint.inspector.tracing import look, notes, traced  # noqa: PLC0415 - they parse code

        try:
            sources = look(self._settings.source)
        except FileNotFoundError as error:
            raise click.UsageError(printable(str(error))) from None
        for note in notes(sources):
            click.echo(printable(note), err=True)
        if sources.errors:
            self._status = FAILURE
        return lambda report: traced(report, sources)

    def _inspected(self, paths: Sequence[str]) -> tuple[Sequence[str], Iterable[Inspection]]:
        from reglint.inspector.inspection import examine  # noqa: PLC0415

        found = []
        with stages(len(paths), _STAGES) as show:
            for path in paths:
                request = self._asked.request(path, self._settings)
                found.append(examine(request, _bound(show, path), _bound(say, path)))
        return paths, found

    def _report(self, path: str, found: Inspection) -> PenaltyReport | None:
        """Say what could not be done with a model; return its report, if any."""
        if found.trouble:
            self._troubled.add(path)
            status = STATUSES.get(found.trouble.trouble, FAILURE)
            self._tell(path, str(found.trouble), status)
        elif found.report and not self._asked.quiet:
            for note in found.report.notes:
                say(path, note)
        return found.report

    def _comparison(
        self, before: PenaltyReport | None, reports: Sequence[PenaltyReport], paths: Sequence[str]
    ) -> Comparison | None:
        from reglint.inspector.comparison import compare  # noqa: PLC0415

        if before:
            return compare(before, reports[0]) if reports else None
        if tuple(paths) == self._asked.models and len(paths) == len(reports) == 2:  # noqa: PLR2004
            return compare(*reports)
        return None

    def _judge(self, report: PenaltyReport, comparison: Comparison | None) -> None:
        from reglint.inspector.budget import exceeded  # noqa: PLC0415

        path, budget = report.file.path, self._budget
        if report.loss is None and path in self._troubled:  # it is told why there is none
            budget = replace(budget, max_share=None)
        for line in exceeded(report, budget, comparison):
            self._tell(path, line, FINDINGS)

    def _deliver(self, reports: Sequence[PenaltyReport], comparison: Comparison | None) -> None:
        if not reports:
            return
        root = os.environ.get("GITHUB_WORKSPACE", "")  # of the repository, in GitHub Actions
        done = hand_out(
            self._asked.output_format,
            lambda name, look: render.render(name, reports, comparison, replace(look, root=root)),
            quiet=self._asked.quiet,
            color=self._asked.color,
            everything=self._asked.everything,
        )
        if not done:
            self._status = max(self._status, FAILURE)

    def _tell(self, path: str, line: str, status: int) -> None:
        say(path, line)
        self._status = max(self._status, status)


def _bound(say: Callable[[str, str], None], path: str) -> Callable[[str], None]:
    return lambda text: say(path, text)
