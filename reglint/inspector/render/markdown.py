"""GitHub flavoured markdown, for the summary of a CI run: the answer first, long lists folded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reglint.inspector.render.document import Look, spans
from reglint.inspector.render.numbers import count
from reglint.inspector.render.several import documents
from reglint.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from reglint.inspector.comparison import Comparison
    from reglint.inspector.render import Style
    from reglint.inspector.render.document import Cell, Document, Notice, Section, Table
    from reglint.inspector.report import PenaltyReport

_MARKS = {
    Severity.ERROR: ":x:",
    Severity.WARNING: ":warning:",
    Severity.INFO: ":information_source:",
}
_FINE = ":white_check_mark:"
_OPEN = {"penalties", "preflight", "findings", "changes", "new-findings", "overview"}
_SHORT = 15  # rows of a table, up to which those sections are not folded
_MOST = 50  # rows and notices: GitHub takes 1 MiB at most
_PLAIN = re.compile(r"(?! )[^`|\\<>&]*(?<! )")  # what stands in backticks as it is
_SPECIAL = re.compile(r"[!-,/:-@\[-`{-~]")  # punctuation of ASCII but `-` and `.`
# What would be markup in running text: also a link, a mention, a colon of an emoji.
_MARKUP = re.compile(r"[*`<>\[\]&|\\~#@!$]|:(?=\S)|(?<![^\W_])_|_(?![^\W_])|(?<=www)\.")


def render(reports: Sequence[PenaltyReport], comparison: Comparison | None, style: Style) -> str:
    """Return what is said of all `reports`, then each of them."""
    del style
    both = sorted(documents(reports, comparison), key=lambda page: page[1] is not None)
    return pages(page for page, _ in both)


def pages(shown: Iterable[Document]) -> str:
    """Return documents, one below the other."""
    return "\n".join(f"{block}\n" for page in shown for block in _document(page))


def _document(page: Document) -> Iterator[str]:
    mark = _MARKS[page.tone] if page.tone else _FINE
    yield f"### {mark} {_escaped(page.headline)}"
    yield _code(page.title)
    for section in page.sections:
        yield from _section(section)
    if page.about:
        rows = "\n".join(f"| {label} | {_escaped(text)} |" for label, text in page.about)
        yield _folded("How this was measured", f"| | |\n|---|---|\n{rows}")


def _section(section: Section) -> Iterator[str]:
    rows = max((len(table.rows) for table in section.tables), default=0)
    lead = _escaped(section.lead)
    body = "\n\n".join(
        (
            *map(_table, section.tables),
            *(["\n".join(_notices(section.notices))] if section.notices else ()),
            *map(_text, section.remarks),
        )
    )
    if not rows or (section.key in _OPEN and rows <= _SHORT):
        yield "\n\n".join(filter(None, (f"#### {section.title}", lead, body)))
    else:
        yield _folded(f"<b>{section.title}</b>{f': {lead}' if lead else ''}", body)


def _folded(summary: str, body: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def _notices(notices: Sequence[Notice]) -> Iterator[str]:
    yield from map(_notice, notices[:_MOST])
    if len(notices) > _MOST:
        yield f"- and {count(len(notices) - _MOST)} more"


def _notice(notice: Notice) -> str:
    where = f" {_code(notice.where)}" if notice.where else ""
    if notice.source:
        where += f" at {_code(notice.source)}"
    remark = f" ({_escaped(notice.remark)})" if notice.remark else ""
    advice = f"<br>help: {_text(notice.help)}" if notice.help else ""
    mark = _MARKS[notice.severity]
    return f"- {mark} **{_escaped(notice.code)}**{where}: {_text(notice.message)}{remark}{advice}"


def _table(table: Table) -> str:
    shown = table.filled()
    columns = [table.columns[index] for index in shown]
    lines = [
        " | ".join(_escaped(column.title) for column in columns),
        " | ".join("--:" if column.look is Look.NUMBER else ":--" for column in columns),
        *(
            " | ".join(_cell(table.columns[index].look, row[index]) for index in shown)
            for row in table.rows[:_MOST]
        ),
    ]
    text = "\n".join(f"| {line} |" for line in lines)
    left = len(table.rows) - _MOST
    return f"{text}\n\n{table.rest.format(count(left))}" if left > 0 else text


def _cell(look: Look, cell: Cell) -> str:
    match look:
        case Look.NAME | Look.TERM:
            return _escaped(cell.text) if cell.many else _code(cell.text)
        case Look.PROSE:
            return _text(cell.text)
    return f"**{_escaped(cell.text)}**" if cell.alarming else _escaped(cell.text)


def _text(message: str) -> str:
    """Return a message with its code as such."""
    return "".join(_code(part) if code else _escaped(part) for part, code in spans(message))


def _code(text: str) -> str:
    """Return `text` as code, be it in a table or not: there a bar ends a cell even in backticks."""
    if not text:
        return ""
    return f"`{text}`" if _PLAIN.fullmatch(text) else f"<code>{_entities(text)}</code>"


def _escaped(text: str) -> str:
    """Return `text` such that it reads as it is: no markup, no link, no mention."""
    return _MARKUP.sub(lambda found: _entity(found[0]), text)


def _entities(text: str) -> str:
    return _SPECIAL.sub(lambda found: _entity(found[0]), text)


def _entity(char: str) -> str:
    return f"&#{ord(char)};"
