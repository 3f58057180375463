"""Suppression comments."""

from __future__ import annotations

import io
import re
import tokenize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.suppressions import RULES, Found, findings, removed, run, told
from reglint.suppress import apply


def kept(text):
    """Return what follows the underscore of the findings that are left."""
    result = run(text)
    assert len(result.kept) + result.count == len(findings(text))
    return [re.match(r"\w+?_(\w+)", text[found.start :])[1] for found in result.kept]


# -- What a comment covers. Findings are the names `RGLnnn_yes` (covered) and `RGLnnn_no`.

COVERED = {
    "trailing": "RGL101_yes  # reglint: ignore[RGL101]\nRGL101_no\n",
    "no line feed": "RGL101_yes  # reglint: ignore[RGL101]",
    "no blanks": "RGL101_yes#reglint:ignore[RGL101]\n",
    "a reason": "RGL101_yes  # reglint: ignore[RGL101] we know, see #12\n",
    "another rule": "RGL102_no  # reglint: ignore[RGL101]\n",
    "several rules": "RGL101_yes + RGL102_yes + RGL201_no  # reglint: ignore[RGL101,RGL102]\n",
    "a name": "RGL101_yes + RGL102_no  # reglint: ignore[legacy-regularizer-argument]\n",
    "a prefix": "RGL101_yes + RGL102_yes + RGL201_no  # reglint: ignore[RGL1]\n",
    "ALL": "RGL101_yes + RGL201_yes  # reglint: ignore[ALL]\n",
    "all": "RGL101_yes + RGL201_yes  # reglint: ignore\n",
    "all, and why": "RGL101_yes + RGL201_yes  # reglint: ignore as long as we can\n",
    "in capitals": "RGL101_yes  # REGLINT: Ignore[RGL101]\n",
    "after another comment": "RGL101_yes  # type: ignore # reglint: ignore[RGL101]\n",
    "before another comment": "RGL101_yes  # reglint: ignore[RGL101] # type: ignore\n",
    "two of them": "RGL101_yes + RGL102_yes  # reglint: ignore[RGL101] # reglint: ignore[RGL102]\n",
    "first line": "f(  # reglint: ignore[RGL101]\n    RGL101_yes,\n    RGL101_yes\n)\n",
    "last line": "f(\n    RGL101_yes,\n    RGL101_yes\n)  # reglint: ignore[RGL101]\nRGL101_no\n",
    "middle line": "RGL101_no\nf(\n    RGL101_yes,  # reglint: ignore[RGL101]\n    RGL101_yes)\n",
    "line of its own inside": "f(RGL101_yes,\n  # reglint: ignore[RGL101]\n  RGL101_yes)\n",
    "after a string": 'x = """\n""", RGL101_yes  # reglint: ignore[RGL101]\n',
    "after a backslash": "x = \\\n    RGL101_yes  # reglint: ignore[RGL101]\n",
    "semicolon": "RGL101_yes; RGL101_yes  # reglint: ignore[RGL101]\n",
    "above": "# reglint: ignore[RGL101]\nRGL101_yes\nRGL101_no\n",
    "above several lines": "# reglint: ignore[RGL101]\nf(\n    RGL101_yes,\n)\n",
    "stacked": "# reglint: ignore[RGL101]\n# reglint: ignore[RGL102]\nRGL101_yes + RGL102_yes\n",
    "above a comment": "# reglint: ignore[RGL101]\n# Why not.\nRGL101_yes\n",
    "below a comment": "# Why not.\n# reglint: ignore[RGL101]\nRGL101_yes\n",
    "above a blank line": "# reglint: ignore[RGL101]\n\nRGL101_no\n",
    "above, indented": "if x:\n    # reglint: ignore[RGL101]\n    RGL101_yes\n    RGL101_no\n",
    "above, out of line": "if x:\n# reglint: ignore[RGL101]\n    RGL101_yes\n",
    "header": "class A(RGL101_yes):  # reglint: ignore[RGL101]\n    RGL101_no\n",
    "above a header": "# reglint: ignore[RGL101]\nwith RGL101_yes:\n    RGL101_no\n",
    "header of a one-liner": "if x: RGL101_yes  # reglint: ignore[RGL101]\nelse: RGL101_no\n",
    "above a decorator": "# reglint: ignore\n@RGL101_yes\n@d\ndef RGL101_yes(): RGL101_yes\n",
    "in a decorator": "@RGL101_yes  # reglint: ignore\n\n@d\nclass RGL101_yes:\n    RGL101_no\n",
    "between decorators": "@RGL101_yes\n# reglint: ignore\n@d\nclass RGL101_yes: x\nRGL101_no\n",
    "in a method's decorator": "class A:\n    @f  # reglint: ignore\n    def RGL101_yes(): ...\n",
    "below decorators": "@RGL101_yes\nclass RGL101_yes:  # reglint: ignore\n    RGL101_no\n",
    "at the end of a block": "if x:\n    RGL101_no\n    # reglint: ignore[RGL101]\n",
    "file": "RGL101_yes\nif x:\n    # reglint: ignore-file[RGL101]\n    RGL101_yes + RGL102_no\n",
    "file, all": "\n# reglint: ignore-file as it is generated\nRGL101_yes + RGL102_yes\n",
    "file, in brackets": "f(\n    # reglint: ignore-file[RGL101]\n)\nRGL101_yes\n",
    "noqa": "RGL101_yes + RGL102_no  # noqa: RGL101\nRGL101_no\n",
    "noqa of several tools": "RGL101_yes + RGL102_yes  # noqa: E501,RGL101, RGL102\n",
    "noqa with blanks": "RGL101_yes + RGL102_yes  # NOQA : E501 RGL101 RGL102 why\n",
    "noqa of other tools": "RGL101_no  # noqa: E501, F401\n",
    "noqa of all": "RGL101_yes + RGL102_yes  # noqa\n",
    "noqa of all, and why": "RGL101_yes  # noqa generated\n",
    "noqa of something else": "RGL101_no  # noqa: what is this?\n",
    "noqa of a prefix": "RGL101_yes + RGL201_no  # noqa: RGL1\n",
    "noqa on another line": "f(RGL101_yes,  # noqa: E501\n  RGL101_yes)  # noqa: RGL101\n",
    "noqa above": "# noqa: RGL101\nRGL101_no\n",
    "noqa of a file of another tool": "# flake8: noqa\n# ruff: noqa: RGL101\nRGL101_no\n",
    "in a string": "RGL101_no, '# reglint: ignore', \"# noqa\"\n",
    "in a long string": 'RGL101_no + """\n# reglint: ignore-file\n  # noqa: RGL101\n"""\n',
    "in a docstring": 'def f():\n    """\n    # reglint: ignore\n    """\n    RGL101_no\n',
    "in prose": "RGL101_no  # say reglint: ignore[RGL101], or noqa\n",
    "itself": "RGL001_no  # reglint: ignore[RGL001]\nRGL001_no  # noqa\n# reglint: ignore-file\n",
}


