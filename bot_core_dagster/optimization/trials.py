"""Trials: every parameter set that was ever tried, and how many were for one question.

Belongs here: the table, its rows, the count that the deflated Sharpe ratio takes. Not here: what makes two trials the
same (`optimization.identity`), which of them wins (`optimization.optimizer`).

The table is cut by the month in which a trial's window ends: next week's trials rewrite this month's file, not a
million rows.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from bot_core_dagster.backtest import Trials
from bot_core_dagster.backtest.prepared import samplings_of
from bot_core_dagster.lake.change import SeriesChange
from bot_core_dagster.lake.lake import Lake
from bot_core_dagster.lake.table import MONTH, Table
from bot_core_dagster.optimization.identity import Question
from bot_core_dagster.settings import Instrument

if TYPE_CHECKING:
    import pandas as pd

TRIALS: Final = Table(
    name="trials",
    key=("symbol", "strategy", "window_end", "trial_id"),
    partition_by=("symbol", "strategy", MONTH),
    description="Every parameter set that was ever tried on bars, with what it was worth in sample",
    columns={
        "symbol": "Instrument",
        "strategy": "What decided",
        "window_end": "Close of the last bar of the window, UTC",
        "trial_id": "sha256 of code, rules, market, parameters, question and rows: the same trial again has the same",
        "timeframe": "Length of the bars",
        "objective": "What was maximised",
        "objective_value": "Objective of the window; NaN where it is undefined",
        "window_start": "Open of the first bar of the window, UTC",
        "parameters": "JSON",
        "rules": "Trading rules, JSON",
        "content_hash": "sha256 of the window's bars",
        "code_version": "Hash of the sources of the features, the strategies and the backtest",
        "market": "The instrument's costs, calendar, price side and lots, JSON",
        "simulated": "Whether any bar was made by the simulated source",
        "sharpe_ratio": "Annualised, of daily returns net of costs",
        "sortino_ratio": "Annualised, of daily returns net of costs",
        "calmar_ratio": "Annual growth over the maximum drawdown",
        "total_return": "Of the window, net of costs, fraction",
        "max_drawdown": "Over bar closes, fraction <= 0",
        "profit_factor": "Gains over losses of closed trades, in money",
        "win_rate": "Share of closed trades with a net profit above zero",
        "n_trades": "Closed trades",
        "bars_held": "Bars in position",
        "traded_notional": "Bought and sold, as a multiple of the starting equity",
    },
)


_MADE_OF: Final = "parameters, rules, code_version, market, content_hash"
"""What a trial's figures follow from, whatever it was tried for."""


def record_trials(lake: Lake, trials: "pd.DataFrame") -> dict[str, SeriesChange]:
    """Add the trials that the lake does not hold yet, in one commit; none is ever changed.

    Parameters
    ----------
    lake : Lake
    trials : DataFrame
        The columns of `TRIALS`, of one symbol, strategy and window.
    """
    first = trials.iloc[0]
    at_end = f"window_end = {_time(first['window_end'])}"
    stored = _ids_where(lake, f"{_of(first['symbol'], first['strategy'])} and {at_end}")
    new = trials[~trials["trial_id"].isin(set(stored.to_pylist()))]
    return lake.upsert(TRIALS, new)


def count_trials(lake: Lake | None, question: Question, trial_ids: Collection[str] = ()) -> int:
    """Return the distinct trials of a question over all time, these ones included.

    Parameters
    ----------
    lake : Lake or None
        Whose trials count; None counts `trial_ids` alone.
    question : Question
        Trials of the same strategy, instrument, timeframe and objective whose window overlaps count.
    trial_ids : collection of str
        Trials that need not be stored yet.

    Notes
    -----
    CONVENTIONS 6; Bailey and López de Prado (2014): N of the deflated Sharpe ratio.
    """
    given = set(trial_ids)
    if lake is None:
        return len(given)
    stored = _ids_where(
        lake,
        f"{_of(question.symbol, question.strategy)} and timeframe = {_text(question.timeframe)} "
        f"and objective = {_text(question.objective)} "
        f"and window_start < {_time(question.end)} and window_end > {_time(question.start)}",
    )
    is_given = pc.is_in(stored, value_set=pa.array(sorted(given), pa.string()))
    return len(given) + len(stored) - (pc.sum(is_given).as_py() or 0)


def trials_so_far(
    lake: Lake, strategy: str, instrument: Instrument, window: tuple[datetime, datetime] | None = None
) -> Trials:
    """Return the trials of a strategy on an instrument over all time, by whatever objective, and how they vary.

    What a backtest is deflated for. The same parameters, rules, code, market and rows tried for two objectives are one
    trial. One, the judged one, where nothing was ever searched.

    Parameters
    ----------
    window : (open of the first bar, close of the last), optional
        Of the backtest: only trials whose window overlaps it count. Every one overlaps all bars.
    """
    return trials_of_each(lake, strategy, [instrument], window)[instrument.symbol]


def trials_of_each(
    lake: Lake, strategy: str, instruments: Sequence[Instrument], window: tuple[datetime, datetime] | None = None
) -> dict[str, Trials]:
    """Return what `trials_so_far` does for each symbol, by one query."""
    if not instruments or not lake.symbols(TRIALS):
        return {one.symbol: Trials() for one in instruments}
    named = f"({' or '.join(_of_instrument(one) for one in instruments)}) and strategy = {_text(strategy)}"
    if window is not None:
        named += f" and window_start < {_time(window[1])} and window_end > {_time(window[0])}"
    once = (
        f"select symbol, any_value(sharpe_ratio) as ratio from {TRIALS.name} where {named} group by symbol, {_MADE_OF}"  # noqa: S608 - values are quoted
    )
    rows = lake.sql(f"select symbol, count(*) as n, var_samp(ratio) as variance from ({once}) group by symbol")  # noqa: S608 - the same
    found = {row["symbol"]: (row["n"], row["variance"] or 0.0) for row in rows.to_pylist()}
    return {one.symbol: _deflating(one, *found.get(one.symbol, (1, 0.0))) for one in instruments}


def _deflating(instrument: Instrument, n: int, variance: float) -> Trials:
    return Trials(n=n, variance=variance / samplings_of(instrument)[-1].periods_per_year)


def _ids_where(lake: Lake, condition: str) -> "pa.ChunkedArray":
    if not lake.symbols(TRIALS):
        return pa.chunked_array([], pa.string())
    rows = lake.sql(f"select trial_id from {TRIALS.name} where {condition}")  # noqa: S608 - values are quoted
    return rows["trial_id"].cast(pa.string())


def _of_instrument(instrument: Instrument) -> str:
    return f"symbol = {_text(instrument.symbol)} and timeframe = {_text(str(instrument.timeframe))}"


def _of(symbol: str, strategy: str) -> str:
    return f"symbol = {_text(symbol)} and strategy = {_text(strategy)}"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _time(moment: object) -> str:
    return f"timestamptz {_text(str(moment))}"
