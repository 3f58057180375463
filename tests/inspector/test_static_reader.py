"""The static reader against Keras, on files that Keras wrote."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("h5py")

from reglint.inspector.facts import Cause
from reglint.inspector.files.archive import opened
from reglint.inspector.static.reader import read

CASES = (
    # of the zoo
    "attention", "bfloat16_variables", "bidirectional", "categories", "cells", "charges",
    "convolutions", "custom_regularizers", "float16_variables", "frozen", "low_rank", "nested",
    "one_and_three_dimensions", "operations", "recurrent", "sequential_built_late",
    "sequential_never_built", "shared", "shared_by_submodels", "spectral", "subclassed",
    "time_distributed", "two_way_embedding",
    # of `static_truth`
    "adapted_everywhere", "float8", "int4", "int8", "int8_adapted", "options_off", "orthogonal",
    "partly_frozen_inside",
)  # fmt: skip
NOT_IN_THE_FILE = {"charges", "custom_regularizers", "subclassed"}  # somebody else's classes
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """Return a folder of models, and what Keras makes of each file."""
    for needed in ("keras", "tensorflow"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    folder = tmp_path_factory.mktemp("models")
    subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            Path(__file__).with_name("keras_runs") / "static_truth.py",
            folder,
            *CASES,
        ],
        env={
            **os.environ,
            "KERAS_BACKEND": "tensorflow",
            "KERAS_HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        check=True,
        capture_output=True,
    )
    return folder, json.loads((folder / "truth").read_text())


def reading(folder, name):
    config = folder / name.replace(".weights.h5", ".json")
    with opened(str(folder / name), str(config) if name.endswith(".weights.h5") else None) as file:
        return read(file)


def differences(penalties, expected):
    """Yield what is missing, extra, or not the same."""
    found = {(p.layer, p.role): p for p in penalties}
    for truth in expected:
        (layer, role), *others = truth["names"]
        penalty = found.pop((layer, role), None)
        if penalty is None:
            yield f"missing: {layer}.{role}"
            continue
        same = math.isclose(penalty.value, truth["value"], rel_tol=1e-6) or (
            math.isnan(penalty.value) and math.isnan(truth["value"])
        )
        facts = (
            penalty.layer_class, str(penalty.regularizer), list(penalty.shape), penalty.dtype,
            [[name.layer, name.role] for name in penalty.also],
        )  # fmt: skip
        keys = ("class", "regularizer", "shape", "dtype")
        if not same or facts != (*(truth[key] for key in keys), others):
            yield f"{penalty} != {truth}"
    yield from (f"extra: {layer}.{role}" for layer, role in found)


def test_both_readers_find_the_same(zoo):
    folder, truth = zoo
    compared = 0
    wrong = []
    for name, expected in truth["files"].items():
        if isinstance(expected, str) or name.partition(".")[0] in NOT_IN_THE_FILE:
            continue
        penalties, _, _ = reading(folder, name)
        compared += len(penalties)
        wrong += [f"{name} {difference}" for difference in differences(penalties, expected)]
    assert not wrong
    assert compared > 150
    check_what_is_not_keras(folder, truth)
    check_what_keras_cannot_load(folder, truth)
    check_dormant(folder)


def check_what_is_not_keras(folder, truth):
    for case in sorted(NOT_IN_THE_FILE):
        for suffix in (".keras", ".weights.h5", ".h5"):
            penalties, _, unknown = reading(folder, case + suffix)
            assert unknown, case
            expected = truth["files"][case + suffix]
            if not isinstance(expected, str):
                wrong = list(differences(penalties, expected))
                assert wrong
                assert all(difference.startswith("missing") for difference in wrong)


def check_what_keras_cannot_load(folder, truth):
    """A layer in two models is saved once: Keras refuses, and the penalty is there once."""
    for suffix in (".keras", ".weights.h5"):
        assert isinstance(truth["files"][f"shared_by_submodels{suffix}"], str)
        penalties, _, _ = reading(folder, f"shared_by_submodels{suffix}")
        shared = [p for p in penalties if p.also]
        assert [(p.name, str(p.also[0])) for p in shared] == [
            ("one/shared.kernel", "two/shared.kernel")
        ]
    for name in ("bfloat16_variables.h5", "operations.h5", "categories.h5"):
        assert isinstance(truth["files"][name], str)
        keras = folder / name.replace(".h5", ".keras")
        assert reading(folder, name)[0] == reading(folder, keras.name)[0]


def check_dormant(folder):
    def causes(name):
        return {(fact.layer, fact.role): fact.cause for fact in reading(folder, name)[1]}

    for suffix in (".keras", ".h5", ".weights.h5"):
        assert causes(f"int8{suffix}") == {("dense", "kernel"): Cause.QUANTIZED}
        assert Cause.FROZEN in causes(f"frozen{suffix}").values()
        assert causes(f"partly_frozen_inside{suffix}") == {("inner/still", "kernel"): Cause.FROZEN}
        assert Cause.LORA in causes(f"low_rank{suffix}").values()
        assert Cause.NOT_EVALUATED in causes(f"time_distributed{suffix}").values()
    assert set(causes("sequential_never_built.keras").values()) == {Cause.NOT_BUILT}
