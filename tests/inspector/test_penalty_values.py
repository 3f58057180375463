"""What regularizers give, against Keras."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("h5py")

import h5py

from reglint.inspector.facts import Regularizer
from reglint.inspector.static import regularizers

# Serialized regularizers as files have them, and the shapes of what they are for.
CASES = [
    *(
        (serialized, shape)
        for serialized in (
            "l1",
            "L2",
            {"class_name": "L1", "config": {"l1": 0.03}, "module": "keras.regularizers"},
            {"class_name": "L2", "config": {"l2": 0.02}},
            {"class_name": "L2", "config": {"l2": 0.0}},
            {"class_name": "L1L2", "config": {"l1": 0.01, "l2": 0.02}},
            {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.5}},
            {"class_name": "L1L2", "config": {}},
            {"class_name": "L1L2", "config": {"l1": 0.1}},
        )
        for shape in ((), (0,), (7,), (3, 4), (2, 3, 4, 5))
    ),
    *(
        ({"class_name": "OrthogonalRegularizer", "config": {"factor": 0.7, "mode": mode}}, shape)
        for mode in ("rows", "columns")
        for shape in ((1, 5), (5, 1), (1, 1), (4, 9), (9, 4), (2500, 3), (3, 2500))
    ),
    ("orthogonal_regularizer", (3, 3)),
]

SCRIPT = """
import json, sys
import keras, numpy as np
folder = sys.argv[1]
cases = json.load(open(folder + "/cases.json"))
arrays = np.load(folder + "/arrays.npz")
found = []
for number, (serialized, _) in enumerate(cases):
    if isinstance(serialized, dict):
        serialized = {"module": "keras.regularizers", "registered_name": None, **serialized}
    regularizer = keras.regularizers.get(serialized)
    penalty = regularizer(keras.ops.convert_to_tensor(arrays[str(number)]))
    config = {k: v if isinstance(v, str) else float(v) for k, v in regularizer.get_config().items()}
    found.append([float(penalty), type(regularizer).__name__, config])
