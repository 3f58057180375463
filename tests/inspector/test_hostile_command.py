"""Model files that mean harm, through the whole command: refused or contained, and nothing happens.

`fixtures/models/hostile.py` makes them; what they would run writes a marker file.
"""

from __future__ import annotations

import importlib.util
import os
import socket
from pathlib import Path

import pytest

pytest.importorskip("h5py")
pytest.importorskip("msgspec")
pytest.importorskip("rich")

from reglint.inspector import inspection

PARTS = 4  # of the table, for as many processes
# Of those that only Keras finds out, one for each way that it does.
ON_KERAS = ("upsampling.keras", "factor-nan.keras", "weights-shape.keras", "graph-cycle.keras")


@pytest.fixture
def guarded(hostile, here, tmp_path_factory, monkeypatch):
    """Make the files in a folder of their own; afterwards nothing else may have been written."""
    folder = tmp_path_factory.mktemp("hostile")
    home, temporary = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("tmp")
    marker = folder / "marker"
    hostile.make(folder, marker)
    for name in ("HOME", "KERAS_HOME"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.delenv("CI", raising=False)

    def no_network(*_, **__):
        raise AssertionError("the network was reached for")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    before = _listing(folder), _listing(here)
    yield folder
    assert not marker.exists()
    assert (_listing(folder), _listing(here)) == before
    assert _listing(home) == set()
    assert _listing(temporary) == set()
    assert not Path("/tmp/reglint-was-here").exists()  # noqa: S108 - what an archive names


def _listing(folder):
    return {(str(path), path.lstat().st_size) for path in folder.rglob("*")}


@pytest.fixture
def inspected(guarded, reglint, monkeypatch):
    """Run the command on files of these names; returns its status, and of each file the trouble."""

    def run(names, *options):
        troubles = {}

        def examine(request, *rest):
            found = real(request, *rest)
            troubles[Path(request.path).name] = found.trouble
            return found

        real = inspection.examine
        with monkeypatch.context() as patch:
            patch.setattr(inspection, "examine", examine)
            done = reglint("inspect", *(str(guarded / name) for name in names), *options)
        return done, troubles

    return run


def _status(trouble):
    return 0 if trouble is None else {"refused": 3, "limit": 4}.get(trouble.trouble.value, 2)


@pytest.mark.parametrize("part", range(PARTS))
def test_each_file_is_refused_with_one_clear_line(hostile, inspected, monkeypatch, part):
    monkeypatch.setattr(inspection, "_has_keras", lambda: False)  # what only Keras finds is below
    later = {hostile.Outcome.UNLOADABLE, hostile.Outcome.LIMIT}
    cases = [case for case in hostile.CASES if case.outcome not in later][part::PARTS]
    assert len(cases) > 30
    done, troubles = inspected([case.name for case in cases], "--quiet")
    assert {name: _status(trouble) for name, trouble in troubles.items()} == {
        case.name: case.exit for case in cases
    }
    assert done.status == 3
    assert done.out == ""
    lines = done.err.splitlines()
    assert len(lines) == sum(case.exit == 3 for case in cases)
    for line in lines:
        path, _, message = line.partition(": ")
        assert Path(path).name in troubles
        assert message.startswith(("refused: ", "not run: "))
        assert line.isprintable()
        assert "Traceback" not in line
        assert len(line) < 700


def test_with_static_a_file_with_code_is_read_and_nothing_of_it_runs(hostile, inspected):
    cases = [case for case in hostile.CASES if case.outcome is hostile.Outcome.CODE][:5]
    done, troubles = inspected([case.name for case in cases], "--static")
    assert (done.status, done.err) == (0, "")
    assert set(troubles.values()) == {None}


def test_in_ci_code_needs_its_hash(inspected, monkeypatch):
    monkeypatch.setenv("CI", "true")
    done, _ = inspected(["lambda.keras"], "--unsafe-lambda", "--quiet")
    assert done.status == 3
    assert "needs --trust sha256:" in done.err
    done, _ = inspected(["lambda.keras"], "--unsafe-lambda", "--trust", "sha256:" + "0" * 64)
    assert done.status == 3
    assert "not what --trust has" in done.err


def test_what_only_keras_finds_is_refused_or_contained(hostile, inspected):
    if importlib.util.find_spec("keras") is None:
        pytest.skip("keras is not installed")
    quickest = ("jax", "torch", "tensorflow")
    backend = next((name for name in quickest if importlib.util.find_spec(name)), None)
    if backend is None:
        pytest.skip("no backend is installed")
    done, troubles = inspected(ON_KERAS, "--quiet", "--backend", backend, "--device", "cpu")
    expected = {case.name: case.exit for case in hostile.CASES if case.name in ON_KERAS}
    assert {name: _status(trouble) for name, trouble in troubles.items()} == expected
    assert set(expected.values()) == {3, 4}
    assert done.status == 4
    assert len(done.err.splitlines()) == len(ON_KERAS)


def test_a_module_in_the_current_folder_is_not_imported_because_a_file_names_it(
    inspected, here, monkeypatch
):
    monkeypatch.setattr(inspection, "_has_keras", lambda: False)
    written = here / "imported"
    module = here / "evil_layers.py"
    module.write_text(f"open({os.fspath(written)!r}, 'w').close()\n")
    try:
        done, _ = inspected(["custom-in-working-folder.keras"], "--quiet")
    finally:
        module.unlink()
    assert done.status == 3
    assert not written.exists()
