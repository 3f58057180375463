"""Suppression comments."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint.selectors import Catalog
from reglint.suppress import apply


@dataclass(frozen=True)
class Rule:
    code: str
    name: str
    default: bool = True


RULES = Catalog.of(
    [
        Rule("RGL001", "unused-suppression"),
        Rule("RGL101", "legacy-regularizer-argument"),
        Rule("RGL102", "removed-regularizer"),
        Rule("RGL201", "constant-activity-penalty"),
        Rule("RGL202", "normalized-activity-penalty", default=False),
    ]
)


@dataclass(frozen=True)
class Found:
    code: str
    start: int


def findings(text):
    """Return a finding for each `RGLnnn` that is a name of the program `text`."""
    return [Found(m[1], m.start()) for m in re.finditer(r"\b(RGL\d+)_\w+", text)]


def run(text, enabled=RULES.default):
    return apply(text, findings(text), frozenset(enabled), RULES)


def kept(text):
    """Return what follows the underscore of the findings that are left."""
    result = run(text)
    assert len(result.kept) + result.count == len(findings(text))
    return [re.match(r"\w+?_(\w+)", text[found.start :])[1] for found in result.kept]


def removed(text, edits):
    for edit in sorted(set(edits), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def told(text, enabled=RULES.default):
    return [unused.message for unused in run(text, enabled).unused]


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


# -- What is reported

REPORTED = {
    "unused": ("x  # reglint: ignore[RGL101] why", "unused suppression of `RGL101`", "x"),
    "unused, alone": ("# reglint: ignore[RGL101]\nx", "unused suppression of `RGL101`", "x"),
    "unused, indented": (
        "if x:\n    # reglint: ignore[RGL101]\n    x",
        "unused suppression of `RGL101`",
        "if x:\n    x",
    ),
    "unused, in brackets": (
        "f(\n    # reglint: ignore[RGL101]\n    x)",
        "unused suppression of `RGL101`",
        "f(\n    x)",
    ),
    "unused, last line": (
        "x\n# reglint: ignore",
        "suppression of all rules covers no statement",
        "x\n",
    ),
    "unused, covers nothing": (
        "# reglint: ignore[RGL101]\n\nx",
        "suppression of `RGL101` covers no statement",
        "\nx",
    ),
    "unused, after a backslash": (
        "x = 1 \\\n    # reglint: ignore\ny",
        "unused suppression of all rules",
        "x = 1 \\\n\ny",
    ),
    "unused, all": ("x  # reglint: ignore", "unused suppression of all rules", "x"),
    "unused, name": (
        "x  # reglint: ignore[removed-regularizer]",
        "unused suppression of `removed-regularizer`",
        "x",
    ),
    "unused, prefix": ("x  # reglint: ignore[RGL1]", "unused suppression of `RGL1`", "x"),
    "unused, several": (
        "x  # reglint: ignore[RGL101, RGL102, RGL201]",
        "unused suppression of `RGL101`, `RGL102` and `RGL201`",
        "x",
    ),
    "unused, first": (
        "RGL102_x  # reglint: ignore[RGL101, RGL102] why",
        "unused suppression of `RGL101`",
        "RGL102_x  # reglint: ignore[RGL102] why",
    ),
    "unused, last": (
        "RGL101_x  # reglint: ignore[ RGL101 , RGL102 ]",
        "unused suppression of `RGL102`",
        "RGL101_x  # reglint: ignore[ RGL101 ]",
    ),
    "unused, outer": (
        "RGL102_x  # reglint: ignore[RGL101,RGL102, RGL201]",
        "unused suppression of `RGL101` and `RGL201`",
        "RGL102_x  # reglint: ignore[RGL102]",
    ),
    "unused, inner": (
        "RGL101_x + RGL201_x  # reglint: ignore[RGL101, RGL102,RGL201]",
        "unused suppression of `RGL102`",
        "RGL101_x + RGL201_x  # reglint: ignore[RGL101,RGL201]",
    ),
    "unused, file": ("x\n# reglint: ignore-file\ny", "unused suppression of all rules", "x\ny"),
    "unused, before another": (
        "x  # reglint: ignore[RGL101] see #1 # type: ignore",
        "unused suppression of `RGL101`",
        "x  # type: ignore",
    ),
    "unused, after another": (
        "x  # type: ignore  # reglint: ignore[RGL101]  ",
        "unused suppression of `RGL101`",
        "x  # type: ignore",
    ),
    "unused, alone with another": (
        "# reglint: ignore[RGL101] # Why not.\nx",
        "unused suppression of `RGL101`",
        "# Why not.\nx",
    ),
    "unused, itself": ("x  # reglint: ignore[RGL001]", "unused suppression of `RGL001`", "x"),
    "noqa": ("x  # noqa: RGL101", "unused suppression of `RGL101`", "x"),
    "noqa, and why": ("x  # noqa: RGL101 why", "unused suppression of `RGL101`", "x"),
    "noqa above": (
        "# noqa: RGL101\nRGL101_x",
        "suppression of `RGL101` covers no statement",
        "RGL101_x",
    ),
    "noqa, last": (
        "x  # noqa: E501,F401 , RGL101  why",
        "unused suppression of `RGL101`",
        "x  # noqa: E501,F401  why",
    ),
    "noqa, first": (
        "x  # noqa: RGL101 E501 F401",
        "unused suppression of `RGL101`",
        "x  # noqa: E501 F401",
    ),
    "noqa, unknown": (
        "x  # noqa: E501,RGL999",
        "unknown rule `RGL999` in a suppression",
        "x  # noqa: E501",
    ),
    "unknown": ("x  # reglint: ignore[E501]", "unknown rule `E501` in a suppression", "x"),
    "unknown, one": (
        "RGL101_x  # reglint: ignore[RGL101, nonsense]",
        "unknown rule `nonsense` in a suppression",
        "RGL101_x  # reglint: ignore[RGL101]",
    ),
    "misspelt": (
        "x  # reglint: ignore[RGL1001]",
        "unknown rule `RGL1001` in a suppression; did you mean `RGL101`?",
        None,
    ),
    "misspelt name": (
        "x  # reglint: ignore[removed-regulariser]",
        "unknown rule `removed-regulariser` in a suppression; did you mean `removed-regularizer`?",
        None,
    ),
    "bad word": (
        "x  # reglint: ignor[RGL101]",
        "not a suppression: unknown word `ignor`; did you mean `ignore`?",
        None,
    ),
    "no word": ("x  # reglint: [RGL101]", "not a suppression: unknown word ``", None),
    "other word": ("x  # reglint: disable=all", "not a suppression: unknown word `disable`", None),
    "no colon": (
        "x  # reglint ignore[RGL101]",
        "not a suppression: no colon after `reglint`",
        None,
    ),
    "a dash": ("x  # reglint-ignore[RGL101]", "not a suppression: no colon after `reglint`", None),
    "no brackets": (
        "x  # reglint: ignore RGL101",
        "not a suppression: no brackets around the rules",
        None,
    ),
    "no brackets, name": (
        "x  # reglint: ignore removed-regularizer, please",
        "not a suppression: no brackets around the rules",
        None,
    ),
    "no brackets, small": (
        "x  # reglint: ignore rgl101",
        "not a suppression: no brackets around the rules",
        None,
    ),
    "a colon": (
        "x  # reglint: ignore: all",
        "not a suppression: no brackets around the rules",
        None,
    ),
    "parentheses": (
        "x  # reglint: ignore(RGL101)",
        "not a suppression: no brackets around the rules",
        None,
    ),
    "one bracket": (
        "x  # reglint: ignore[RGL101 # why",
        "not a suppression: no closing bracket",
        None,
    ),
    "empty brackets": (
        "x  # reglint: ignore[ ]",
        "not a suppression: no rule in the brackets",
        None,
    ),
    "file in a line": (
        "x  # reglint: ignore-file[RGL101]",
        "not a suppression: `ignore-file` is not on a line of its own",
        None,
    ),
}


@pytest.mark.parametrize(("text", "message", "left"), REPORTED.values(), ids=REPORTED)
def test_what_has_no_effect(text, message, left):
    (unused,) = run(text).unused
    assert unused.message == message
    if left is None:
        assert unused.edit is None
    else:
        assert removed(text, [unused.edit]) == left


@pytest.mark.parametrize(
    ("text", "where", "title"),
    [
        ("x  # hi # reglint: ignore why  ", "# reglint: ignore why", "all rules"),
        ("x  # reglint: ignore[RGL101]  # hi", "RGL101", "`RGL101`"),
        ("x  # noqa: A1, RGL101, B2, RGL102", "RGL101, B2, RGL102", "`RGL101` and `RGL102`"),
        ("x  # noqa: A1, RGL999", "RGL999", "`RGL999`"),
        ("x  # reglint: ignore[RGL1001]", "RGL1001", None),
        ("x  # reglint: ignor[RGL101] why  # hi", "# reglint: ignor[RGL101] why", None),
    ],
)
def test_where_it_is_and_what_to_do(text, where, title):
    (unused,) = run(text).unused
    assert text[unused.start : unused.end] == where
    assert unused.title == (f"Remove the suppression of {title}" if title else "")


def test_all_that_can_be_removed_from_a_comment_is_removed_together():
    text = "x  # noqa: A1, RGL102 # reglint: ignore[RGL101, nonsense, RGL1001] # reglint: ignore"
    *reports, misspelt = run(text).unused
    assert [report.message for report in reports] == [
        "unused suppression of `RGL102`",
        "unused suppression of `RGL101`",
        "unused suppression of all rules",
        "unknown rule `nonsense` in a suppression",
    ]
    assert misspelt.edit is None
    (edit,) = {report.edit for report in reports}
    assert removed(text, [edit]) == "x  # noqa: A1 # reglint: ignore[RGL1001]"


@pytest.mark.parametrize("text", ["x  # noqa", "x  # noqa: E501", "# noqa\n", "x  # noqa: hello"])
def test_the_noqa_of_others_is_left_alone(text):
    assert told(text) == []


@pytest.mark.parametrize(
    ("rules", "enabled", "expected"),
    [
        ("RGL101", "RGL101", True),
        ("RGL101", "RGL102", False),
        ("RGL1", "RGL101 RGL102", True),
        ("RGL1", "RGL101", False),
        ("RGL2", "RGL201", True),  # the other one is off unless asked for
        ("RGL202", "RGL201", False),
        ("RGL202", "RGL202", True),
        ("ALL", "RGL101 RGL102 RGL201", True),
        ("ALL", "RGL101 RGL102", False),
    ],
)
def test_only_what_the_rules_of_this_run_could_need_is_judged(rules, enabled, expected):
    text = f"x  # reglint: ignore[{rules}]"
    assert bool(told(text, {"RGL001", *enabled.split()})) is expected
    assert told(text, set(enabled.split())) == []


def test_every_comment_that_covers_a_finding_is_needed():
    text = (
        "# reglint: ignore-file[RGL101]\nRGL101_x  # reglint: ignore[RGL1, RGL101] # noqa: RGL101\n"
    )
    assert told(text) == []


def test_a_file_without_such_comments_is_not_read(monkeypatch):
    monkeypatch.setattr("reglint.suppress.find", None)
    text = "RGL101_x  # nothing: ignore\n"
    assert run(text).kept == tuple(findings(text))


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
