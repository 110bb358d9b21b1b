"""Tests of `strategies.rsi_loop` against TA-Lib, against Wilder's own recurrence, and by its past.

Belongs here: the index over long series. Not here: what is decided from it (`test_plain`, `test_tiers`).
"""

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.features.catalog.rsi import wilder_rsi
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies.rsi_loop import index_bar_by_bar, relative_strength_index


def _closes(n_bars: int, seed: int, share_still: float = 0.0) -> FloatArray1D:
    """Return a random walk that stands still in a share of its bars."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0.0, 0.01, n_bars) * (rng.random(n_bars) >= share_still)
    walk: FloatArray1D = 100.0 * np.exp(np.cumsum(moves))
    return walk


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_bars=st.integers(3, 400),
    window=st.integers(2, 50),
    share_still=st.sampled_from([0.0, 0.5]),
)
def test_the_index_is_that_of_talib_and_of_wilders_recurrence(
    seed: int, n_bars: int, window: int, share_still: float
) -> None:
    close = _closes(n_bars, seed, share_still)
    index = relative_strength_index(close, window)
    np.testing.assert_allclose(index, wilder_rsi(close, window), rtol=0.0, atol=1e-9)
    if n_bars > window:
        np.testing.assert_allclose(index, index_bar_by_bar(close, window), rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("window", [2, 14, 50], ids="window {}".format)
def test_a_year_of_minutes_does_not_drift_from_talib(window: int) -> None:
    close = _closes(525_600, seed=7)
    np.testing.assert_allclose(relative_strength_index(close, window), talib.RSI(close, window), rtol=0.0, atol=1e-11)


@pytest.mark.parametrize("known_bars", range(14, 40), ids="{} bars known".format)
def test_the_index_of_the_past_is_unmoved_by_the_future(known_bars: int) -> None:
    """Exactly, wherever the series ends within a step of four bars."""
    close = _closes(200, seed=3)
    known = relative_strength_index(close[:known_bars], 14)
    np.testing.assert_array_equal(known, relative_strength_index(close, 14)[:known_bars])


@pytest.mark.parametrize(
    ("step", "expected"), [(1.0, 100.0), (-1.0, 0.0), (0.0, np.nan)], ids=["only up", "only down", "never moved"]
)
def test_the_index_of_one_sided_prices(step: float, expected: float) -> None:
    index = relative_strength_index(100.0 + step * np.arange(40.0), 14)
    np.testing.assert_array_equal(index, np.r_[np.full(14, np.nan), np.full(26, expected)])


@pytest.mark.parametrize("n_bars", [0, 1, 14], ids="{} bars".format)
def test_too_few_bars_have_no_index(n_bars: int) -> None:
    assert np.isnan(relative_strength_index(_closes(n_bars, seed=1), 14)).all()


def test_a_price_that_stands_still_keeps_its_index() -> None:
    """Means that have shrunk to nothing still have their ratio."""
    close = np.r_[1.1, 1.1001, 1.1002, 1.1001, np.full(60, 1.1001)]
    np.testing.assert_allclose(relative_strength_index(close, 2)[3:], 50.0, rtol=0.0, atol=1e-9)
