"""Tests of `strategies.volume_windows` against numpy.

Belongs here: sums and the point of control. Not here: the volume rules (`test_rules`, `test_tiers`).
"""

import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot_core_dagster.strategies.volume_windows import (
    point_of_control,
    point_of_control_loop,
    window_sum,
    window_sum_loop,
)


@pytest.fixture(autouse=True)
def _compiled_however_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot_core_dagster.strategies.volume_windows.WORTH_COMPILING", 0)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), n_bars=st.integers(0, 90), window=st.integers(1, 40), n_bins=st.integers(1, 25))
def test_compiled_and_readable_twin_equal_numpys_histogram(seed: int, n_bars: int, window: int, n_bins: int) -> None:
    rng = np.random.default_rng(seed)
    price, volume = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, n_bars))), rng.lognormal(3.0, 1.0, n_bars)
    poc = point_of_control(price, volume, window, n_bins)
    np.testing.assert_array_equal(poc, point_of_control_loop(price, volume, window, n_bins))
    np.testing.assert_array_equal(window_sum(volume, window), window_sum_loop(volume, window))
    assert np.isnan(poc[: window - 1]).all()
    for last in range(window - 1, n_bars):
        rows = slice(last - window + 1, last + 1)
        assert window_sum(volume, window)[last] == pytest.approx(volume[rows].sum(), rel=1e-12)
        if window > 1:
            traded, edges = np.histogram(price[rows], bins=n_bins, weights=volume[rows])
            fullest = np.argmax(traded)
            assert poc[last] == pytest.approx((edges[fullest] + edges[fullest + 1]) / 2, rel=1e-12)


@pytest.mark.parametrize(
    ("price", "volume", "expected"),
    [
        ([1.0, 2.0, 3.0, 4.0], [5.0, 9.0, 1.0, 1.0], 2.125),
        ([1.0, 2.0, 3.0, 4.0], [5.0, 1.0, 1.0, 6.0], 3.625),
        ([1.0, 2.0, 3.0, 5.0], [7.0, 3.0, 3.0, 7.0], 1.5),
        ([2.0, 2.0, 2.0, 2.0], [1.0, 0.0, 0.0, 0.0], 2.0),
        ([1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0], np.nan),
    ],
    ids=["one bin is fullest", "the highest price is of the last bin", "a tie", "no move", "no volume"],
)
def test_the_point_of_control_by_hand(price: list[float], volume: list[float], expected: float) -> None:
    """Four bins: of the first case from 1.0, 1.75, 2.5 and 3.25 on. A tie goes to the lowest."""
    came = point_of_control(np.array(price), np.array(volume), 4, 4)
    np.testing.assert_allclose(came, [np.nan] * 3 + [expected], rtol=1e-12)


def test_a_sum_of_nothing_after_much_is_zero() -> None:
    volume = np.concatenate([np.full(50, 0.1), np.full(30, 1e9), np.zeros(20)])
    assert window_sum(volume, 20)[-1] == 0.0


def test_a_year_of_hours_takes_under_50_ms() -> None:
    rng = np.random.default_rng(0)
    price, volume = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.005, 8_760))), rng.lognormal(3.0, 1.0, 8_760)
    point_of_control(price, volume, 100, 20)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        point_of_control(price, volume, 100, 20)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.05
