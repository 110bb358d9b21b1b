"""Months and rolling windows, equal to what pandas makes of the same days."""

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.backtest import Backtest
from bot_core_dagster.reports.backtest.periods import months_of, rolling_sharpe
from tests.core.reports.results import backtest


def days_of(result: Backtest, name: str) -> pd.Series:
    """Return the equity at the instrument's own day ends, named by the day's last moment in its zone."""
    days = result.daily_equity[result.daily_equity["sampling"] == result.summary.sampling]
    zone = "UTC" if result.summary.sampling == "utc" else "America/New_York"
    last = pd.DatetimeIndex(days["day_end"]).tz_convert(zone).tz_localize(None) - pd.Timedelta(seconds=1)
    return pd.Series(days[name].to_numpy(), index=last)


@pytest.mark.parametrize("calendar", ["crypto", "fx"])
@pytest.mark.parametrize(("frequency", "per_year"), [("M", False), ("Y", True)], ids=["months", "years"])
def test_returns_by_period_are_those_of_pandas(calendar: str, frequency: str, per_year: bool) -> None:
    result, _ = backtest(12_000, symbol="EURUSD", calendar=calendar)
    months = months_of(result)
    for drawn, name in (
        (months.net_of_years if per_year else months.net, "equity"),
        (months.held_of_years if per_year else months.held, "buy_and_hold"),
    ):
        curve = days_of(result, name)
        ends = curve.groupby(pd.DatetimeIndex(curve.index).to_period(frequency)).last()
        expected = ends / ends.shift(fill_value=1.0) - 1.0
        np.testing.assert_allclose(drawn.ravel()[~np.isnan(drawn.ravel())], expected, rtol=1e-9)
    assert months.years == [2024, 2025]


def test_months_compound_to_the_last_day_end_and_those_without_a_day_are_undefined() -> None:
    result, _ = backtest(12_000)
    months = months_of(result)
    np.testing.assert_allclose(np.nanprod(1.0 + months.net, axis=1), 1.0 + months.net_of_years)
    assert np.nanprod(1.0 + months.net) == pytest.approx(days_of(result, "equity").iloc[-1])
    assert np.isnan(months.net[1, 5:]).all()
    assert not np.isnan(months.net[0]).any()


@pytest.mark.parametrize(("calendar", "n_days"), [("crypto", 91), ("fx", 65)])
def test_the_rolling_sharpe_ratio_is_that_of_pandas(calendar: str, n_days: int) -> None:
    result, _ = backtest(12_000, symbol="EURUSD", calendar=calendar)
    rolling = rolling_sharpe(result)
    assert rolling is not None
    assert rolling.n_days == n_days
    for drawn, name in ((rolling.net, "equity"), (rolling.held, "buy_and_hold")):
        curve = days_of(result, name)
        returns = curve / curve.shift(fill_value=1.0) - 1.0
        windows = returns.rolling(n_days)
        expected = windows.mean() / windows.std(ddof=1) * np.sqrt(result.summary.periods_per_year)
        np.testing.assert_allclose(drawn, expected.dropna(), rtol=1e-7)
    assert (
        rolling.day_end[-1]
        == result.daily_equity[result.daily_equity["sampling"] == result.summary.sampling]["day_end"].max()
    )


def test_too_few_days_give_no_rolling_ratio_and_no_day_gives_no_month() -> None:
    assert rolling_sharpe(backtest(24 * 90)[0]) is None
    assert months_of(backtest(5)[0]).years == []
