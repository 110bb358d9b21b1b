"""An excerpt: the bars whose candles and trades are looked at one by one.

Belongs here: which stretch of bars, and where each trade stands in it. Not here: drawing (`candles_picture`,
`candles_chart`).
"""

from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import pandas as pd

from bot_core_dagster.backtest.result import Backtest
from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import IntArray1D
from bot_core_dagster.reports.figures import counted, minute

_BUSY: Final = 4
"""Entries and exits in the last bars: with fewer the busiest stretch tells more."""
_N_TICKS: Final = 7
_DAYS_WITH_HOURS: Final = 12

LONG: Final = 1
"""Direction of a trade; a short one's is -1."""
EXITS: Final = {
    "signal": "signal",
    "stop": "stop",
    "target": "target",
    "trailing_stop": "trailing stop",
    "ruin": "ruin",
}
"""Reasons of `backtest.trades` why a trade was left, as they are called in words."""


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Some consecutive bars, and the trades that were held in them.

    bars : DataFrame of shape (n_shown, ...): the bar frame's rows
    trades : DataFrame of shape (n_held, ...): `TRADE_COLUMNS`, entry_place, exit_place and worth (the price of the
        exit, or of the last close while open)
        Places count bars from the first shown one; a bar spans place - 0.5 to place + 0.5, and its open is at the left
        edge. A trade that is open at the end reaches to the right edge of the last bar.
    words : which stretch it is: "the last 150 bars"
    """

    bars: pd.DataFrame
    trades: pd.DataFrame
    words: str

    @property
    def span(self) -> str:
        """When the shown bars begin and end."""
        return f"{minute(self.bars['open_time'].iloc[0])} to {minute(self.bars['close_time'].iloc[-1])}"

    @property
    def entries(self) -> pd.DataFrame:
        """The trades that begin in the excerpt."""
        return self.trades[self.trades["entry_place"] >= -0.5]

    @property
    def exits(self) -> pd.DataFrame:
        """The trades that end in the excerpt."""
        return self.trades[~self.trades["open"] & (self.trades["exit_place"] <= len(self.bars) - 0.5)]

    def ticks(self) -> tuple[IntArray1D, list[str]]:
        """Return a few places with their times, to the hour where the excerpt is short."""
        edges = np.linspace(0, len(self.bars), min(_N_TICKS, len(self.bars)) + 1)
        places = (edges[:-1] + edges[1:]).astype(np.int64) // 2
        times = self.bars["open_time"].iloc[places]
        with_hours = (times.iloc[-1] - times.iloc[0]).days < _DAYS_WITH_HOURS
        return places, [f"{time:%b %d, %H:%M}" if with_hours else f"{time:%Y-%m-%d}" for time in times]


def each(rows: pd.DataFrame) -> Iterator[Any]:
    """Return the rows one by one, their columns as attributes: `itertuples`, in a quarter of the time for few rows."""
    return map(_row_of(tuple(rows.columns)), *(rows[name].tolist() for name in rows))


@cache
def _row_of(columns: tuple[str, ...]) -> Callable[..., Any]:
    return namedtuple("Row", columns)


def excerpt_of(backtest: Backtest, bars: pd.DataFrame, n_bars: int) -> Excerpt:
    """Return the last `n_bars` bars, or those with the most entries and exits where hardly any is in the last ones.

    Parameters
    ----------
    backtest : Backtest
    bars : bar frame
        That was simulated.
    n_bars : int
        Shown at most.

    Raises
    ------
    ShapeError
        If the bars are not those of the backtest.
    """
    _require_the_same(backtest, bars)
    opens = pd.DatetimeIndex(bars["open_time"])
    entry = np.asarray(opens.searchsorted(pd.DatetimeIndex(backtest.trades["entry_time"])), dtype=np.int64)
    leave = entry + backtest.trades["n_bars"].to_numpy()
    start, is_last = _most_telling(entry, leave[~backtest.trades["open"].to_numpy()], len(bars), n_bars)
    stop = min(start + n_bars, len(bars))
    held = (entry < stop) & (leave > start)
    worth = backtest.trades["exit_price"].fillna(float(bars["close"].iloc[-1]))
    trades = backtest.trades.assign(entry_place=entry - start - 0.5, exit_place=leave - start - 0.5, worth=worth)[held]
    shown = counted(stop - start, "bar")
    words = f"all {shown}" if stop - start == len(bars) else f"the {'last' if is_last else 'busiest'} {shown}"
    return Excerpt(bars.iloc[start:stop].reset_index(drop=True), trades.reset_index(drop=True), words)


def _most_telling(entry: IntArray1D, leave: IntArray1D, n_all: int, n_shown: int) -> tuple[int, bool]:
    """Return the first bar to show, and whether the last bars are shown."""
    last = max(n_all - n_shown, 0)
    events = np.concatenate([[0], np.cumsum(np.bincount(np.concatenate([entry, leave]), minlength=n_all + 1))])
    within = events[min(n_shown, n_all) : n_all + 1] - events[: last + 1]
    if within[last] >= min(_BUSY, within.max()):
        return last, True
    return last - int(np.argmax(within[::-1])), False


def _require_the_same(backtest: Backtest, bars: pd.DataFrame) -> None:
    closes = backtest.equity["close_time"]
    is_same = pd.DatetimeIndex(bars["close_time"]).equals(pd.DatetimeIndex(closes))
    if is_same and bars["symbol"].iloc[0] == backtest.symbol:
        return
    raise ShapeError(
        f"expected the {len(closes)} bars of {backtest.symbol} that were backtested, got {len(bars)} others; "
        "next: give the frame that the backtest was given"
    )
