"""`reglint.inspect` and the methods of a PenaltyReport."""

from __future__ import annotations

import math
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("msgspec")

import reglint as package
from reglint.inspector.facts import Kind
from reglint.inspector.plot import MOST
from reglint.inspector.render.head import headline


@pytest.fixture(scope="module", params=["tensorflow", "jax"])
def ran(request, on_keras):
    """Return what `reglint.inspect` gave on a backend."""
    return on_keras("api.py", request.param)


@pytest.fixture(scope="module")
def every(reports):
    """Return sample reports: all there can be, little, nothing, wrong, hostile and many."""
    names = ("FULL", "STATIC", "EMPTY", "REFUSED", "BROKEN", "HOSTILE", "LARGE")
    return [getattr(reports, name) for name in names]


def test_a_model_of_this_process_is_inspected_and_left_as_it_was(ran):
    found = ran["model"]
    assert found["format"] == "memory"
    assert found["path"] == "sequential"
    assert found["kinds"] == ["activity", "weight"]
    assert not found["verdict"]
    assert found["run"]
    assert ran["unchanged"]
    unbuilt, first, kept, _ = ran["stateful"]  # states of an RNN
    assert unbuilt == 0
    assert first == kept > 0


def test_x_replaces_the_made_up_inputs(ran):
    assert ran["x"]["loss"] is None
    assert ran["x"]["total"] != ran["model"]["total"]


def test_x_and_y_tell_the_share_in_the_loss(ran):
    found = ran["x and y"]
    assert found["loss"] > 0
    assert found["samples"] == 40
    assert found["total"] == ran["x"]["total"]


def test_lists_of_arrays_go_to_several_inputs(ran):
    assert ran["two inputs"]["samples"] == 40


def test_data_may_be_the_path_of_a_file(ran):
    assert ran["data of a path"]["loss"] == ran["x and y"]["loss"]


def test_a_file_is_inspected_in_processes_of_its_own_with_the_same_result(ran):
    found = ran["file"]
    assert found["format"] == "keras"
    assert found["verdict"]
    assert found["loss"] == pytest.approx(ran["x and y"]["loss"], rel=1e-5)
    assert found["total"] == pytest.approx(ran["x and y"]["total"], rel=1e-5)
    assert found["source"] == "data"
    assert found["notes"] == []


def test_a_model_of_this_process_is_traced_to_its_code(ran):
    code = Path(__file__).with_name("keras_runs").joinpath("api.py").read_text().splitlines()
    found = {layer: code[line - 1].strip() for layer, line in ran["sources"].items()}
    assert found.keys() == {"first", "last"}
    assert all(text.startswith(f"self.{layer} = ") for layer, text in found.items())


def test_a_file_is_only_read_when_asked(ran):
    assert not ran["static"]["run"]
    assert ran["static"]["kinds"] == ["weight"]


def test_what_cannot_be_inspected_is_said_in_one_line(ran):
    assert ran["missing"] == "NotRead: /no.keras: no such file or directory"
    assert ran["no model"] == "TypeError: a model of Keras 3 or the path of a file, not int"
    assert ran["no option"].startswith("TypeError: no option static; those for a model of this")
    assert ran["no file option"].startswith("TypeError: no option colour; those for a file are")
    assert ran["three"] == "ValueError: data is (x, y) or x, not a tuple of 3"
    assert ran["no samples fit"].startswith("DataError: ")


@pytest.mark.parametrize("case", ["x", "x and y", "not compiled"])
def test_a_model_that_was_never_called_is_built_by_the_call(ran, case):
    unbuilt, built = ran[f"unbuilt, {case}"]
    assert [row["layer"] for row in unbuilt["rows"]].count("first") == 2
    assert unbuilt["codes"].count("two-decays") == (0 if case == "not compiled" else 1)
    assert unbuilt["total"] == pytest.approx(built["total"], rel=1e-6)
    assert [row["variable"] for row in unbuilt["rows"]] == [
        row["variable"] for row in built["rows"]
    ]


