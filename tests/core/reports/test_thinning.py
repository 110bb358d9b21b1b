"""Thinning keeps what an eye would miss: every extreme of every curve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.reports.thinning import kept_bars


@given(n_bars=st.integers(1, 3_000), n_buckets=st.integers(1, 60), n_curves=st.integers(1, 4), seed=st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_in_each_stretch_of_bars_the_lowest_and_the_highest_of_every_curve_are_kept(
    n_bars: int, n_buckets: int, n_curves: int, seed: int
) -> None:
    curves = list(np.random.default_rng(seed).normal(size=(n_curves, n_bars)).round(1))
    kept = kept_bars(curves, n_buckets)
    size = -(-n_bars // n_buckets)
    for start in range(0, n_bars, size):
        within = kept[(kept >= start) & (kept < start + size)]
        for curve in curves:
            stretch = curve[start : start + size]
            assert curve[within].min() == stretch.min()
            assert curve[within].max() == stretch.max()
    assert (np.diff(kept) > 0).all()
    assert kept[0] == 0
    assert kept[-1] == n_bars - 1
    assert len(kept) <= n_buckets * (1 + 2 * n_curves) + 1


@pytest.mark.parametrize("n_bars", [1, 2, 9, 30], ids="{} bars".format)
def test_few_bars_are_all_kept(n_bars: int) -> None:
    assert kept_bars([np.zeros(n_bars)], 10).tolist() == list(range(n_bars))


def test_a_spike_of_one_bar_in_half_a_million_is_drawn() -> None:
    curve = np.ones(525_600)
    curve[123_457] = 0.5
    kept = kept_bars([curve])
    assert 123_457 in kept
    assert len(kept) < 2_200
