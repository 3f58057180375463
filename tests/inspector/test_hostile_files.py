"""Files that mean harm: none is run, followed or believed."""

import base64
import marshal
import os
import pickle
import random
import subprocess
import sys
import traceback
import types
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("h5py")

try:
    import resource
except ImportError:
    resource = None

import hostile

from reglint.inspector.facts import Danger, Refused
from reglint.inspector.files import archive, hdf5
from reglint.inspector.files.preflight import preflight

ROOT = Path(__file__).parents[2]
Outcome = hostile.Outcome

# What the preflight itself says; whether Keras can load and run the rest is seen when it does.
SAYS = {
    Outcome.REFUSED: Danger.REFUSED,
    Outcome.CODE: Danger.CODE,
    Outcome.CUSTOM: Danger.CUSTOM,
    Outcome.UNUSED: Danger.CUSTOM,
}
ORDER = (Danger.REFUSED, Danger.CODE, Danger.CUSTOM)


def look(path):
    """Return the worst that there is to say of a file, and what is said; read all its weights."""
    try:
        with archive.opened(str(path)) as file:
            verdict = preflight(file)
            if not verdict.found(Danger.REFUSED):
                read_everything(file.weights)
    except Refused as refused:
        return Danger.REFUSED, [str(refused)]
    worst = next((danger for danger in ORDER if verdict.found(danger)), None)
    return worst, [reason.message for reason in verdict.reasons]


def read_everything(group):
    for name in hdf5.names(group):
        found = hdf5.child(group, name)
        if hasattr(found, "keys"):
            read_everything(found)
        else:
            for piece in hdf5.chunks(found):
                assert piece.dtype == "float64"


@pytest.mark.parametrize("case", hostile.CASES, ids=lambda case: case.name)
def test_a_hostile_file_is_found_out_and_nothing_of_it_runs(case, tmp_path, monkeypatch):
    marker = tmp_path / "ran"
    folder = tmp_path / "files"
    folder.mkdir()
    monkeypatch.chdir(folder)
    case.make(folder / case.name, marker)
    made = set(folder.iterdir())
    before = set(sys.modules)

    worst, messages = look(case.name)

    assert worst is SAYS.get(case.outcome), messages
    assert all(messages)
    assert not any("\n" in message or message.endswith(".") for message in messages)
    assert not marker.exists()
    assert set(folder.iterdir()) == made
    assert set(tmp_path.iterdir()) == {folder}
    assert "evil_layers" not in set(sys.modules) - before


def test_what_the_files_hold_would_run(tmp_path):
    """Otherwise the absence of the marker says nothing."""
    first, second = tmp_path / "first", tmp_path / "second"
    code = marshal.loads(base64.b64decode(hostile.bytecode(first)))  # noqa: S302
    assert types.FunctionType(code, globals())(5) == 5
    pickle.loads(pickle.dumps(hostile.Pickled(second))).close()  # noqa: S301
    assert first.exists()
    assert second.exists()


def test_the_table_has_each_file_once():
    names = [case.name for case in hostile.CASES]
    assert len(names) == len(set(names))
    assert {case.outcome for case in hostile.CASES} == set(Outcome)


def damaged(whole, chance):
    data = bytearray(whole)
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    if chance.random() < 0.2:
        del data[chance.randrange(len(data)) :]
    return bytes(data)


def outcome_of(path):
    """Look at a file in a process of its own: damage makes libhdf5 crash, or go round for ever."""
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
        try:
            os._exit(look(path)[0] is Danger.REFUSED)
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
        os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fuzz(folder):
    for kind, whole in {"keras": hostile.keras(), "h5": hostile.legacy()}.items():
        chance = random.Random(kind)  # noqa: S311
        for _ in range(100):
            path = Path(folder, f"damaged.{kind}")
            path.write_bytes(damaged(whole, chance))
            print(outcome_of(path))  # noqa: T201


@pytest.mark.skipif(resource is None, reason="needs fork and limits")
def test_a_damaged_file_is_read_or_refused_or_crashes_libhdf5(tmp_path):
    run = subprocess.run(
        [sys.executable, __file__, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "fixtures" / "models")]),
        },
    )
    outcomes = Counter(int(line) for line in run.stdout.split())
    assert outcomes.total() == 200, run.stderr
    assert outcomes[99] == 0, run.stderr
    assert outcomes[0] > 30
    assert outcomes[1] > 30
    assert sum(count for status, count in outcomes.items() if status < 0) < 10


if __name__ == "__main__":
    fuzz(sys.argv[1])
