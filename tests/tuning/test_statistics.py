"""Means over seeds and their intervals, against numbers worked out elsewhere."""

from __future__ import annotations

import math
import statistics

import pytest

from reglint.tuning.statistics import estimate, quantile


def test_a_mean_has_the_error_of_the_corrected_resampled_t_test():
    # Nadeau and Bengio, equation 9: (1 / n + n2 / n1) * s**2, with n2 / n1 = 0.25 here.
    values = [0.40, 0.44, 0.41, 0.47, 0.43]
    found = estimate(values, 0.25)
    variance = statistics.variance(values)
    assert found.mean == pytest.approx(0.43)
    assert found.error == pytest.approx(math.sqrt((1 / 5 + 0.25) * variance))
    low, high = found.interval
    assert (low + high) / 2 == pytest.approx(0.43)
    assert (high - low) / 2 == pytest.approx(2.776 * found.error)
    assert found.seeds == 5


def test_without_overlap_it_is_the_usual_standard_error():
    values = [1.0, 2.0, 4.0]
    assert estimate(values, 0.0).error == pytest.approx(statistics.stdev(values) / math.sqrt(3))


def test_samples_that_are_used_again_make_an_interval_wider():
    values = [1.0, 2.0, 4.0, 3.0]
    assert estimate(values, 0.25).error > estimate(values, 0.1).error > estimate(values, 0).error


@pytest.mark.parametrize(
    ("values", "significant"),
    [
        ([0.04, 0.05, 0.06, 0.05], True),
        ([-0.04, -0.05, -0.06, -0.05], True),
        ([0.04, -0.05, 0.06, -0.05], False),
        ([0.04, 0.05], False),  # t with one degree of freedom is 12.7
        ([0.0, 0.0, 0.0], False),
        ([0.1, 0.1, 0.1], False),  # all alike, they say nothing of chance
        ([5.0], False),
    ],
)
def test_a_difference_is_significant_if_0_is_not_in_its_interval(values, significant):
    assert estimate(values, 0.25).significant is significant


def test_one_seed_has_a_mean_and_nothing_to_say_of_chance():
    found = estimate([0.4], 0.25)
    assert (found.mean, found.error, found.interval) == (0.4, None, None)


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ([0.4, math.inf, 0.5], math.inf),
        ([0.4, math.nan, math.inf], math.nan),
        ([-math.inf, 1.0], math.inf),
    ],
)
def test_a_loss_that_is_no_number_is_counted_and_ends_all_comparison(values, mean):
    found = estimate(values, 0.25)
    assert found.mean == pytest.approx(mean, nan_ok=True)
    assert found.diverged == sum(not math.isfinite(value) for value in values)
    assert (found.error, found.interval, found.significant) == (None, None, False)


@pytest.mark.parametrize(
    ("freedom", "expected"), [(1, 12.706), (4, 2.776), (30, 2.042), (40, 2.021), (200, 1.972)]
)
def test_quantiles_are_those_of_any_table(freedom, expected):
    assert quantile(freedom) == expected


def test_quantiles_between_known_ones_are_never_too_small():
    found = [quantile(freedom) for freedom in range(1, 500)]
    assert found == sorted(found, reverse=True)
    assert quantile(39) == quantile(30)
    assert min(found) > 1.96
