"""Histograms are those of all values, whatever the pieces they come in."""

from __future__ import annotations

import pytest

pytest.importorskip("numpy")

import numpy as np

from reglint.inspector.facts import Variable
from reglint.inspector.histogram import BINS, histogram

KERNEL = Variable("dense", "kernel")


def test_it_is_that_of_numpy_whatever_the_pieces():
    values = np.random.default_rng(0).normal(size=(101, 7)).astype("float32")
    counts, edges = np.histogram(values.astype("float64"), BINS)
    for pieces in (1, 4, 101):
        found = histogram(KERNEL, lambda n=pieces: np.array_split(values, n))
        assert found.variable == KERNEL
        assert found.counts == tuple(counts)
        assert found.edges == pytest.approx(tuple(edges))


@pytest.mark.parametrize(
    ("values", "held"),
    [
        ([0.0] * 5, 5),
        ([-2.5] * 3, 3),
        ([5e-324, 0.0], 2),
        ([1.0, 1.0 + 1e-15], 2),
        ([1.7e308, -1.7e308], 2),
        ([1.7e308], 1),
        ([np.nan, np.inf, -np.inf, 1.0, 2.0], 2),
    ],
)
def test_every_finite_value_is_in_a_bin_and_edges_ascend(values, held):
    found = histogram(KERNEL, lambda: [np.array(values)])
    assert sum(found.counts) == held
    assert len(found.edges) == len(found.counts) + 1
    assert np.isfinite(found.edges).all()
    assert (np.diff(np.array(found.edges) / 2) > 0).all()


@pytest.mark.parametrize("values", [[], [np.nan], [np.inf, -np.inf]])
def test_there_is_none_of_nothing(values):
    assert histogram(KERNEL, lambda: [np.array(values)]) is None
