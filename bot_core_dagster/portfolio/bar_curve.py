"""The portfolio's equity over bar closes: what drawdowns are of (CONVENTIONS 4).

Belongs here: the sleeves' bar closes joined into one curve, and its drawdowns. Not here: equity at day ends, on which
every other figure rests (`portfolio.sleeves`), the formula (`metrics`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot_core_dagster.errors import QualityError
from bot_core_dagster.metrics import drawdown, maximum_drawdown
from bot_core_dagster.portfolio.attribution import Sleeve
from bot_core_dagster.portfolio.sleeves import FloatArray, SleeveBook

_ROUNDING: Final = 1e-9
"""Relative: the same floats come from both tables."""


@dataclass(frozen=True)
class BarCurve:
    """Equity in money at every bar close of any sleeve; a sleeve without a bar then keeps its last equity.

    close_time : datetime64[us] of shape (n_closes,), UTC, ascending: the union of the sleeves' closes
    equity : of shape (n_closes + 1,), the initial equity, then the sum of the sleeves at each close
    own : per sleeve, its part of the initial equity, then its equity at each of its own closes
    """

    close_time: npt.NDArray[np.datetime64]
    equity: FloatArray
    own: Mapping[Sleeve, FloatArray]

    def max_drawdown(self, start: pd.Timestamp, end: pd.Timestamp) -> float:
        """Return the maximum drawdown over the closes in (start, end], the equity at `start` included."""
        return maximum_drawdown(self.equity[self._known_at(start) : self._known_at(end) + 1])

    def drawdown_from_peak(self, start: pd.Timestamp, end: pd.Timestamp) -> float:
        """Return how far the deepest equity from `start` to `end` lies below the highest since inception."""
        below_peak = drawdown(self.equity[: self._known_at(end) + 1])
        return float(below_peak[self._known_at(start) :].min())

    def _known_at(self, moment: pd.Timestamp) -> int:
        return int(self.close_time.searchsorted(_utc(moment), side="right"))


def bar_curve(rows: pd.DataFrame, book: SleeveBook, timeframes: Mapping[str, str]) -> BarCurve:
    """Join the bar closes of the book's sleeves, up to its last day end.

    Parameters
    ----------
    rows : DataFrame
        Rows of `backtest`'s BAR_EQUITY table in any order; other sleeves and timeframes in it are ignored.
    book : SleeveBook
        The same sleeves at day ends.
    timeframes : mapping
        Symbol to the timeframe that is reviewed.

    Raises
    ------
    QualityError
        If an equity is not finite, or below zero, or the closes and the day ends of a sleeve contradict each other.
    """
    places = rows.groupby(["strategy", "symbol", "timeframe"], observed=True, sort=False).indices
    times, multiples = pd.DatetimeIndex(rows["close_time"]).as_unit("us").values, rows["equity"].to_numpy(np.float64)
    none, end = np.empty(0, dtype=np.int64), _utc(book.day_end[-1])
    closes, own = {}, {}
    for column, sleeve in enumerate(book.sleeves):
        mine = np.asarray(places.get((*sleeve, timeframes[sleeve.symbol]), none))
        mine = mine[times[mine].argsort(kind="stable")]
        mine = mine[: times[mine].searchsorted(end, side="right")]
        closes[sleeve] = times[mine]
        own[sleeve] = np.concatenate([[1.0], multiples[mine]]) * book.part
        _require_consistent(book, column, closes[sleeve], own[sleeve])
    union = np.unique(np.concatenate(list(closes.values())))
    total = np.zeros(len(union) + 1)
    for sleeve in book.sleeves:
        total += own[sleeve][np.concatenate([[0], closes[sleeve].searchsorted(union, side="right")])]
    return BarCurve(union, total, own)


def newest_close(rows: pd.DataFrame) -> pd.Timestamp | None:
    """Return the newest close of any row, None where there is none."""
    return None if rows.empty else rows["close_time"].max()


def _require_consistent(book: SleeveBook, column: int, closes: npt.NDArray[np.datetime64], equity: FloatArray) -> None:
    """Both tables are written one after the other: a run that died in between has left them of different bars."""
    sleeve = book.sleeves[column]
    if not (np.isfinite(equity) & (equity >= 0.0)).all():
        fault = "holds one that is not finite, or below zero"
    else:
        last = book.last_row[sleeve]
        n_days = 0 if last is None else book.at(last) + 1
        days = book.day_end[:n_days].as_unit("us").values
        known, told = equity[closes.searchsorted(days, side="right")], book.money["equity"][:n_days, column]
        is_off = ~(np.abs(known - told) <= _ROUNDING * told)
        if not is_off.any():
            return
        fault = f"differs from its equity at the day end {book.day_end[int(np.argmax(is_off))]:%Y-%m-%d %H:%M} UTC"
    raise QualityError(f"equity of {sleeve} at bar closes {fault}; next: bot-core run, which makes its backtest again")


def _utc(moment: pd.Timestamp) -> np.datetime64:
    return moment.tz_convert("UTC").tz_localize(None).to_datetime64()
