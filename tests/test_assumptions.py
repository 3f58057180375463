"""What is told of the Keras that is assumed, and what rests on it."""

from __future__ import annotations

import json
from pathlib import Path

from helpers.files import write_all
from reglint import keras_version

BAD = "from keras.regularizers import l2\nx = l2(l=0.1)\n"  # wrong in Keras 3 only


def test_the_assumption_is_told(reglint):
    write_all(Path(), **{"requirements.txt": "numpy\nkeras==2.2.4\n", "bad.py": BAD})
    done = reglint("check")
    assert done == (
        0,
        "",
        "Assuming Keras 2.2: requirements.txt:2 `keras==2.2.4`\nAll clear: 1 file checked.\n",
    )
    assert reglint("check", "--quiet").err == ""
    assert "Assuming" not in reglint("check", "--keras-version", "2.2").err
    assert reglint("check", "--keras-version", "3").status == 1
    assert reglint("check", "--isolated").status == 1


def test_what_no_file_was_judged_for_is_not_told(reglint):
    write_all(Path(), **{"requirements.txt": "keras==2.2.4\n", "plain.py": "import os\n"})
    assert reglint("check").err == "All clear: 1 file checked.\n"


def test_each_project_has_its_own(reglint):
    for number in range(5):
        write_all(
            Path(f"p{number}"),
            **{"requirements.txt": f"keras==2.{number}\n", "pyproject.toml": "", "bad.py": BAD},
        )
    write_all(Path("p3"), **{"worse.py": BAD})
    write_all(Path("p5"), **{"bad.py": BAD})
    done = reglint("check", "--output-format", "json")
    assert done.err.splitlines() == [
        "Assuming Keras 2.3: p3/requirements.txt:1 `keras==2.3`",
        "Assuming Keras 2.0: p0/requirements.txt:1 `keras==2.0`",
        "Assuming Keras 2.1: p1/requirements.txt:1 `keras==2.1`",
        "Assuming other releases of Keras in 2 projects: see the JSON output",
        "1 error in 7 files. 1 can be fixed: reglint fix",
    ]
    told = json.loads(done.out)["assumptions"]
    assert len(told) == 5
    assert told[0] == {
        "keras": "Keras 2.3",
        "releases": ["2.3"],
        "files": 2,
        "reasons": [{"path": "p3/requirements.txt", "line": 1, "text": "keras==2.3"}],
    }


def test_stdin_is_a_file_of_its_project(reglint):
    write_all(Path(), **{"requirements.txt": "keras==2.2.4\n"})
    done = reglint("check", "-", stdin=BAD)
    assert done.status == 0
    assert done.err.startswith("Assuming Keras 2.2: requirements.txt:1 `keras==2.2.4`\n")


def test_the_cache_knows_what_was_assumed(reglint):
    write_all(Path(), **{"requirements.txt": "keras==2.2.4\n", "bad.py": BAD})
    assert reglint("check").status == 0
    write_all(Path(), **{"requirements.txt": "keras==3.2\n"})
    assert reglint("check").status == 1
    assert reglint("check").err.startswith("Assuming Keras 3.2: ")
    write_all(Path(), **{"requirements.txt": "keras==2.2.4\n"})
    assert reglint("check").status == 0


def test_no_requirement_is_read_for_files_that_are_not_analysed(reglint, monkeypatch):
    monkeypatch.delattr(keras_version, "facts")
    write_all(Path(), **{"requirements.txt": "keras==2.2.4\n", "plain.py": "import os\n"})
    assert reglint("check").status == 0
