"""What is said of a model is what `fit` does with it."""

import functools

import pytest

from reglint.inspector.findings import CODES

BACKENDS = ["tensorflow", "jax", "torch"]

SAID = {
    "plain": [],
    "cell": ["cell-activity-regularizer"],
    "unrolled cell": [],
    "mixed activity": ["mixed-precision-activity"],
    "mixed weight": [],
    "half weight": ["mixed-precision-activity"],
    "top": ["ignored-by-jax"],
    "shared": ["ignored-by-jax"],
    "grouped": ["counted-twice"],
}

# Where `fit` raises, by backend; elsewhere it trains on the total.
RAISES = {
    ("tensorflow", "cell"): "InaccessibleTensorError",
    ("jax", "cell"): "UnexpectedTracerError",
    ("tensorflow", "mixed activity"): "TypeError",
    ("tensorflow", "half weight"): "TypeError",
}


@pytest.fixture(scope="module")
def runs(on_keras):
    """Return readings and what `fit` did by backend, each made once."""
    return functools.cache(lambda backend: on_keras("fit_truth.py", backend))


def codes(reading):
    return [finding["code"] for finding in reading["findings"]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_findings_do_not_depend_on_the_backend(backend, runs):
    said = {name: codes(reading) for name, (reading, _) in runs(backend).items()}
    assert {
        name: [code for code in found if code != "old-keras"] for name, found in said.items()
    } == SAID


@pytest.mark.parametrize("backend", BACKENDS)
def test_fit_trains_on_the_total_or_does_what_the_finding_says(backend, runs):
    for name, (reading, fit) in runs(backend).items():
        if (backend, name) in RAISES:
            assert fit == RAISES[backend, name]
        elif (backend, name) == ("jax", "top"):
            assert fit == 0
            assert reading["total"] > 0
        elif (backend, name) == ("jax", "shared"):
            assert fit == pytest.approx(reading["penalties"][-1]["value"], rel=1e-3)
        else:
            assert fit == pytest.approx(reading["total"], rel=1e-3), name


def test_the_output_of_a_grouped_attention_is_counted_twice(runs):
    reading, _ = runs("tensorflow")["grouped"]
    by_layer = {penalty["layer"]: penalty["value"] for penalty in reading["penalties"]}
    (finding,) = reading["findings"]
    assert by_layer[finding["layer"]] == by_layer[f"{finding['layer']}/output_dense"]


def test_two_layers_in_a_row_may_penalize_the_same_tensor(hard_cases):
    assert codes(hard_cases["readings"]["two in a row"]) == []


def test_a_weight_that_is_not_a_number_is_an_error(hard_cases):
    reading = hard_cases["readings"]["not a number"]
    (finding,) = reading["findings"]
    assert (finding["code"], finding["severity"], finding["layer"]) == (
        "not-finite",
        "error",
        "dense",
    )
    assert reading["total"] == "NaN"


def test_an_overflow_names_the_layer_and_the_batch(zoo_readings):
    found = zoo_readings("tensorflow")
    by_case = {
        name: codes(case["reading"])
        for name, case in found.items()
        if "half-precision-overflow" in codes(case["reading"])
    }
    assert sorted(by_case) == ["float16_overflow", "float16_variables"]
    activity, *_ = found["float16_overflow"]["reading"]["findings"]
    assert "on a batch of 4" in activity["message"]
    assert activity["probed"]


def test_every_code_that_is_said_is_in_the_catalogue(runs, hard_cases):
    readings = [*hard_cases["readings"].values()]
    readings += [reading for reading, _ in runs("tensorflow").values()]
    said = {code for reading in readings for code in codes(reading)}
    assert said
    assert said <= CODES.keys()
