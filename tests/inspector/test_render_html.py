"""The page shows the numbers of the report in a real browser, and runs and loads nothing else."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import pytest

pytest.importorskip("msgspec")

from reglint.inspector.facts import Decay, Histogram, LayerGradient, Variable
from reglint.inspector.render import render
from reglint.inspector.render.markup import Markup, joined, tag

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
VOID = {"meta", "br"}


class Page(HTMLParser):
    """A page as a parser sees it: elements with attributes, cells with text; and every fault."""

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.elements = []
        self.rows = []
        self.faults = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def named(self, name):
        return [attributes for tag, attributes in self.elements if tag == name]


@pytest.fixture(params=["FULL", "STATIC", "EMPTY", "REFUSED", "BROKEN", "HOSTILE", "LARGE"])
def report(reports, request):
    return getattr(reports, request.param)


def test_it_is_well_formed(report):
    page = Page(render("html", [report, report]))
    assert page.faults == []
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    labels = {a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a}
    assert labels <= set(ids)


def test_it_needs_no_network_and_allows_none(report):
    text = render("html", [report])
    assert not re.search(r"https?:|//[a-z]|url\(|@import", text)
    page = Page(text)
    (policy,) = [a["content"] for a in page.named("meta") if "http-equiv" in a]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert not {"src", "href", "style", "onclick", "onload"} & {
        key for _, attributes in page.elements for key in attributes
    }
    assert len(page.named("script")) == len(page.named("style")) == 1


def test_cells_have_the_exact_number_behind_them(reports):
    cells = [a["data-value"] for a in Page(render("html", [reports.FULL])).named("td")
             if "data-value" in a]  # fmt: skip
    for penalty in reports.FULL.penalties:
        assert repr(penalty.value) in cells


def test_charts_have_a_bar_for_each_layer_up_to_a_limit(reports):
    large = render("html", [reports.LARGE])
    assert "120 other layers together" in large
    assert "120 other variables, of smaller penalties, not drawn." in large
    assert "120 others are in the table." in large
    assert large.count('<figure class="small">') == 30
    assert len(large) < 1_000_000
    small = Page(render("html", [reports.STATIC]))
    widths = [float(a["width"].rstrip("%")) for a in small.named("rect") if a.get("x") == "0.000%"
              and a.get("height") == "100%"]  # fmt: skip
    assert widths == pytest.approx([100, 80.04, 35.02], abs=0.01)


@pytest.mark.parametrize("value", [5e-324, 1e-310, 1.7e308, math.inf, math.nan, -1.0, 0.0])
def test_charts_stand_any_number(reports, value):
    variable = Variable("a", "kernel")
    extreme = replace(
        reports.FULL,
        penalties=(reports.weight("a", value), *reports.PENALTIES),
        data=replace(reports.FULL.data, loss=value, gradients=(
            LayerGradient("a", "Dense", 1, abs(value), 1.0),
            *reports.FULL.data.gradients,
        )),
        decays=(Decay(variable, "L2", "", value, value), *reports.FULL.decays),
        histograms=(Histogram(variable, (-abs(value), abs(value)), (0,)),
                    Histogram(variable, (), ())),
    )  # fmt: skip
    page = Page(render("html", [extreme]))
    assert page.faults == []
    places = [a[key] for _, a in page.elements for key in ("x", "width", "cx", "x1") if key in a]
    assert places
    for place in places:
        assert place.endswith("%") and 0 <= float(place[:-1]) <= 100.001  # noqa: PT018
    for form in ("table", "markdown"):
        assert max(map(len, render(form, [extreme]).splitlines())) < 400


def test_what_is_not_markup_is_escaped():
    assert tag("p", "<b>&", Markup("<i>"), None, class_='"x"', aria_label=None) == (
        '<p class="&quot;x&quot;">&lt;b&gt;&amp;<i></p>'
    )
    assert joined("<", tag("br")) == "&lt;<br></br>"


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_a_browser_shows_the_numbers_and_runs_no_name(reports, tmp_path):
    for name in ("FULL", "HOSTILE"):
        report = getattr(reports, name)
        file = tmp_path / f"{name}.html"
        file.write_text(render("html", [report]), encoding="utf-8")
        seen = subprocess.run(
            [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-dev-shm-usage",
             "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path / name}",
             "--virtual-time-budget=2000", "--dump-dom", file.as_uri()],
            capture_output=True, text=True, timeout=120, check=True,
        ).stdout  # fmt: skip
        page = Page(seen)
        body = {(row[0], row[1]): row for row in page.rows}
        for penalty in report.penalties[1:]:
            row = body[penalty.layer, penalty.role or penalty.kind.value]
            shown = float(row[-2].replace(",", ""))
            assert shown == pytest.approx(penalty.value, rel=5e-4)
        assert len(page.named("button")) == len(page.named("th")) > 10  # our script did run
        assert "<title>run</title>" not in seen  # and theirs did not
