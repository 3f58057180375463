"""`reglint rule`: what the rules are about."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from reglint.cli.markdown import rendered
from reglint.cli.options import color
from reglint.cli.output import style
from reglint.rules import RULES
from reglint.selectors import catalog, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from reglint.model import Version
    from reglint.report import Style
    from reglint.rules.rule import Rule

    Rules: TypeAlias = Sequence[type[Rule]]

_LATEST = (99, 0)  # as `Rule.until` has it


@click.command("rule")
@click.argument("rule", required=False)
@click.option("--all", "everything", is_flag=True, help="Explain all rules.")
@click.option(
    "--output-format",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="As what to write it.",
)
@color
def command(rule: str | None, *, everything: bool, output_format: str, color: str) -> None:
    """Explain RULE, or list all rules.

    RULE is a code, the start of one, or a name.
    """
    rules = _named(rule) if rule else RULES
    here = style(color, sys.stdout)
    if output_format == "json":
        text = json.dumps([_data(each) for each in rules], indent=2) + "\n"
    elif not rule and not everything:
        text = _table(rules) if output_format == "markdown" else _list(rules, here)
    elif output_format == "markdown":
        text = "\n".join(map(page, rules))
    else:
        text = "\n".join(_explained(each, here) for each in rules)
    click.echo(text, nl=False, color=here.color)


def _named(text: str) -> Rules:
    selector = catalog().find(text.upper()) or catalog().find(text.lower())
    if not selector:
        hint = did_you_mean(catalog().closest(text))
        raise click.UsageError(f"no rule is called `{text}`{hint}")
    return [rule for rule in RULES if rule.code in selector.codes]


def _list(rules: Rules, style_: Style) -> str:
    widest = max(len(rule.name) for rule in rules)
    return "".join(
        f"{style_.paint(rule.code, bold=True)}  {rule.name:{widest}}  "
        f"{rule.severity.value:7}  {rule.summary()}\n"
        for rule in rules
    )


def _explained(rule: type[Rule], style_: Style) -> str:
    title = style_.paint(f"{rule.code} {rule.name}", bold=True)
    return f"{title}\n{_facts(rule)}\n\n{rendered(rule.doc(), style_)}"


def page(rule: type[Rule]) -> str:
    """Return the page of a rule in the documentation, as markdown."""
    return f"# {rule.code} {rule.name}\n\n{_facts(rule)}\n\n{rule.doc()}\n"


def _table(rules: Rules) -> str:
    rows = (
        f"| {rule.code} | {rule.name} | {rule.severity.value} | {rule.summary()} |\n"
        for rule in rules
    )
    return "| code | name | severity | finds |\n| --- | --- | --- | --- |\n" + "".join(rows)


def _facts(rule: type[Rule]) -> str:
    state = "on by default" if rule.default else "off by default"
    first = _version(rule.since)
    span = (
        f"Keras {first} to {_version(rule.until)}" if rule.until < _LATEST else f"Keras {first} on"
    )
    return f"{rule.severity.value}, {state}, for {span}"


def _data(rule: type[Rule]) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.value,
        "default": rule.default,
        "since": _version(rule.since),
        "until": _version(rule.until) if rule.until < _LATEST else None,
        "summary": rule.summary(),
        "documentation": rule.doc(),
    }


def _version(version: Version) -> str:
    return ".".join(map(str, version))
