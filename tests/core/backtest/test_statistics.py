"""Tests of `backtest.statistics`: objectives of all rows at once are those of `metrics`, row by row.

Belongs here: each objective against its metric, what is undefined, names. Not here: how the statistics come about
(`test_event_kernel`, `test_general_kernel`), the formulas (`tests/core/metrics`).
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster import metrics
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.statistics import (
    OBJECTIVES,
    GridStatistics,
    calmar_ratio,
    objective,
    profit_factor,
    sharpe_ratio,
    sortino_ratio,
    total_return,
    win_rate,
)
from bot_core_dagster.errors import UnknownNameError
from bot_core_dagster.features.definition import FloatArray2D
from tests.builders import bars, instrument

COUNTS = np.array([4, 1, 0])
PROFITS: tuple[list[float], ...] = ([0.3, -0.1, 0.0, 0.2], [0.5], [])


def statistics_of(daily_equity: FloatArray2D) -> GridStatistics:
    """Return the statistics of three combinations with these curves and the trades of PROFITS."""
    return GridStatistics(
        daily_equity=daily_equity,
        final_equity=daily_equity[:, -1].copy(),
        max_drawdown=np.array([metrics.maximum_drawdown(curve) for curve in daily_equity]),
        n_trades=COUNTS,
        n_winning=np.array([2, 1, 0]),
        gains=np.array([0.5, 0.5, 0.0]),
        losses=np.array([-0.1, 0.0, 0.0]),
        bars_held=np.array([9, 3, 0]),
        traded_notional=np.array([8.0, 2.0, 0.0]),
    )


def curves(seed: int, n_days: int) -> FloatArray2D:
    """Return three curves from 1 on: a random one, a rising one and a flat one."""
    rng = np.random.default_rng(seed)
    growth = np.stack([rng.normal(0.0, 0.02, n_days), np.full(n_days, 0.001), np.zeros(n_days)])
    return np.concatenate([np.ones((3, 1)), np.exp(growth.cumsum(axis=1))], axis=1)


@settings(deadline=None)  # the first example may compile
@given(seed=st.integers(0, 2**32 - 1), n_days=st.integers(0, 60), periods_per_year=st.sampled_from([260, 365]))
def test_ratios_of_days_are_those_of_metrics(seed: int, n_days: int, periods_per_year: int) -> None:
    statistics = statistics_of(curves(seed, n_days))
    returns = [metrics.simple_returns(curve) for curve in statistics.daily_equity]
    np.testing.assert_allclose(
        sharpe_ratio(statistics, periods_per_year=periods_per_year),
        [metrics.sharpe_ratio(each, periods_per_year=periods_per_year) for each in returns],
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        sortino_ratio(statistics, periods_per_year=periods_per_year),
        [metrics.sortino_ratio(each, periods_per_year=periods_per_year) for each in returns],
        rtol=1e-12,
    )


@given(seed=st.integers(0, 2**32 - 1), years=st.sampled_from([0.0, 0.001, 0.5, 1.0, 7.3]))
def test_calmar_ratios_are_those_of_metrics(seed: int, years: float) -> None:
    statistics = statistics_of(curves(seed, 30))
    expected = [
        metrics.calmar_ratio(metrics.cagr(1.0, float(final), years=years), float(deepest))
        for final, deepest in zip(statistics.final_equity, statistics.max_drawdown, strict=True)
    ]
    np.testing.assert_allclose(calmar_ratio(statistics, years=years), expected, rtol=1e-12)


def test_figures_of_trades_are_those_of_metrics() -> None:
    statistics = statistics_of(curves(0, 5))
    profits = [np.array(each) for each in PROFITS]
    np.testing.assert_allclose(win_rate(statistics), [metrics.win_rate(each) for each in profits])
    np.testing.assert_allclose(profit_factor(statistics), [metrics.profit_factor(each) for each in profits])
    assert np.isnan(profit_factor(statistics)).tolist() == [False, True, True]
    np.testing.assert_array_equal(total_return(statistics), statistics.final_equity - 1.0)


def test_after_a_ruin_ratios_of_days_are_undefined() -> None:
    """Equity of 0 has no return: like `metrics`, which says NaN where a return is one."""
    ruined = curves(0, 6)
    ruined[0, 4:] = 0.0
    statistics = statistics_of(ruined)
    assert np.isnan(sharpe_ratio(statistics, periods_per_year=365)[0])
    assert np.isnan(sortino_ratio(statistics, periods_per_year=365)[0])
    assert np.isnan(calmar_ratio(statistics, years=1.0)[0])


def test_growth_beyond_numbers_is_infinite() -> None:
    statistics = replace(statistics_of(curves(0, 5)), final_equity=np.full(3, 100.0), max_drawdown=np.full(3, -0.5))
    assert calmar_ratio(statistics, years=0.001).tolist() == [np.inf] * 3


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objectives_by_name_use_the_days_and_years_of_the_bars(name: str) -> None:
    prepared = PreparedBars.of(bars(24 * 30), instrument())
    statistics = statistics_of(curves(3, 30))
    years = metrics.years_between(prepared.open_time[0], prepared.close_time[-1])
    expected = {
        "sharpe_ratio": sharpe_ratio(statistics, periods_per_year=365),
        "sortino_ratio": sortino_ratio(statistics, periods_per_year=365),
        "calmar_ratio": calmar_ratio(statistics, years=years),
        "total_return": total_return(statistics),
        "profit_factor": profit_factor(statistics),
        "win_rate": win_rate(statistics),
    }
    np.testing.assert_array_equal(objective(name, statistics, prepared), expected[name])


def test_an_unknown_objective_names_those_there_are() -> None:
    prepared = PreparedBars.of(bars(24), instrument())
    with pytest.raises(UnknownNameError, match="unknown objective 'luck'; there are sharpe_ratio, sortino_ratio"):
        objective("luck", statistics_of(curves(0, 3)), prepared)
