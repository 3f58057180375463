"""Bytes to text and back."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint.model import Edit, Place
from reglint.source import Source, SourceError

FILES = Path(__file__).parent.parent / "fixtures" / "files"
UNIT = re.compile(r"\r\n|.", re.DOTALL)  # what a newline or any other character is written with

HEADS = [
    (b"", "utf-8", ""),
    (b"\xef\xbb\xbf", "utf-8", ""),
    (b"\xef\xbb\xbf", "utf-8", "# coding: utf-8\n"),
    (b"", "latin-1", "# -*- coding: latin-1 -*-\n"),
    (b"", "cp1252", "#!/usr/bin/python é\n# vim: set fileencoding=cp1252 :\n"),
    (b"", "shift_jis", "\f# coding: shift_jis\n"),
]


@st.composite
def files(draw: st.DrawFn, *newlines: str) -> tuple[bytes, str, int]:
    """Draw the bytes of a file, the characters in it, and the length of its fixed head."""
    bom, encoding, head = draw(st.sampled_from(HEADS))
    head = head.replace("\n", draw(st.sampled_from(newlines)))
    parts = st.sampled_from([*newlines, *newlines, "a", "b ", "\t", "\f", "é", "日", "\U0001f600"])
    body = head + "".join(draw(st.lists(parts, max_size=30)))
    data = body.encode(encoding, "ignore")
    return bom + data, data.decode(encoding), len(normalised(head))


def normalised(written: str) -> str:
    return written.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "")


@st.composite
def edits_of(draw: st.DrawFn, start: int, end: int) -> list[Edit]:
    """Draw edits between two offsets: sorted, not overlapping, also adjacent and empty ones."""
    offsets = sorted(draw(st.lists(st.integers(start, end), max_size=8)))
    texts = st.text(st.sampled_from('xy\n "\\é'), max_size=5)
    return [Edit(*span, draw(texts)) for span in zip(offsets[::2], offsets[1::2], strict=False)]


def spliced(text: str, edits: list[Edit]) -> str:
    for edit in reversed(edits):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def rewritten(written: str, edits: list[Edit]) -> str:
    """Do the same as `spliced` to what is written, newline by newline."""
    original = UNIT.findall(written)
    units = list(original)
    places = [index for index, unit in enumerate(units) if unit != "\f"] + [len(units)]
    for edit in reversed(edits):
        first = places[edit.start]
        last = places[edit.end - 1] + 1 if edit.start < edit.end else first
        newlines = [unit for unit in original[first:] if unit[0] in "\r\n"]
        newlines += [unit for unit in reversed(original[:first]) if unit[0] in "\r\n"]
        units[first:last] = [edit.text.replace("\n", newlines[0] if newlines else "\n")]
    return "".join(units)


@given(files("\n", "\r\n", "\r"))
def test_text_ends_lines_in_line_feeds_and_has_no_form_feeds(file):
    data, written, _ = file
    source = Source.from_bytes("a.py", data)
    assert source.text == normalised(written)
    assert source.data == data
    assert not source.is_notebook


@given(files("\n", "\r\n", "\r"))
def test_no_edits_change_nothing(file):
    source = Source.from_bytes("a.py", file[0])
    assert source.edited([]).data == file[0]


@given(st.data(), files("\n", "\r\n", "\r"))
def test_the_text_after_edits_is_the_text_edited(data, file):
    source = Source.from_bytes("a.py", file[0])
    edits = data.draw(edits_of(file[2], len(source.text)))
    if "shift_jis" in source.text:  # it has no é
        edits = [Edit(edit.start, edit.end, edit.text.replace("é", "")) for edit in edits]
    assert source.edited(edits).text == spliced(source.text, edits)


@pytest.mark.parametrize("newlines", [("\n", "\r\n"), ("\r", "\r\n")])
@given(data=st.data())
def test_bytes_outside_the_edits_stay(newlines, data):
    before, written, head = data.draw(files(*newlines))
    source = Source.from_bytes("a.py", before)
    edits = data.draw(edits_of(head, len(source.text)))
    if "shift_jis" in source.text:
        edits = [Edit(edit.start, edit.end, edit.text.replace("é", "")) for edit in edits]
    bom = before[: len(before) - len(written.encode(source.document.encoding))]
    after = rewritten(written, edits).encode(source.document.encoding)
    assert source.edited(edits).data == bom + after


@given(files("\n", "\r\n", "\r"))
def test_places_count_the_characters_of_the_original(file):
    data, written, _ = file
    source = Source.from_bytes("a.py", data)
    places, line, column = [], 1, 1
    for unit in UNIT.findall(written):
        if unit != "\f":
            places.append(Place(0, line, column))
        line, column = (line + 1, 1) if unit[0] in "\r\n" else (line, column + 1)
    places.append(Place(0, line, column))
    assert [source.place(offset) for offset in range(len(source.text) + 1)] == places


@pytest.mark.parametrize(
    ("before", "edit", "after"),
    [
        pytest.param(b"a\r\nb\r\n", Edit(1, 2, ""), b"ab\r\n", id="a pair is one newline"),
        pytest.param(b"a\r\nb", Edit(2, 2, "c\n"), b"a\r\nc\r\nb", id="newline of the file"),
        pytest.param(b"a\r\nb\nc\n", Edit(2, 2, "d\n"), b"a\r\nd\nb\nc\n", id="of the line"),
        pytest.param(b"a\n\fb\n", Edit(0, 2, ""), b"\fb\n", id="form feed after the edit stays"),
        pytest.param(b"a\n\fb\n", Edit(2, 3, "c"), b"a\n\fc\n", id="form feed before it stays"),
        pytest.param(b"a\n\fb\n", Edit(2, 2, "c"), b"a\n\fcb\n", id="inserted after it"),
        pytest.param(b"a\rb\nc", Edit(2, 3, ""), b"a\r\n\nc", id="newlines stay two"),
        pytest.param(b"", Edit(0, 0, "a\n"), b"a\n", id="empty file"),
    ],
)
def test_edges_of_edits(before, edit, after):
    assert Source.from_bytes("a.py", before).edited([edit]).data == after


@pytest.mark.parametrize(
    "edits",
    [
        [Edit(0, 2, ""), Edit(1, 3, "")],
        [Edit(2, 3, ""), Edit(0, 1, "")],
        [Edit(2, 1, "")],
        [Edit(3, 5, "")],
        [Edit(9, 9, "")],
    ],
)
def test_edits_that_cannot_be_are_refused(edits):
    with pytest.raises(ValueError, match="overlaps"):
        Source.from_bytes("a.py", b"abc\n").edited(edits)


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        (b"a\n\xc3\xa9b\0c\n", Place(0, 2, 3), "NUL"),
        (b"\0", Place(0, 1, 1), "NUL"),
        (b"\xff\xfea\0", Place(0, 1, 1), "byte 0xff is not utf-8"),
        ("é\r# é\ré".encode() + b"\xe9", Place(0, 3, 2), "byte 0xe9 is not utf-8"),
        (b"# coding: ascii\nx = '\xe9'\n", Place(0, 2, 6), "byte 0xe9 is not ascii"),
        (b"# coding: utf-9\n", Place(0, 1, 1), "unknown encoding: utf-9"),
        (b"#!/bin/python\r# coding: utf-9\r", Place(0, 2, 1), "unknown encoding: utf-9"),
        (b"\xef\xbb\xbf# coding: latin-1\n", Place(0, 1, 1), "encoding problem"),
        (b"# coding: rot13\n", None, "rot13 is no encoding of text"),
        (b"# coding: undefined\n", None, "undefined is no encoding of text"),
        (b"# coding: idna\n\xe9", Place(0, 2, 1), "byte 0xe9 is not idna"),
    ],
)
def test_what_is_not_readable(data, place, message):
    with pytest.raises(SourceError, match=message) as caught:
        Source.from_bytes("a.py", data)
    assert caught.value.place == place
    assert caught.value.message == str(caught.value)


def test_declaration_after_other_characters_and_in_the_third_line():
    assert Source.from_bytes("a.py", b"# \xe9 coding: latin-1\n").text == "# é coding: latin-1\n"
    with pytest.raises(SourceError, match="utf-8"):
        Source.from_bytes("a.py", b"\n\n# coding: latin-1\n\xe9")


def test_a_character_that_the_encoding_lacks():
    source = Source.from_bytes("a.py", b"# coding: latin-1\n")
    with pytest.raises(SourceError, match=r"latin-1 has no '日'|iso-8859-1 has no '日'"):
        source.edited([Edit(18, 18, "日")])


def test_an_encoding_that_does_not_lead_back_is_not_edited():
    source = Source.from_bytes("a.py", b"# coding: utf-7\nx = '+AGE-'\n")
    assert source.text.endswith("x = 'a'\n")
    with pytest.raises(SourceError, match="not reversible"):
        source.edited([Edit(0, 0, "#")])


def test_lone_surrogates_do_not_reach_the_parser():
    source = Source.from_bytes("a.py", b"# coding: raw_unicode_escape\nx = '\\ud800'\n")
    assert source.text.endswith("x = '?'\n")


def test_a_python_file_is_one_cell():
    source = Source.from_bytes("a.pyi", b"a\nb")
    (cell,) = source.cells
    assert (cell.number, cell.start, cell.end) == (0, 0, 3)
    assert source.cell_of(3) == 0
    assert str(source.place(3)) == "2:2"


def test_survives_pickling():
    source = Source.from_bytes("a.py", b"a\r\nb")
    assert pickle.loads(pickle.dumps(source)) == source  # noqa: S301


@pytest.mark.parametrize(
    "name",
    ["bom", "cr_only", "crlf", "form_feed", "latin1", "mixed_newlines", "no_final_newline", "tabs"],
)
def test_fixtures_are_edited_in_place(name):
    data = (FILES / f"{name}.py").read_bytes()
    source = Source.from_bytes(f"{name}.py", data)
    start = source.text.index("W_regularizer")
    edited = source.edited([Edit(start, start + len("W_regularizer"), "kernel_regularizer")])
    assert edited.data == data.replace(b"W_regularizer", b"kernel_regularizer")
    place = source.place(start)
    line = re.split(r"\r\n|\r|\n", data.decode("latin-1").removeprefix("\xef\xbb\xbf"))[
        place.line - 1
    ]
    assert line[place.column - 1 :].startswith("W_regularizer")


@pytest.mark.parametrize(
    ("name", "place"),
    [("bad_encoding", Place(0, 5, 9)), ("unknown_cookie", Place(0, 1, 1))],
)
def test_fixtures_that_are_not_readable(name, place):
    with pytest.raises(SourceError) as caught:
        Source.from_bytes(f"{name}.py", (FILES / f"{name}.py").read_bytes())
    assert caught.value.place == place