@pytest.mark.parametrize("text", COVERED.values(), ids=COVERED)
def test_what_a_comment_covers(text):
    assert kept(text) == [m[0] for m in re.finditer(r"(?<=\d_)no", text)]


def test_findings_outside_of_statements_are_covered_by_the_file_only():
    text = "# reglint: ignore[RGL101]\n\n# noqa\n# reglint: ignore-file[RGL102]\n"
    found = [Found("RGL101", 0), Found("RGL101", 30), Found("RGL102", 30)]
    result = apply(text, found, RULES.default, RULES)
    assert result.kept == tuple(found[:2])
    assert result.count == 1


# -- What Python's tokenizer does not understand

NEWER = "x = (\nRGL101_{}  # reglint: ignore[RGL101]\n# reglint: ignore[RGL102] here\nRGL102_{}\n"


def test_without_tokens_it_is_line_by_line_and_nothing_is_reported():
    text = NEWER.format("yes", "yes") + "RGL101_no '#'  # reglint: ignore[RGL2]\n)))\n'''\n"
    with pytest.raises(tokenize.TokenError):
        list(tokenize.generate_tokens(io.StringIO(text).readline))
    assert kept(text) == ["no"]
    assert told(text) == []


# -- Whatever is removed is in comments

BODIES = st.sampled_from(
    [
        *(
            "",
            " reglint: ignore",
            " reglint: ignore[RGL101]",
            " reglint: ignore[RGL102,RGL101] why",
        ),
        *(" reglint: ignore-file[RGL2]", " noqa", " noqa: RGL101", "noqa:E501,RGL101, F401", "# x"),
        *(
            " reglint: ignore[E501]",
            " reglint: ignore[RGL1001, x]",
            " reglint: ignor",
            " type: ignore",
        ),
        *(" noqa: RGL101 #12", " reglint: ignore[", " reglint:ignore why"),
    ]
)
COMMENTS = st.lists(BODIES, max_size=3).map(lambda bodies: "".join(f"  #{body}" for body in bodies))
STATEMENTS = [
    *(
        "{}\n",
        "\n",
        "x = 1{}\n",
        "f(1,{}\n{}\n  2){}\n",
        "s = '''{}\n{}'''{}\n",
        "RGL101_x;  y{}\n",
    ),
    *(
        "@d(1){}\n{}\nclass A:{}\n    {}\n    y = RGL102_x{}\n{}\n",
        "if x:{}\n  {}\n  '# noqa: RGL101'\n",
    ),
    *("x = 1 \\\n{}\ny\n", "x = [{}\n]\n", "if x: RGL201_x{}\nelse: y{}\n"),
]


@st.composite
def programs(draw):
    text = "".join(draw(st.lists(st.sampled_from(STATEMENTS), max_size=6)))
    text = re.sub(r"\{\}", lambda _: draw(COMMENTS), text)
    return text.removesuffix("\n") if draw(st.booleans()) else text


def code(text):
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = tokenize.COMMENT, tokenize.NL
    return [(token.type, token.string.strip(" ")) for token in tokens if token.type not in comments]


@given(programs(), st.sets(st.sampled_from(sorted(RULES.names))))
def test_removing_changes_nothing_but_comments(text, enabled):
    result = run(text, enabled)
    edits = {unused.edit for unused in result.unused if unused.edit}
    after = removed(text, edits)
    assert code(after) == code(text)
    assert len(findings(after)) == len(findings(text))
    assert [f.code for f in run(after, enabled).kept] == [f.code for f in result.kept]
    assert not any(unused.edit for unused in run(after, enabled).unused)
    assert count_blank_ends(after) <= count_blank_ends(text)


def count_blank_ends(text):
    return len(re.findall(r"[ \t]$", text, re.MULTILINE))
