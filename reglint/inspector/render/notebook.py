"""For a notebook, light or dark: the answer, the largest penalties, and what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.inspector.render.document import Look
from reglint.inspector.render.markup import Markup, prose, tag
from reglint.inspector.render.numbers import count
from reglint.inspector.render.sections import document

if TYPE_CHECKING:
    from reglint.inspector.render.document import Cell, Column, Notice, Table
    from reglint.inspector.report import PenaltyReport

_ROWS = 20
_FOUND = ("findings", "dormant")  # sections whose notices are shown, by what is shown of them
_NOTICES = 8  # of each

# It colors no text and no background of its own: both are the notebook's.
_CSS = Markup("""
.reglint { line-height: 1.4; max-width: 60rem; }
.reglint p { margin: 0 0 .4em; }
.reglint .soft { opacity: .7; }
.reglint table { border-collapse: collapse; margin: .3em 0; }
.reglint th, .reglint td { padding: .15em .9em .15em 0; text-align: left; white-space: nowrap; }
.reglint th { opacity: .7; font-weight: 600; }
.reglint .number { text-align: right; font-variant-numeric: tabular-nums; }
.reglint .bar { width: 9em; }
.reglint .bar i { display: block; height: .75em; min-width: 1px; border-radius: 2px; }
.reglint .weight { background: #4a7fd6; }
.reglint .activity { background: #b557a0; }
.reglint .add_loss { background: #2a9574; }
.reglint .bad, .reglint .error b { color: #d6364a; }
.reglint .warning b { color: #b97a10; }
.reglint ul { margin: .3em 0; padding-left: 1.2em; }
""")


def notebook(report: PenaltyReport) -> str:
    """Return HTML for `_repr_html_`: no script, styles that touch nothing else."""
    page = document(report)
    sections = {section.key: section for section in page.sections}
    shown = sections.get("penalties")
    return tag(
        "div",
        tag("style", _CSS),
        tag("p", tag("b", page.headline), " ", tag("span", page.title, class_="soft")),
        *(_table(table) for table in (shown.tables if shown else ())),
        *(tag("p", remark, class_="soft") for remark in (shown.remarks if shown else ())),
        *(_notices(section.notices) for key in _FOUND if (section := sections.get(key))),
        class_="reglint",
    )


def _table(table: Table) -> Markup:
    held = [
        index
        for index, column in enumerate(table.columns)
        if column.look is Look.BAR or any(row[index].text for row in table.rows)
    ]
    heads = [_head(table.columns[index]) for index in held]
    rows = [
        tag("tr", *(_cell(table.columns[index].look, row[index]) for index in held))
        for row in table.rows[:_ROWS]
    ]
    left = len(table.rows) - _ROWS
    rest = tag("p", table.rest.format(count(left)), class_="soft") if left > 0 else None
    body = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows))
    return tag("div", body, rest)


def _head(column: Column) -> Markup:
    return tag("th", column.title, class_=column.look.name.lower())


def _cell(look: Look, cell: Cell) -> Markup:
    if look is Look.BAR:
        kind = cell.kind.value if cell.kind else None
        width = f"width: {100 * (cell.value or 0.0):.2f}%"
        return tag("td", tag("i", class_=kind, style=width), class_="bar")
    alarm = " bad" if cell.alarming else ""
    return tag("td", cell.text, class_=look.name.lower() + alarm)


def _notices(notices: tuple[Notice, ...]) -> Markup:
    items = [_item(notice) for notice in notices[:_NOTICES]]
    if (left := len(notices) - _NOTICES) > 0:
        items.append(tag("li", f"and {count(left)} more", class_="soft"))
    return tag("ul", *items)


def _item(notice: Notice) -> Markup:
    place = " at ".join(filter(None, (notice.where, notice.source)))
    where = f" {place}: " if place else " "
    advice = tag("span", " ", prose(notice.help), class_="soft") if notice.help else None
    code = tag("b", notice.code)
    return tag("li", code, where, prose(notice.message), advice, class_=notice.severity.value)
