"""Charts, as HTML with inline SVG: words are HTML, so that they keep their size in any window.

Bars and dots are placed in percent of their box. What a chart shows stands beside it as text, or in
a table; the drawings themselves are hidden from screen readers.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from reglint.inspector.render.document import elided
from reglint.inspector.render.markup import Markup, joined, tag
from reglint.inspector.render.numbers import count, number, percent
from reglint.inspector.render.sections import decays, together
from reglint.inspector.render.words import layer, ranked, variable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reglint.inspector.facts import Histogram, Kind
    from reglint.inspector.report import PenaltyReport

MOST = 30  # bars, dots or histograms in a chart
_LABEL = 44  # characters
_LEAST, _LARGEST = 1e-300, 1e300
_DECADES, _FEW = 8, 2  # with a tick each, at most; with three each, at most


def shares(report: PenaltyReport) -> Markup | None:
    """Return what the loss consists of: data and each kind of penalty, as one bar."""
    parts = [(kind.value, kind.value, value) for kind, value in report.by_kind.items()]
    if report.data is not None:
        parts.insert(0, ("data loss", "data", report.data.loss))
    whole = sum(value for *_, value in parts)
    if len(parts) == 1 or not _drawable(whole) or any(value < 0 for *_, value in parts):
        return None
    drawn, legend, start = [], [], 0.0
    for name, color, value in parts:
        part = value / whole
        text = f"{name} {number(value)}, {percent(part)}"
        drawn.append(_bar(start, part, color, text))
        legend.append(tag("li", tag("i", class_=f"key {color}"), text))
        start += part
    caption = "What the loss consists of" if report.data else "What the penalties consist of"
    return figure(caption, drawing(*drawn, class_="stack"), tag("ul", *legend, class_="legend"))


def layers(report: PenaltyReport) -> Markup | None:
    """Return the penalties of each layer as a bar, the largest first."""
    sums: dict[str, dict[Kind, float]] = {}
    for penalty in ranked(report.penalties):
        if _drawable(penalty.value):
            kinds = sums.setdefault(layer(penalty.layer), {})
            kinds[penalty.kind] = kinds.get(penalty.kind, 0.0) + penalty.value
    ordered = sorted(sums.items(), key=lambda item: -sum(item[1].values()))
    if len(ordered) < 2:  # noqa: PLR2004 - one bar says nothing
        return None
    largest = sum(ordered[0][1].values())
    rows = [_layer(name, kinds, largest) for name, kinds in ordered[:MOST]]
    rest = [sum(kinds.values()) for _, kinds in ordered[MOST:]]
    if rest:  # no bar: together they may be larger than all others
        text = f"{count(len(rest), 'other layer')} together"
        rows.append(row(text, drawing(), number(sum(rest))))
    return figure("Penalty of each layer", tag("div", *rows, class_="rows"))


def _layer(name: str, kinds: dict[Kind, float], largest: float) -> Markup:
    drawn, start = [], 0.0
    for kind, value in kinds.items():
        drawn.append(
            _bar(start, value / largest, kind.value, f"{name} {kind.value} {number(value)}")
        )
        start += value / largest
    return row(name, drawing(*drawn), number(sum(kinds.values())))


def half_lives(report: PenaltyReport) -> Markup | None:
    """Return the half-life of each variable as a dot, on a logarithmic axis, the shortest first."""
    known = [(together(alike), alike[0].half_life) for alike in decays(report)]
    return _dots("Half-life of each variable, in steps", known)


def ratios(report: PenaltyReport) -> Markup | None:
    """Return how much stronger penalties pull than data, a dot per layer, the strongest first."""
    gradients = report.data.gradients if report.data else ()
    known = [(layer(each.layer), each.ratio) for each in gradients if each.ratio]
    known.sort(key=lambda item: -item[1])
    return _dots("|gradient of the penalties| / |gradient of the data loss|", known, mark=1.0)


def _dots(
    caption: str, given: Iterable[tuple[str, float | None]], mark: float | None = None
) -> Markup | None:
    known = [(name, value) for name, value in given if value is not None and _drawable(value)]
    if len(known) < 2:  # noqa: PLR2004 - one dot says nothing
        return None
    shown = known[:MOST]
    values = [value for _, value in shown] + ([mark] if mark else [])
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)

    def at(value: float) -> str:
        return placed(0.03 + 0.94 * (math.log10(value) - low) / (high - low))

    step = math.ceil((high - low) / _DECADES)
    between = (1, 2, 5) if high - low <= _FEW else (1,)
    ticks = [
        factor * 10.0**power
        for power in range(low, high + 1, step)
        for factor in between
        if factor * 10.0**power <= 10.0**high
    ]
    lines = [tag("line", x1=at(t), x2=at(t), y1="0", y2="100%", class_="tick") for t in ticks]
    if mark:
        lines.append(tag("line", x1=at(mark), x2=at(mark), y1="0", y2="100%", class_="mark"))
    rows = [
        row(
            name,
            drawing(*lines, titled("circle", f"{name} {number(v)}", cx=at(v), cy="50%", r=5)),
            number(v),
        )
        for name, v in shown
    ]
    labels = [tag("text", f"{tick:,g}", x=at(tick), y="12", text_anchor="middle") for tick in ticks]
    axis = row("", tag("svg", *labels, class_="axis", aria_hidden="true"), "")
    left = len(known) - len(shown)
    others = tag("p", f"{count(left, 'other')} are in the table.", class_="aside") if left else None
    return figure(caption, tag("div", *rows, axis, class_="rows dots"), others)


def histograms(report: PenaltyReport) -> Markup | None:
    """Return the histograms of the variables with the largest penalties."""
    drawn = [each for each in report.histograms if each.counts and _finite(each.edges)]
    if not drawn:
        return None
    rank = {each.name: place for place, each in enumerate(ranked(report.penalties))}
    drawn.sort(key=lambda each: rank.get(str(each.variable), len(rank)))
    left = len(drawn) - MOST
    others = (
        tag(
            "p",
            f"{count(left, 'other variable')}, of smaller penalties, not drawn.",
            class_="aside",
        )
        if left > 0
        else None
    )
    grid = tag("div", *map(_histogram, drawn[:MOST]), class_="histograms")
    return joined(grid, others)


def _histogram(histogram: Histogram) -> Markup:
    low, high = histogram.edges[0], histogram.edges[-1]
    tallest = max(*histogram.counts, 1)
    wide = 1 / max(1, len(histogram.counts))
    bars = [
        titled(
            "rect",
            f"{number(left)} to {number(right)}: {held:,}",
            x=placed(index * wide),
            width=placed(wide * 0.9),
            y=placed(1 - held / tallest),
            height=placed(held / tallest),
            class_="weight",
        )
        for index, (left, right, held) in enumerate(
            zip(histogram.edges, histogram.edges[1:], histogram.counts, strict=False)
        )
        if held
    ]
    zero = None
    if low < 0 < high:
        x = placed(-low / (high - low))
        zero = tag("line", x1=x, x2=x, y1="0", y2="100%", class_="tick")
    name = variable(histogram.variable)
    return tag(
        "figure",
        tag("figcaption", elided(name, _LABEL), title=name),
        drawing(zero, *bars, class_="histogram"),
        tag("p", tag("span", number(low)), tag("span", number(high)), class_="range"),
        class_="small",
    )


def _finite(values: Iterable[float]) -> bool:
    return all(map(math.isfinite, values))


# What charts are made of


def figure(caption: str, *children: Markup | None) -> Markup:
    """Return a chart with what it shows above it."""
    return tag("figure", tag("figcaption", caption), *children)


def row(name: str, drawn: Markup, value: str) -> Markup:
    """Return what is drawn of `name`, with the value that it stands for."""
    return tag(
        "div",
        tag("span", elided(name, _LABEL), class_="label", title=name or None),
        drawn,
        tag("span", value, class_="value"),
        class_="row",
    )


def drawing(*children: Markup | None, class_: str = "bar") -> Markup:
    """Return shapes in a box of their own."""
    return tag("svg", *children, class_=class_, aria_hidden="true")


def _bar(start: float, part: float, color: str, title: str) -> Markup:
    x, width = placed(start), placed(part)
    return titled("rect", title, x=x, width=width, height="100%", class_=color)


def titled(shape: str, title: str, **attributes: str | float) -> Markup:
    """Return a shape that shows `title` when it is pointed at."""
    return tag(shape, tag("title", title), **attributes)


def placed(part: float) -> str:
    """Return where something is in its box, of which it is a part."""
    return f"{100 * part:.3f}%"


def _drawable(value: float) -> bool:
    """Return whether `value` has a place on an axis, also on one that ends at powers of ten."""
    return _LEAST < value < _LARGEST
