"""Sleeves: the equity of every strategy on every instrument, side by side, in money.

Belongs here: the split of the initial equity, the common days, cash before a sleeve starts, what is absent. Not here:
statistics of the curves (`portfolio.performance`), whose profit it is (`portfolio.attribution`), simulated fills
(`backtest`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot_core_dagster.backtest.result import CURVES
from bot_core_dagster.errors import QualityError, ShapeError
from bot_core_dagster.metrics import day_ends
from bot_core_dagster.portfolio.attribution import Sleeve
from bot_core_dagster.portfolio.period import MonthWindow

FloatArray = npt.NDArray[np.float64]

STOPPED_EARLY: Final = pd.Timedelta(days=4)
"""A sleeve whose last row is older than the portfolio's by more has stopped early."""


@dataclass(frozen=True)
class SleeveBook:
    """The curves of all sleeves on common day ends, up to the end of the reviewed month.

    sleeves : one per column, in the order of strategies and watchlist
    day_end : DatetimeIndex[UTC], the first is the day end before the first row: all in cash, at the initial equity
    part : each sleeve's part of the initial equity, account currency
    money : CURVES -> ndarray (n_days, n_sleeves), account currency
    first_row, last_row : per sleeve, None where it has no row up to the end of the month
    simulated : per sleeve, whether any of its rows is made from simulated bars
    """

    sleeves: tuple[Sleeve, ...]
    day_end: pd.DatetimeIndex
    part: float
    money: Mapping[str, FloatArray]
    first_row: Mapping[Sleeve, pd.Timestamp | None]
    last_row: Mapping[Sleeve, pd.Timestamp | None]
    simulated: Mapping[Sleeve, bool]

    def total(self, curve: str) -> FloatArray:
        """Return the portfolio's curve in money, shape (n_days,)."""
        summed: FloatArray = self.money[curve].sum(axis=1)
        return summed

    def growth(self, curve: str, start: int, end: int) -> float:
        """Return the portfolio's return between two positions of `day_end`, on one curve; NaN after a ruin."""
        total = self.total(curve)
        return growth(total[start], total[end])

    def at(self, moment: pd.Timestamp) -> int:
        """Return the position of the last day end at or before `moment`, the first one where there is none."""
        return max(int(self.day_end.searchsorted(moment, side="right")) - 1, 0)


def sleeve_book(
    equity: pd.DataFrame,
    sleeves: Sequence[Sleeve],
    window: MonthWindow,
    initial_equity: float,
    newest_close: pd.Timestamp | None,
) -> SleeveBook:
    """Lay the equity rows of `sleeves` side by side, in money, up to the end of `window`.

    Each sleeve gets the same part of `initial_equity`, for good: no rebalancing. It is cash until its first row and
    keeps its last equity on days without a row. Rows after `window.closes` are not read: a review of an old month does
    not know what came later.

    Parameters
    ----------
    equity : DataFrame
        Rows of `backtest`'s EQUITY table of one sampling; other strategies and symbols in it are ignored.
    initial_equity : float
        Account currency.
    newest_close : Timestamp, optional
        Newest bar close of any sleeve. Day ends after it are read where every sleeve that is current has them: rows of
        a closed market run ahead to its next opening, while others still trade.

    Raises
    ------
    ShapeError
        If no sleeve has a row in the window: there is nothing to review.
    QualityError
        If a row is not finite, or below zero, or stands twice.
    """
    rows = _ended(rows_of(equity[equity["day_end"] <= window.closes], sleeves), newest_close)
    _require_rows_in(window, rows)
    _require_sound(rows)
    day_end = _common_days(rows, window)
    part = initial_equity / len(sleeves)
    groups = rows.groupby(["strategy", "symbol"])
    first, last, simulated = groups["day_end"].min(), groups["day_end"].max(), groups["simulated"].any()
    return SleeveBook(
        sleeves=tuple(sleeves),
        day_end=day_end,
        part=part,
        money={curve: multiple * part for curve, multiple in _side_by_side(rows, sleeves, day_end).items()},
        first_row={sleeve: first.get(sleeve) for sleeve in sleeves},
        last_row={sleeve: last.get(sleeve) for sleeve in sleeves},
        simulated={sleeve: bool(simulated.get(sleeve, False)) for sleeve in sleeves},
    )


def growth(start_equity: float, end_equity: float) -> float:
    """Return the return from one equity to another; NaN where nothing was left to start from."""
    return float(end_equity / start_equity - 1) if start_equity > 0 else math.nan


def rows_of(rows: pd.DataFrame, sleeves: Sequence[Sleeve]) -> pd.DataFrame:
    """Return the rows of these sleeves, of a frame with the columns strategy and symbol."""
    keys = pd.MultiIndex.from_frame(rows[["strategy", "symbol"]])
    return rows[keys.isin(list(sleeves))]


def _ended(rows: pd.DataFrame, newest_close: pd.Timestamp | None) -> pd.DataFrame:
    """Return the rows of days that are over: some bar has closed since, or every current sleeve knows its equity."""
    if newest_close is None or rows.empty:
        return rows
    last = rows.groupby(["strategy", "symbol"])["day_end"].max()
    known_to_all = last[last > last.max() - STOPPED_EARLY].min()
    over: pd.DataFrame = rows[rows["day_end"] <= max(newest_close, known_to_all)]
    return over


def _require_rows_in(window: MonthWindow, rows: pd.DataFrame) -> None:
    if (rows["day_end"] > window.opens).any():
        return
    latest = f"the latest is {rows['day_end'].max():%Y-%m-%d %H:%M} UTC" if len(rows) else "there are none before it"
    raise ShapeError(
        f"expected day ends of at least one sleeve in {window.month}, got no row; {latest}; "
        "next: materialise the backtests, or review another month"
    )


def _require_sound(rows: pd.DataFrame) -> None:
    curves = rows[list(CURVES)].to_numpy(dtype=np.float64)
    bad = ~(np.isfinite(curves) & (curves >= 0)).all(axis=1)
    twice = rows.duplicated(["strategy", "symbol", "day_end"]).to_numpy()
    for mask, fault in ((bad, "is not finite, or below zero"), (twice, "stands twice")):
        if mask.any():
            row = rows[mask].iloc[0]
            raise QualityError(
                f"expected one equity a day, zero only after a ruin, got a row of {row['strategy']} on "
                f"{row['symbol']} at {row['day_end']} that {fault}; next: materialise that backtest again"
            )


def _common_days(rows: pd.DataFrame, window: MonthWindow) -> pd.DatetimeIndex:
    first, last = rows["day_end"].min(), rows["day_end"].max()
    return day_ends(first - pd.Timedelta(microseconds=1), last, window.sampling)


def _side_by_side(rows: pd.DataFrame, sleeves: Sequence[Sleeve], day_end: pd.DatetimeIndex) -> dict[str, FloatArray]:
    groups = {key: group.set_index("day_end").sort_index() for key, group in rows.groupby(["strategy", "symbol"])}
    cash = pd.DataFrame(1.0, index=day_end, columns=list(CURVES))
    frames = [
        groups[sleeve].reindex(day_end, method="ffill").fillna(dict.fromkeys(CURVES, 1.0)) if sleeve in groups else cash
        for sleeve in sleeves
    ]
    return {curve: np.column_stack([frame[curve].to_numpy(dtype=np.float64) for frame in frames]) for curve in CURVES}
