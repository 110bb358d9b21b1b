"""The traded forecast: what following a model's probabilities would have earned, after costs.

Belongs here: the rule from probability to decision, and its backtest. Not here: the simulation (`backtest`), what the
result decides (`models.promotion`).

The mean of the calibrated probabilities 1, 4 and 8 bars ahead is traded: they err apart and change slowly together. Of
30 simulated years with a planted edge of 0.032 (boosting, 5.5 bps a side), whose seeds no test uses, it earned a mean
annual Sharpe ratio of 2.2 net and 0.8 at twice the costs, above 0 net in 27; the probability of 1 bar alone 1.8 and
-1.0, of 4 bars 1.9 and 0.0, of 8 bars 1.1 and 0.1, in 26 each; of 24 bars -0.1 and -0.6, in 14.

A position is entered at .55 or .45 and left where the probability crosses one half. Left at .55 again, the same
forecasts earn 0.2 net and -3.3 at twice the costs: an edge of a few basis points an hour does not pay for going in and
out each hour.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.backtest import TradingRules, run_backtest
from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics import simple_returns
from bot_core_dagster.metrics.arrays import BoolArray1D, FloatArray1D, FloatArray2D, IntArray1D
from bot_core_dagster.settings import Instrument

TRADED_HORIZONS: Final = (1, 4, 8)
"""Bars ahead whose mean probability is traded."""
LONG_FROM: Final = 0.55
SHORT_FROM: Final = 0.45
LEAVE_AT: Final = 0.5
RULES: Final = TradingRules(allow_short=True)


@dataclass(frozen=True)
class Traded:
    """Figures of the traded forecast; Sharpe ratios are annual and of daily returns, NaN where nothing was traded.

    net_sharpe, double_cost_sharpe, gross_sharpe : at the costs, at twice the costs, without
    net_return, double_cost_return : fractions of the starting equity
    turnover : traded notional over mean equity, a year
    exposure : share of bars in position
    n_trades : closed ones
    n_days, days_per_year : what the ratios are of
    is_financing_known : whether swap, funding or borrow are in the figures for the directions that were traded
    """

    horizons: tuple[int, ...]
    net_sharpe: float
    double_cost_sharpe: float
    gross_sharpe: float
    net_return: float
    double_cost_return: float
    turnover: float
    exposure: float
    n_trades: int
    n_days: int
    days_per_year: int
    is_financing_known: bool


@dataclass(frozen=True, eq=False)
class TradedForecast:
    """The figures and the daily returns net of costs, indexed by the end of the day."""

    figures: Traded
    daily_returns: pd.Series


def trade_forecast(bars: pd.DataFrame, rows: IntArray1D, up: FloatArray2D, instrument: Instrument) -> TradedForecast:
    """Trade calibrated probabilities from the first of `rows` to the last bar.

    Parameters
    ----------
    bars : bar frame
        Of the instrument, ascending.
    rows : ndarray of int64
        Places of the bars at whose close there is a forecast, ascending; at others the position is left.
    up : ndarray of shape (n_rows, n_horizons)
        Calibrated probabilities of up.
    instrument : Instrument
        Its costs: fee, spread, slippage and, where they are known, those of holding.

    Raises
    ------
    ShapeError
        If there is no row, or not one forecast for each.
    """
    if len(rows) == 0 or len(up) != len(rows):
        raise ShapeError(f"expected a forecast for each of 1 or more rows, got {len(up)} for {len(rows)} rows")
    traded = bars.iloc[rows[0] :].reset_index(drop=True)
    probability = np.full(len(traded), np.nan)
    probability[rows - rows[0]] = up[:, np.array(TRADED_HORIZONS) - 1].mean(axis=1)
    backtest = run_backtest(traded, decisions(probability), instrument, rules=RULES, strategy="forecast", parameters={})
    summary = backtest.summary
    days = backtest.daily_equity[backtest.daily_equity["sampling"] == summary.sampling]
    equity = np.concatenate([[1.0], days["equity"].to_numpy(dtype=np.float64)])
    figures = Traded(
        horizons=TRADED_HORIZONS,
        net_sharpe=summary.sharpe_ratio,
        double_cost_sharpe=summary.double_cost_sharpe_ratio,
        gross_sharpe=summary.gross_sharpe_ratio,
        net_return=summary.total_return,
        double_cost_return=summary.double_cost_return,
        turnover=summary.turnover,
        exposure=summary.exposure,
        n_trades=summary.total_trades,
        n_days=summary.n_periods,
        days_per_year=summary.periods_per_year,
        is_financing_known=bool(np.isfinite(summary.financing_cost)),
    )
    return TradedForecast(figures, pd.Series(simple_returns(equity), index=pd.DatetimeIndex(days["day_end"])))


def decisions(probability: FloatArray1D) -> FloatArray1D:
    """Return 1 (long), -1 (short) or 0 at each close, shape (n_bars,), from the probability of up.

    Long from LONG_FROM on until it is below LEAVE_AT, short from SHORT_FROM on until it is above; flat where there is
    no probability (NaN).
    """
    is_unknown = np.isnan(probability)
    long = _held(probability >= LONG_FROM, is_unknown | (probability < LEAVE_AT))
    short = _held(probability <= SHORT_FROM, is_unknown | (probability > LEAVE_AT))
    return long.astype(np.float64) - short.astype(np.float64)


def _held(enters: BoolArray1D, leaves: BoolArray1D) -> BoolArray1D:
    """Return where the last entry is later than the last exit, shape (n_bars,); they never fall together."""
    bar = np.arange(1, len(enters) + 1)
    return np.asarray(np.maximum.accumulate(np.where(enters, bar, 0)) > np.maximum.accumulate(np.where(leaves, bar, 0)))
