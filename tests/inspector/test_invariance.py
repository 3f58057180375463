"""Kernels that a normalization follows are found, and no others."""

from __future__ import annotations

import pytest

from reglint.inspector.facts import Variable
from reglint.inspector.findings import CODES


@pytest.fixture(scope="module", params=("tensorflow", "jax", "torch"))
def ran(request, on_keras):
    """Return how outputs change on a backend."""
    return on_keras("invariance.py", request.param)


def layers(case):
    return [finding["layer"] for finding in case["findings"]]


def test_kernels_before_a_normalization_are_found(ran):
    assert layers(ran["normalized"]) == ["batch", "layer", "relu"]


def test_kernels_that_no_normalization_follows_are_not(ran):
    changes = ran["normalized"]["change"]
    assert min(changes[name] for name in ("plain", "biased", "head")) > 0.05


def test_kernels_that_change_nothing_at_all_are_left_out(ran):
    assert not {"dead", "faint"} & set(ran["normalized"]["change"])


def test_those_left_out_are_named(ran):
    assert ran["normalized"]["left out"] == (
        "scale invariance: `dead.kernel`, `faint.kernel` are not listed: the output hardly depends"
        " on them"
    )
    assert ran["constant"]["left out"] == ""


def test_a_softmax_that_is_sure_of_itself_hides_nothing(ran):
    assert layers(ran["saturated"]) == []
    assert ran["saturated"]["change"]["sure"] > 0.5


def test_a_large_constant_hides_nothing(ran):
    assert layers(ran["constant"]) == []
    assert ran["constant"]["change"]["offset"] == pytest.approx(1, rel=0.01)


def test_a_wrapper_that_normalizes_is_found(ran):
    [finding] = ran["spectral"]["findings"]
    name = Variable(finding["layer"], "kernel")
    assert finding["code"] == "scale-invariant"
    assert finding["severity"] == "info"
    assert finding["message"].startswith(f"doubling `{name}` changes the output by ")
    assert finding["message"].endswith("the effective learning rate, not the function")


def test_the_documentation_has_the_threshold(ran):
    assert f"< {ran['threshold']:g} * norm(" in CODES["scale-invariant"].formula


def test_the_size_of_scale_invariant_weights_is_a_learning_rate(ran):
    """It is learning_rate / norm(w) ** 2 under SGD, and learning_rate / norm(w) under Adam."""
    for name, same in (("SGD", "4"), ("Adam", "2")):
        case = ran["learning rates"][name]
        assert case["off"].pop(same) < 1e-3 * case["went"]
        assert min(case["off"].values()) > 0.1 * case["went"]


@pytest.mark.parametrize("case", ["normalized", "saturated", "constant", "spectral"])
def test_weights_statistics_and_seeds_are_put_back_bit_by_bit(ran, case):
    assert ran[case]["same"]
