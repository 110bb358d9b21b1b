"""Histograms: all values in bins of one width, none of which holds gains and losses."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bot_core_dagster.reports.histogram import MAX_BINS, histogram_of

VALUES = arrays(np.float64, st.integers(1, 200), elements=st.floats(-1e3, 1e3).map(lambda value: round(value, 4)))


@given(VALUES)
def test_every_value_is_in_a_bin_and_zero_is_an_edge(values: np.ndarray) -> None:
    found = histogram_of(values)
    assert found.counts.sum() == len(values)
    np.testing.assert_allclose(np.diff(found.edges), found.width, rtol=1e-6)
    np.testing.assert_allclose(found.edges / found.width, np.round(found.edges / found.width), atol=1e-6)
    assert len(found.counts) <= MAX_BINS + 2
    assert len(found.middles) == len(found.counts)


@pytest.mark.parametrize("n_values", [50, 500, 5_000], ids="{} values".format)
def test_bins_are_as_wide_as_those_of_numpy_by_freedman_and_diaconis(n_values: int) -> None:
    values = np.random.default_rng(4).normal(size=n_values)
    n_bins = len(np.histogram_bin_edges(values, "fd")) - 1
    assert math.ceil((values.max() - values.min()) / histogram_of(values).width) == n_bins


def test_no_value_gives_no_bin() -> None:
    assert len(histogram_of(np.zeros(0)).counts) == 0


@pytest.mark.parametrize("value", [-0.3, 0.0, 2.0], ids=str)
def test_equal_values_are_in_one_bin(value: float) -> None:
    found = histogram_of(np.full(9, value))
    assert found.counts[found.counts > 0].tolist() == [9]
