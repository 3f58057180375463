"""One file that needs nothing else: no network, no script to show, light or dark, printable.

The policy in its head lets a browser run the one script and use the one style sheet that are in it,
both known by their hash, and load nothing.
"""

from __future__ import annotations

import base64
import hashlib
import math
from importlib.resources import files
from typing import TYPE_CHECKING

from reglint import __version__
from reglint.inspector.render import charts
from reglint.inspector.render.document import Look
from reglint.inspector.render.markup import Markup, prose, tag
from reglint.inspector.render.numbers import count, number, percent
from reglint.inspector.render.several import documents
from reglint.inspector.render.words import title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from reglint.inspector.comparison import Comparison
    from reglint.inspector.render import Style
    from reglint.inspector.render.document import Cell, Column, Document, Notice, Section, Table
    from reglint.inspector.report import PenaltyReport

_CHARTS: dict[str, tuple[Callable[[PenaltyReport], Markup | None], ...]] = {
    "penalties": (charts.shares, charts.layers),
    "data": (charts.ratios,),
    "decay": (charts.half_lives,),
}
_LONG = 30  # rows, from which on a table scrolls


def render(reports: Sequence[PenaltyReport], comparison: Comparison | None, style: Style) -> str:
    """Return a page of `reports`, one below the other, and of what differs."""
    del style
    articles = [
        _article(page, report, place)
        for place, (page, report) in enumerate(documents(reports, comparison))
    ]
    named = title(reports[0]) if len(reports) == 1 else count(len(reports), "model")
    return whole(
        f"{named}: penalties", articles, footer((title(each), each.file.sha256) for each in reports)
    )


def whole(name: str, articles: Sequence[Markup], end: Markup) -> str:
    """Return a page called `name`."""
    css, script = _resource("report.css"), _resource("report.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(css)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content=f"reglint {__version__}"),
        tag("title", name),
        tag("style", css),
    )
    body = tag("body", tag("main", *articles), end, tag("script", script))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _article(page: Document, report: PenaltyReport | None, place: int) -> Markup:
    sections = [section(each, _drawn(each, report), place) for each in page.sections]
    if report is not None and (drawn := charts.histograms(report)):
        keys = [each.key for each in page.sections]
        at = keys.index("penalties") + 1 if "penalties" in keys else 0
        lead = tag("p", "How the values of variables with a penalty are distributed", class_="lead")
        sections.insert(at, _framed(f"weights-{place}", "Weights", lead, drawn))
    tiles = tuple(_tiles(report)) if report and report.penalties else ()
    return article(page, sections, tiles)


def _drawn(part: Section, report: PenaltyReport | None) -> list[Markup | None]:
    return [chart(report) for chart in _CHARTS.get(part.key, ())] if report else []


def article(page: Document, sections: Sequence[Markup], tiles: Sequence[Markup] = ()) -> Markup:
    """Return a report: its head, then `sections`."""
    return tag(
        "article",
        tag(
            "header",
            tag("p", page.title, class_="file"),
            tag("h1", page.headline, class_=page.tone.value if page.tone else None),
            tag("div", *tiles, class_="tiles") if tiles else None,
            _about(page) if page.about else None,
        ),
        *sections,
    )


def _tiles(report: PenaltyReport) -> Iterator[Markup]:
    """Yield the figures that come first."""
    yield _tile("total penalty", number(report.total), report.total, "total")
    for kind, value in report.by_kind.items():
        yield _tile(kind.value, number(value), value, kind.value)
    if report.data is not None:
        yield _tile("data loss", number(report.data.loss), report.data.loss, "data")
        if report.loss and 0 < report.loss < math.inf:
            share = report.total / report.loss
            yield _tile("penalties / loss", percent(share), share, "share")


def _tile(label: str, text: str, value: float, name: str) -> Markup:
    figure = tag("data", text, value=_exact(value), class_=None if math.isfinite(value) else "bad")
    return tag("div", tag("span", label), figure, class_=f"tile {name}")


def _about(page: Document) -> Markup:
    pairs = [tag("div", tag("dt", label), tag("dd", text)) for label, text in page.about]
    return tag("dl", *pairs)


def section(part: Section, drawn: Sequence[Markup | None], place: int) -> Markup:
    """Return a part of a report with its charts; `place` is that of the report on its page."""
    return _framed(
        f"{part.key}-{place}",
        part.title,
        tag("p", part.lead, class_="lead") if part.lead else None,
        *drawn,
        *(_table(each, part.title) for each in part.tables),
        tag("ul", *map(_notice, part.notices), class_="notices") if part.notices else None,
        *(tag("p", prose(each), class_="aside") for each in part.remarks),
    )


def _framed(key: str, title: str, *children: Markup | None) -> Markup:
    heading = tag("h2", title, id=key)
    return tag("section", heading, *children, aria_labelledby=key)


def _notice(notice: Notice) -> Markup:
    code = tag("b", f"{notice.severity.value}[{notice.code}]", class_="code")
    where = tag("span", notice.where, class_="where") if notice.where else None
    source = tag("small", f" {notice.source}", class_="where") if notice.source else None
    remark = tag("small", f" ({notice.remark})") if notice.remark else None
    advice = (
        tag("p", tag("b", "help: "), prose(notice.help), class_="help") if notice.help else None
    )
    message = tag("p", prose(notice.message), remark)
    return tag(
        "li", tag("p", code, " ", where, source), message, advice, class_=notice.severity.value
    )


# Tables


def _table(table: Table, label: str) -> Markup:
    shown = table.filled()
    heads = [_head(table.columns[index]) for index in shown]
    rows = [
        tag("tr", *(_cell(table.columns[index].look, row[index]) for index in shown))
        for row in table.rows
    ]
    body = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows), class_="sortable")
    size = "scroll long" if len(rows) > _LONG else "scroll"
    return tag("div", body, class_=size, tabindex="0", role="region", aria_label=label)


def _head(column: Column) -> Markup:
    return tag("th", column.title, scope="col", class_=column.look.name.lower())


def _cell(look: Look, cell: Cell) -> Markup:
    classes = [] if cell.many else [look.name.lower()]
    if cell.alarming:
        classes.append("bad")
    if cell.tone:
        classes.append(cell.tone.value)
    value = None if cell.value is None else _exact(cell.value)
    content = prose(cell.text) if look is Look.PROSE else cell.text
    return tag("td", content, class_=" ".join(classes) or None, data_value=value)


def _exact(value: float) -> str:
    """Return a number as JavaScript reads it."""
    return "NaN" if math.isnan(value) else str(value).replace("inf", "Infinity")


def footer(hashes: Iterable[tuple[str, str]]) -> Markup:
    """Return the end of a page, with the hash of each file by its name."""
    lines = [tag("p", f"sha256 of {name}: ", tag("code", each)) for name, each in hashes if each]
    return tag("footer", *lines, tag("p", f"reglint {__version__}"))


def _resource(name: str) -> Markup:
    return Markup((files(__package__) / name).read_text(encoding="utf-8"))


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
