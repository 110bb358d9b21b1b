"""MetaTrader 5: what its export and its copy_rates files have in common.

Belongs here: points as prices, and daily bars that a server put among shorter ones. Not here: the columns of either
file (`mt5_export`, `mt5_rates`), the server's clock (`clock`).
"""

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bot_core_dagster.market.formats.file_format import bars_of_table
from bot_core_dagster.market.formats.raw_bars import Fact, RawBars
from bot_core_dagster.market.formats.text_table import TextTable

_MAX_DIGITS: Final = 8
_DAILY_TICKS_OVER: Final = 2.0
"""Ticks of a daily bar over those of the busiest other bar of its day: in the real export such bars have 2.1 to 50
times as many, all others at midnight at most 0.6 times."""
_MIN_BARS_A_DAY: Final = 10


def mt5_bars(
    name: str, table: TextTable, time: pa.ChunkedArray, places: dict[str, int], spread_points: int | None
) -> RawBars:
    """Return the bars of a MetaTrader file, its spread in price units, its misplaced daily bars unread.

    Parameters
    ----------
    name : str
        The file's name.
    table : TextTable
    time : ChunkedArray
        ISO texts of the server's wall clock.
    places : dict
        Positions of the prices and of the tick volume.
    spread_points : int or None
        Position of the spread in points.
    """
    columns = places | ({} if spread_points is None else {"spread": spread_points})
    raw = bars_of_table(
        name,
        table,
        time,
        columns,
        label=Fact("open", "as MetaTrader documents"),
        side=Fact("bid", "MetaTrader's bars are of bid prices"),
        volume_unit=Fact("ticks", "MetaTrader's tick volume", is_evident=True),
    )
    point = _point(raw.values)
    values = raw.values.assign(spread=raw.values["spread"] * point)
    note = () if spread_points is None else (f"spread: in points of {point:g}",)
    return with_daily_bars_refused(replace(raw, values=values, notes=(*raw.notes, *note)))


def with_daily_bars_refused(raw: RawBars) -> RawBars:
    """Refuse bars at the server's midnight that hold a whole day.

    Their high and low are those of the day that begins, which nobody knew at the bar's close. The tick volume shows
    them: midnight is the quietest hour, yet they have over `_DAILY_TICKS_OVER` times the ticks of the day's busiest
    other bar.
    """
    day = raw.time.astype("M8[D]")
    at_midnight = raw.time == day
    ticks = raw.values["volume"]
    others = ticks.mask(at_midnight).groupby(day)
    busiest, n_others = others.transform("max"), others.transform("count")
    is_daily = (at_midnight & (n_others >= _MIN_BARS_A_DAY) & (ticks > _DAILY_TICKS_OVER * busiest)).to_numpy()
    if not is_daily.any():
        return raw
    refused = np.full(len(day), "", dtype=object)
    for row in np.flatnonzero(is_daily):
        refused[row] = (
            f"holds a whole day at midnight ({ticks.iloc[row]:,.0f} ticks, "
            f"the busiest other bar of its day {busiest.iloc[row]:,.0f})"
        )
    note = f"{is_daily.sum():,} midnight bars hold the high, low and ticks of their whole day: quarantined"
    return replace(raw, refused=refused, notes=(*raw.notes, note))


def iso_dates(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return "2015.01.02 …" as "2015-01-02 …"."""
    return pc.replace_substring_regex(text, r"^(\d{4})\.(\d\d)\.(\d\d)", r"\1-\2-\3")


def _point(values: pd.DataFrame) -> float:
    """Return the smallest step that the prices are written in (1e-05 for five digits)."""
    closes = values["close"].to_numpy()[:5_000]
    closes = closes[np.isfinite(closes)]
    for digits in range(_MAX_DIGITS):
        if np.mean(np.abs(np.round(closes, digits) - closes) < 10.0 ** -(_MAX_DIGITS + 1)) > 0.99:
            return float(10.0**-digits)
    return float(10.0**-_MAX_DIGITS)
