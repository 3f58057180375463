"""For a terminal, with rich: what does not fit is left out, narrowed or wrapped, in this order."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.box import Box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from reglint.inspector.facts import Kind
from reglint.inspector.render.document import LAST, Look, apart, elided
from reglint.inspector.render.numbers import aligned, count
from reglint.inspector.render.several import documents
from reglint.model import Severity
from reglint.report.rows import columns as columns_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from reglint.inspector.comparison import Comparison
    from reglint.inspector.render import Style
    from reglint.inspector.render.document import Cell, Column, Document, Notice, Section, Table
    from reglint.inspector.report import PenaltyReport

_COLORS = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_BARS = {Kind.WEIGHT: "blue", Kind.ACTIVITY: "magenta", Kind.ADD_LOSS: "green"}
_ALARM = "bold red"
_ALL = " (--output-format json has all)"
_GAP = 2  # columns between columns, and before them
_LEAST = {Look.TERM: 24, Look.PROSE: 28}  # columns for these, if they would take more
# Names may have the first: some columns of figures go to make room for that. For the second go all
# that can well be spared; the third is how far names are cut before the last of them goes. Before
# that no two names are cut to the same.
_NAMES = (40, 24, 12)
_STEP = 4  # columns that names get more at a time, until they look different
_SPARE = (4, 1, LAST)  # the least `Column.spare` of those that go, at each of these widths
_BAR, _WIDEST_BAR = 8, 24
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_RULE = Box("    \n    \n ── \n    \n    \n    \n    \n    \n")
# What stands in for a character, one for one, such that columns stay where they are.
_ASCII = dict(zip("\N{MULTIPLICATION SIGN}→─…█▉▊▋▌▍▎▏", "x>-~#####   ", strict=True))


def render(reports: Sequence[PenaltyReport], comparison: Comparison | None, style: Style) -> str:
    """Return `reports`, one below the other, then what differs; `style.width` is kept to."""
    return pages((page for page, _ in documents(reports, comparison)), style)


def pages(shown: Iterable[Document], style: Style) -> str:
    """Return documents, one below the other; `style.width` is kept to."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=style.width,
        color_system="standard" if style.color else None,
        force_terminal=style.color,
        no_color=not style.color,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for number, document in enumerate(shown):
        if number:
            console.print()
        console.print(Group(*_document(document, style)))
    lines = (line.rstrip() for line in stream.getvalue().splitlines())
    return _encodable("".join(f"{line}\n" for line in lines), style.encoding)


def _document(document: Document, style: Style) -> Iterator[RenderableType]:
    yield Text(elided(document.title, style.width), style="bold")
    tone = _COLORS[document.tone] if document.tone else "bold green"
    yield Text(f"{document.headline}", style=tone)
    if document.about:
        yield Text()
        grid = Grid.grid(padding=(0, _GAP, 0, 0))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for label, text in document.about:
            grid.add_row(Text(label), Text(text))
        yield grid
    for section in document.sections:
        yield Text()
        yield from _section(section, style)


def _section(section: Section, style: Style) -> Iterator[RenderableType]:
    title = Text(section.title, style="bold underline")
    yield title
    if section.lead:
        yield Text(section.lead, style="dim")
    for table in section.tables:
        yield _table(table, style)
    for notice in section.notices[: style.rows]:
        yield from _notice(notice)
    left = len(section.notices) - len(section.notices[: style.rows])
    if left:
        yield Text(f"and {count(left)} more{_ALL}", style="dim")
    for remark in section.remarks:
        yield Text(remark, style="dim")


def _notice(notice: Notice) -> Iterator[RenderableType]:
    kind = f"{notice.severity.value}[{notice.code}]"
    heading = Text.assemble((kind, _COLORS[notice.severity]), " ", (notice.where, "bold"))
    if notice.source:
        heading.append(f" at {notice.source}", style="dim")
    yield heading
    text = Text(notice.message)
    if notice.remark:
        text.append(f" ({notice.remark})", style="dim")
    if notice.help:
        text.append("\nhelp:", style="cyan")
        text.append(f" {notice.help}")
    yield Padding(text, (0, 0, 0, _GAP))


# Tables


