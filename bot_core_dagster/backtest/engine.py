"""The backtest: bars and decisions in, trades, equity and figures out.

Belongs here: putting preparation, kernel and figures together. Not here: each of these (`backtest.prepared`,
`backtest.general_kernel`, `backtest.summary`), the order of events in a bar (`backtest.reference`), decisions
(`strategies`), storage (`backtest.tables`), many combinations at once (`backtest.grid`).

Day ends are given up to the next expected bar: until then the market is closed, and equity cannot move.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bot_core_dagster.backtest.financing import known_financing
from bot_core_dagster.backtest.general_kernel import simulate
from bot_core_dagster.backtest.grid import run_grid
from bot_core_dagster.backtest.prepared import DaySamples, PreparedBars
from bot_core_dagster.backtest.result import CURVES, Backtest
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.statistics import GridStatistics
from bot_core_dagster.backtest.summary import NOTHING_SEARCHED, Trials, summarise
from bot_core_dagster.backtest.trades import trades_frame
from bot_core_dagster.market.bar import SIMULATED
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.settings import Instrument
from bot_core_dagster.strategies.strategy import Strategy


def backtest_strategy(
    bars: pd.DataFrame,
    strategy: Strategy,
    parameters: Mapping[str, float],
    instrument: Instrument,
    rules: TradingRules,
    *,
    trials: Trials = NOTHING_SEARCHED,
) -> Backtest:
    """Return the backtest of a strategy with these parameters, the rest at their defaults; see `run_backtest`.

    Raises
    ------
    ParameterError
        If a parameter is unknown, out of its range or breaks a constraint.
    """
    complete = strategy.space.complete(parameters)
    signal = strategy.signal(bars, instrument.calendar, complete)
    return run_backtest(
        bars, signal, instrument, rules=rules, strategy=strategy.name, parameters=complete, trials=trials
    )


def run_backtest(
    bars: pd.DataFrame,
    signal: FloatArray1D,
    instrument: Instrument,
    *,
    rules: TradingRules,
    strategy: str,
    parameters: Mapping[str, float],
    trials: Trials = NOTHING_SEARCHED,
) -> Backtest:
    """Simulate trading a signal over `bars` at the costs of `instrument`.

    Parameters
    ----------
    bars : bar frame
        Closed bars of the instrument, ascending; of one price side.
    signal : ndarray of shape (n_bars,)
        As decided at each bar's close: 1 long, -1 short (flat where shorts are not allowed), 0 flat, NaN keep; the last
        decision is not filled.
    instrument : Instrument
        Its costs and trading calendar.
    rules : TradingRules
    strategy, parameters : str, mapping
        What decided, for the record.
    trials : Trials
        Among how many parameter sets these were chosen, for the deflated Sharpe ratio.

    Returns
    -------
    Backtest

    Raises
    ------
    ShapeError
        If there is no bar, bars and decisions differ in length, a decision is another number, or `bars` mixes
        instruments or price sides, is of another instrument, or does not ascend.
    QualityError
        If a price is not finite and positive, or a spread is negative or, at up to twice the costs, as wide as the
        price.
    """
    prepared = PreparedBars.of(bars, instrument)
    net = simulate(prepared, signal, rules)
    curves = {
        "equity": net.equity,
        "gross_equity": simulate(prepared, signal, rules, cost_multiplier=0.0).equity,
        "double_cost_equity": simulate(prepared, signal, rules, cost_multiplier=2.0).equity,
        "buy_and_hold": simulate(prepared, np.ones(len(bars)), TradingRules()).equity,
    }
    equity = pd.DataFrame(
        {"close_time": prepared.close_time}
        | {name: curves[name][1:] for name in CURVES}
        | {"position": net.position.astype(np.float64)}
    )
    trades = trades_frame(prepared, net)
    daily = pd.concat([_daily(curves, days) for days in prepared.day_ends], ignore_index=True)
    return Backtest(
        strategy=strategy,
        symbol=instrument.symbol,
        timeframe=prepared.timeframe,
        parameters_used=dict(parameters),
        rules=rules,
        trades=trades,
        equity=equity,
        daily_equity=daily,
        summary=summarise(prepared, equity, daily, trades, trials),
        is_simulated=bool((bars["source"] == SIMULATED).any()),
    )


def quick_statistics(
    prepared: PreparedBars, strategy: Strategy, parameters: Mapping[str, float], rules: TradingRules
) -> GridStatistics:
    """Return the statistics of one parameter set, without trades and frames: a grid of one, by the fastest kernel.

    Raises
    ------
    ParameterError
        If a parameter is unknown, out of its range or breaks a constraint.
    """
    return run_grid(prepared, strategy, [parameters], rules)


def is_financing_known(instrument: Instrument) -> bool:
    """Whether the holding costs of a long position are known: what buy and hold pays."""
    return known_financing(instrument).long


def _daily(curves: Mapping[str, FloatArray1D], days: DaySamples) -> pd.DataFrame:
    known = days.last_bar[1:] + 1
    sampled = {name: curves[name][known] for name in CURVES}
    return pd.DataFrame({"sampling": days.name, "day_end": days.day_end[1:]} | sampled)
