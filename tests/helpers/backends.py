"""Scripts that are run with Keras: a process has one backend, and that of the tests has none."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]


def run_on_keras(script, backend, folder, given=None):
    """Run a script on a backend, if that is installed, in a `folder`; return the JSON it prints.

    `given` goes to its standard input as JSON.
    """
    for needed in ("keras", "msgspec", backend):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    done = subprocess.run(
        [sys.executable, script],
        input=json.dumps(given),
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "KERAS_HOME": str(folder),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(_ROOT),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
