"""Verdicts on a backtest: what must hold before its figures are worth reading.

Belongs here: no look-ahead, trades enough, figures defined. Not here: the look-ahead check of anything else
(`validation.look_ahead`), what is deployed (`optimization.gate`), how verdicts are shown (`assets`).
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Final

import pandas as pd

from bot_core_dagster.backtest import Backtest
from bot_core_dagster.strategies import Strategy
from bot_core_dagster.validation.look_ahead import check_look_ahead

NO_LOOK_AHEAD: Final = "no_look_ahead"
ENOUGH_TRADES: Final = "enough_trades"
FINITE_STATISTICS: Final = "finite_statistics"
VERDICTS: Final = {
    NO_LOOK_AHEAD: "The signal of past bars does not change once later bars are known.",
    ENOUGH_TRADES: "There are closed trades enough to say anything.",
    FINITE_STATISTICS: "Return, Sharpe ratio and drawdown are defined.",
}

N_BARS: Final = 2_000
N_CUTS: Final = 100
"""The newest bars, and the places in them where the future is taken away: what can be afforded at each backtest (a
tenth of a second). With 12, half of the strategies that skip the entries which lose on the next bar passed; with 60,
one of twelve did."""


@dataclass(frozen=True)
class Verdict:
    """One of `VERDICTS`, and in words what it rests on."""

    name: str
    is_passed: bool
    detail: str
    is_broken: bool = False
    """Whether the figures must not be used: a proven look-ahead, not one that nothing was shown of."""


def backtest_verdicts(
    backtest: Backtest, bars: pd.DataFrame, strategy: Strategy, calendar_name: str, *, min_trades: int
) -> tuple[Verdict, ...]:
    """Return the verdicts on the backtest of a strategy.

    Parameters
    ----------
    backtest : Backtest
    bars : bar frame
        That it was made of.
    strategy : Strategy
        That decided, with `backtest.parameters_used`.
    calendar_name : str
        The instrument's trading calendar.
    min_trades : int
        Closed trades below which nothing can be said.
    """
    decide = partial(strategy.signal, parameters=backtest.parameters_used)
    newest = bars.tail(N_BARS).reset_index(drop=True)
    report = check_look_ahead(decide, newest, calendar_name, n_cuts=N_CUTS, warm_up=())
    figures = {name: getattr(backtest.summary, name) for name in ("total_return", "sharpe_ratio", "max_drawdown")}
    undefined = [name for name, value in figures.items() if not math.isfinite(value)]
    n_trades = backtest.summary.total_trades
    return (
        Verdict(NO_LOOK_AHEAD, report.passes, report.verdict, is_broken=not report.offenders.empty),
        Verdict(ENOUGH_TRADES, n_trades >= min_trades, f"{n_trades} closed trades, {min_trades} needed"),
        Verdict(FINITE_STATISTICS, not undefined, f"undefined: {', '.join(undefined)}" if undefined else "all defined"),
    )
