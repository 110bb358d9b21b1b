"""Tests of `metrics.interval`.

Belongs here: that the interval is honest. Not here: closed formulas (`test_metrics`).
"""

import math

import numpy as np
import pytest

from bot_core_dagster.metrics import sharpe_interval, sharpe_ratio


def test_the_interval_holds_the_figure_and_is_the_same_for_the_same_seed() -> None:
    returns = np.random.default_rng(0).normal(0.001, 0.01, 750)
    interval = sharpe_interval(returns, periods_per_year=365)
    assert interval.low < sharpe_ratio(returns, periods_per_year=365) < interval.high
    assert interval == sharpe_interval(returns, periods_per_year=365)
    assert interval != sharpe_interval(returns, periods_per_year=365, seed=1)


def test_the_width_is_that_of_the_asymptotic_error_for_independent_returns() -> None:
    """Lo (2002), equation 9: standard error sqrt((1 + SR^2 / 2) / T) per period."""
    returns = np.random.default_rng(1).normal(0.0005, 0.01, 2_000)
    interval = sharpe_interval(returns, periods_per_year=365)
    sharpe = sharpe_ratio(returns, periods_per_year=1)
    error = math.sqrt((1 + sharpe**2 / 2) / len(returns) * 365)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_the_interval_widens_where_returns_follow_each_other() -> None:
    noise = np.random.default_rng(2).normal(0.0, 0.01, 1_500)
    following = np.convolve(noise, np.ones(10) / math.sqrt(10), mode="valid")
    independent = sharpe_interval(noise, periods_per_year=365)
    dependent = sharpe_interval(following, periods_per_year=365)
    assert dependent.high - dependent.low > 1.8 * (independent.high - independent.low)


def test_nine_of_ten_intervals_hold_the_true_ratio() -> None:
    """80 samples of known Sharpe ratio: the share that is covered by 90 % intervals lies within binomial reach."""
    rng = np.random.default_rng(3)
    true = 0.05 * math.sqrt(365)
    intervals = [
        sharpe_interval(rng.normal(0.0005, 0.01, 250), periods_per_year=365, confidence=0.9) for _ in range(80)
    ]
    covered = sum(interval.low <= true <= interval.high for interval in intervals)
    assert 62 <= covered <= 79


@pytest.mark.parametrize(
    "returns",
    [np.zeros(100), np.full(19, 0.01) * np.arange(19), np.array([]), np.where(np.arange(500) == 7, 0.1, 0.0)],
    ids=["never traded", "under 20 days", "no day", "one day of trading"],
)
def test_an_interval_that_cannot_be_known_is_nan(returns: np.ndarray) -> None:
    interval = sharpe_interval(returns, periods_per_year=365)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
