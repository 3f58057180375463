"""Every rule against its own documentation and fixtures; a new rule needs no new test code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reglint import engine, rules
from reglint.keras_api import KNOWN_VERSIONS
from reglint.keras_version import matching
from reglint.model import Safety, Settings
from reglint.rules import RULES
from reglint.source import Source

FIXTURES = Path(__file__).parents[1] / "fixtures" / "rules"
SEEDS = [p for p in sorted(FIXTURES.parent.glob("seeds/*.py")) if not p.match("*.fixed.py")]
CHECKED = [rule for rule in RULES if rule.name != "unused-suppression"]
MARKED = re.compile(r"  # ((?:RGL\d{3} ?)+)$", re.MULTILINE)
RELEASES = re.compile(r"# keras: (.*)")  # the first line of fixtures that are not for any Keras

each_rule = pytest.mark.parametrize("rule", CHECKED, ids=lambda rule: rule.name)


def releases(rule):
    match = RELEASES.match(fixture(rule, "bad.py"))
    return matching(match[1], KNOWN_VERSIONS) if match else KNOWN_VERSIONS


def settings(*chosen, keras=None):
    if keras is None:
        keras = releases(*chosen) if len(chosen) == 1 else KNOWN_VERSIONS
    return Settings(frozenset(rule.code for rule in chosen or RULES), frozenset(keras))


def source(text, path="code.py"):
    return Source.from_bytes(path, text.encode())


def flagged(text, *chosen):
    found = engine.check(source(text), settings(*chosen)).diagnostics
    return sorted((d.place.line, d.code) for d in found)


def marked(text):
    return [
        (text.count("\n", 0, match.start()) + 1, code)
        for match in MARKED.finditer(text)
        for code in match[1].split()
    ]


def fixture(rule, name):
    return (FIXTURES / rule.name / name).read_text()


def fixed(text, *chosen, unsafe=True, keras=None):
    return engine.fix(source(text), settings(*chosen, keras=keras), unsafe=unsafe)


@each_rule
@pytest.mark.parametrize("name", ["bad.py", "good.py"])
def test_flags_the_marked_lines_only(rule, name):
    text = fixture(rule, name)
    assert flagged(text, rule) == marked(text)
    assert bool(marked(text)) is (name == "bad.py")


@each_rule
def test_fixes_once_and_for_all(rule):
    result = fixed(fixture(rule, "bad.py"), rule)
    assert result.source.text == fixture(rule, "bad.fixed.py")
    assert not result.result.errors
    again = fixed(result.source.text, rule)
    assert again.source.text == result.source.text
    assert not again.applied


@each_rule
def test_safe_fixes_stop_at_what_is_safe(rule):
    result = fixed(fixture(rule, "bad.py"), rule, unsafe=False)
    offers = [d.offers for d in result.result.diagnostics]
    assert all(offer.safety is not Safety.SAFE for some in offers for offer in some)
    assert all(any(o.safety is Safety.SAFE for o in d.offers) for d in result.applied)


@each_rule
def test_every_fix_that_is_not_safe_says_why(rule):
    for diagnostic in engine.check(source(fixture(rule, "bad.py")), settings(rule)).diagnostics:
        for offer in diagnostic.offers:
            assert bool(offer.reason) is (offer.safety is not Safety.SAFE)


@each_rule
def test_other_rules_do_not_undo_its_fixes(rule):
    result = fixed(fixture(rule, "bad.py"))
    assert not result.result.errors
    compile(result.source.text, "fixed.py", "exec")


@each_rule
def test_text_outside_the_edits_is_identical(rule):
    text = fixture(rule, "bad.py")
    diagnostics = engine.check(source(text), settings(rule)).diagnostics
    for diagnostic in diagnostics:
        for offer in diagnostic.offers:
            after = text
            for edit in reversed(offer.edits):
                after = after[: edit.start] + edit.text + after[edit.end :]
            assert source(text).edited(offer.edits).data == after.encode()


@each_rule
def test_the_documented_example(rule):
    before, *after = re.findall(r"```python\n(.*?)```", rule.doc(), re.DOTALL)
    preamble = "import keras, numpy as np, tensorflow as tf\nfrom keras.layers import Dense\n"
    if not after:  # a rule without fixes
        (diagnostic,) = engine.check(source(preamble + before), settings(rule)).diagnostics
        assert not diagnostic.offers
        return
    (after,) = after
    assert fixed(preamble + before, rule).source.text == preamble + after


@each_rule
def test_same_findings_whatever_the_line_ends(rule):
    text = fixture(rule, "bad.py")
    for data in (
        text.replace("\n", "\r\n").encode(),
        text.replace("\n", "\r").encode(),
        b"\xef\xbb\xbf" + text.encode(),
        text.rstrip("\n").encode(),
    ):
        found = engine.check(Source.from_bytes("code.py", data), settings(rule)).diagnostics
        assert sorted((d.place.line, d.code) for d in found) == marked(text)


@each_rule
def test_same_findings_in_a_notebook(rule):
    text = fixture(rule, "bad.py")
    cells = [{"cell_type": "code", "source": s} for s in ("%matplotlib inline\n!ls", text)]
    notebook = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    found = engine.check(source(notebook, "nb.ipynb"), settings(rule)).diagnostics
    assert sorted((d.place.line, d.code) for d in found) == marked(text)
    assert {d.place.cell for d in found} == {2}


@each_rule
def test_each_suppression_silences_it(rule):
    text = fixture(rule, "bad.py")
    lines = {line for line, _ in marked(text)}
    for comment in (f"# reglint: ignore[{rule.code}] why", f"# noqa: {rule.code}"):
        silenced = "\n".join(
            f"{MARKED.sub('', line)}  {comment}" if number in lines else line
            for number, line in enumerate(text.split("\n"), 1)
        )
        result = engine.check(source(silenced), settings(rule))
        assert not result.diagnostics
        assert result.suppressed == len(marked(text))
    everywhere = f"# reglint: ignore-file[{rule.name}]\n{text}"
    assert not engine.check(source(everywhere), settings(rule)).diagnostics


@each_rule
def test_nothing_is_found_without_the_triggers(rule):
    data = fixture(rule, "bad.py").encode()
    assert all(re.search(trigger, data) for trigger in rule.triggers)
    in_a_notebook = json.dumps({"source": data.decode()}).encode()
    assert all(re.search(trigger, in_a_notebook) for trigger in rule.triggers)
    assert rule.triggers


@each_rule
def test_a_finding_reads_well(rule):
    for diagnostic in engine.check(source(fixture(rule, "bad.py")), settings(rule)).diagnostics:
        assert not diagnostic.message.endswith(".")
        assert diagnostic.message.count("`") % 2 == 0
        assert "\n" not in diagnostic.message
        for offer in diagnostic.offers:
            assert re.fullmatch(r"[A-Z][^\n]*[^.]", offer.title)


def test_every_module_is_a_rule_in_the_table():
    modules = {p.stem for p in Path(rules.__file__).parent.glob("[!_]*.py")}
    assert {r.__module__.rpartition(".")[2] for r in RULES} == modules - {
        "generated",
        "rule",
        "stored_values",
        "values",
    }
    assert [r.code for r in RULES] == sorted({r.code for r in RULES})


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_is_documented(rule):
    assert re.fullmatch(r"[A-Z`].*\.", rule.summary())
    assert len(rule.summary()) <= 100
    headings = re.findall(r"^## (.*)$", rule.doc(), re.MULTILINE)
    assert headings[:2] == ["Example", "Fix safety"]
    assert rule.name.replace("-", "_") == rule.__module__.rpartition(".")[2]


# Whole examples, as documentation and answers give them, with every rule on.

each_seed = pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)


@each_seed
def test_finds_what_is_wrong_with_an_example_and_no_more(path):
    text = path.read_text()
    assert flagged(text) == marked(text)


@each_seed
def test_fixes_an_example(path):
    result = fixed(path.read_text())
    assert not result.result.errors
    expected = path.with_suffix(".fixed.py") if result.applied else path
    assert result.source.text == expected.read_text()


# What depends on the release of Keras.


def test_what_keras_1_understands_is_silent_on_keras_1():
    text = "from keras.layers import Dense\nDense(8, W_regularizer=None)\n"
    found = engine.check(source(text), settings(keras=[(1, 2)])).diagnostics
    assert not found


@pytest.mark.parametrize("name", ["activity-scaling-changed", "activity-regularizer-not-saved"])
def test_what_changed_within_keras_3_is_silent_where_any_keras_may_be_meant(name):
    (rule,) = [rule for rule in RULES if rule.name == name]
    text = fixture(rule, "bad.py")
    for keras in (KNOWN_VERSIONS, [(3, 15)]):
        assert not engine.check(source(text), settings(rule, keras=keras)).diagnostics


def test_a_declared_keras_decides_which_numbers_l1_l2_keeps():
    text = "from keras.regularizers import l1_l2\nl1_l2(0.1)\n"
    for keras, number in (((2, 15), "0.01"), ((3, 15), "0.0")):
        result = fixed(text, unsafe=False, keras=[keras])
        assert result.source.text == text.replace("(0.1)", f"(0.1, l2={number})")


def test_what_a_package_of_the_project_shadows_is_not_keras():
    text = "from keras.layers import Dense\nDense(8, W_regularizer=None)\n"
    shadowed = Settings(
        frozenset(rule.code for rule in RULES), frozenset(KNOWN_VERSIONS), frozenset({"keras"})
    )
    assert not engine.check(source(text), shadowed).diagnostics


def test_tf_keras_and_its_fallback_are_for_keras_2_alone():
    text = (
        "import tensorflow as tf\n"
        "try:\n    import tf_keras as keras\nexcept ImportError:\n    keras = tf.keras\n"
        "keras.regularizers.l1_l2(0.1)\n"
    )
    assert not engine.check(source(text), settings()).diagnostics
