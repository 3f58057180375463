"""What several tests need."""

from __future__ import annotations

import functools
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

import reglint as package
from helpers.backends import run_on_keras
from reglint import run as running
from reglint.cli import main

_NOBODY = 65534
_PARENT = str(Path(package.__file__).parent.parent)


@pytest.fixture(scope="session")
def on_keras(tmp_path_factory):
    """Run a script of some `keras_runs` on a backend, if it is installed; returns what it prints.

    Each is run once.
    """
    here = Path(__file__).parent
    return functools.cache(
        lambda script, backend: run_on_keras(
            next(here.glob(f"*/keras_runs/{script}")), backend, tmp_path_factory.mktemp("keras")
        )
    )


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """Be in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def powerless(monkeypatch):
    """Work in an empty folder as somebody for whom permissions count, also when run by root."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder).resolve()
        monkeypatch.chdir(path)
        is_root = os.geteuid() == 0
        if is_root:
            os.chown(path, _NOBODY, _NOBODY)
            os.setegid(_NOBODY)
            os.seteuid(_NOBODY)
        try:
            yield path
        finally:
            if is_root:
                os.seteuid(0)
                os.setegid(0)


@pytest.fixture
def here(empty):
    """Be in a project without files."""
    (empty / "reglint.toml").write_text("respect-gitignore = true\n")
    return empty


@pytest.fixture
def analysed(monkeypatch):
    """Note which files are analysed."""
    paths = []

    def examine(path, *rest):
        paths.append(path)
        return real(path, *rest)

    real = running.examine
    monkeypatch.setattr(running, "examine", examine)
    return paths


@pytest.fixture
def python():
    """Run Python, in a process of its own, with this reglint; returns what came of it."""

    def run(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        options["env"] = {**os.environ, "PYTHONPATH": _PARENT, **options.get("env", {})}
        return subprocess.run([sys.executable, *arguments], check=False, **options)

    return run


@pytest.fixture(scope="session")
def probe(tmp_path_factory):
    """Run a script of `tools/keras_api` on the Keras at hand, if any; returns what it reports."""

    def run(name: str):
        for needed in ("keras", "tensorflow"):
            if importlib.util.find_spec(needed) is None:
                pytest.skip(f"{needed} is not installed")
        result = subprocess.run(
            [sys.executable, f"{_PARENT}/tools/keras_api/{name}"],
            env={**os.environ, "KERAS_HOME": str(tmp_path_factory.mktemp("keras"))},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    return run


class Done(NamedTuple):
    """What came of a command."""

    status: int
    out: str
    err: str

    @property
    def last(self) -> str:
        return self.err.splitlines()[-1]


@pytest.fixture
def reglint(monkeypatch, here, capfdbinary):
    """Run the command line in a project without files."""
    assert here == Path.cwd()
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*arguments: str, stdin: str | bytes = b"") -> Done:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["reglint", *arguments])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
            with pytest.raises(SystemExit) as caught:
                main()
        texts = (stream.decode(errors="surrogateescape") for stream in capfdbinary.readouterr())
        return Done(caught.value.code or 0, *texts)

    return invoke