json.dump(found, open(folder + "/found.json", "w"))
"""


def dataset(array, **options):
    """Return an array as a dataset, in memory."""
    file = h5py.File("memory.h5", "w", driver="core", backing_store=False)
    return file.create_dataset("x", data=array, **options)


def value(serialized, array):
    return regularizers.penalty(regularizers.regularizer(serialized), dataset(array))


def test_values_are_those_of_keras(tmp_path):
    for needed in ("keras", "tensorflow"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    random = np.random.default_rng(0)
    arrays = [random.normal(size=shape).astype("float32") for _, shape in CASES]
    arrays[-1][1] = 0.0  # a row without a direction
    (tmp_path / "cases.json").write_text(json.dumps(CASES))
    np.savez(tmp_path / "arrays.npz", **{str(i): array for i, array in enumerate(arrays)})
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, tmp_path],
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "KERAS_HOME": str(tmp_path)},
        check=True,
        capture_output=True,
    )
    expected = json.loads((tmp_path / "found.json").read_text())
    nans = 0
    for (serialized, _), array, (penalty, name, config) in zip(
        CASES, arrays, expected, strict=True
    ):
        regularizer = regularizers.regularizer(serialized)
        assert regularizer.name == name
        assert regularizer.factors.keys() == config.keys()
        for key, factor in regularizer.factors.items():
            same = factor if isinstance(factor, str) else pytest.approx(factor, rel=1e-6)
            assert config[key] == same, serialized
        mine = regularizers.penalty(regularizer, dataset(array))
        nans += math.isnan(penalty)
        assert mine == pytest.approx(penalty, rel=1e-5, abs=1e-9, nan_ok=True), (
            serialized,
            array.shape,
        )
    assert nans == 4  # a single row or column


@pytest.mark.parametrize(
    ("serialized", "shape", "expected"),
    [
        ("l2", (3, 4), 0.0),
        ("orthogonal_regularizer", (3, 4), 0.0),
        ("orthogonal_regularizer", (1, 4), math.nan),
    ],
)
def test_zeros_need_no_dataset(serialized, shape, expected):
    found = regularizers.regularizer(serialized)
    zeros = regularizers.of_zeros(found, shape)
    assert zeros == pytest.approx(expected, nan_ok=True)
    assert zeros == pytest.approx(value(serialized, np.zeros(shape)), nan_ok=True)


def test_float32_noise_is_not_in_the_value():
    array = np.full((1000, 1000), 0.1, "float32")
    exact = 0.01 * 1e6 * float(np.float32(0.1)) ** 2
    assert value("l2", array) == pytest.approx(exact, rel=1e-12)


def test_half_precision_does_not_overflow_here():
    assert value("l2", np.full(70000, 100, "float16")) == pytest.approx(7e6)


def test_bfloat16_is_read():
    values = np.array([1.5, -2.0, 0.25], "float32")
    stored = (values.view("uint32") >> 16).astype("uint16").view("V2")
    assert value("l1", stored) == pytest.approx(0.0375)


@pytest.mark.parametrize(
    ("array", "serialized", "expected"),
    [
        ([np.inf], "l2", np.inf),
        ([np.nan], "l1", np.nan),
        ([np.inf, -np.inf], {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.1}}, np.inf),
        ([np.inf], {"class_name": "L2", "config": {"l2": 0.0}}, np.nan),
        ([2.0], {"class_name": "L2", "config": {"l2": math.inf}}, np.inf),
    ],
)
def test_what_is_not_finite_stays_so(array, serialized, expected):
    found = value(serialized, np.array(array))
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    "factor",
    [
        0.25,
        {"class_name": "__numpy__", "config": {"value": 0.25, "dtype": "float32"}},
        {"class_name": "__tensor__", "config": {"value": [0.25], "dtype": "float32"}},
    ],
)
def test_factors_may_be_wrapped(factor):
    found = regularizers.regularizer({"class_name": "L1", "config": {"l1": factor}})
    assert found == Regularizer("L1", {"l1": 0.25})


@pytest.mark.parametrize("factor", ["strong", [], {"config": {}}, 10**400, {"config": None}])
def test_a_factor_that_is_no_number_is_said(factor):
    found = regularizers.regularizer({"class_name": "L2", "config": {"l2": factor}})
    with pytest.raises(regularizers.Incomputable, match="the factor `l2` of `L2` is no number"):
        regularizers.penalty(found, dataset([1.0]))


def test_a_mode_that_keras_does_not_have_is_said():
    found = regularizers.regularizer(
        {"class_name": "OrthogonalRegularizer", "config": {"factor": 0.1, "mode": "diagonals"}}
    )
    with pytest.raises(regularizers.Incomputable, match="neither `rows` nor `columns`"):
        regularizers.penalty(found, dataset(np.eye(3)))


@pytest.mark.parametrize("package", ["keras", "tf_keras", "tensorflow_core.python.keras"])
def test_a_regularizer_is_keras_own_whatever_keras_was_called(package):
    found = regularizers.regularizer(
        {"class_name": "L2", "module": f"{package}.regularizers", "config": {"l2": 0.5}}
    )
    assert found == Regularizer("L2", {"l2": 0.5})


@pytest.mark.parametrize(
    ("serialized", "name"),
    [
        (
            {"class_name": "L2", "module": "my.package", "registered_name": "my>L2", "config": {}},
            "my>L2",
        ),
        ({"class_name": "L2", "module": "my.package", "registered_name": None}, "my.package.L2"),
        ({"class_name": "my>Cube", "config": {"strength": 2}}, "my>Cube"),
        ({"class_name": "function", "module": "builtins", "config": "my>sparse"}, "my>sparse"),
        ("sparse", "sparse"),
    ],
)
def test_what_is_not_keras_is_not_computed(serialized, name):
    found = regularizers.regularizer(serialized)
    assert found.name == name
    with pytest.raises(regularizers.Incomputable, match="is not Keras' own"):
        regularizers.penalty(found, dataset([1.0]))


def test_orthogonality_wants_a_matrix_of_moderate_size():
    found = regularizers.regularizer("OrthogonalRegularizer")
    with pytest.raises(regularizers.Incomputable, match=r"takes a matrix, and the shape is \(3,\)"):
        regularizers.penalty(found, dataset([1.0, 2.0, 3.0]))
    huge = dataset(np.zeros(0, "float32"), maxshape=(None,)).parent.create_dataset(
        "huge", shape=(10_000_000, 64), dtype="float32", chunks=(1024, 64)
    )
    with pytest.raises(regularizers.Incomputable, match="compares 10,000,000 vectors"):
        regularizers.penalty(found, huge)
