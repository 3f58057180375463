"""What is said of suppressions that have no effect."""

from __future__ import annotations

import pytest

from helpers.suppressions import findings, removed, run, told

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
