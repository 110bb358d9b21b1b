"""Missing bars of a series, counted and put into stretches.

Belongs here: how much of what was expected is not there. Not here: what is expected (`market.calendars`), how much may
be missing (`market.quality`).
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bot_core_dagster.market.calendars import TradingCalendar, expected_bars
from bot_core_dagster.market.trading_hours import microseconds
from bot_core_dagster.timeframe import Timeframe


@dataclass(frozen=True)
class MissingBars:
    """What is missing between the first and the last bar of a series.

    n_expected : bars that the trading calendar expects there
    stretches : frame of start and end (datetime64[us, UTC], [start, end)) and n_bars; a stretch that goes on after a
        weekend is one
    """

    n_expected: int
    stretches: pd.DataFrame = field(compare=False)

    @property
    def n_bars(self) -> int:
        """Missing bars."""
        return int(self.stretches["n_bars"].sum())

    @property
    def longest_bars(self) -> int:
        """Bars of the longest stretch, 0 if none is missing."""
        return int(self.stretches["n_bars"].max()) if len(self.stretches) else 0

    @property
    def share(self) -> float:
        """Missing bars as a fraction of the expected ones, 0 where none is expected."""
        return self.n_bars / self.n_expected if self.n_expected else 0.0


def find_missing(open_times: pd.DatetimeIndex, timeframe: Timeframe, calendar: TradingCalendar) -> MissingBars:
    """Return what is missing between the first and the last of `open_times` (n_bars,), in any order."""
    expected = expected_bars(open_times, timeframe, calendar)
    wanted, there = microseconds(expected), np.sort(microseconds(open_times))
    place = np.minimum(np.searchsorted(there, wanted), len(there) - 1)
    is_missing = there[place] != wanted if len(there) else np.zeros(0, dtype=bool)
    edges = np.diff(np.concatenate([[False], is_missing, [False]]).astype(np.int8))
    first, beyond = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    stretches = pd.DataFrame(
        {
            "start": expected[first],
            "end": calendar.with_grid_of(open_times, timeframe).bar_close(expected[beyond - 1], timeframe),
            "n_bars": (beyond - first).astype(np.int64),
        }
    )
    return MissingBars(len(expected), stretches)
