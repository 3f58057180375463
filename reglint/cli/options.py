"""The options that commands share, each declared once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reglint.cli import FAILURE
from reglint.report import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reglint.tomlfile import ConfigError

F = TypeVar("F", bound="Callable[..., Any] | click.Command")

STDIN = "-"


class Misconfigured(click.ClickException):
    """Everything that is wrong with the settings."""

    exit_code = FAILURE

    def __init__(self, error: ConfigError) -> None:
        blocks = (f"{problem}\n{problem.frame}".rstrip() for problem in error.problems)
        super().__init__("\n".join(blocks))


@dataclass(frozen=True, slots=True)
class Output:
    """A format, and the file that it goes to; None: stdout."""

    format: str
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What the options of `shared` ask for."""

    paths: tuple[str, ...]
    stdin_filename: str | None
    select: tuple[str, ...]
    extend_select: tuple[str, ...]
    ignore: tuple[str, ...]
    keras_version: str | None
    fail_on: str | None
    config: Path | None
    isolated: bool
    force_exclude: bool
    cache: bool
    jobs: int
    output_format: tuple[Output, ...]
    statistics: bool
    quiet: bool
    color: str

    def __post_init__(self) -> None:
        if STDIN in self.paths and len(self.paths) > 1:
            raise click.UsageError(f"`{STDIN}` is stdin, and cannot be checked along with paths.")
        if self.stdin_filename and STDIN not in self.paths:
            raise click.UsageError(f"`--stdin-filename` names what comes in by `{STDIN}`.")
        if self.config and self.isolated:
            raise click.UsageError("`--config` and `--isolated` exclude each other.")
        check_outputs(self.outputs)

    @property
    def overrides(self) -> dict[str, object]:
        """Return the settings, keyed as in a configuration file, that are given."""
        lists = {
            "select": self.select,
            "extend-select": self.extend_select,
            "ignore": self.ignore,
        }
        given: dict[str, object] = {key: _items(texts) for key, texts in lists.items() if texts}
        texts = {"keras-version": self.keras_version, "fail-on": self.fail_on}
        return given | {key: text for key, text in texts.items() if text is not None}

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Return the outputs asked for; none: the one that suits stdout."""
        return (*self.output_format, *([Output("statistics")] if self.statistics else []))


def _items(texts: Iterable[str]) -> list[str]:
    items = (item.strip() for text in texts for item in text.split(","))
    return [item for item in items if item]


def outputs(formats: tuple[str, ...]) -> Callable[..., tuple[Output, ...]]:
    """Return what reads `FORMAT` or `FORMAT:FILE`, where there are these `formats`."""

    def read(
        ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]
    ) -> tuple[Output, ...]:
        found = []
        for text in texts:
            name, _, file = text.partition(":")
            if name not in formats:
                from reglint.selectors import closest, did_you_mean  # noqa: PLC0415  on failure

                near = did_you_mean(closest(name, formats))
                hint = near or f"; take one of {', '.join(formats)}"
                message = f"there is no format `{name}`{hint}"
                raise click.BadParameter(message, ctx, param)
            found.append(Output(name, Path(file) if file else None))
        return tuple(found)

    return read


def output_format(formats: tuple[str, ...], default: str = "") -> Callable[[F], F]:
    """Return the option of a command that can write these `formats`."""
    return click.option(
        "--output-format",
        metavar="FORMAT[:FILE]",
        multiple=True,
        callback=outputs(formats),
        help=f"One of {', '.join(formats)}, and a file for it unless it is for stdout. May be "
        f"repeated. {default}".rstrip(),
    )


def check_outputs(outputs: tuple[Output, ...]) -> None:
    """Raise UsageError where JSON would not be alone in what it goes to."""
    files = [output.file for output in outputs]
    for output in outputs:
        if output.format == "json" and files.count(output.file) > 1:
            where = output.file or "stdout"
            raise click.UsageError(f"JSON cannot share {where} with another format.")


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _rules(option: str, help_: str) -> Callable[[F], F]:
    return click.option(option, multiple=True, metavar="RULES", help=help_)


color = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colours; `auto` respects NO_COLOR and FORCE_COLOR.",
)

everything = click.option(
    "--all", "everything", is_flag=True, help="Show all rows of tables on a terminal, too."
)

_SHARED = (
    click.argument("paths", nargs=-1, type=click.Path()),
    click.option(
        "--stdin-filename",
        metavar="PATH",
        help="What the code from stdin is called, for its settings and in messages.",
    ),
    _rules("--select", "Rules to check: codes, prefixes, names or ALL, with commas between."),
    _rules("--extend-select", "Rules to check in addition."),
    _rules("--ignore", "Rules not to check."),
    click.option(
        "--keras-version",
        metavar="VERSION",
        help="The Keras to check for: 3.15, or >=2.10,<4; by default what the project requires.",
    ),
    click.option(
        "--fail-on",
        metavar="SEVERITY",
        help="The least severity to exit with 1 for: error, warning (default) or info.",
    ),
    click.option(
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="The configuration for all files, instead of the nearest one of each.",
    ),
    click.option("--isolated", is_flag=True, help="Read no configuration, and no requirements."),
    click.option(
        "--force-exclude", is_flag=True, help="Pass over excluded files even if they are named."
    ),
    click.option("--cache/--no-cache", default=True, help="Use results of earlier runs."),
    click.option(
        "--jobs",
        type=click.IntRange(min=1),
        default=_processors,
        show_default="one per processor",
        help="Processes at most.",
    ),
    output_format(FORMATS, "By default text on a terminal, else concise."),
    click.option("--statistics", is_flag=True, help="Count the findings of each rule."),
    click.option("--quiet", "-q", is_flag=True, help="No summary, unless something went wrong."),
    color,
)


_MODEL = (
    click.option("--backend", metavar="NAME", help="auto, tensorflow, jax or torch."),
    click.option("--device", metavar="NAME", help="auto, cpu, gpu, or one of several: gpu:1."),
    click.option("--loss", metavar="NAME", help="Of the data, for a model that was not compiled."),
    click.option(
        "--input-spec",
        metavar="SPEC",
        help="The inputs of a model that does not know them: 4,32,32,3:float32.",
    ),
    click.option("--model-config", metavar="FILE", help="The config.json of a .weights.h5."),
    click.option(
        "--import",
        "imports",
        multiple=True,
        metavar="MODULE",
        help="A module with classes of yours, which is imported. May be repeated.",
    ),
    click.option("--unsafe-lambda", is_flag=True, help="Run the code that is in the file, too."),
    click.option(
        "--trust",
        metavar="sha256:HASH",
        help="The code that --unsafe-lambda may run; needed in CI.",
    ),
    click.option("--max-memory", metavar="SIZE", help="Memory that a model may use (8GiB)."),
)


def shared(command: F) -> F:
    """Add the options of every command that looks at files; a `Request` takes them."""
    return _added(_SHARED, command)


def model_options(seconds: str) -> Callable[[F], F]:
    """Return what adds the options of every command that runs a model: on what, how far trusted.

    `seconds` is what `--max-seconds` is by default.
    """
    about = f"Time that a model may take ({seconds})."
    limit = click.option("--max-seconds", type=int, metavar="N", help=about)
    return lambda command: _added((*_MODEL, limit), command)


def _added(options: Iterable[Callable[[F], F]], command: F) -> F:
    for option in reversed(tuple(options)):
        command = option(command)
    return command
