"""What several tests need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import reglint

_PARENT = str(Path(reglint.__file__).parent.parent)


@pytest.fixture
def python():
    """Run Python, in a process of its own, with this reglint; returns what came of it."""

    def run(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        options["env"] = {**os.environ, "PYTHONPATH": _PARENT, **options.get("env", {})}
        return subprocess.run([sys.executable, *arguments], check=False, **options)

    return run
