"""Runs of consecutive bars: a series cut where bars are missing.

Belongs here: the cut, and the check that what is cut is a series. Not here: which bars were expected
(`market.calendars`), indicators (`features.catalog`).

Every feature is computed on each run as if it were a series of its own. So no value spans missing bars, however long
the memory of its indicator (an exponential average never forgets), and after missing bars it warms up again exactly as
it did at the beginning. Weekends and holidays are not missing and cut nothing.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pandas as pd

from bot_core_dagster.errors import QualityError, ShapeError
from bot_core_dagster.features.definition import BarRun
from bot_core_dagster.market.bar import PRICE_COLUMNS
from bot_core_dagster.market.calendars import calendar, follows_missing_bars
from bot_core_dagster.metrics.arrays import BoolArray1D, FloatArray1D
from bot_core_dagster.timeframe import Timeframe


def require_series(bars: pd.DataFrame) -> None:
    """Refuse what is not one instrument's bars in order.

    Raises
    ------
    ShapeError
        If `bars` mixes symbols or timeframes, or open times do not ascend.
    QualityError
        If a price is not finite and positive.
    """
    for name in ("symbol", "timeframe"):
        values = bars[name].tolist()
        if values and values.count(values[0]) != len(values):
            found = ", ".join(map(str, pd.unique(bars[name])[:5]))
            raise ShapeError(f"expected the bars of one {name}, got {found}; next: call once for each")
    if not (np.diff(bars["open_time"].array.asi8) > 0).all():
        raise ShapeError("expected bars that ascend by open_time without duplicates; next: market.intake.admit them")
    prices = [bars[name].to_numpy() for name in PRICE_COLUMNS]
    if len(bars) and not all(price.min() > 0.0 and price.max() < np.inf for price in prices):
        is_bad = ~np.logical_and.reduce([(price > 0.0) & (price < np.inf) for price in prices])
        first = bars["open_time"].iloc[int(np.argmax(is_bad))]
        raise QualityError(
            f"expected finite positive prices, got {np.count_nonzero(is_bad)} bars without, the first at "
            f"{first.isoformat()}; next: market.intake.admit quarantines them"
        )


def starts_a_run(bars: pd.DataFrame, calendar_name: str) -> BoolArray1D:
    """Return for each bar whether expected bars are missing between the one before and it, bool of shape (n_bars,)."""
    open_us = bars["open_time"].array.asi8
    if len(bars) == 0:
        return np.zeros(0, dtype=np.bool_)
    timeframe = Timeframe.parse(bars["timeframe"].iloc[0])
    if (np.diff(open_us) == timeframe.ms * 1_000).all():
        return np.zeros(len(bars), dtype=np.bool_)
    return follows_missing_bars(pd.DatetimeIndex(bars["open_time"]), timeframe, calendar(calendar_name))


def unbroken_runs(bars: pd.DataFrame, calendar_name: str) -> Iterator[tuple[slice, BarRun]]:
    """Yield each run with the rows it takes of `bars`, in order.

    Parameters
    ----------
    bars : bar frame
        Of one instrument (`require_series`).
    calendar_name : str
        The instrument's trading calendar.
    """
    if len(bars) == 0:
        return
    cuts = np.flatnonzero(starts_a_run(bars, calendar_name))
    bounds = [0, *cuts.tolist(), len(bars)]
    columns = {name: _column(bars, name) for name in (*PRICE_COLUMNS, "volume")}
    open_time_us = np.ascontiguousarray(bars["open_time"].array.asi8)
    for start, stop in pairwise(bounds):
        rows = slice(start, stop)
        parts = {name: column[rows] for name, column in columns.items()}
        yield rows, BarRun(**parts, open_time_us=open_time_us[rows])


def stretches_with_volume(run: BarRun) -> Iterator[slice]:
    """Yield the rows of each part of a run whose bars all have volume: one NaN would poison a running sum for good."""
    if not np.isnan(run.volume.sum()):
        yield slice(0, run.n_bars)
        return
    edges = np.flatnonzero(np.diff(np.isfinite(run.volume), prepend=False, append=False))
    for start, stop in edges.reshape(-1, 2).tolist():
        yield slice(start, stop)


def _column(bars: pd.DataFrame, name: str) -> FloatArray1D:
    return np.ascontiguousarray(bars[name].to_numpy(dtype=np.float64))
