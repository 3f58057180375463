"""The hooks, run by pre-commit itself on a throw-away repository."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pre_commit")

ROOT = Path(__file__).parents[1]
MANIFEST = ROOT / ".pre-commit-hooks.yaml"
BAD = "from keras.layers import Dense\nDense(8, W_regularizer=None)\n"
NOTEBOOK = (ROOT / "fixtures" / "files" / "compact.ipynb").read_bytes()


def pre_commit(*arguments, cwd):
    """Run pre-commit with this reglint as the program `reglint`."""
    environment = {
        **os.environ,
        "PATH": f"{cwd / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(cwd / "cache"),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "pre_commit", *arguments]
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def repository(tmp_path):
    """Make a repository that uses the hooks as they are declared, from this checkout."""
    yaml = pytest.importorskip("yaml")
    hooks = yaml.safe_load(MANIFEST.read_text())
    local = [{**hook, "language": "system", "additional_dependencies": []} for hook in hooks]
    config = {"repos": [{"repo": "local", "hooks": local}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    program = tmp_path / "bin" / "reglint"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reglint "$@"\n')
    program.chmod(0o755)
    (tmp_path / "model.py").write_text(BAD)
    (tmp_path / "stub.pyi").write_text(BAD)
    (tmp_path / "notebook.ipynb").write_bytes(NOTEBOOK)
    (tmp_path / "notes.txt").write_text(BAD)
    (tmp_path / "vendored.py").write_text(BAD)
    (tmp_path / "reglint.toml").write_text('exclude = ["vendored.py"]\n')
    (tmp_path / ".gitignore").write_text("bin\ncache\n.reglint_cache\n")
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_the_manifest_is_valid(tmp_path):
    status, output = pre_commit("validate-manifest", str(MANIFEST), cwd=tmp_path)
    assert status == 0, output


def test_the_hook_finds_and_fails(repository):
    status, output = pre_commit("run", "reglint", "--all-files", cwd=repository)
    assert status == 1, output
    assert [line.split(":")[0] for line in output.splitlines() if "RGL101" in line] == [
        "model.py", "notebook.ipynb", "stub.pyi",
    ]  # fmt: skip
    assert (repository / "model.py").read_text() == BAD


def test_the_fixing_hook_fixes_and_passes_the_second_time(repository):
    status, output = pre_commit("run", "reglint-fix", "--all-files", cwd=repository)
    assert status == 1, output
    assert "files were modified by this hook" in output
    assert "kernel_regularizer" in (repository / "model.py").read_text()
    assert (repository / "vendored.py").read_text() == BAD
    subprocess.run(["git", "add", "."], cwd=repository, check=True)
    status, output = pre_commit("run", "--all-files", cwd=repository)
    assert status == 0, output


def test_the_hook_for_models_refuses_what_is_none(repository):
    for needed in ("h5py", "msgspec", "rich"):
        pytest.importorskip(needed)
    (repository / "model.keras").write_bytes(b"PK\x03\x04 cut off")
    subprocess.run(["git", "add", "."], cwd=repository, check=True)
    status, output = pre_commit("run", "reglint-inspect", "--all-files", cwd=repository)
    assert status == 1, output
    assert "exit code: 3" in output
    assert "model.keras: refused: " in output
    assert "model.py" not in output
