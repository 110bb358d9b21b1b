"""Cuts: after which bars the future is taken away.

Belongs here: the sample of places where a look into the future would show. Not here: what is computed on both sides
(`validation.recomputation`).
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.features.runs import starts_a_run
from bot_core_dagster.market.calendars import calendar
from bot_core_dagster.metrics.arrays import BoolArray1D, IntArray1D
from bot_core_dagster.timeframe import Timeframe

RARE: Final = 0.2
"""A column that changes at fewer bars than this share is looked at where it changes: elsewhere it says little."""


def sample_cuts(
    bars: pd.DataFrame,
    calendar_name: str,
    columns: Mapping[str, pd.Series],
    arrivals: Sequence[pd.DatetimeIndex] = (),
    *,
    n_cuts: int,
    seed: int,
) -> IntArray1D:
    """Return numbers of known bars, ascending, where a look into the future is likely to show.

    Even parts of them lie at the beginning and the end, beside missing bars, where longer bars and days close (and one
    bar before and after), where the bars' columns become known or unknown, just before something else arrives, where
    rarely changing columns change, and anywhere.

    Parameters
    ----------
    bars : bar frame
        Of one instrument, two or more.
    calendar_name : str
        Its trading calendar.
    columns : mapping of str to Series of shape (n_bars,)
        What the function gave for all bars.
    arrivals : sequence of DatetimeIndex
        When rows of other inputs became available.
    n_cuts : int
        At most so many.
    seed : int
        The same seed gives the same cuts.

    Returns
    -------
    int64 ndarray
        Each from 1 to n_bars - 1.
    """
    n_bars = len(bars)
    begins_run = np.flatnonzero(starts_a_run(bars, calendar_name))
    closes = np.flatnonzero(_closes_a_longer_bar(bars, calendar_name))
    changes = np.flatnonzero(_changes_rarely(columns, n_bars))
    fills = np.flatnonzero(_becomes_known_or_unknown(bars))
    places = [
        np.array([1, 2, n_bars - 1]),
        np.concatenate([begins_run, begins_run + 1]),
        np.concatenate([closes, closes + 1, closes + 2]),
        np.concatenate([fills, fills + 1]),
        _before(arrivals, bars),
        np.concatenate([changes, changes + 1]),
        np.arange(1, n_bars),
    ]
    rng = np.random.default_rng(seed)
    cuts = np.empty(0, dtype=np.int64)
    for n_kinds_left, kind in zip(range(len(places), 0, -1), places, strict=True):
        fresh = np.setdiff1d(kind[(kind >= 1) & (kind < n_bars)], cuts)
        n_wanted = min(len(fresh), -((len(cuts) - n_cuts) // n_kinds_left))
        cuts = np.concatenate([cuts, rng.choice(fresh, n_wanted, replace=False)])
    return np.sort(cuts)


def _closes_a_longer_bar(bars: pd.DataFrame, calendar_name: str) -> BoolArray1D:
    """Return for each bar whether the next one begins another bar of a longer timeframe, or another day UTC."""
    opens = pd.DatetimeIndex(bars["open_time"])
    own = Timeframe.parse(str(bars["timeframe"].iloc[0]))
    grid = calendar(calendar_name)
    longer = [grid.bar_open(opens, timeframe) for timeframe in Timeframe if timeframe.delta > own.delta]
    closes = np.zeros(len(bars), dtype=np.bool_)
    for starts in (*longer, opens.normalize()):
        closes[:-1] |= np.asarray(starts[1:] != starts[:-1])
    return closes


def _becomes_known_or_unknown(bars: pd.DataFrame) -> BoolArray1D:
    """Return for each bar whether a column is known at it and not at the one before, or the other way round."""
    is_known = bars.notna()
    is_other = is_known.ne(is_known.shift()).any(axis=1).to_numpy(dtype=np.bool_, copy=True)
    is_other[0] = False
    return is_other


def _before(arrivals: Sequence[pd.DatetimeIndex], bars: pd.DataFrame) -> IntArray1D:
    """Return how many bars had closed before each row of another input became available."""
    closes = pd.DatetimeIndex(bars["close_time"])
    found = [np.asarray(closes.searchsorted(times, side="left"), dtype=np.int64) for times in arrivals]
    return np.unique(np.concatenate([np.empty(0, dtype=np.int64), *found]))


def _changes_rarely(columns: Mapping[str, pd.Series], n_bars: int) -> BoolArray1D:
    """Return for each bar whether a column that seldom changes has another value than at the bar before."""
    changes = np.zeros(n_bars, dtype=np.bool_)
    for values in columns.values():
        is_other = (values.ne(values.shift()) & ~(values.isna() & values.shift().isna())).to_numpy()
        is_other[0] = False
        if is_other.mean() < RARE:
            changes |= is_other
    return changes
