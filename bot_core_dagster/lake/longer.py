"""Longer bars than the lake holds, made of shorter ones that it holds.

Belongs here: which stored series they are made of, and which of its bars a range needs. Not here: how bars are joined
(`market.resample`), whose calendar it is (`settings`). Nothing made here is stored.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from bot_core_dagster.lake.times import Moment, utc_range
from bot_core_dagster.timeframe import Timeframe

if TYPE_CHECKING:
    import pandas as pd

    from bot_core_dagster.lake.lake import Lake
    from bot_core_dagster.market.calendars import TradingCalendar

_INSTANT: Final = timedelta(microseconds=1)


def shorter_timeframe(stored: Iterable[str], timeframe: str) -> Timeframe | None:
    """Return the longest of the stored timeframes that is shorter than `timeframe` and divides it; None without one."""
    names = set(Timeframe)
    if timeframe not in names:
        return None
    to = Timeframe(timeframe).delta
    found = [one for one in map(Timeframe, names.intersection(stored)) if one.delta < to and not to % one.delta]
    return max(found, key=lambda one: one.delta, default=None)


def longer_bars(
    lake: "Lake",
    symbol: str,
    timeframes: tuple[Timeframe, Timeframe],
    calendar_name: str,
    start: Moment | None = None,
    end: Moment | None = None,
    as_of: Moment | None = None,
) -> "pd.DataFrame":
    """Return bars that are made of a stored series of shorter ones.

    The bars of a range are those that the whole series would give there: inputs are read from the start of the first
    bar to the end of the last one, wherever in them the range begins and ends.

    Parameters
    ----------
    timeframes : tuple of Timeframe
        The stored one and the longer one.
    calendar_name : str
        Whose grid the bars are on: "crypto", "fx" or "metals".
    start, end, as_of : datetime or ISO 8601 text, with a zone
        As in `Lake.bars`, of the longer bars' open_time.

    Returns
    -------
    bar frame
        As `market.resample.resample` makes it: without a last bar whose inputs do not reach its close; `source` is that
        of each bar's first input.

    Raises
    ------
    TimeError
        If a time is naive, or the range ends before it starts.
    QualityError
        If the stored bars lie on another grid than the calendar's.
    """
    from bot_core_dagster.market.calendars import calendar
    from bot_core_dagster.market.resample import resample

    shorter, longer = timeframes
    first, last = utc_range(start, end)
    grid = calendar(calendar_name)
    opens = None if first is None else _bar_at(first, longer, grid).open
    closes = None if last is None else _bar_at(last - _INSTANT, longer, grid).close
    inputs = lake.bars(symbol, shorter, opens, closes, as_of)
    if closes is not None and len(inputs) and _is_cut(inputs, longer, grid):
        inputs = _with_next(inputs, lake.bars(symbol, shorter, closes, None, as_of))
    bars = resample(inputs, longer, calendar_name)
    if first is not None:
        bars = bars[bars["open_time"] >= first]
    if last is not None:
        bars = bars[bars["open_time"] < last]
    return bars.reset_index(drop=True)


class _Span(NamedTuple):
    """A longer bar: [open, close)."""

    open: "pd.Timestamp"
    close: "pd.Timestamp"


def _bar_at(moment: datetime, timeframe: Timeframe, grid: "TradingCalendar") -> _Span:
    """Return the longer bar that contains an instant."""
    import pandas as pd

    opens = grid.bar_open(pd.DatetimeIndex([moment]).as_unit("us"), timeframe)
    return _Span(opens[0], grid.bar_close(opens, timeframe)[0])


def _is_cut(inputs: "pd.DataFrame", longer: Timeframe, grid: "TradingCalendar") -> bool:
    """Return whether the last inputs of the last longer bar are not among those of the range: missing, or to come."""
    last = inputs.iloc[-1]
    return bool(last["close_time"] < _bar_at(last["open_time"], longer, grid).close)


def _with_next(inputs: "pd.DataFrame", later: "pd.DataFrame") -> "pd.DataFrame":
    """Return the inputs with the next one after them: it shows that their last bar is over."""
    import pandas as pd

    return pd.concat([inputs, later.head(1)], ignore_index=True) if len(later) else inputs
