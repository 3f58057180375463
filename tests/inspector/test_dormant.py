"""Regularizers that add nothing are listed, with the reason."""

import pytest


def dormant(reading):
    return [(item["layer"], item["role"], item["cause"]) for item in reading["dormant"]]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("set after build", [("late", "kernel", "not-carried")]),
        ("no variable", [("dense", "bias", "no-variable"), ("norm", "gamma", "no-variable")]),
        ("after fit", []),
        ("tower", []),
    ],
)
def test_arguments_that_no_variable_carries_are_listed(hard_cases, case, expected):
    assert dormant(hard_cases["readings"][case]) == expected


def test_an_activity_regularizer_off_the_way_was_not_evaluated(hard_cases):
    reading = hard_cases["readings"]["skips"]
    spare = reading["dormant"][0]
    assert [item["cause"] for item in reading["dormant"]] == ["not-evaluated"]
    assert spare["layer"] != reading["penalties"][0]["layer"]
    assert spare["regularizer"]["name"] == "L2"


def test_nothing_is_said_of_activity_regularizers_without_a_call(hard_cases):
    reading = hard_cases["readings"]["raises"]
    assert reading["run"]["probe"]["failed"]
    assert dormant(reading) == []


def test_frozen_quantized_adapted_and_bypassed_regularizers_are_listed(zoo_readings):
    found = zoo_readings("tensorflow")
    causes = {
        name: dormant(case["reading"]) for name, case in found.items() if case["reading"]["dormant"]
    }
    assert causes == {
        "bypassed": [("bypass/inner", "activity", "not-evaluated")],
        "frozen": [
            ("base/hidden", "kernel", "frozen"),
            ("base/batch_normalization", "gamma", "frozen"),
        ],
        "frozen_layer": [("dense", "kernel", "frozen")],
        "low_rank": [("dense", "kernel", "lora")],
        "quantized": [("dense", "kernel", "quantized")],
        "sequential_never_built": [
            ("dense", "kernel", "not-built"),
            ("dense_1", "kernel", "not-built"),
        ],
        "set_after_build": [("dense", "kernel", "not-carried")],
        "time_distributed": [("time_distributed/layer", "activity", "not-evaluated")],
    }
