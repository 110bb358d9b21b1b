"""Tests of `validation.spa` against the arch library.

Belongs here: Hansen's test. Not here: comparisons of two curves (`test_sharpe_difference`).
"""

import math

import numpy as np
import pytest
from arch.bootstrap import SPA, StationaryBootstrap

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.validation import spa_test
from bot_core_dagster.validation.spa import consistent_p_value, long_run_variances

N_DAYS = 300


def models(n_models: int, edge: float, seed: int = 0) -> np.ndarray:
    returns = np.random.default_rng(seed).normal(0.0, 0.01, (N_DAYS, n_models))
    returns[:, 0] += edge
    return returns


@pytest.mark.parametrize("edge", [-0.001, 0.0, 0.0008], ids=["worse", "alike", "better"])
@pytest.mark.parametrize("n_models", [1, 8], ids="{} models".format)
def test_the_p_value_is_that_of_arch_on_the_same_resamples(n_models: int, edge: float) -> None:
    """Columns of one long-run variance: arch does not divide by it, so that alone it counts as Hansen does."""
    returns = models(n_models, edge)
    returns -= min(returns.mean(axis=0).max(), 0.0) * 1.5  # the best is above the benchmark: below, ours is 1
    returns /= np.sqrt(long_run_variances(returns, 5.0)) * 100
    test = SPA(np.zeros(N_DAYS), -returns, block_size=5, reps=500, seed=3)
    test.compute()
    resamples = StationaryBootstrap(5, returns, seed=3)
    drawn = np.array([np.asarray(resamples.index) for _ in resamples.bootstrap(500)])
    p_value = consistent_p_value(returns, np.sqrt(long_run_variances(returns, 5.0)), drawn)
    assert p_value == pytest.approx((1 + 500 * test.pvalues["consistent"]) / 501, abs=1e-12)


def test_the_long_run_variance_is_that_of_arch() -> None:
    noise = np.random.default_rng(1).normal(0.0, 0.01, (N_DAYS, 3))
    returns = noise + 0.5 * np.roll(noise, 1, axis=0)
    test = SPA(np.zeros(N_DAYS), -returns, block_size=7, reps=10, seed=0)
    test.compute()
    np.testing.assert_allclose(long_run_variances(returns, 7.0), test._loss_diff_var, rtol=1e-9)


def test_the_best_of_many_noises_is_rarely_called_skill() -> None:
    """60 samples of 30 models at 5 %: 3 expected, more than 9 in one of 700 samples of an exact test."""
    found = sum(spa_test(models(30, 0.0, seed), np.zeros(N_DAYS), seed=seed) <= 0.05 for seed in range(60))
    assert found <= 9


def test_one_true_edge_among_fifty_is_found() -> None:
    """.3 deviations a day over 300 days: a t of 5."""
    assert spa_test(models(50, 0.003), np.zeros(N_DAYS)) < 0.01


def test_a_model_with_a_small_scale_is_found_beside_wild_ones() -> None:
    """What studentising is for: a steady gain of .001 a day beside noise of .1 a day."""
    returns = np.random.default_rng(2).normal(0.0, 0.1, (N_DAYS, 20))
    returns[:, 4] = np.random.default_rng(3).normal(0.001, 0.002, N_DAYS)
    assert spa_test(returns, np.zeros(N_DAYS)) < 0.01


def test_nothing_better_than_the_benchmark_has_a_p_value_of_one() -> None:
    assert spa_test(models(5, 0.0) - 0.01, np.zeros(N_DAYS)) == 1.0


def test_one_series_is_a_table_of_one_and_silent_and_ruined_ones_are_left_out() -> None:
    returns = models(2, 0.001)
    one = spa_test(returns[:, 0], np.zeros(N_DAYS), seed=5)
    assert one == spa_test(returns[:, :1], np.zeros(N_DAYS), seed=5)
    ruined = np.where(np.arange(N_DAYS) < 200, returns[:, 1], np.nan)
    others = np.column_stack([returns[:, 0], np.zeros(N_DAYS), ruined])
    assert spa_test(others, np.zeros(N_DAYS), seed=5) == one


@pytest.mark.parametrize(
    "returns",
    [np.zeros((50, 3)), np.ones((19, 2)) * np.arange(19)[:, None], np.full((50, 2), np.nan)],
    ids=["nothing traded", "under 20 days", "NaN"],
)
def test_what_cannot_be_tested_is_nan(returns: np.ndarray) -> None:
    assert math.isnan(spa_test(returns, np.zeros(len(returns))))


def test_another_number_of_days_is_refused() -> None:
    with pytest.raises(ShapeError, match="the same periods"):
        spa_test(np.zeros((30, 2)), np.zeros(29))
