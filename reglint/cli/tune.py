"""`reglint tune`: which coefficient, and how sure that is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reglint.cli.models import check_packages, check_trust, earlier, limited, read_settings
from reglint.cli.options import color, everything, model_options, output_format
from reglint.cli.sections import Sectioned
from reglint.cli.tuned import Results, Tuning
from reglint.inspector.request import Limits, Request
from reglint.tuning import render, settings
from reglint.tuning.request import Method, TuneRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reglint.tuning.facts import TuneReport

_DAY = 24 * 3600  # seconds that all of it may take; training is meant to take long
_USUAL = TuneRequest(Request("", limits=Limits(seconds=_DAY)))

# How each is given: as the settings of `inspect` are, as a field of `Request`, of `TuneRequest`.
_SETTINGS = ("backend", "device", "seed", "data", "imports", "max_memory", "max_seconds")
_OF_FILE = {"loss": "loss", "input_spec": "input_spec", "model_config": "config"}
_OF_TUNING = (
    *("method", "start", "trials", "keep_epochs", "per_layer", "on", "seeds", "budget"),
    *("validation", "test", "epochs", "batch_size", "keep_weights", "optimizer"),
)

_SECTIONS = {
    "The search": ("method", "start", "range_", "trials", "keep_epochs", "per_layer", "on"),
    "The comparison": ("seeds", "seed", "validation", "test", "budget"),
    "The training": (
        *("data", "epochs", "batch_size", "optimizer", "loss", "keep_weights"),
        *("backend", "device", "input_spec", "model_config"),
    ),
    "What the file may do": ("imports", "unsafe_lambda", "trust", "max_memory", "max_seconds"),
    "What becomes of it": ("out", "force", "source", "apply", "yes"),
    "Reports": ("like", "output_format", "everything", "quiet", "color"),
}

_EPILOG = """\b
Exit status:
  0  all was done
  2  something was not done: wrong usage, a missing file, backend or GPU, data
     that cannot be used, or a result that could not be written
  3  the file was refused: dangerous, malformed, or it needs code that was not
     allowed
  4  the model took too much time or memory
