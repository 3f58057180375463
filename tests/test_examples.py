"""The example project: wrong as it is, and running on Keras 3 once it is fixed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
BUILD = """
import keras
import numpy as np
from classifier.layers import gated
from classifier.mobile import mobile
from classifier.reviews import reviews
from classifier.train import train
from classifier.wide_resnet import wide_resnet

for model, inputs in (
    (wide_resnet(10), np.ones((2, 32, 32, 3), "float32")),
    (mobile(3), np.ones((2, 96, 96, 3), "float32")),
    (reviews(100), np.ones((2, 5), "int32")),
    (gated(3), np.ones((2, 32), "float32")),
):
    model(inputs)
    print(len(model.losses))

gate = train([(np.ones((2, 32), "float32"), np.zeros(2, "int32"))], 3)
gate.save("gate.keras")
print(len(keras.models.load_model("gate.keras").losses))
"""


def test_every_rule_on_calls_has_something_to_find(reglint):
    done = reglint("check", str(EXAMPLES))
    assert done.status == 1
    found = {word for word in done.out.split() if word.startswith("RGL")}
    legacy = {"RGL101", "RGL102", "RGL103", "RGL104", "RGL105", "RGL107", "RGL108"}
    others = {"RGL208", "RGL209", "RGL301", "RGL302", "RGL303", "RGL402", "RGL501", "RGL601"}
    assert found == legacy | others


@pytest.mark.skipif(not (find_spec("keras") and find_spec("tensorflow")), reason="no Keras")
def test_what_was_fixed_runs(reglint, here):
    shutil.copytree(EXAMPLES, here / "examples")
    done = reglint("fix", "--unsafe-fixes", "examples")
    left = [word for word in done.out.split() if word.startswith("RGL")]
    activity = ["RGL208", "RGL209"]
    expected = [*activity, "RGL601", *activity, "RGL107", *activity]
    assert left == expected, "what is worth knowing, two decays, and a `compile`"
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment |= {"PYTHONPATH": str(here / "examples" / "src"), "CUDA_VISIBLE_DEVICES": ""}
    run = subprocess.run(
        [sys.executable, "-c", BUILD], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["19", "7", "5", "1", "1"]
