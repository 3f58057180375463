"""Results of earlier runs: when they count, and when they do not."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from reglint import project, run
from reglint.cache import DIRECTORY, KEEP_DAYS
from reglint.config import Resolver
from reglint.run import Mode, Plan

BAD = b"from keras.regularizers import l2\nx = l2(l=0.1)\n"
GOOD = b"from keras.regularizers import l2\nx = l2(0.1)\n"
UNSAFE = b"from keras.regularizers import l1_l2\nx = l1_l2(0.1)\n"

pytestmark = pytest.mark.usefixtures("here")


def write(**contents: bytes) -> None:
    for name, content in contents.items():
        Path(f"{name}.py").write_bytes(content)


def go(path: str = ".", *, mode: Mode = Mode.CHECK, cache=True, overrides=None, progress=None):
    resolver = Resolver(overrides=overrides)
    return run.run([path], resolver, Plan(mode, cache=cache), progress)


def found(report) -> list[str]:
    return [f"{each.path}:{each.place} {each.code}" for each in report.diagnostics]


def stored(here: Path) -> Path:
    (file,) = (here / DIRECTORY).glob("*.json")
    return file


def test_what_did_not_change_is_not_analysed_again(analysed):
    write(a=BAD, b=GOOD, c=BAD + b"# reglint: ignore-file\n")
    first = go()
    assert analysed == ["a.py", "b.py", "c.py"]
    assert go() == first
    assert first.suppressed == 1
    assert len(analysed) == 3


def test_what_is_found_is_kept_whole():
    write(a=UNSAFE + BAD)
    assert go().diagnostics[0].offers
    assert go() == go(cache=False)


def test_a_file_that_is_the_same_elsewhere_keeps_its_result(analysed, here, monkeypatch):
    write(a=BAD)
    go()
    Path("sub").mkdir()
    Path("a.py").rename("sub/a.py")
    assert found(go()) == ["sub/a.py:2:8 RGL103"]
    monkeypatch.chdir(here / "sub")
    assert found(go()) == ["a.py:2:8 RGL103"]
    assert analysed == ["a.py"]


@pytest.mark.parametrize("change", ["content", "rules", "keras", "project"])
def test_what_changed_is_analysed_again(analysed, change):
    write(a=BAD)
    go()
    overrides = None
    if change == "content":
        write(a=BAD + b"\n")
    elif change == "rules":
        overrides = {"ignore": ["RGL106"]}
    elif change == "keras":
        overrides = {"keras-version": "3.15"}
    else:
        Path("keras").mkdir()
        Path("keras/__init__.py").touch()
        for known in (project.shadowed, project._defined):
            known.cache_clear()
    go(overrides=overrides)
    assert analysed == ["a.py", "a.py"]


def test_errors_are_not_kept(analysed):
    write(a=BAD + b"def (:\n")
    assert go().errors == go().errors != ()
    assert analysed == ["a.py", "a.py"]


def test_without_the_cache_nothing_is_read_or_left(analysed, here):
    write(a=BAD)
    go(cache=False)
    assert not (here / DIRECTORY).exists()
    go()
    go(cache=False)
    assert len(analysed) == 3


def test_files_without_a_trigger_leave_no_cache(here):
    write(a=b"import os\n")
    go()
    assert not (here / DIRECTORY).exists()


@pytest.mark.parametrize("damage", [b"", b"\xff\x00", b"[]", b'{"a": 1}', b"null", b'{"a": [1'])
def test_a_damaged_cache_is_written_anew(analysed, here, damage):
    write(a=BAD)
    first = go()
    whole = stored(here).read_bytes()
    stored(here).write_bytes(damage)
    assert go() == first
    assert stored(here).read_bytes() == whole
    assert len(analysed) == 2


@pytest.mark.parametrize("entry", [None, 1, [], [0], [0, 1], [0, [[1, 2, 3]]], "abc", [0, [[[]]]]])
def test_a_damaged_entry_is_written_anew(analysed, here, entry):
    write(a=BAD)
    first = go()
    ((key, (day, whole)),) = json.loads(stored(here).read_bytes()).items()
    stored(here).write_text(json.dumps({key: [day, entry]}))
    assert go() == first
    assert json.loads(stored(here).read_bytes()) == {key: [day, whole]}
    assert len(analysed) == 2


def test_a_cache_that_cannot_be_written_is_none(here):
    write(a=BAD)
    (here / DIRECTORY).write_text("in the way")
    assert found(go()) == found(go()) == ["a.py:2:8 RGL103"]


def test_a_cache_keeps_out_of_the_way(here):
    write(a=BAD)
    go()
    assert (here / DIRECTORY / ".gitignore").read_text() == "*\n"
    tag = (here / DIRECTORY / "CACHEDIR.TAG").read_text()
    assert tag.startswith("Signature: 8a477f597d28d172789f06886806bc55\n")


def test_each_configuration_has_its_own_cache(here):
    for name in ("one", "two"):
        Path(name).mkdir()
        Path(name, "reglint.toml").write_text('keras-version = "3.15"\n')
        Path(name, "a.py").write_bytes(BAD)
    go()
    assert stored(here / "one").exists()
    assert stored(here / "two").exists()
    assert not (here / DIRECTORY).exists()


def test_entries_and_files_that_are_not_used_are_forgotten(here):
    write(a=BAD, b=BAD)
    go()
    entries = json.loads(stored(here).read_bytes())
    assert len(entries) == 2
    today = int(time.time() // 86_400)
    aged = {key: [today - KEEP_DAYS, result] for key, (_, result) in entries.items()}
    aged["old"] = [today - KEEP_DAYS - 1, [0, []]]
    stored(here).write_text(json.dumps(aged))
    other = here / DIRECTORY / "0.json"
    other.write_text("{}")
    draft = here / DIRECTORY / "1.json.123"
    draft.write_text("{}")
    old = time.time() - (KEEP_DAYS + 1) * 86_400
    for file in (other, draft, *(here / DIRECTORY).glob("[.C]*")):
        os.utime(file, (old, old))
    go("a.py")
    days = [day for day, _ in json.loads(stored(here).read_bytes()).values()]
    assert sorted(days) == [today - KEEP_DAYS, today]
    left = {file.name for file in (here / DIRECTORY).iterdir()}
    assert left == {".gitignore", "CACHEDIR.TAG", stored(here).name}


def test_runs_at_the_same_time_share_what_they_find(here, monkeypatch):
    write(a=BAD, b=BAD + b"\n")

    def examine(path, *rest):
        monkeypatch.undo()
        monkeypatch.chdir(here)
        go("b.py")
        return run.examine(path, *rest)

    monkeypatch.setattr(run, "examine", examine)
    go("a.py")
    assert len(json.loads(stored(here).read_bytes())) == 2


def test_an_interrupted_run_keeps_what_it_has_done(analysed):
    write(a=BAD, b=BAD + b"\n")

    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(progress=interrupt)
    go()
    assert analysed == ["a.py", "b.py"]


def test_fix_trusts_the_cache_for_what_is_clean(analysed):
    write(a=BAD, b=GOOD)
    go()
    assert go(mode=Mode.FIX).changed == ("a.py",)
    assert analysed == ["a.py", "b.py", "a.py"]
    assert not go().diagnostics


def test_what_fix_leaves_is_kept_for_check(analysed):
    write(a=UNSAFE)
    report = go(mode=Mode.FIX)
    assert go().diagnostics == report.diagnostics
    assert analysed == ["a.py"]
