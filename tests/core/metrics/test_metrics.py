"""Tests of `metrics` against published examples and numbers worked out by hand.

Belongs here: ratios, growth, drawdown and trades, and their undefined cases. Not here: days
(`test_sampling`), significance (`test_significance`), resampling (`test_interval`).
"""

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_core_dagster import metrics
from bot_core_dagster.errors import ShapeError, TimeError

YEAR = 252
RETURNS = np.array([0.01, -0.02, 0.03, 0.0])
finite_returns = st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=50).map(np.array)


def test_the_sharpe_ratio_by_hand() -> None:
    """Mean .005; squared deviations .000025, .000625, .000625, .000025 over 3."""
    expected = math.sqrt(YEAR) * 0.005 / math.sqrt(0.0013 / 3)
    assert metrics.sharpe_ratio(RETURNS, periods_per_year=YEAR) == pytest.approx(expected, rel=1e-12)


def test_the_sortino_ratio_divides_by_the_shortfall_of_all_periods() -> None:
    """One shortfall of .02 among four periods: sqrt(.0004 / 4) = .01."""
    assert metrics.sortino_ratio(RETURNS, periods_per_year=YEAR) == pytest.approx(math.sqrt(YEAR) * 0.5, rel=1e-12)


def test_the_sortino_ratio_of_the_published_example() -> None:
    """Rollinger and Hoffman (2013), Sortino: A "Sharper" Ratio: eight annual returns, target 0: 4.417."""
    annual = np.array([0.17, 0.15, 0.23, -0.05, 0.12, 0.09, 0.13, -0.04])
    assert metrics.sortino_ratio(annual, periods_per_year=1) == pytest.approx(4.417, abs=0.001)


def test_the_omega_ratio_by_hand() -> None:
    """Gains of .01 and .03 over a shortfall of .02; above a target of 1 %, .02 over .03 + .01."""
    assert metrics.omega_ratio(RETURNS) == pytest.approx(2.0, rel=1e-12)
    assert metrics.omega_ratio(RETURNS, target=0.01) == pytest.approx(0.5, rel=1e-12)


@given(st.lists(st.lists(st.floats(-0.5, 0.5), min_size=5, max_size=5), min_size=1, max_size=6).map(np.array))
def test_sharpe_ratios_of_many_series_are_those_of_each(series: np.ndarray) -> None:
    each = [metrics.sharpe_ratio(returns, periods_per_year=1) for returns in series]
    np.testing.assert_allclose(metrics.sharpe_ratios(series), each, rtol=1e-9)


def test_the_drawdown_and_what_is_made_of_it_by_hand() -> None:
    """From a peak of 1.2 to 0.9 is -25 %; doubling in two years grows 41.4 % a year."""
    equity = np.array([1.0, 1.2, 0.9, 1.5, 1.2, 2.0])
    np.testing.assert_allclose(metrics.drawdown(equity), [0.0, 0.0, -0.25, 0.0, -0.2, 0.0], atol=1e-15)
    assert metrics.maximum_drawdown(equity) == pytest.approx(-0.25, rel=1e-12)
    growth = metrics.cagr(1.0, 2.0, years=2.0)
    assert growth == pytest.approx(math.sqrt(2) - 1, rel=1e-12)
    assert metrics.calmar_ratio(growth, -0.25) == pytest.approx(4 * (math.sqrt(2) - 1), rel=1e-12)


def test_a_fall_from_the_starting_equity_is_a_drawdown() -> None:
    assert metrics.maximum_drawdown(np.array([1.0, 0.8, 0.9])) == pytest.approx(-0.2)


def test_years_have_365_and_a_quarter_days() -> None:
    start, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
    assert metrics.years_between(start, end) == 4.0
    with pytest.raises(TimeError, match="an end after the start"):
        metrics.years_between(end, start)


def test_figures_of_trades_by_hand() -> None:
    """Two wins of 3 and 1, one loss of 2, one trade without profit, which is no win."""
    profits = np.array([3.0, -2.0, 1.0, 0.0])
    assert metrics.win_rate(profits) == 0.5
    assert metrics.profit_factor(profits) == 2.0
    assert metrics.expectancy(profits) == 0.5 * 2.0 - 0.5 * 1.0


