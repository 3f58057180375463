"""Notebooks: their cells, places, and edits inside the JSON."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reglint.model import Edit, Place
from reglint.source import Source, SourceError

FILES = Path(__file__).parent.parent / "fixtures" / "files"
PYTHON = {"language_info": {"name": "python"}}


def fixture(name: str) -> Source:
    return Source.from_bytes(name, (FILES / name).read_bytes())


def code(source: object, **more: object) -> dict[str, object]:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], **more}


def notebook(*cells: object, metadata: object = PYTHON) -> dict[str, object]:
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def source_of(content: object, **style: object) -> Source:
    return Source.from_bytes("a.ipynb", json.dumps(content, **style).encode())


def codes(data: bytes) -> list[str]:
    cells = json.loads(data.decode("utf-8-sig"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


# Cells and places.


def test_code_cells_are_joined_and_counted_among_all_cells():
    markdown = {"cell_type": "markdown", "metadata": {}, "source": "x"}
    source = source_of(notebook(markdown, code(["a\n", "b"]), markdown, code(""), code("c\n")))
    assert source.is_notebook
    assert source.text == "a\nb\n\nc\n"
    assert [(cell.number, cell.start, cell.end) for cell in source.cells] == [
        (2, 0, 4),
        (4, 4, 5),
        (5, 5, 7),
    ]
    assert [source.cell_of(offset) for offset in (0, 3, 4, 5, 6, 7)] == [2, 2, 4, 5, 5, 5]
    assert [str(source.place(offset)) for offset in range(8)] == [
        *("cell 2:1:1", "cell 2:1:2", "cell 2:2:1", "cell 2:2:2"),
        "cell 4:1:1",
        *("cell 5:1:1", "cell 5:1:2", "cell 5:2:1"),
    ]


def test_places_count_the_characters_of_the_cell():
    source = source_of(notebook(code("\f\u00e9\r\n\U0001f600 x\ry")))
    assert source.text == "\u00e9\n\U0001f600 x\ny\n"
    assert [str(source.place(offset))[7:] for offset in (0, 1, 2, 4, 6)] == [
        *("1:2", "1:3", "2:1", "2:3", "3:1")
    ]


@pytest.mark.parametrize(
    "content",
    [
        notebook(code("x"), metadata={"language_info": {"name": "R"}}),
        notebook(code("x"), metadata={"kernelspec": {"language": "julia"}}),
        notebook({"cell_type": "markdown", "metadata": {}, "source": ["x"]}),
        notebook({"cell_type": "code"}),
        notebook(code("x", metadata={"vscode": {"languageId": "sql"}})),
        notebook(),
    ],
)
def test_notebooks_without_python_are_empty(content):
    source = source_of(content)
    assert (source.text, source.cells) == ("", ())
    assert source.edited([]).data == source.data


@pytest.mark.parametrize(
    "metadata",
    [{}, None, {"language_info": {}}, {"language_info": {"name": "ipython"}}, {"kernelspec": 1}],
)
def test_without_a_word_a_notebook_is_python(metadata):
    assert source_of(notebook(code("x"), metadata=metadata)).text == "x\n"


def test_cells_can_be_left_out():
    source = source_of(notebook(code("a"), code("b\nc?"), code("d")))
    without = source.without_cells({2})
    assert without.text == "a\n \n  \nd\n"
    assert without.data == source.data
    assert without.without_cells([1]).edited([]).text == " \n \n  \nd\n"
    edited = without.edited([Edit(7, 8, "e")])
    assert edited.text == "a\n \n  \ne\n"
    assert codes(edited.data) == ["a", "b\nc?", "e"]


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        (b"", Place(0, 1, 1), "not valid JSON"),
        (b'{"cells":\n [}', Place(0, 2, 3), "not valid JSON"),
        (b'{"cells": []} x', Place(0, 1, 15), "not valid JSON: Extra data"),
        (b'{"cells": ["\n"]}', Place(0, 1, 13), "control character"),
        (b'{"a": "\xc3\xa9",\n"\xff": 1}', Place(0, 2, 2), "byte 0xff is not utf-8"),
        (b"[1]", Place(0, 1, 1), "not a Jupyter notebook"),
        (b'{"cells": {}}', Place(0, 1, 1), "not a Jupyter notebook"),
        (b'{"cells": null, "worksheets": []}', Place(0, 1, 1), "not a Jupyter notebook"),
        (b'{"worksheets": [1]}', Place(0, 1, 1), "not a Jupyter notebook"),
        (b'{"cells": [1, {"cell_type": "code", "source": [1]}]}', Place(2, 1, 1), "not text"),
        (b'{"cells": [{"cell_type": "code", "source": null}]}', Place(1, 1, 1), "not text"),
        (b"[" * 200_000, None, "nested too deeply"),
    ],
)
def test_what_is_no_notebook(data, place, message):
    with pytest.raises(SourceError, match=message) as caught:
        Source.from_bytes("a.ipynb", data)
    assert caught.value.place == place


# Edits.

characters = st.sampled_from(
    ["a", "b ", "\n", "\n", '"', "\\", "\\n", "\u00e9", "\U0001f600", "\u2028", "\t"]
)
texts = st.lists(characters, max_size=12).map("".join)
insertions = st.text(st.sampled_from('xy\n "\\'), max_size=6)
styles = st.sampled_from(
    [
        style | {"ensure_ascii": ensure_ascii}
        for ensure_ascii in (True, False)
        for style in (
            {},
            {"separators": (",", ":")},
            {"indent": 1},
            {"indent": 4},
            {"indent": "\t"},
        )
    ]
)


@st.composite
def edits_of(draw: st.DrawFn, length: int) -> list[Edit]:
    offsets = sorted(draw(st.lists(st.integers(0, length), max_size=6)))
    return [
        Edit(*span, draw(insertions)) for span in zip(offsets[::2], offsets[1::2], strict=False)
    ]


def spliced(text: str, edits: list[Edit]) -> str:
    for edit in reversed(edits):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def moved(edits: list[Edit], offset: int) -> list[Edit]:
    return [Edit(edit.start + offset, edit.end + offset, edit.text) for edit in edits]


@given(
    data=st.data(),
    sources=st.lists(st.just("") | texts.map("x".__add__), min_size=1, max_size=3),
    style=styles,
    file=st.sampled_from(
        [(b"", b"\n", b""), (b"\xef\xbb\xbf", b"\n", b"\n"), (b" ", b"\r\n", b"\r\n")]
    ),
)
def test_an_edited_notebook_is_written_as_it_was(data, sources, style, file):
    start, newline, end = file

    def dumped(*sources: str) -> bytes:
        cells = [code(lines(source), outputs=["\u00e9\\/"]) for source in sources]
        body = json.dumps(notebook("x", *cells), **style).encode()
        return start + body.replace(b"\n", newline) + end

    source = Source.from_bytes("a.ipynb", dumped(*sources))
    # Where a cell ends is where the next one starts: nothing is inserted there. And the first
    # character stays: blanks before it would not be part of the text.
    changes = [
        moved(data.draw(edits_of(len(text.removesuffix("\n")) - 1)), 1) if text else []
        for text in sources
    ]
    edits = [
        edit
        for cell, changed in zip(source.cells, changes, strict=True)
        for edit in moved(changed, cell.start)
    ]
    edited = source.edited(edits)
    after = [spliced(text, changed) for text, changed in zip(sources, changes, strict=True)]
    assert edited.data == dumped(*after)
    assert edited.text == "".join(text if text.endswith("\n") else text + "\n" for text in after)


@given(data=st.data(), strings=st.lists(texts, max_size=5), is_list=st.booleans(), style=styles)
def test_any_source_can_be_edited(data, strings, is_list, style):
    text = "".join(strings)
    source = source_of(notebook(code(strings if is_list else text)), **style)
    assume(source.text.rstrip("\n") == text.rstrip("\n"))  # not indented as a whole
    edits = data.draw(edits_of(len(text)))
    edited = source.edited(edits)
    assert codes(edited.data) == [spliced(text, edits)]
    before, after = source.data.decode(), edited.data.decode()
    start = before.index('"source"') + len('"source":')
    assert after.startswith(before[:start])
    assert after.endswith(before[before.rindex('"outputs"') :])


@pytest.mark.parametrize(
    ("before", "edit", "after"),
    [
        pytest.param(["a\n", "b"], Edit(0, 2, ""), '["b"]', id="first line"),
        pytest.param(["a\n", "b"], Edit(2, 3, ""), '["a\\n"]', id="last line"),
        pytest.param(["a\n", "b"], Edit(2, 4, ""), '["a\\n"]', id="with its unwritten newline"),
        pytest.param(["a\n", "b"], Edit(2, 4, "c\n"), '["a\\n", "c"]', id="another last line"),
        pytest.param(["a\n", "b"], Edit(4, 4, "c\n"), '["a\\n", "b\\n", "c"]', id="at the end"),
        pytest.param(["a\n", "b"], Edit(0, 3, ""), "[]", id="all lines"),
        pytest.param("a", Edit(0, 1, ""), '""', id="all of a string"),
        pytest.param("a\nb", Edit(1, 2, "\n\n"), '"a\\n\\nb"', id="a string stays one"),
        pytest.param([], Edit(0, 0, "a\nb"), '["a\\n", "b"]', id="into nothing"),
        pytest.param([""], Edit(0, 0, "a\nb"), '["a\\n", "b"]', id="into an empty string"),
        pytest.param(["ab", "", "c"], Edit(0, 1, "x"), '["xb", "", "c"]', id="odd strings stay"),
        pytest.param(["ab", "cd"], Edit(1, 3, "x"), '["axd"]', id="across strings"),
        pytest.param(["a\r\n", "b"], Edit(0, 0, "x\n"), '["x\\r\\n", "a\\r\\n", "b"]', id="crlf"),
        pytest.param(
            ["\u00e9"], Edit(1, 1, "\u65e5"), '["\\u00e9\\u65e5"]', id="escaped as the rest"
        ),
    ],
)
def test_edges_of_edits(before, edit, after):
    source = source_of(notebook(code(before)))
    assert json.dumps(before) in source.data.decode()
    expected = source.data.decode().replace(json.dumps(before), after, 1)
    assert source.edited([edit]).data.decode() == expected


@pytest.mark.parametrize(
    ("raw", "edit", "after"),
    [
        ('["a\\n" ,"b\\n",\n\t"c"]', Edit(0, 0, "x\n"), '["x\\n" ,"a\\n" ,"b\\n",\n\t"c"]'),
        ('["a\\n" ,"b\\n",\n\t"c"]', Edit(5, 5, "\nx"), '["a\\n" ,"b\\n",\n\t"c\\n",\n\t"x"]'),
        ('["a\\n" ,"b\\n",\n\t"c"]', Edit(2, 4, ""), '["a\\n",\n\t"c"]'),
        (r'"\u0061\/\ud83d\ude00b\ud800c"', Edit(3, 4, "x"), r'"\u0061\/\ud83d\ude00x\ud800c"'),
        (r'"\u0061\/\uD83D\uDE00b\ud800c"', Edit(5, 6, "x"), r'"\u0061\/\uD83D\uDE00b\ud800x"'),
        (r'"\u0061\/\ud83d\ude00b\ud800c"', Edit(2, 3, ""), r'"\u0061\/b\ud800c"'),
        ('"old", "source" :"a"', Edit(0, 1, "new"), '"old", "source" :"new"'),
        ('["a"], "input": ["b"]', Edit(0, 1, "c\nd"), '["c\\n", "d"], "input": ["b"]'),
        ("[ ]", Edit(0, 0, "a"), '["a"]'),
        ('[\n  "a"\n ]', Edit(1, 1, "\nb"), '[\n  "a\\n",\n  "b"\n ]'),
    ],
)  # fmt: skip
def test_the_rest_of_the_json_stays(raw, edit, after):
    frame = (
        '{"cells": [{}, {"source": %s , "cell_type":"code"}\r\n],"nbformat" :4, "x": [1E400, '
        + "9" * 5000
        + "]}"
    )
    source = Source.from_bytes("a.ipynb", (frame % raw).encode())
    assert source.edited([edit]).data.decode() == frame % after


def test_lone_surrogates_do_not_reach_the_parser():
    assert source_of(notebook(code("x = '\ud800'"))).text == "x = '?'\n"


def test_the_last_of_equal_keys_counts_as_in_every_json_reader():
    data = b'{"cells": [], "cells": [{"cell_type": "code", "source": "a", "source": ["b"]}]}'
    source = Source.from_bytes("a.ipynb", data)
    assert source.text == "b\n"
    assert source.edited([Edit(0, 1, "c")]).data == data.replace(b'"b"', b'"c"')


def test_an_edit_stays_within_its_cell():
    source = source_of(notebook(code("a"), code("b")))
    with pytest.raises(ValueError, match="leaves its cell"):
        source.edited([Edit(0, 3, "")])
    assert codes(source.edited([Edit(2, 2, "x\n")]).data) == ["a", "x\nb"]
    assert codes(source.edited([Edit(0, 2, "c\n"), Edit(2, 4, "d\n")]).data) == ["c", "d"]


def test_what_is_not_ascii_stays_so():
    source = source_of(notebook(code(["\u00e9"])), ensure_ascii=False)
    assert "\u00e9\u65e5" in source.edited([Edit(1, 1, "\u65e5")]).data.decode()


# Fixtures.


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("compact", ["cell 3:1:18"]),
        ("crlf", ["cell 3:1:18"]),
        ("indented", ["cell 3:3:5"]),
        ("magics", ["cell 3:17:18", "cell 5:2:18"]),
        ("nbformat3", ["cell 3:1:18"]),
        ("one_space", ["cell 3:1:18"]),
        ("one_string_source", ["cell 2:4:18"]),
        ("tabs", ["cell 1:4:18"]),
        ("outputs_with_W_regularizer", []),
        ("r_kernel", []),
    ],
)
def test_fixtures_are_edited_in_place(name, places):
    source = fixture(f"{name}.ipynb")
    ast.parse(source.text)
    spans = [match.span() for match in re.finditer("W_regularizer", source.text)]
    assert [str(source.place(start)) for start, _ in spans] == places
    edited = source.edited([Edit(*span, "kernel_regularizer") for span in spans])
    changed = [
        (old, new)
        for old, new in zip(source.data.split(b"\n"), edited.data.split(b"\n"), strict=True)
        if old != new
    ]
    assert len(changed) == len(places)
    for old, new in changed:
        assert new.count(b"kernel_regularizer") == 1
        start, end = new.split(b"kernel_regularizer")
        assert old == start + b"W_regularizer" + end


@pytest.mark.parametrize(
    ("name", "place"), [("broken", Place(0, 8, 12)), ("not_a_notebook", Place(0, 1, 1))]
)
def test_fixtures_that_are_no_notebooks(name, place):
    with pytest.raises(SourceError) as caught:
        fixture(f"{name}.ipynb")
    assert caught.value.place == place


def test_one_bad_cell_can_be_left_out():
    source = fixture("bad_cell.ipynb")
    with pytest.raises(SyntaxError):
        ast.parse(source.text)
    source = source.without_cells({2})
    ast.parse(source.text)
    assert str(source.place(source.text.index("W_regularizer"))) == "cell 3:1:18"


# What IPython forgives


def test_a_cell_that_is_indented_as_a_whole():
    text = "  x = 1\n  if x:\n    y = '''\nz'''\n\n  w = 2"
    source = source_of(notebook(code(text)))
    assert source.text == "x = 1\nif x:\n  y = '''\nz'''\n\nw = 2\n"
    at = source.text.index("w")
    assert source.place(at) == Place(1, 6, 3)
    changed = source.edited([Edit(at, at, "new = 0\n")])
    assert codes(changed.data) == [text.replace("  w", "  new = 0\n  w")]