130 after Ctrl-C, with nothing written.
"""


def _read(reader: Callable[[str], object]) -> Callable[..., object]:
    """Return a callback that reads one text, or each of several, with a reader of `settings`."""

    def callback(ctx: click.Context, param: click.Parameter, given: Any) -> object:
        try:
            if isinstance(given, tuple):
                return tuple(map(reader, given))
            return None if given is None else reader(given)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from None

    return callback


@click.command("tune", cls=Sectioned, sections=_SECTIONS, epilog=_EPILOG)
@click.argument("model", required=False)
@click.option(
    "--method",
    type=click.Choice([method.value for method in Method]),
    help=f"How a coefficient is chosen ({_USUAL.method.value}).",
)
@click.option(
    "--start",
    metavar="X",
    callback=_read(settings.positive),
    help="Where it begins.",
)
@click.option(
    "--range",
    "range_",
    metavar="LOW:HIGH",
    callback=_read(settings.bounds),
    help=f"Where it stays ({_USUAL.lowest:g}:{_USUAL.highest:g}).",
)
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Trainings of a search, where it is made of trainings ({_USUAL.trials}).",
)
@click.option(
    "--keep-epochs/--no-keep-epochs",
    default=None,
    help="Choose a coefficient alone, not for how many epochs to train with it.",
)
@click.option(
    "--per-layer/--no-per-layer",
    default=None,
    help=f"Try a coefficient for each variable, too; with --method {Method.T1_T2.value}.",
)
@click.option(
    "--on",
    multiple=True,
    metavar="PATTERN:ROLE",
    callback=_read(settings.place),
    help="Which variables: dense*:kernel. May be repeated. By default those that have L2 now, or"
    " else all kernels.",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Random splits of the data, each with new weights ({_USUAL.seeds}); one gives no"
    " interval.",
)
@click.option("--seed", type=int, metavar="N", help="The first of them (0).")
@click.option(
    "--validation",
    metavar="SHARE",
    callback=_read(settings.share),
    help=f"Of the samples, to choose on ({_USUAL.validation:g}).",
)
@click.option(
    "--test",
    metavar="SHARE",
    callback=_read(settings.share),
    help=f"Of the samples, to test on ({_USUAL.test:g}).",
)
@click.option(
    "--budget",
    metavar="AMOUNT",
    callback=_read(settings.budget),
    help="Training runs or time that all may take: 20runs, 90s, 30min, 2h. No seed is begun that"
    " would not fit.",
)
@click.option(
    "--data",
    metavar="DATA",
    help="What it is trained on: file.npz, a folder, or package.module:function. Needed.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Passes over the samples of each training run.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Of training ({_USUAL.batch_size}).",
)
@click.option(
    "--optimizer", metavar="NAME", help="For a model that was not compiled, as in Keras: adam."
)
@click.option(
    "--keep-weights/--no-keep-weights",
    default=None,
    help="Train on from the weights of the file, not from new ones.",
)
@model_options(seconds="a day")
@click.option(
    "-o",
    "out",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="Write the model with the chosen coefficients, its weights as they are.",
)
@click.option("--force", is_flag=True, help="Replace OUT if it exists.")
@click.option(
    "--source",
    multiple=True,
    metavar="PATH",
    help="A file or folder with the source of the model: show what would change there. May be"
    " repeated.",
)
@click.option("--apply", is_flag=True, help="Write that to the source, after a question.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.option(
    "--like",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="An earlier report in JSON: take its model, data and options. Others that are given win.",
)
@output_format(render.FORMATS)
@everything
@click.option("--quiet", "-q", is_flag=True, help="No report on stdout unless asked for by format.")
@color
@click.pass_context
def command(context: click.Context, /, **given: Any) -> None:
    """Choose the L2 coefficient of MODEL on your data, and tell how sure that is.

    The model is trained many times: for each seed to choose, and again with each candidate to
    compare them, on samples that no choice has seen. MODEL is a .keras or .h5 file, which is not
    changed.
    """
    results = Results(**{key: given.pop(key) for key in Results.__dataclass_fields__})
    check_trust(given["trust"], unsafe_lambda=given["unsafe_lambda"])
    check_packages("tune")
    before = _before(results.like) if results.like else None
    asked = _asked(given, before)
    context.exit(Tuning(asked, results, before).run())


def _asked(given: Mapping[str, Any], before: TuneReport | None) -> TuneRequest:
    """Return what is asked: by the options, or else as `before` was, or else as usual."""
    base = before.asked if before else _USUAL
    named = {key: given[key] for key in _OF_TUNING if given[key] not in (None, ())}
    if "method" in named:
        named["method"] = Method(named["method"])
    if given["range_"]:
        named["lowest"], named["highest"] = given["range_"]
    asked = replace(base, request=_request(given, before, base.request), **named)
    try:
        return settings.checked(asked)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None


def _request(given: Mapping[str, Any], before: TuneReport | None, base: Request) -> Request:
    found = read_settings({key: given[key] for key in _SETTINGS if given[key] not in (None, ())})
    limits = limited(base.limits, found)
    named = {field: given[key] for key, field in _OF_FILE.items() if given[key] is not None}
    if before and base.backend == "auto":
        base = replace(base, backend=before.run.backend)
    asked = replace(
        base,
        path=given["model"] or base.path,
        limits=limits,
        # To run code is never taken from a report: that may be anybody's.
        unsafe_lambda=given["unsafe_lambda"],
        trust=given["trust"],
        **named,
        **found,
    )
    if not asked.path:
        raise click.UsageError("Missing argument 'MODEL'.")
    if asked.data is None:
        raise click.UsageError("`--data` is needed: a model is trained on it, and tested.")
    return asked


def _before(path: Path) -> TuneReport:
    from reglint.tuning.render.json import Output as Written  # noqa: PLC0415 - `--help` needs none

    hint = "make one with `reglint tune MODEL --output-format json:FILE`"
    return earlier(path, Written, hint).report
