"""The Keras that a probe is run on, and what becomes of its report."""

from __future__ import annotations

import importlib
import json
import os
import sys
import warnings
from typing import Any


def keras_at_hand() -> Any:
    """Import the Keras named on the command line, to be run quietly and without a GPU."""
    os.environ.update(
        CUDA_VISIBLE_DEVICES="-1", KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3"
    )
    warnings.simplefilter("ignore")
    return importlib.import_module([*sys.argv, "keras"][1])


def show(report: dict[str, Any]) -> None:
    """Print a report."""
    json.dump(report, sys.stdout, indent=1, sort_keys=True)
