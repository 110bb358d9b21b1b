"""Tests of `metrics.bootstrap` and `metrics.block_length` against the arch library.

Belongs here: that resamples are those of a stationary bootstrap. Not here: the interval made of them
(`test_interval`).
"""

import math
import time

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap
from arch.bootstrap import optimal_block_length as archs_block_length
from scipy import stats

from bot_core_dagster import metrics
from bot_core_dagster.errors import ShapeError


def autoregressive(n_periods: int, phi: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0.001, 0.01, n_periods)
    series = noise.copy()
    for period in range(1, n_periods):
        series[period] += phi * series[period - 1]
    return series


def resamples(n_periods: int, block_length: float, seed: int, n_resamples: int = 1_000) -> np.ndarray:
    drawn = metrics.stationary_resamples(n_periods, block_length=block_length, seed=seed, n_resamples=n_resamples)
    return np.concatenate(list(drawn))


@pytest.mark.parametrize("phi", [-0.5, 0.0, 0.3, 0.9, 0.99], ids="phi {}".format)
@pytest.mark.parametrize("n_periods", [12, 25, 100, 365, 3_000], ids="{} periods".format)
def test_the_block_length_is_that_of_arch(n_periods: int, phi: float) -> None:
    series = autoregressive(n_periods, phi, seed=n_periods)
    expected = float(archs_block_length(series)["stationary"].iloc[0])
    assert metrics.optimal_block_length(series) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_block_length_is_unknown_without_variation_and_refused_of_too_few() -> None:
    assert math.isnan(metrics.optimal_block_length(np.zeros(50)))
    assert math.isnan(metrics.optimal_block_length(np.array([np.nan, *range(30)], dtype=np.float64)))
    with pytest.raises(ShapeError, match="9 or more"):
        metrics.optimal_block_length(np.arange(8.0))


def test_blocks_go_on_around_the_end_and_end_by_chance() -> None:
    """Each step is to the next period or to any: the former with probability 1 - 1/b + 1/(b n)."""
    n_periods, block_length = 50, 4.0
    drawn = resamples(n_periods, block_length, seed=0, n_resamples=2_000)
    assert drawn.shape == (2_000, n_periods)
    goes_on = (np.diff(drawn, axis=1) % n_periods == 1).mean()
    expected = 1 - 1 / block_length + 1 / (block_length * n_periods)
    error = math.sqrt(expected * (1 - expected) / (2_000 * (n_periods - 1)))
    assert abs(goes_on - expected) < 4 * error
    counts = np.bincount(drawn.ravel(), minlength=n_periods)
    assert counts.min() > 0.85 * counts.mean()
    assert counts.max() < 1.15 * counts.mean()


def test_blocks_of_one_period_are_independent_draws() -> None:
    drawn = resamples(20, 1.0, seed=1, n_resamples=5_000)
    pairs = np.bincount((drawn[:, :-1] * 20 + drawn[:, 1:]).ravel(), minlength=400)
    assert stats.chisquare(pairs).pvalue > 1e-4


@pytest.mark.parametrize("phi", [0.0, 0.5], ids=["independent", "dependent"])
def test_resampled_sharpe_ratios_are_distributed_as_those_of_arch(phi: float) -> None:
    """Two samples of 4,000: Kolmogorov-Smirnov at 1 in 1,000 allows their distributions to differ by .044."""
    returns, block_length = autoregressive(365, phi), 6
    bootstrap = StationaryBootstrap(block_length, returns, seed=1)
    archs = metrics.sharpe_ratios(np.array([data[0] for data, _ in bootstrap.bootstrap(4_000)]))
    ours = metrics.sharpe_ratios(returns[resamples(365, block_length, seed=1, n_resamples=4_000)])
    assert stats.ks_2samp(ours, archs).pvalue > 1e-3


def test_the_variance_of_resampled_means_is_that_of_the_closed_formula() -> None:
    """Politis and Romano (1994), lemma 1: exact for the given series; 20,000 resamples are within 4 of their errors."""
    returns, block_length = autoregressive(120, 0.5), 5.0
    centred = returns - returns.mean()
    n_periods, stays = len(returns), 1.0 - 1.0 / block_length
    variance = centred @ centred / n_periods
    for lag in range(1, n_periods):
        covariance = centred[lag:] @ centred[:-lag] / n_periods
        weight = (1 - lag / n_periods) * stays**lag + lag / n_periods * stays ** (n_periods - lag)
        variance += 2 * weight * covariance
    means = returns[resamples(n_periods, block_length, seed=2, n_resamples=20_000)].mean(axis=1)
    assert means.var() * n_periods == pytest.approx(variance, rel=4 * math.sqrt(2 / 20_000))


def test_the_same_seed_gives_the_same_resamples_and_another_others() -> None:
    np.testing.assert_array_equal(resamples(40, 3.0, seed=5), resamples(40, 3.0, seed=5))
    assert (resamples(40, 3.0, seed=5) != resamples(40, 3.0, seed=6)).any()


@pytest.mark.parametrize(
    ("n_periods", "block_length", "n_resamples"),
    [(0, 2.0, 10), (10, 0.5, 10), (10, math.nan, 10), (10, 2.0, 0)],
    ids=["no period", "half a period", "an unknown length", "no resample"],
)
def test_what_cannot_be_resampled_is_refused(n_periods: int, block_length: float, n_resamples: int) -> None:
    with pytest.raises(ShapeError, match="blocks of one or more periods"):
        resamples(n_periods, block_length, seed=0, n_resamples=n_resamples)


def test_an_interval_of_a_year_takes_at_most_50_ms() -> None:
    """About 9 ms on an idle core; the best of ten, since other work may run beside it."""
    returns = autoregressive(365, 0.1)
    elapsed = []
    for _ in range(10):
        began = time.perf_counter()
        metrics.sharpe_interval(returns, periods_per_year=365)
        elapsed.append(time.perf_counter() - began)
    assert min(elapsed) < 0.05
