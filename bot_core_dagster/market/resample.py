"""Resampling: longer bars out of shorter ones.

Belongs here: 1m → 5m → 15m → 1h → 4h → 1d on the grid of a trading calendar. Not here: the grid (`market.calendars`),
filling (nothing is: a bar made from fewer inputs than expected is made of those, one made from none is missing).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot_core_dagster.errors import QualityError, TimeError
from bot_core_dagster.market.bar import BAR_COLUMNS
from bot_core_dagster.market.calendars import calendar
from bot_core_dagster.timeframe import Timeframe


def resample(bars: pd.DataFrame, to: Timeframe, calendar_name: str) -> pd.DataFrame:
    """Return the bars of a longer timeframe.

    Crypto's 4h and 1d bars start at 00:00 UTC, those of FX and metals at 17:00 New York (CONVENTIONS 13). The last bar
    is dropped unless the inputs reach its close: it would change when more of them come. Two steps give what one gives.

    Parameters
    ----------
    bars : bar frame
        Of one symbol and timeframe, ascending in open_time, without duplicates.
    to : Timeframe
        Longer than that of the bars.
    calendar_name : str
        "crypto", "fx" or "metals".

    Returns
    -------
    bar frame
        open of the first input, highest high, lowest low, close of the last, volume the sum (NaN where one is NaN: the
        whole is unknown), spread of the first.

    Raises
    ------
    TimeError
        If `to` is not longer than the timeframe of the bars.
    QualityError
        If the bars are not one ascending series, or one of them belongs to two longer bars.
    UnknownNameError
        If there is no such calendar.
    """
    grid = calendar(calendar_name)
    if bars.empty:
        return bars.reset_index(drop=True)
    _require_one_series(bars, to)
    open_time = grid.bar_open(pd.DatetimeIndex(bars["open_time"]), to)
    starts = np.flatnonzero(np.concatenate([[True], open_time[1:] != open_time[:-1]]))
    close_time = grid.bar_close(open_time[starts], to)
    _require_whole_inputs(bars, starts, close_time, to)
    columns = _aggregate(bars, starts) | {
        "timeframe": np.full(len(starts), str(to), dtype=object),
        "open_time": open_time[starts],
        "close_time": close_time,
    }
    n_whole = len(starts) - int(bars["close_time"].iloc[-1] < close_time[-1])
    return pd.DataFrame({name: columns[name][:n_whole] for name in BAR_COLUMNS})


def _aggregate(bars: pd.DataFrame, starts: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Return the columns of the longer bars: what no rule is named for is the first input's."""
    ends = np.append(starts[1:], len(bars)) - 1
    reduced = {"high": np.maximum, "low": np.minimum, "volume": np.add}
    floats = {name: bars[name].to_numpy(dtype=np.float64) for name in (*reduced, "close")}
    first = {name: bars[name].array.take(starts) for name in BAR_COLUMNS if name not in floats}
    return {
        **first,
        **{name: ufunc.reduceat(floats[name], starts) for name, ufunc in reduced.items()},
        "close": floats["close"][ends],
    }


def _require_one_series(bars: pd.DataFrame, to: Timeframe) -> None:
    for column in ("symbol", "timeframe"):
        if len(bars[column].unique()) > 1:
            raise QualityError(
                f"expected bars of one {column}, got {sorted(bars[column].unique())}; resample them apart"
            )
    if not bars["open_time"].is_monotonic_increasing or not bars["open_time"].is_unique:
        raise QualityError("expected bars ascending in open_time without duplicates; next: market.intake.admit them")
    timeframe = Timeframe.parse(bars["timeframe"].iloc[0])
    if to.delta <= timeframe.delta:
        raise TimeError(f"expected a timeframe longer than {timeframe}, got {to}")


def _require_whole_inputs(
    bars: pd.DataFrame, starts: npt.NDArray[np.int64], close_time: pd.DatetimeIndex, to: Timeframe
) -> None:
    n_inputs = np.diff(np.append(starts, len(bars)))
    straddles = pd.DatetimeIndex(bars["close_time"]) > close_time.repeat(n_inputs)
    if straddles.any():
        first = bars.iloc[int(np.argmax(straddles))]
        raise QualityError(
            f"{first['symbol']}: the {first['timeframe']} bar of {first['open_time']} belongs to two {to} bars: its "
            "grid is another one; next: resample from 1h or shorter"
        )
