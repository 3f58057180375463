"""`reglint rule`: the documentation of the rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reglint.cli.markdown import rendered
from reglint.report import Style
from reglint.rules import RULES


def test_rules_are_listed_in_order(reglint):
    done = reglint("rule")
    assert done.status == 0
    assert [line.split()[:2] for line in done.out.splitlines()] == [
        [rule.code, rule.name] for rule in RULES
    ]


@pytest.mark.parametrize("name", ["RGL103", "rgl103", "legacy-strength-keyword"])
def test_a_rule_is_explained_by_code_or_name(reglint, name):
    done = reglint("rule", name)
    assert done.status == 0
    first, facts, *rest = done.out.splitlines()
    assert first == "RGL103 legacy-strength-keyword"
    assert facts == "error, on by default, for Keras 3.0 on"
    assert "    keras.regularizers.l2(l=1e-4)" in rest
    assert "```" not in done.out


def test_the_start_of_a_code_explains_all_of_its_rules(reglint):
    out = reglint("rule", "RGL10").out
    assert all(f"{rule.code} {rule.name}" in out for rule in RULES if "RGL10" in rule.code)
    assert "RGL001 " not in out


def test_all_rules_can_be_explained(reglint):
    out = reglint("rule", "--all").out
    assert all(f"{rule.code} {rule.name}\n" in out for rule in RULES)


def test_rules_as_json(reglint):
    listed = json.loads(reglint("rule", "--output-format", "json").out)
    assert [each["code"] for each in listed] == [rule.code for rule in RULES]
    (one,) = json.loads(reglint("rule", "RGL103", "--output-format", "json").out)
    assert one in listed
    assert one["since"] == "3.0"
    assert one["documentation"].startswith(one["summary"])


def test_rules_as_markdown(reglint):
    page = reglint("rule", "RGL103", "--output-format", "markdown").out
    assert page.startswith("# RGL103 legacy-strength-keyword\n\n")
    assert "\n```python\n" in page
    table = reglint("rule", "--output-format", "markdown").out.splitlines()
    assert len(table) == len(RULES) + 2
    assert len({line.count("|") for line in table}) == 1


def test_the_documentation_is_what_the_command_writes(reglint):
    docs = Path(__file__).parents[1] / "docs/rules"
    written = reglint("rule", "--all", "--output-format", "markdown").out
    assert written == "\n".join((docs / f"{rule.name}.md").read_text() for rule in RULES)


def test_markdown_fits_and_keeps_its_parts():
    text = f"""\
One {"word " * 40}`code`.

## Heading

```python
{"long" * 30}
```

- first {"item " * 20}
- second

| a | b |
| --- | --- |"""
    shown = rendered(text, Style(width=50))
    *_, heading, code, items, table = shown.rstrip("\n").split("\n\n")
    assert heading == "Heading"
    assert code == "    " + "long" * 30
    assert items.splitlines()[1].startswith("  item")
    assert items.splitlines()[-1] == "- second"
    assert table == "| a | b |\n| --- | --- |"
    assert all(len(line) <= 50 for line in shown.splitlines() if "long" not in line)
