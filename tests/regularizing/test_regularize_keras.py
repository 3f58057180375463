"""Files that were regularized, as Keras takes them."""

from __future__ import annotations

import math

import pytest

# What Keras cannot load, regularized or not; run on 3.15.1.
NOT_LOADED = {
    "bfloat16_variables.h5",
    "categories.h5",
    "masked_ids.h5",
    "operations.h5",
    "shared_by_submodels.keras",
    "unregistered.h5",  # classes of somebody else's
    "unregistered.keras",
}

# Whose penalty Keras computes in float16, where it overflows.
OVERFLOWING = {"float16_variables.h5", "float16_variables.keras"}


@pytest.fixture(scope="module")
def zoo(on_keras):
    """Return what L2 on all that takes it does to each file of the zoo."""
    return on_keras("regularized_zoo.py", "tensorflow")


@pytest.fixture(scope="module")
def loaded(zoo):
    return {name: each for name, each in zoo.items() if "rise" in each}


@pytest.fixture(scope="module", params=["tensorflow", "jax", "torch"])
def trained(on_keras, request):
    return on_keras("trained.py", request.param)


def test_every_file_of_the_zoo_can_be_changed(zoo):
    assert {name: each["raised"] for name, each in zoo.items() if "raised" in each} == {}
    assert sum(each["changes"] for each in zoo.values()) > 250
    assert {name for name, each in zoo.items() if "not_loaded" in each} == NOT_LOADED


def test_the_loss_of_the_zoo_rises_by_what_was_said(loaded):
    off = {
        name: (each["said"], each["rise"])
        for name, each in loaded.items()
        if not _close(each["said"], each["rise"], each["scale"], exact=each["exact"])
    }
    assert off.keys() == OVERFLOWING
    assert sum(each["rise"] != 0 for each in loaded.values()) > 70
    assert all(each["told"] for each in loaded.values())


def test_weights_predictions_and_all_else_in_the_zoo_stay(loaded):
    for kept in ("weights", "members"):
        assert [name for name, each in loaded.items() if not each[kept]] == []
    assert [name for name, each in loaded.items() if each["predictions"] is False] == []
    assert sum(each["predictions"] is True for each in loaded.values()) > 70


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_trained_model_keeps_all_but_its_penalties(trained, suffix):
    found = trained[suffix]
    assert [(layer, role) for layer, role, _ in found["changes"]] == [
        ("encoder/conv", "kernel"),
        ("encoder/batch", "gamma"),
        ("encoder/each/layer", "kernel"),
        ("attention", "kernel"),
        ("shared", "bias"),
        ("both/forward_layer", "kernel"),
        ("both/backward_layer", "kernel"),
        ("both/backward_layer", "recurrent"),
        ("out", "kernel"),
    ]
    for kept in ("weights", "state", "predictions", "compiled"):
        assert found[kept], kept
    assert math.isclose(found["rise"], found["said"], rel_tol=1e-5)
    assert math.isclose(found["losses"], found["said"], rel_tol=1e-5)


def test_training_goes_on_from_a_keras_file_and_an_h5_warns_that_it_does_not(trained):
    assert trained[".keras"]["trained"] == 3  # steps, two of which before
    assert trained[".keras"]["slots"] > 40
    assert len(trained[".keras"]["notes"]) == 1
    assert "ValueError" in str(trained[".h5"]["trained"])
    assert "save it as .keras" in trained[".h5"]["notes"][-1]


def _close(one, other, scale, *, exact):
    return abs(one - other) <= (1e-5 if exact else 1e-2) * scale
