"""A backtest by calendar months and over rolling windows.

Belongs here: net returns of months and years, the Sharpe ratio of the last days at each day. Not here: figures of the
whole range (`backtest.summary`), drawing (`reports.backtest.charts`).
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bot_core_dagster import metrics
from bot_core_dagster.backtest.result import Backtest
from bot_core_dagster.metrics.arrays import FloatArray1D, FloatArray2D, IntArray1D

_WINDOWS_A_YEAR = 4


@dataclass(frozen=True, eq=False)
class Months:
    """Returns by year and month, fractions; NaN where the backtest has no day.

    years : of each row
    net, held : ndarray of shape (n_years, 12), of the strategy and of buy and hold
    net_of_years, held_of_years : ndarray of shape (n_years,)
    """

    years: list[int]
    net: FloatArray2D
    held: FloatArray2D
    net_of_years: FloatArray1D
    held_of_years: FloatArray1D


@dataclass(frozen=True, eq=False)
class RollingSharpe:
    """Annualised Sharpe ratios of the last `n_days` days at each day end, shape (n_windows,); NaN is undefined."""

    n_days: int
    day_end: pd.DatetimeIndex
    net: FloatArray1D
    held: FloatArray1D


def months_of(backtest: Backtest) -> Months:
    """Return the returns by month and year; a day belongs to the month in which it ends, or ends with it."""
    days = _own_days(backtest)
    sampling = metrics.sampling_of(backtest.summary.sampling)
    last_moments = (days["day_end"] - pd.Timedelta(microseconds=1)).dt.tz_convert(sampling.zone)
    year: IntArray1D = np.asarray(last_moments.dt.year, dtype=np.int64)
    month: IntArray1D = np.asarray(last_moments.dt.month, dtype=np.int64)
    years = list(range(int(year.min()), int(year.max()) + 1)) if len(year) else []
    net, held = (days[name].to_numpy(dtype=np.float64) for name in ("equity", "buy_and_hold"))
    months = [12 * one + at for one in years for at in range(12)]
    by_month = [_by_period(curve, year * 12 + month - 1, months).reshape(len(years), 12) for curve in (net, held)]
    by_year = [_by_period(curve, year, years) for curve in (net, held)]
    return Months(years, *by_month, *by_year)


def rolling_sharpe(backtest: Backtest) -> RollingSharpe | None:
    """Return the Sharpe ratio over rolling quarters of a year, or None where there are too few days for one."""
    days, periods_per_year = _own_days(backtest), backtest.summary.periods_per_year
    n_days = round(periods_per_year / _WINDOWS_A_YEAR)
    if len(days) < n_days:
        return None
    rolled = []
    for name in ("equity", "buy_and_hold"):
        with np.errstate(invalid="ignore", divide="ignore"):
            returns = metrics.simple_returns(np.concatenate([[1.0], days[name].to_numpy(dtype=np.float64)]))
        windows = np.lib.stride_tricks.sliding_window_view(returns, n_days)
        rolled.append(metrics.sharpe_ratios(windows) * math.sqrt(periods_per_year))
    return RollingSharpe(n_days, pd.DatetimeIndex(days["day_end"])[n_days - 1 :], *rolled)


def _own_days(backtest: Backtest) -> pd.DataFrame:
    days = backtest.daily_equity
    return days[days["sampling"] == backtest.summary.sampling].reset_index(drop=True)


def _by_period(equity: FloatArray1D, period: IntArray1D, periods: list[int]) -> FloatArray1D:
    """Return the growth over each of the periods, from the last equity before it to its last."""
    last = np.flatnonzero(np.diff(period, append=-1))
    ends = equity[last]
    with np.errstate(invalid="ignore", divide="ignore"):
        growth = ends / np.concatenate([[1.0], ends[:-1]]) - 1.0
    returns = np.full(len(periods), np.nan)
    returns[np.searchsorted(periods, period[last])] = growth
    return returns
