"""The embedded source: bars that no market made, for a first run without a network and for tests of strategies.

Belongs here: a request's range, its weeks, the bar frame. Not here: how prices come about (`path`, `volatility`),
faults (`faults`).
"""

from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.errors import SettingsError, SourceError, TimeError
from bot_core_dagster.market.bar import SIMULATED, empty_bars
from bot_core_dagster.market.calendars import calendar
from bot_core_dagster.market.simulated.aggregate import bars_of_week
from bot_core_dagster.market.simulated.faults import NO_FAULTS, Faults, with_faults
from bot_core_dagster.market.simulated.grid import FIRST, LAST, WEEK_MINUTES, minutes_since_epoch
from bot_core_dagster.market.simulated.path import Factor, Path
from bot_core_dagster.market.simulated.profile import Profile, profile
from bot_core_dagster.market.simulated.randomness import FloatArray
from bot_core_dagster.market.source import Fetched, Progress
from bot_core_dagster.settings import Instrument
from bot_core_dagster.timeframe import require_utc

_PROGRESS_WEEKS: Final = 26


class SimulatedSource:
    """A deterministic market from 2015-01-01 on.

    The bars of a symbol depend on `seed`, `edge` and the symbol alone (with its base, quote and calendar): any range
    asked for in any order, of any size and in any process gives the same bars, a later `end` never changes earlier
    ones, and longer bars are the shorter ones resampled. Bars around Christmas and New Year that only some venues have
    are not made. The price is that of `instrument.price_side`, whichever it is.

    Parameters
    ----------
    seed : int
        0 or more. Another seed is another world.
    edge : float
        Share, 0 to 1, of the variance of an average trading hour that is a smooth stationary noise in the log price, to
        be traded (`path.EDGE_HOURS`). With 0 the price is a martingale: no strategy has an expected profit.
    faults : Faults
        Of the feed, for tests.

    Notes
    -----
    What an edge is worth: mean annual Sharpe ratio of RSI(14), long from 30 until 70, on the 1h bars of 2024, after
    costs (5.5 bps a side for BTCUSDT, 0.7 for EURUSD), measured over seeds 0 to 39, with a standard error below 0.2.

    ======= ===== ==== ==== ==== ==== ==== ==== ====
    edge    0     0.05 0.1  0.15 0.2  0.3  0.5  1
    BTCUSDT -0.17 0.67 1.55 2.17 2.80 3.87 5.40 8.08
    EURUSD  -0.01 0.77 1.42 1.98 2.41 3.24 4.29 6.30
    ======= ===== ==== ==== ==== ==== ==== ==== ====

    Raises
    ------
    SettingsError
        If `seed` or `edge` is outside its range.
    """

    def __init__(self, seed: int, edge: float = 0.0, faults: Faults = NO_FAULTS) -> None:
        if seed < 0:
            raise SettingsError(f"SimulatedSource: seed is {seed}; allowed: 0 or more")
        if not 0 <= edge <= 1:
            raise SettingsError(f"SimulatedSource: edge is {edge}; allowed: 0 (no edge) to 1")
        self._seed = seed
        self._edge = float(edge)
        self._faults = faults
        self._factors: dict[str, Factor] = {}
        self._paths: dict[Profile, Path] = {}

    @property
    def name(self) -> str:
        """Value of the bars' `source` column."""
        return SIMULATED

    def fetch(
        self, instrument: Instrument, start: datetime, end: datetime, progress: Progress | None = None
    ) -> Fetched:
        """Return the closed bars of `instrument` with start <= open_time and close_time <= end.

        Parameters
        ----------
        instrument : Instrument
        start, end : datetime
            With a zone. Before 2015-01-01 there are no bars, which is noted.
        progress : Progress, optional
            Called about twice a simulated year.

        Raises
        ------
        TimeError
            If a time is naive or `end` is before `start`.
        SourceError
            If `end` is after 2045-01-01.
        """
        start, end = require_utc(start, "start"), require_utc(end, "end")
        if end < start:
            raise TimeError(f"the range ends ({end}) before it starts ({start}); give the earlier time first")
        if end > LAST:
            raise SourceError(f"simulated bars end at {LAST}; asked for bars up to {end}")
        notes = [f"SIMULATED: seed {self._seed}, edge {self._edge:g}; no market made these bars"]
        if start < FIRST:
            notes.append(f"simulated bars begin on {FIRST:%Y-%m-%d}; there are none before it")
        bars = self._bars(instrument, max(start, FIRST), max(end, FIRST), progress)
        return Fetched(with_faults(bars, instrument, self._faults, self._seed, pd.Timestamp(end)), notes=tuple(notes))

    def _bars(self, instrument: Instrument, start: datetime, end: datetime, progress: Progress | None) -> pd.DataFrame:
        trading = calendar(instrument.calendar)
        opens = trading.bar_open_times(instrument.timeframe, start, end)
        closes = trading.bar_close(opens, instrument.timeframe)
        is_closed = np.asarray(closes <= pd.Timestamp(end))
        opens, closes = opens[is_closed], closes[is_closed]
        if len(opens) == 0:
            return empty_bars()
        typical = profile(instrument)
        columns = {
            "symbol": instrument.symbol,
            "timeframe": str(instrument.timeframe),
            "open_time": opens,
            "close_time": closes,
            **self._values(typical, opens, closes, progress),
            "price_side": instrument.price_side,
            "volume_unit": typical.volume_unit,
            "source": SIMULATED,
        }
        return pd.DataFrame(columns)

    def _values(
        self, typical: Profile, opens: pd.DatetimeIndex, closes: pd.DatetimeIndex, progress: Progress | None
    ) -> dict[str, FloatArray]:
        path = self._path(typical)
        first, after = minutes_since_epoch(opens), minutes_since_epoch(closes)
        week_of_bar = first // WEEK_MINUTES
        weeks, place = np.unique(week_of_bar, return_index=True)
        parts = []
        for n_done, (week, lo, hi) in enumerate(zip(weeks, place, [*place[1:], len(first)], strict=True)):
            if progress is not None and n_done % _PROGRESS_WEEKS == 0:
                progress(n_done / len(weeks), f"{typical.symbol}: simulating {opens[lo]:%Y-%m}")
            offset = week * WEEK_MINUTES
            parts.append(bars_of_week(path.week(int(week)), typical, first[lo:hi] - offset, after[lo:hi] - offset))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _path(self, typical: Profile) -> Path:
        if typical not in self._paths:
            if typical.factor not in self._factors:
                self._factors[typical.factor] = Factor(self._seed, typical.factor)
            self._paths[typical] = Path(self._seed, typical, self._factors[typical.factor], self._edge)
        return self._paths[typical]
