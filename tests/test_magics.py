"""What IPython takes for more than Python: it is blanked."""

from __future__ import annotations

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint.magics import blanked


@pytest.mark.parametrize(
    ("cell", "python"),
    [
        ("%matplotlib inline\nx = 1", "0\nx = 1"),
        ("if x:\n    !ls 'it\ny", "if x:\n    0\ny"),
        ("!pip install a \\\n    b\nx", "0\n\nx"),
        ("!a \\", "0"),
        ("x = !ls\ny", "x = 0\ny"),
        ("x = %time f(\ny", "x = 0\ny"),
        ("a, b =%sx ls \\\n  c\ny", "a, b =0\n\ny"),
        ("?x\nx?\nif x:\n  x.y?? \ny", "0\n0\nif x:\n  0\ny"),
        ("!!ls\n,f a\n;f a\n/f a", "0\n0\n0\n0"),
        ("%%bash\necho '\n%x\n", "0\n\n\n"),
        ("\n# note\n%%html\n<b>", "\n# note\n0\n"),
        ("%%writefile a.py\nx = 1", "0\n"),
        ("%%time\nx = 1\n!ls", "0\nx = 1\n0"),
        ("%%timeit -n 3 s\nx", "0\nx"),
        ("%%capture out\nx", "0\nx"),
        ("%%prun\nx", "0\nx"),
        ("%", "0"),
    ],
)
def test_what_is_no_python_is_blanked(cell, python):
    blank = blanked(cell)
    assert re.sub(" +$", "", blank, flags=re.MULTILINE) == python
    ast.parse(blank)


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "\n",
        "x = (a\n% b)",
        "x = [a, # (\n  % b\n]",
        "x = a \\\n  % b",
        "x = '''\n%magic\n!ls\nwhy?\n'''",
        'x = """a\\"""\n!ls\n"""\ny = 2',
        'x = f"""{a}\n%b"""',
        "x = 'a\\\n%b'",
        'x = "it\'s"  # why?\ny = 1',
        "# %%bash\nx",
        "x != y\nz == -y",
        "x %= 2",
        "f('=%d' % x)",
        "f(a=\n!x",
        "x = 1\n# = %time",
        "if a: b = '?'\n",
        "x = (\n",
        "x = '''",
        "x = ')'\ny = ']'\n",
    ],
)
def test_python_stays(cell):
    assert blanked(cell) == cell


def test_a_bracket_that_only_closes_does_not_hide_a_magic():
    assert blanked("a)\n%b\n") == "a)\n0 \n"


@given(st.text(st.sampled_from("ab =%!?'\"#()[]\\\n\t,;/")))
def test_blanking_keeps_lines_columns_and_is_done_once(cell):
    python = blanked(cell)
    assert [len(line) for line in python.split("\n")] == [len(line) for line in cell.split("\n")]
    assert blanked(python) == python


@pytest.mark.parametrize("line", ["ls -la ../data", "pip install keras", "cd ~/work", "pwd", "ls"])
def test_magics_that_need_no_sign(line):
    assert blanked(f"{line}\nx = 1") == f"0{' ' * (len(line) - 1)}\nx = 1"


@pytest.mark.parametrize("line", ["ls = [1]", "rm(1)", "cat.x", "pip in x", "ls, cd = 1, 2"])
def test_names_like_magics_stay(line):
    assert blanked(line) == line
