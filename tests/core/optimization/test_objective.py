"""Objectives of some days equal the metrics of these days, set by set."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster import metrics
from bot_core_dagster.backtest.prepared import DaySamples
from bot_core_dagster.backtest.statistics import GridStatistics
from bot_core_dagster.errors import UnknownNameError
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.optimization.objective import OF_DAYS, best_of, objective_of_days, require_objective

N_SETS, N_DAYS = 7, 90
DAYS = slice(20, 65)
_RETURNS = np.random.default_rng(0).normal(0.001, 0.02, (N_SETS, N_DAYS))
_RETURNS[3] = 0.0
_RETURNS[4, :70] = 0.0


def _statistics() -> GridStatistics:
    equity = np.cumprod(np.concatenate([np.ones((N_SETS, 1)), 1.0 + _RETURNS], axis=1), axis=1)
    zeros, counts = np.zeros(N_SETS), np.zeros(N_SETS, dtype=np.int64)
    return GridStatistics(equity, equity[:, -1], zeros, counts, counts, zeros, zeros, counts, zeros)


def _days() -> DaySamples:
    ends = pd.date_range(datetime(2024, 1, 1, tzinfo=UTC), periods=N_DAYS + 1, freq="D").as_unit("us")
    return DaySamples("utc", 365, ends, np.arange(-1, N_DAYS, dtype=np.int64))


def _one_by_one(name: str, returns: FloatArray1D) -> float:
    equity = np.concatenate([[1.0], np.cumprod(1.0 + returns)])
    if name == "sharpe_ratio":
        return metrics.sharpe_ratio(returns, periods_per_year=365)
    if name == "sortino_ratio":
        return metrics.sortino_ratio(returns, periods_per_year=365)
    if name == "total_return":
        return float(equity[-1] - 1.0)
    growth = metrics.cagr(1.0, float(equity[-1]), years=len(returns) / metrics.equity.DAYS_PER_YEAR)
    return metrics.calmar_ratio(growth, metrics.maximum_drawdown(equity))


@pytest.mark.parametrize("name", sorted(OF_DAYS))
def test_an_objective_of_some_days_is_the_metric_of_these_days(name: str) -> None:
    found = objective_of_days(name, _statistics(), _days(), DAYS)
    expected = [_one_by_one(name, _RETURNS[place, DAYS]) for place in range(N_SETS)]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", sorted(OF_DAYS))
def test_days_outside_of_the_chosen_ones_do_not_matter(name: str) -> None:
    changed = _statistics()
    changed.daily_equity[:, DAYS.stop + 1 :] *= 3.0
    changed.daily_equity[:, : DAYS.start] *= 0.5
    found = objective_of_days(name, changed, _days(), DAYS)
    np.testing.assert_array_equal(found, objective_of_days(name, _statistics(), _days(), DAYS))


def test_the_best_is_the_first_of_the_highest_and_undefined_is_never_best() -> None:
    assert best_of(np.array([np.nan, 1.0, 2.0, 2.0])) == 2
    assert best_of(np.array([np.nan, -5.0])) == 1
    assert best_of(np.array([np.nan, np.nan])) == -1


def test_an_unknown_objective_names_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"'sharp'; there are sharpe_ratio, .*win_rate"):
        require_objective("sharp")
