"""What is said of penalties beside the data loss."""

import math

import pytest

from reglint.inspector.facts import Kind, LayerGradient, Penalty, Regularizer
from reglint.inspector.runtime.weighing import weigh

HUNDRED = (10, 10)


def l2(factor, size, **changes):
    """Return the L2 penalty of a hundred values of one size."""
    given = {
        "layer": "dense",
        "layer_class": "Dense",
        "kind": Kind.WEIGHT,
        "role": "kernel",
        "regularizer": Regularizer("L2", {"l2": factor}),
        "shape": HUNDRED,
        "value": factor * 100 * size**2,
    }
    return Penalty(**given | changes)


def weighed(*penalties, loss=1.0):
    return [
        (finding.code, finding.layer)
        for finding in weigh(penalties, sum(each.value for each in penalties), loss)
    ]


@pytest.mark.parametrize(
    ("value", "code"),
    [(0.0009, "negligible-penalty"), (0.0011, None), (9.9, None), (10.1, "dominating-penalty")],
)
def test_all_together_are_weighed(value, code):
    found = weighed(l2(0.01, 1.0, value=value))
    assert found == ([(code, "")] if code else [])


def test_how_strongly_they_pull_is_told_of_too():
    """A penalty that is small may pull as strongly as the data, and a large one may not."""
    pulls = (LayerGradient("a", "Dense", 9, 3.0, 0.0), LayerGradient("b", "Dense", 9, 4.0, 10.0))
    for value in (0.0005, 20.0):
        (finding,) = weigh((l2(0.01, 1.0),), value, 1.0, pulls)
        assert finding.message.endswith("; their gradient is 0.5 times as long as that of the data")
    (finding,) = weigh((l2(0.01, 1.0),), 20.0, 1.0, (LayerGradient("a", "Dense", 9, 3.0, 0.0),))
    assert finding.message == "all penalties add up to 20, above 10 times the data loss of 1"


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_told_of_and_nothing_else(loss):
    (finding,) = weigh((l2(0.01, 1.0),), 1.0, loss)
    assert finding.code == "not-finite"
    assert str(loss) in finding.message


def test_one_with_a_factor_a_million_times_too_small_is_told_of():
    large = l2(0.01, 0.3)
    tiny = l2(1e-9, 0.3, layer="head")
    assert weighed(large, tiny) == [("negligible-penalty", "head")]
    (finding,) = weigh((large, tiny), large.value + tiny.value, 1.0)
    assert finding.message.startswith("L2(1e-09) adds 9e-09 for `head.kernel`")


def test_weights_that_their_penalty_made_small_are_no_mistake():
    shrunk = l2(0.01, 1e-5, layer="head")
    assert shrunk.value < 1e-6
    assert weighed(l2(0.01, 0.3), shrunk) == []


def test_l1_is_measured_by_the_mean_of_what_it_adds_up():
    by_sum = {"regularizer": Regularizer("L1L2", {"l1": 1e-9, "l2": 0.0}), "layer": "head"}
    assert weighed(l2(0.01, 0.3), l2(0, 0, value=3e-8, **by_sum)) == [
        ("negligible-penalty", "head")
    ]
    assert weighed(l2(0.01, 0.3), l2(0, 0, value=3e-14, **by_sum)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": Kind.ACTIVITY, "role": None},
        {"regularizer": Regularizer("mine>Own", {"l2": 1e-9})},
        {"regularizer": Regularizer("L1L2", {"l1": 1e-9, "l2": 1e-9})},
        {"value": 0.0},
    ],
)
def test_what_cannot_be_told_from_the_number_is_left_alone(changes):
    assert weighed(l2(0.01, 0.3), l2(1e-9, 0.3, **changes)) == []
