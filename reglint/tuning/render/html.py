"""One page that needs nothing else, as that of an inspection: with charts of how sure it is.

One shows by how much each candidate is above the choice, with the interval of that; the other how
the search of each seed went.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from reglint.inspector.render import html
from reglint.inspector.render.charts import drawing, figure, placed, row, titled
from reglint.inspector.render.markup import Markup, tag
from reglint.inspector.render.words import shown
from reglint.tuning.render.page import page
from reglint.tuning.render.words import NAMES, coefficient, decimals, fixed, interval, span
from reglint.tuning.verdict import LOSS, judged

if TYPE_CHECKING:
    from reglint.tuning.facts import Choice, TuneReport
    from reglint.tuning.verdict import Verdict

_MARGIN = 0.03  # of a box, left and right of what is drawn
_SEARCHES = 30  # that are drawn


def render(report: TuneReport) -> str:
    """Return a page of `report`."""
    document, verdict = page(report), judged(report)
    drawn = {"overview": [differences(verdict)], "choices": [searches(report)]}
    sections = [html.section(each, drawn.get(each.key, []), 0) for each in document.sections]
    name = shown(report.file.path)
    end = html.footer([(name, report.file.sha256), ("the data", report.data_sha256)])
    return html.whole(f"{name}: coefficients", [html.article(document, sections)], end)


def differences(verdict: Verdict) -> Markup | None:
    """Return by how much the loss of each candidate is above that of the choice, as a bar."""
    known = [
        (score.candidate, score.difference, score.difference.interval)
        for score in verdict.scores
        if score.measure == LOSS and score.difference and score.difference.interval
    ]
    ends = [end for *_, ends in known for end in ends]
    low, high = min((0.0, *ends)), max((0.0, *ends))
    if not high > low:
        return None

    def at(value: float) -> str:
        return _at((value - low) / (high - low))

    rows = []
    for candidate, found, (left, right) in known:
        digits = decimals([found])
        text = f"{'+' if found.mean > 0 else ''}{fixed(found.mean, digits)}"
        title = f"{NAMES[candidate]}: {text} ({interval(found, digits)})"
        drawn = drawing(
            tag("line", x1=at(0.0), x2=at(0.0), y1="0", y2="100%", class_="mark"),
            tag("line", x1=at(left), x2=at(right), y1="50%", y2="50%", stroke="currentColor"),
            titled("circle", title, cx=at(found.mean), cy="50%", r=5),
        )
        rows.append(row(candidate.value, drawn, text))
    caption = "Test loss above that of the choice, with its 95 % interval"
    return figure(caption, tag("div", *rows, class_="rows dots"))


def searches(report: TuneReport) -> Markup | None:
    """Return the coefficients that each search went through, from left to right, as a line."""
    known = [choice for choice in report.choices if len(choice.path) > 1][:_SEARCHES]
    values = [value for choice in known for value in choice.path]
    if not values or not 0 < min(values) < max(values) < math.inf:
        return None
    low, high = math.log(min(values)), math.log(max(values))
    rows = [
        row(f"seed {each.seed}, {each.candidate.value}", _path(each, low, high), _end(each))
        for each in known
    ]
    caption = f"Coefficients that each search went through; in height from {span(values)}"
    return figure(caption, tag("div", *rows, class_="rows dots"))


def _path(choice: Choice, low: float, high: float) -> Markup:
    """Return a path, of a box that is as high as all of them, on a scale of logs."""
    count = len(choice.path) - 1
    points = [
        (part / count, (math.log(v) - low) / (high - low)) for part, v in enumerate(choice.path)
    ]
    lines = [
        tag("line", x1=_at(x), y1=placed(1 - y), x2=_at(to), y2=placed(1 - end),
            stroke="currentColor")
        for (x, y), (to, end) in pairwise(points)
    ]  # fmt: skip
    x, y = points[-1]
    dot = titled("circle", f"seed {choice.seed}: {_end(choice)}", cx=_at(x), cy=placed(1 - y), r=4)
    return drawing(*lines, dot)


def _at(part: float) -> str:
    return placed(_MARGIN + (1 - 2 * _MARGIN) * part)


def _end(choice: Choice) -> str:
    return coefficient(choice.path[-1])
