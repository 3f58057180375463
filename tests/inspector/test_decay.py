"""What the report says of decay is what training does: one weight, no gradient of the data."""

from __future__ import annotations

import math

import pytest

RATE, L2, DECAY = 0.05, 0.001, 0.02  # as in keras_runs/decay.py

MOMENTUM = {"SGD": 0, "momentum": 0.9, "nesterov": 0.9, "weak momentum": 0.5}

# Every optimizer of Keras, with weight_decay=0.02.
DECOUPLED = (
    *("SGD", "RMSprop", "Adam", "AdamW", "Adadelta", "Adagrad", "Adamax", "Adafactor", "Nadam"),
    *("Lion", "Lamb", "Muon"),
)
OVERWRITTEN = ("Ftrl", "ScheduleFreeAdamW")


@pytest.fixture(scope="module", params=("tensorflow", "jax"))
def ran(request, on_keras):
    """Return what Keras does to a weight and what we say of it."""
    return on_keras("decay.py", request.param)


@pytest.mark.parametrize("name", MOMENTUM)
def test_l2_in_the_loss_shrinks_a_weight_under_sgd_as_said(ran, name):
    case = ran["in the loss"][name]
    assert case["mechanism"] == "L2 in the loss"
    assert case["per_step"] == pytest.approx(2 * RATE * L2 / (1 - MOMENTUM[name]), rel=1e-5)
    assert case["measured"] == pytest.approx(case["per_step"], rel=0.02)
    assert case["half_life"] == pytest.approx(math.log(2) / case["per_step"])


@pytest.mark.parametrize("name", DECOUPLED)
def test_weight_decay_shrinks_a_weight_as_said(ran, name):
    case = ran["decoupled"][name]
    assert case["per_step"] == pytest.approx(RATE * DECAY, rel=1e-5)
    assert case["measured"] == pytest.approx(case["per_step"], rel=0.02)
    assert case["formula"] == "0.05 * 0.02"


@pytest.mark.parametrize("name", OVERWRITTEN)
def test_there_is_no_number_where_the_optimizer_writes_the_variable_anew(ran, name):
    case = ran["decoupled"][name]
    assert case["per_step"] is None
    assert case["half_life"] is None
    assert case["note"].startswith("no such number")
    assert case["measured"] != pytest.approx(RATE * DECAY, rel=0.2)


def test_l1_takes_the_same_whatever_is_left(ran):
    case = ran["l1"]
    assert case["per_step"] is None
    assert "it takes 0.005 a step" in case["note"]
    assert case["taken"] == pytest.approx(0.005, rel=1e-3)


def test_l2_in_the_loss_is_no_decay_under_adam(ran):
    case = ran["adam"]
    assert case["per_step"] is None
    assert "Adam rescales" in case["note"]
    # Ten times the penalty, the same step: there is no such number indeed.
    assert case["weak"] == pytest.approx(case["strong"], rel=1e-3)


def test_only_under_sgd_is_ten_times_the_factor_ten_times_the_decay(ran):
    ratios = {name: strong / weak for name, (weak, strong) in ran["rescaled"].items()}
    assert {"SGD", "Adam"} < ratios.keys()
    assert ratios.pop("SGD") == pytest.approx(10, rel=0.02)
    assert all(ratio < 9 for ratio in ratios.values()), ratios


def test_l2_under_adam_takes_its_gradient_over_that_of_the_data(ran):
    assert len(ran["by rms"]) == 8
    for name, pull, taken, formula in ran["by rms"]:
        assert formula == "2 * 0.001 * 0.1 / rms(gradient)"
        expected = eval(formula.replace("rms(gradient)", str(pull)))  # noqa: S307 - of our own
        assert taken == pytest.approx(expected, rel=0.15), name  # after 50 steps


def test_half_is_left_after_as_many_steps_as_said(ran):
    assert len(ran["halves"]) == 5
    for said, measured in ran["halves"]:
        assert said - 1 < measured < 1.07 * said + 1  # momentum takes a while to build up


def test_a_share_that_is_too_large_for_the_formula_has_no_half_life(ran):
    momentum, decoupled = ran["too fast"]
    assert momentum["per_step"] == pytest.approx(0.011, rel=1e-3)
    assert momentum["half_life"] is None
    assert momentum["note"] == "no half-life: the formula holds up to 0.01 a step"
    assert decoupled["per_step"] == pytest.approx(0.2)
    assert decoupled["half_life"] is None
    assert decoupled["note"] == "no half-life: the formula holds up to 0.1 a step"


