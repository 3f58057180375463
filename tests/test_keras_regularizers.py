"""What each generation of Keras has for regularizers."""

from __future__ import annotations

from typing import Any

import pytest

from reglint import keras_api
from reglint.keras_api import Generation

KERAS_1, KERAS_2, TF_KERAS, KERAS_3_0, KERAS_3 = Generation


@pytest.mark.parametrize(
    ("name", "generation", "parameters"),
    [
        ("l2", KERAS_1, {"l": 0.01}),
        ("l2", KERAS_2, {"l": 0.01}),
        ("l2", TF_KERAS, {"l2": 0.01}),
        ("l2", KERAS_3, {"l2": 0.01}),
        ("l1_l2", KERAS_2, {"l1": 0.01, "l2": 0.01}),
        ("l1_l2", TF_KERAS, {"l1": 0.01, "l2": 0.01}),
        ("l1_l2", KERAS_3, {"l1": 0.0, "l2": 0.0}),
        ("L1L2", TF_KERAS, {"l1": 0.0, "l2": 0.0}),
        ("l1l2", KERAS_1, {"l1": 0.01, "l2": 0.01}),
        ("activity_l1", KERAS_1, {"l": 0.01}),
        ("WeightRegularizer", KERAS_1, {"l1": 0.0, "l2": 0.0}),
        ("OrthogonalRegularizer", KERAS_3, {"factor": 0.01, "mode": "rows"}),
    ],
)
def test_regularizer_parameters(
    name: str, generation: Generation, parameters: dict[str, Any]
) -> None:
    found = keras_api.regularizer(name)
    assert found is not None
    factory = found.factories[generation]
    assert factory.parameters == tuple(parameters)
    assert factory.defaults == parameters


def test_regularizer_keywords() -> None:
    found = keras_api.regularizer("l2")
    assert found is not None
    takes_l = {g for g, factory in found.factories.items() if "l" in factory.keywords}
    takes_l2 = {g for g, factory in found.factories.items() if "l2" in factory.keywords}
    assert takes_l == {KERAS_1, KERAS_2, TF_KERAS}
    assert takes_l2 == {TF_KERAS, KERAS_3_0, KERAS_3}


def test_removed_regularizers() -> None:
    for name in ("WeightRegularizer", "ActivityRegularizer", "L1L2Regularizer", "l1l2"):
        found = keras_api.regularizer(name)
        assert found is not None
        assert list(found.factories) == [KERAS_1]
        assert found.factories[KERAS_1].makes == "L1L2Regularizer"
    eigenvalue = keras_api.regularizer("EigenvalueRegularizer")
    assert eigenvalue is not None
    assert eigenvalue.factories[KERAS_1].parameters == ("k",)
    assert eigenvalue.factories[KERAS_1].defaults == {}  # it is required


def test_regularizer_names() -> None:
    assert {"l1", "L1", "l1_l2", "activity_l2"} <= keras_api.regularizer_names()
    assert keras_api.regularizer("get") is None