def _table(table: Table, style: Style) -> RenderableType:
    rows = table.rows[: style.rows]
    left = len(table.rows) - len(rows)
    grid = _grid(table.columns, rows, style.width)
    if not left:
        return grid
    rest = f"{table.rest.format(count(left))}{_ALL}"
    return Group(grid, Text(rest, style="dim"))


def _grid(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int) -> Grid:
    texts = [_texts(column, [row[index] for row in rows]) for index, column in enumerate(columns)]
    widths = _widths(columns, texts, width)
    for index, wide in widths.items():
        if columns[index].look in {Look.NAME, Look.TERM}:
            short = apart(texts[index], wide)
            texts[index] = [short[text] for text in texts[index]]
    grid = Grid(box=_RULE, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
    for index, wide in widths.items():
        column = columns[index]
        title = column.title.rjust(wide) if column.look is Look.NUMBER else column.title
        grid.add_column(
            Text(elided(title, wide), style="bold"),
            width=wide,
            no_wrap=column.look is not Look.PROSE,
            overflow="fold" if column.look is Look.PROSE else "crop",
        )
    for number, row in enumerate(rows):
        grid.add_row(
            *(
                _cell(columns[index].look, row[index], texts[index][number], wide)
                for index, wide in widths.items()
            )
        )
    return grid


def _texts(column: Column, cells: Sequence[Cell]) -> list[str]:
    texts = [cell.text for cell in cells]
    return aligned(texts) if column.look is Look.NUMBER else texts


def _cell(look: Look, cell: Cell, text: str, width: int) -> Text:
    if look is Look.BAR:
        return Text(_bar(cell.value or 0.0, width), style=_BARS[cell.kind] if cell.kind else "")
    if look is Look.PROSE:
        return Text(text)
    tone = _ALARM if cell.alarming else _COLORS[cell.tone] if cell.tone else ""
    return Text(text.rjust(width) if look is Look.NUMBER else text, style=tone)


def _widths(
    columns: Sequence[Column], texts: Sequence[Sequence[str]], width: int
) -> dict[int, int]:
    """Return the indexes of the columns that are shown, and how wide each is."""
    natural, widths = {}, {}
    for index, column in enumerate(columns):
        if column.look is Look.BAR:
            natural[index], widths[index] = _WIDEST_BAR, _BAR
        elif any(text.strip() for text in texts[index]):
            natural[index] = max(map(columns_of, (column.title, *texts[index])))
            widths[index] = min(natural[index], _LEAST.get(column.look, natural[index]))
    names = [index for index in widths if columns[index].look is Look.NAME]
    for shortest, droppable in zip(_NAMES, _SPARE, strict=True):
        last = shortest == _NAMES[-1]
        widths |= {
            index: min(
                natural[index], shortest if last else _telling(texts[index], shortest, width)
            )
            for index in names
        }
        spare = sorted(
            (index for index in widths if columns[index].spare >= droppable),
            key=lambda index: columns[index].spare,
        )
        while spare and _sum(widths) > width:
            del widths[spare.pop()]
        if _sum(widths) <= width:
            break
    for look in (Look.NAME, Look.TERM, Look.PROSE, Look.BAR):
        for index in [index for index in widths if columns[index].look is look]:
            widths[index] += max(0, min(natural[index] - widths[index], width - _sum(widths)))
    return widths


def _telling(names: Sequence[str], least: int, most: int) -> int:
    """Return in how many columns, from `least` to `most`, names that differ look different."""
    different = set(names)
    for wide in range(least, most, _STEP):
        if len(set(apart(different, wide).values())) == len(different):
            return wide
    return max(least, most)


def _sum(widths: dict[int, int]) -> int:
    return sum(widths.values()) + _GAP * (len(widths) - 1)


def _bar(fraction: float, width: int) -> str:
    """Return a bar that is `fraction` of `width`, to an eighth of a column, and never empty."""
    eighths = max(round(fraction * width * 8), 1 if fraction else 0)
    return (_EIGHTHS[-1] * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def _encodable(text: str, encoding: str) -> str:
    """Return `text` as a stream of this encoding can take it."""
    if _fits(text, encoding):
        return text
    return "".join(char if _fits(char, encoding) else _ASCII.get(char, "?") for char in text)


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
