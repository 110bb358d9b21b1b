"""The backtest: bars and decisions in, trades, equity and figures out.

Belongs here: putting kernel, costs, sampling and figures together. Not here: each of these (`backtest.kernel`,
`backtest.fills`, `metrics.sampling`, `backtest.summary`), decisions (`strategies`), storage (`backtest.tables`).

Decided at the close of bar t, filled at the open of t+1 with half the spread and slippage, no entry on the bar after
missing bars, marked at bar closes, all of the equity or none. A position that is open at the end stays open: marked at
the last close, not sold. Day ends are given up to the next expected bar: until then the market is closed.
"""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.backtest.fills import FillPrices, fill_prices
from bot_core_dagster.backtest.kernel import Simulation, simulate
from bot_core_dagster.backtest.result import CURVES, Backtest
from bot_core_dagster.backtest.summary import summarise
from bot_core_dagster.backtest.trades import trades_frame
from bot_core_dagster.errors import ShapeError
from bot_core_dagster.features.runs import require_series, starts_a_run
from bot_core_dagster.market.bar import SIMULATED
from bot_core_dagster.market.calendars import calendar
from bot_core_dagster.metrics import NEW_YORK, UTC_DAYS, Sampling, day_ends, equity_at_day_ends
from bot_core_dagster.metrics.arrays import BoolArray1D, FloatArray1D
from bot_core_dagster.settings import Instrument
from bot_core_dagster.strategies import Strategy
from bot_core_dagster.timeframe import Timeframe

_LONGEST_CLOSURE: Final = pd.Timedelta(days=14)


def backtest_strategy(bars: pd.DataFrame, strategy: Strategy, instrument: Instrument) -> Backtest:
    """Return the backtest of `strategy` on the bars of `instrument`; see `run_backtest`."""
    target = strategy.target_position(bars, instrument.calendar)
    return run_backtest(bars, target, instrument, strategy=strategy.name, parameters=strategy.parameters)


def run_backtest(
    bars: pd.DataFrame,
    target_position: FloatArray1D,
    instrument: Instrument,
    *,
    strategy: str,
    parameters: Mapping[str, float],
) -> Backtest:
    """Simulate holding `target_position` over `bars` at the costs of `instrument`.

    Parameters
    ----------
    bars : bar frame
        Closed bars of the instrument, ascending; of one price side.
    target_position : ndarray of shape (n_bars,)
        Fraction of equity to hold, 0 or 1, as decided at each bar's close; the last decision is not filled.
    instrument : Instrument
        Its costs and trading calendar.
    strategy, parameters : str, mapping
        What decided, for the record.

    Returns
    -------
    Backtest

    Raises
    ------
    ShapeError
        If there is no bar, bars and decisions differ in length, a decision is neither 0 nor 1, or `bars` mixes
        instruments or price sides, is of another instrument, or does not ascend.
    QualityError
        If a price is not finite and positive, or a spread is negative or as wide as the price.
    """
    _require_matching(bars, target_position, instrument)
    may_enter = ~starts_a_run(bars, instrument.calendar)
    fills = _fills(bars, instrument, 1.0)
    always = np.ones(len(bars))
    net = _simulated(bars, fills, target_position, may_enter)
    curves = {
        "equity": net.equity,
        "gross_equity": _simulated(bars, _fills(bars, instrument, 0.0), target_position, may_enter).equity,
        "double_cost_equity": _simulated(bars, _fills(bars, instrument, 2.0), target_position, may_enter).equity,
        "buy_and_hold": _simulated(bars, fills, always, may_enter).equity,
    }
    trades = trades_frame(bars, fills, net)
    equity = pd.DataFrame(
        {"close_time": bars["close_time"].array}
        | {name: curves[name][1:] for name in CURVES}
        | {"position": net.is_held.astype(np.float64)}
    )
    samplings, until = samplings_of(instrument), _closed_until(bars, instrument)
    financing_cost = 0.0 if is_financing_known(instrument) else math.nan
    daily = pd.concat([_daily(bars, curves, sampling, until) for sampling in samplings], ignore_index=True)
    return Backtest(
        strategy=strategy,
        symbol=instrument.symbol,
        timeframe=str(bars["timeframe"].iloc[0]),
        parameters_used=dict(parameters),
        trades=trades,
        equity=equity,
        daily_equity=daily,
        summary=summarise(bars, equity, daily, trades, samplings[-1], financing_cost),
        is_simulated=bool((bars["source"] == SIMULATED).any()),
    )


def samplings_of(instrument: Instrument) -> tuple[Sampling, ...]:
    """Return how its equity is sampled: UTC days for mixed portfolios, and last the sampling of its own figures."""
    return (UTC_DAYS,) if instrument.calendar == "crypto" else (UTC_DAYS, NEW_YORK)


def is_financing_known(instrument: Instrument) -> bool:
    """Whether holding costs are known: spot crypto without a loan has none; swap and perpetual funding are unknown."""
    return instrument.calendar == "crypto" and ":" not in instrument.symbol


def _require_matching(bars: pd.DataFrame, target_position: FloatArray1D, instrument: Instrument) -> None:
    require_series(bars)
    if len(bars) == 0:
        raise ShapeError(f"{instrument.symbol}: expected bars to backtest, got none; next: collect or import some")
    if bars["symbol"].iloc[0] != instrument.symbol:
        raise ShapeError(f"expected bars of {instrument.symbol}, got those of {bars['symbol'].iloc[0]}")
    sides = pd.unique(bars["price_side"])
    if len(sides) != 1:
        raise ShapeError(
            f"{instrument.symbol}: expected bars of one price side, got {', '.join(sides)}; next: import them apart"
        )
    if target_position.shape != (len(bars),):
        raise ShapeError(f"expected one decision for each of {len(bars)} bars, got shape {target_position.shape}")
    is_known = (target_position == 0.0) | (target_position == 1.0)
    if not is_known.all():
        came = target_position[~is_known][0]
        raise ShapeError(f"expected decisions of 0 (flat) or 1 (long), got {came:g}; next: keep the last one, not NaN")


def _fills(bars: pd.DataFrame, instrument: Instrument, cost_multiplier: float) -> FillPrices:
    return fill_prices(bars, bars["price_side"].iloc[0], instrument.costs, cost_multiplier=cost_multiplier)


def _simulated(bars: pd.DataFrame, fills: FillPrices, target: FloatArray1D, may_enter: BoolArray1D) -> Simulation:
    return simulate(np.ascontiguousarray(bars["close"].to_numpy(dtype=np.float64)), fills, target, may_enter)


def _closed_until(bars: pd.DataFrame, instrument: Instrument) -> pd.Timestamp:
    """Return when the next bar is expected to open: equity cannot move before, over a weekend or a holiday."""
    timeframe = Timeframe.parse(str(bars["timeframe"].iloc[0]))
    grid = calendar(instrument.calendar).with_grid_of(pd.DatetimeIndex(bars["open_time"]), timeframe)
    last_close = bars["close_time"].iloc[-1]
    expected = grid.bar_open_times(timeframe, last_close, last_close + _LONGEST_CLOSURE)
    return expected[0] if len(expected) else last_close


def _daily(
    bars: pd.DataFrame, curves: Mapping[str, FloatArray1D], sampling: Sampling, until: pd.Timestamp
) -> pd.DataFrame:
    closes = pd.DatetimeIndex(bars["close_time"])
    ends = day_ends(bars["open_time"].iloc[0], until, sampling)[1:]
    sampled = {name: equity_at_day_ends(closes, curves[name], ends) for name in CURVES}
    return pd.DataFrame({"sampling": sampling.name, "day_end": ends} | sampled)
