"""Plain strategies and the shortest honest backtest of them, for tests of the simulated market.

Belongs here: target positions from closed bars and their daily Sharpe ratio, independent of the project's own
strategies and engine. Not here: tests.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd
import talib
from numpy.typing import NDArray

from bot_core_dagster.settings import Instrument

FloatArray = NDArray[np.float64]
Strategy = Callable[[pd.DataFrame], FloatArray]


def rsi_reversion(bars: pd.DataFrame) -> FloatArray:
    """Long from RSI(14) at or under 30 until at or over 70."""
    rsi = talib.RSI(bars["close"].to_numpy(), timeperiod=14)
    wish = np.select([rsi <= 30, rsi >= 70], [1.0, 0.0], np.nan)
    return pd.Series(wish).ffill().fillna(0.0).to_numpy()


def momentum(n_bars: int) -> Strategy:
    """With the sign of the last `n_bars` bars' return."""
    return lambda bars: np.asarray(np.sign(bars["close"].pct_change(n_bars, fill_method=None).fillna(0.0)))


def contrarian(n_bars: int) -> Strategy:
    """Against the sign of the last `n_bars` bars' return."""
    return lambda bars: -momentum(n_bars)(bars)


def moving_average_cross(bars: pd.DataFrame) -> FloatArray:
    """Long while the mean of 20 closes is above that of 100, else short."""
    close = bars["close"]
    return np.asarray(np.sign((close.rolling(20).mean() - close.rolling(100).mean()).fillna(0.0)))


def range_reversion(bars: pd.DataFrame) -> FloatArray:
    """Against the close's place between the bar's low and high."""
    width = (bars["high"] - bars["low"]).replace(0.0, np.nan)
    return np.asarray((1 - 2 * (bars["close"] - bars["low"]) / width).fillna(0.0))


def in_hours(first: int, last: int) -> Strategy:
    """Long in the hours [first, last) UTC."""

    def position(bars: pd.DataFrame) -> FloatArray:
        hour = bars["close_time"].dt.hour
        return np.asarray((hour >= first) & (hour < last), dtype=np.float64)

    return position


def over_weekend(bars: pd.DataFrame) -> FloatArray:
    """Long from Friday's last hours to Monday's first."""
    day, hour = bars["close_time"].dt.dayofweek, bars["close_time"].dt.hour
    return np.asarray(((day == 4) & (hour >= 19)) | (day >= 5), dtype=np.float64)


def calm_only(bars: pd.DataFrame) -> FloatArray:
    """Long while the last day was calmer than the last month."""
    change = bars["close"].pct_change(fill_method=None)
    return np.asarray(change.rolling(24).std() < change.rolling(720).std(), dtype=np.float64)


STRATEGIES: Final[dict[str, Strategy]] = {
    "RSI reversion": rsi_reversion,
    **{f"momentum over {n} bars": momentum(n) for n in (1, 4, 24, 168)},
    **{f"contrarian over {n} bars": contrarian(n) for n in (1, 4, 24, 168)},
    "moving-average cross": moving_average_cross,
    "range reversion": range_reversion,
    "always long": lambda bars: np.ones(len(bars)),
    "always short": lambda bars: -np.ones(len(bars)),
    "long in Asia": in_hours(0, 8),
    "long in New York": in_hours(13, 21),
    "long over weekends": over_weekend,
    "long in calm": calm_only,
}


def sharpe_ratio(bars: pd.DataFrame, position: FloatArray, cost_per_side: float, periods_per_year: int) -> float:
    """Return the annualised daily Sharpe ratio over bars of one year.

    A position decided at the close of bar t is filled at the open of t+1.
    """
    open_ = bars["open"].to_numpy()
    held = position[:-2]
    traded = np.abs(np.diff(held, prepend=0.0))
    log_growth = np.log1p(held * (open_[2:] / open_[1:-1] - 1) - cost_per_side * traded)
    day = bars["open_time"].dt.dayofyear.to_numpy()[1:-1]
    daily = np.expm1(np.bincount(day, weights=log_growth)[np.unique(day)])
    deviation = daily.std(ddof=1)
    return float(np.sqrt(periods_per_year) * daily.mean() / deviation) if deviation > 0 else float("nan")


def cost_of_a_side(traded: Instrument) -> float:
    """Return fee, half the spread and slippage as a fraction of the notional."""
    costs = traded.costs
    return (costs.fee_bps + costs.spread_bps / 2 + costs.slippage_bps) / 10_000


def periods_of(traded: Instrument) -> int:
    """Return the daily periods of a year (CONVENTIONS 1)."""
    return 365 if traded.calendar == "crypto" else 260