def test_weight_decay_under_sgd_equals_l2_of_the_same_share(ran):
    decay, l2, with_momentum, l2_with_momentum = ran["as weight decay"]
    assert decay == pytest.approx(l2, rel=1e-3)
    assert with_momentum == pytest.approx(l2_with_momentum, rel=1e-3)
    assert with_momentum != pytest.approx(decay, rel=0.5)


def test_of_an_optimizer_of_somebody_elses_nothing_is_said(ran):
    for decay in ran["mine"]:
        assert decay["per_step"] is None
        assert decay["note"].endswith("it is not Keras' own")
    assert len(ran["mine"]) == 2


def test_l2_that_is_not_weight_decay_is_found(ran):
    sgd, adam, lion, ftrl, mine, scaled = ran["judged"]
    assert sgd == mine == []
    [finding] = adam
    assert finding["code"] == "l2-is-not-weight-decay"
    assert finding["severity"] == "info"
    assert finding["message"] == (
        "L2 in the loss, of 1 variable, is not weight decay under Adam, which rescales its gradient"
        " with that of the data: where the data pull more, a step takes 2 * learning_rate * factor"
        " / rms(gradient) of a weight"
    )
    assert lion[0]["message"].endswith(
        "under Lion, which rescales its gradient with that of the data"
    )
    assert "under RMSprop" in scaled[0]["message"]
    # Ftrl does not decay: nothing is shrunk twice.
    assert [(each["code"], each["help"]) for each in ftrl] == [("l2-is-not-weight-decay", "")]


def test_other_regularizers_have_no_number(ran):
    assert ran["orthogonal"]["per_step"] is None
    assert "not proportional" in ran["orthogonal"]["note"]


def test_a_schedule_is_read_at_its_step(ran):
    first, later = ran["schedule"]
    assert first["per_step"] == pytest.approx(0.1 * DECAY)
    assert "at step 0 of ExponentialDecay" in first["note"]
    assert later["per_step"] == pytest.approx(0.05 * DECAY)
    assert "at step 10 of ExponentialDecay" in later["note"]


def test_variables_can_be_excluded_from_weight_decay(ran):
    assert ran["excluded"] == ["dense.kernel"]


def test_two_decays_on_one_variable_are_found(ran):
    assert [finding["code"] for finding in ran["two"]] == ["two-decays"]
    assert ran["two"][0]["layer"] == "dense"
    assert "`dense.kernel` is shrunk twice: L2(0.001) in the loss" in ran["two"][0]["message"]


def test_two_decays_are_a_warning_where_exclusions_are_known(ran):
    [finding] = ran["two"]
    assert finding["severity"] == "warning"
    assert "unless" not in finding["message"]


def test_a_file_does_not_say_what_is_excluded_from_weight_decay(ran):
    _, decays, [finding], notes = ran["file"]
    unless = "unless it is excluded from weight decay, which the file does not say"
    assert finding["code"] == "two-decays"
    assert finding["severity"] == "info"
    assert finding["message"].endswith(f"weight_decay in the optimizer, {unless}")
    assert [decay["mechanism"] for decay in decays if unless in decay["note"]] == [
        "weight_decay of the optimizer"
    ]
    assert notes == []


def test_a_schedule_of_a_file_is_read_at_the_step_that_it_was_trained_to(ran):
    step, [_, decay], *_ = ran["file"]
    assert step == 10
    assert decay["per_step"] == pytest.approx(0.05 * DECAY)
    assert "at step 10 of ExponentialDecay; unless" in decay["note"]


def test_a_file_of_a_model_that_was_not_trained_says_so(ran):
    step, [_, decay], *_ = ran["untrained file"]
    assert step == 0
    assert "at step 0 of ExponentialDecay; unless" in decay["note"]


def test_a_file_that_does_not_say_how_far_it_was_trained_is_read_at_step_0(ran):
    _, [_, decay], *_ = ran["scaled file"]
    assert decay["per_step"] == pytest.approx(0.1 * DECAY)
    said = "at step 0 of ExponentialDecay: the file does not say how far it was trained"
    assert said in decay["note"]


def test_an_optimizer_is_described_by_what_is_not_default(ran):
    assert ran["described"] == [
        "SGD(learning_rate=0.1, momentum=0.9)",
        "AdamW(learning_rate=0.001, weight_decay=0.004)",
        "Adam(learning_rate=ExponentialDecay, weight_decay=0.01)",
        "SGD(learning_rate=0.5)",  # under loss scaling
    ]


def test_the_optimizer_of_a_file_is_not_built(ran):
    assert ran["saved"] == ["SGD(learning_rate=0.1, nesterov=True)", 2]


def test_an_optimizer_that_cannot_be_made_says_so(ran):
    assert ran["unknown"].startswith("the optimizer cannot be made: ")
    assert "Mine" in ran["unknown"]