def test_data_of_a_wrong_shape_say_which_input_takes_what(ran):
    for case in ("shape", "shape of x"):
        assert ran[case].startswith("DataError: x: input `")
        assert ran[case].endswith("` takes (10), x has (3)")
    assert ran["number of inputs"] == "DataError: x: the model has 2 inputs, x has 1"
    assert ran["shape, subclassed"].startswith("DataError: x: the model cannot be computed: ")


def test_labels_that_are_of_no_class_are_an_error(ran):
    said = "DataError: x: labels are from 7 to 8, and the model puts out 2 classes"
    assert ran["labels"] == said


def test_the_names_of_the_package_come_on_first_use(python):
    code = """
import sys, reglint
assert "reglint.inspector" not in sys.modules
assert reglint.PenaltyReport.__module__ == "reglint.inspector.report"
assert callable(reglint.inspect) and issubclass(reglint.NotRead, Exception)
assert "keras" not in sys.modules and "numpy" not in sys.modules
try:
    reglint.inspekt
except AttributeError as error:
    print(error)
"""
    done = python("-c", code)
    assert (done.returncode, done.stdout) == (0, "module 'reglint' has no attribute 'inspekt'\n")


def test_without_the_extra_it_says_what_to_install(python):
    code = "import sys; sys.modules['msgspec'] = None; import reglint; reglint.inspect"
    done = python("-c", code)
    assert done.stderr.splitlines()[-1] == (
        'ImportError: reglint.inspect needs msgspec: pip install "reglint[inspect]"'
    )


def test_a_report_goes_through_json_and_back(every):
    for report in every:
        again = package.PenaltyReport.from_json(report.to_json())
        assert again.to_json() == report.to_json()
        assert again.file == report.file


def test_what_is_no_report_is_a_value_error():
    for text in ("", "{}", "[1]", '{"reports": [], "summaries": []}'):
        with pytest.raises(ValueError, match="report"):
            package.PenaltyReport.from_json(text)


def test_rows_have_all_penalties_with_their_shares(every):
    for report in every:
        rows = report.to_dicts()
        assert [row["value"] for row in rows] == [each.value for each in report.penalties]
        assert all(row.keys() == rows[0].keys() for row in rows)
        assert {row["kind"] for row in rows} <= {kind.value for kind in Kind}
        for row in rows:
            assert (row["variable"] is not None) == (row["kind"] == "weight")
            assert (row["parameters"] is not None) == (row["kind"] == "weight")


def test_layers_add_up_to_the_total(every):
    for report in every:
        by_layer = sum(sum(kinds.values()) for kinds in report.by_layer.values())
        if math.isfinite(report.total):
            assert by_layer == pytest.approx(report.total)


def test_as_text_it_is_the_table_with_the_answer_on_top(every):
    for report in every:
        _, answer, *rest = str(report).split("\n")
        assert headline(report).startswith(answer)
        assert rest[-1]


class _Tags(HTMLParser):
    """The elements of a piece of HTML; it must be balanced."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_notebook_shows_it_without_script_and_with_styles_of_its_own_only(every):
    for report in every:
        text = report._repr_html_()
        seen = set(_Tags(text).seen)
        assert seen.isdisjoint({"script", "link", "iframe", "img"})
        assert seen <= {
            *("div", "style", "p", "b", "span", "table", "thead", "tbody", "tr", "th", "td", "i"),
            *("ul", "li", "code"),
        }
        css = text.partition("<style>")[2].partition("</style>")[0]
        selectors = [rule.partition("{")[0] for rule in css.strip().splitlines()]
        for selector in ",".join(selectors).split(","):
            assert f"{selector.strip()} ".startswith(".reglint ")


def test_the_plot_has_a_bar_for_each_of_the_largest_layers_and_each_kind(every):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    for report in every:
        ax = report.plot()
        assert len(ax.patches) == len(report.by_kind) * min(len(report.by_layer), MOST)
        pyplot.close(ax.figure)
        figure, own = pyplot.subplots()
        assert report.plot(ax=own) is own
        pyplot.close(figure)


def test_without_matplotlib_the_plot_says_so(every, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        every[0].plot()
