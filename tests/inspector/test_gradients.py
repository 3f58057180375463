"""The loss on data is that of `evaluate` less penalties; gradients are the same on all backends."""

from __future__ import annotations

import math

import pytest

BACKENDS = ("tensorflow", "jax", "torch")
MODELS = ("convolutional", "several", "masked", "subclassed", "mixed", "linear")


@pytest.fixture(scope="module", params=BACKENDS)
def ran(request, on_keras):
    """Return what is measured on a backend."""
    return on_keras("gradients.py", request.param)


@pytest.fixture(scope="module")
def everywhere(on_keras):
    """Return what is measured, by backend."""
    return {backend: on_keras("gradients.py", backend) for backend in ("tensorflow", "jax")}


def codes(measured):
    return [finding["code"] for finding in measured["findings"]]


@pytest.mark.parametrize("model", MODELS)
def test_evaluate_is_the_data_loss_and_the_penalties(ran, model):
    case = ran[model]
    assert case["penalty"] > 0
    expected = case["evaluated"] - case["penalty"]
    assert case["data"]["loss"] == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("model", [*MODELS, "activity", "cell"])
def test_the_model_is_left_as_it_was(ran, model):
    assert ran[model]["same"]


def test_an_activity_penalty_is_no_data_loss_but_pulls(ran):
    case = ran["activity"]
    assert case["data"]["loss"] < case["evaluated"] - case["penalty"]
    pulls = {gradient["layer"]: gradient for gradient in case["data"]["gradients"]}
    assert pulls["penalized"]["penalty"] > 0


def test_gradients_of_a_linear_model_are_those_of_the_formula(ran):
    kernel, x, y = ran["kernel"], ran["truth"]["x"], ran["truth"]["y"]
    residuals = [
        sum(a * w for a, w in zip(row, kernel, strict=True)) - target
        for row, [target] in zip(x, y, strict=True)
    ]
    slopes = [
        2 * sum(r * row[at] for r, row in zip(residuals, x, strict=True)) / len(x)
        for at in range(len(kernel))
    ]
    [pull] = ran["linear"]["data"]["gradients"]
    assert pull["parameters"] == len(kernel)
    assert pull["loss"] == pytest.approx(math.hypot(*slopes), rel=1e-5)
    assert pull["penalty"] == pytest.approx(2 * 0.1 * math.hypot(*kernel), rel=1e-5)
    mean = sum(residual**2 for residual in residuals) / len(x)
    assert ran["linear"]["data"]["loss"] == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("model", ["convolutional", "several", "masked", "activity", "linear"])
def test_gradients_are_the_same_on_all_backends(ran, everywhere, model):
    ours = ran[model]["data"]["gradients"]
    for other in everywhere.values():
        theirs = other[model]["data"]["gradients"]
        assert len(ours) == len(theirs) > 0
        for one, two in zip(ours, theirs, strict=True):
            assert (one["layer"], one["parameters"]) == (two["layer"], two["parameters"])
            assert one["penalty"] == pytest.approx(two["penalty"], rel=1e-4, abs=1e-7)
            assert one["loss"] == pytest.approx(two["loss"], rel=1e-4, abs=1e-6)


def test_gradients_are_of_each_layer_with_trainable_variables(ran):
    layers = [gradient["layer"] for gradient in ran["convolutional"]["data"]["gradients"]]
    assert layers == ["conv", "bn", "conv2", "head"]
    layers = [gradient["layer"] for gradient in ran["several"]["data"]["gradients"]]
    assert sorted(layers) == ["first", "lstm/cell", "second", "table"]


def test_gradients_say_that_they_are_of_some_samples(ran):
    assert ran["activity"]["data"]["notes"] == [
        "gradients are those of 256 of 320 samples, evenly spaced"
    ]
    assert ran["linear"]["data"]["notes"] == []


def test_what_fit_cannot_train_is_said_and_no_error(ran):
    data = ran["cell"]["data"]
    assert data["loss"] > 0
    assert data["gradients"] or data["notes"][0].startswith("no gradients: ")


def test_the_loss_is_named_as_it_was_compiled(ran):
    assert ran["several"]["data"]["loss_name"] == "first: 2 * mse, second: 0.5 * MeanAbsoluteError"
    assert ran["linear"]["data"]["loss_name"] == "mse"


def test_the_loss_of_a_file_is_the_compiled_one(ran):
    compiled, again = ran["saved"]
    assert again["data"]["loss"] == pytest.approx(compiled["data"]["loss"], rel=1e-6)
    pulls = ([pull["loss"] for pull in one["data"]["gradients"]] for one in (compiled, again))
    assert next(pulls) == pytest.approx(next(pulls), rel=1e-6)
    assert again["optimizer"] == compiled["optimizer"]


def test_a_loss_can_be_named(ran):
    assert ran["named"]["data"]["loss_name"] == "mae"
    assert ran["named"]["data"]["loss"] > 0
    assert ran["named, of a file"]["optimizer"] is None  # not the one that `compile` makes up


def test_the_optimizer_comes_with_it(ran):
    assert ran["convolutional"]["optimizer"] == "SGD(learning_rate=0.1, weight_decay=0.01)"
    decayed = {decay["variable"]["layer"] for decay in ran["convolutional"]["decays"]}
    assert decayed == {"conv", "bn", "conv2", "head"}
    assert "two-decays" in codes(ran["convolutional"])


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("no loss", "the model has no loss to measure data with; name one: --loss NAME"),
        ("unknown loss", "--loss mean_of_nothing: "),
        ("shape", "data.npz: <lambda> cannot be computed: "),
        ("no reduction", "data.npz: the loss has a value for each sample"),
        ("ids", "has rows for ids from 0 to 9, the data have 5 to 14"),
        ("negative ids", "has rows for ids from 0 to 9, the data have -1 to 8"),
    ],
)
def test_data_that_cannot_be_measured_are_an_error_of_one_line(ran, case, said):
    assert said in ran["errors"][case]
    assert "\n" not in ran["errors"][case]


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("negligible", "negligible-penalty"),
        ("dominating", "dominating-penalty"),
        ("not finite", "not-finite"),
        ("neither", None),
    ],
)
def test_penalties_are_weighed_against_the_data_loss(ran, case, code):
    of_the_optimizer = {"l2-is-not-weight-decay"}
    found = [each for each in codes(ran["findings"][case]) if each not in of_the_optimizer]
    assert found == ([code] if code else [])
