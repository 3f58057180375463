"""Write the generated pages, or check that all the documentation is true (`--check`).

Checked are: that the generated pages are what the rules say today, that every relative link leads
somewhere, and that every `reglint` command shown exists with its options.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reglint.cli import cli
from reglint.cli.rule import page
from reglint.inspector.findings import CODES
from reglint.inspector.render.json import schema
from reglint.inspector.settings import InspectOptions
from reglint.rules import RULES
from reglint.tuning.render.json import schema as tune_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"^(?:\$ )?(reglint .*)$", re.MULTILINE)
BLOCK = re.compile(r"```(?:console|sh|bash)\n(.*?)```", re.DOTALL)


def pages() -> dict[Path, str]:
    """Return the generated pages, by their path."""
    rows = [f"| [{r.code}](rules/{r.name}.md) | {r.name} | {r.severity.value} | {r.summary()} |"
            for r in RULES]  # fmt: skip
    table = "\n".join(["| code | name | severity | what is wrong |", "|---|---|---|---|", *rows])
    about = "Made from the rules by `make docs`. `reglint rule NAME` shows the same."
    index = f"# Rules\n\n{table}\n\n{about}\n"
    return {
        DOCS / "rules.md": index,
        DOCS / "findings.md": findings(),
        DOCS / "inspect-settings.md": settings(),
        DOCS / "inspect.schema.json": json.dumps(schema(), indent=1) + "\n",
        DOCS / "tune.schema.json": json.dumps(tune_schema(), indent=1) + "\n",
    } | {DOCS / "rules" / f"{r.name}.md": page(r) for r in RULES}


def findings() -> str:
    """Return the page of what an inspection can find."""
    rows = [f"| {code} | {each.says} | {each.formula} |" for code, each in CODES.items()]
    table = "\n".join(
        ["| finding | what it says | when, and by what formula |", "|---|---|---|", *rows]
    )
    about = (
        "What [`reglint inspect`](inspect.md) can find beside the numbers. Where the formulas hold"
        " is told\n[there](inspect.md#formulas)."
    )
    return f"# Findings of an inspection\n\n{about}\n\n{table}\n"


def settings() -> str:
    """Return the page of the settings of an inspection."""
    rows = [
        f"| `{each.name.replace('_', '-')}` | {each.metadata['doc']} |"
        for each in fields(InspectOptions)
    ]
    table = "\n".join(["| key | what it is |", "|---|---|", *rows])
    about = (
        "The keys of `[tool.reglint.inspect]` in `pyproject.toml`, and of `[inspect]` in"
        " `reglint.toml`: what\n[`reglint inspect`](inspect.md) takes unless its options say else."
    )
    return f"# Settings of an inspection\n\n{about}\n\n{table}\n"


def problems() -> Iterator[str]:
    """Yield what is not true in the documentation."""
    generated = pages()
    for path, text in generated.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            yield f"{path.relative_to(ROOT)}: out of date; run `make docs`"
    for path in sorted((DOCS / "rules").glob("*.md")):
        if path not in generated:
            yield f"{path.relative_to(ROOT)}: there is no such rule; remove it"
    for path in [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        where = path.relative_to(ROOT)
        for target in LINK.findall(text):
            if "://" not in target and not (path.parent / target).exists():
                yield f"{where}: the link to {target} leads nowhere"
        for block in BLOCK.findall(text):
            for command in COMMAND.findall(block):
                yield from (f"{where}: `{command}`: {what}" for what in wrong(command))


def wrong(command: str) -> Iterator[str]:
    """Yield what a command line asks for that reglint does not have."""
    _, *words = shlex.split(command, comments=True)
    context = click.Context(cli)
    named = cli.get_command(context, words[0]) if words else None
    known = cli if words and words[0].startswith("-") else named
    if known is None:
        yield "there is no such command"
        return
    options = {name for p in known.get_params(context) for name in (*p.opts, *p.secondary_opts)}
    for word in words:
        option = word.partition("=")[0]
        if option.startswith("-") and option != "-" and option not in options | {"--help"}:
            yield f"there is no option {option}"


def run() -> int:
    """Return 1 if the documentation was to be checked and is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        found = list(problems())
        print("\n".join(found) or "The documentation is up to date.")
        return int(bool(found))
    (DOCS / "rules").mkdir(parents=True, exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(run())