@given(finite_returns)
def test_the_expectancy_is_the_mean_profit(profits: np.ndarray) -> None:
    assert metrics.expectancy(profits) == pytest.approx(profits.mean(), abs=1e-12)


def test_exposure_and_turnover_by_hand() -> None:
    assert metrics.exposure(np.array([True, False, True, True])) == 0.75
    fills = np.array([1.0, -1.1])
    assert metrics.turnover(fills, np.array([1.0, 1.2]), years=0.5) == pytest.approx(2.1 / 1.1 / 0.5)


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (lambda: metrics.sharpe_ratio(np.full(9, 0.1), periods_per_year=YEAR), math.nan),
        (lambda: metrics.sharpe_ratio(np.array([0.1]), periods_per_year=YEAR), math.nan),
        (lambda: metrics.sharpe_ratio(np.array([]), periods_per_year=YEAR), math.nan),
        (lambda: metrics.sharpe_ratio(np.array([1e-300, 0.0]), periods_per_year=YEAR), math.nan),
        (lambda: metrics.sharpe_ratio(np.array([0.1, np.nan]), periods_per_year=YEAR), math.nan),
        (lambda: metrics.sortino_ratio(np.array([0.1, 0.2]), periods_per_year=YEAR), math.nan),
        (lambda: metrics.sortino_ratio(np.array([]), periods_per_year=YEAR), math.nan),
        (lambda: metrics.omega_ratio(np.array([0.1, 0.2])), math.nan),
        (lambda: metrics.omega_ratio(np.array([])), math.nan),
        (lambda: metrics.cagr(1.0, 2.0, years=0.0), math.nan),
        (lambda: metrics.cagr(1.0, 0.0, years=1.0), math.nan),
        (lambda: metrics.cagr(1.0, 2.0, years=1e-6), math.inf),
        (lambda: metrics.calmar_ratio(0.1, 0.0), math.nan),
        (lambda: metrics.win_rate(np.array([])), math.nan),
        (lambda: metrics.profit_factor(np.array([1.0])), math.nan),
        (lambda: metrics.expectancy(np.array([])), math.nan),
        (lambda: metrics.exposure(np.array([], dtype=bool)), math.nan),
        (lambda: metrics.turnover(np.array([1.0]), np.array([1.0]), years=0.0), math.nan),
        (lambda: metrics.probabilistic_sharpe_ratio(np.zeros(5)), math.nan),
        (lambda: metrics.deflated_sharpe_ratio(np.array([]), n_trials=3), math.nan),
    ],
    ids=[
        "a Sharpe ratio of constant returns",
        "a Sharpe ratio of one return",
        "a Sharpe ratio of no returns",
        "a Sharpe ratio of returns that underflow",
        "a Sharpe ratio with a NaN",
        "a Sortino ratio without a loss",
        "a Sortino ratio of no returns",
        "an omega ratio without a loss",
        "an omega ratio of no returns",
        "growth in no time",
        "growth to nothing",
        "growth beyond floats",
        "a Calmar ratio without drawdown",
        "a win rate of no trades",
        "a profit factor without a loss",
        "an expectancy of no trades",
        "an exposure of no bars",
        "a turnover of no time",
        "a probabilistic Sharpe ratio of zeros",
        "a deflated Sharpe ratio of no returns",
    ],
)
def test_an_undefined_figure_is_nan_and_never_zero(figure: "object", expected: float) -> None:
    assert callable(figure)
    np.testing.assert_equal(figure(), expected)


@pytest.mark.parametrize(
    "figure",
    [
        lambda table: metrics.sharpe_ratio(table, periods_per_year=YEAR),
        lambda table: metrics.sortino_ratio(table, periods_per_year=YEAR),
        metrics.maximum_drawdown,
        metrics.win_rate,
        lambda table: metrics.sharpe_interval(table, periods_per_year=YEAR),
    ],
    ids=["sharpe", "sortino", "drawdown", "win rate", "interval"],
)
def test_a_table_in_place_of_a_series_is_refused(figure: "object") -> None:
    assert callable(figure)
    with pytest.raises(ShapeError, match="one dimension"):
        figure(np.ones((3, 2)))
