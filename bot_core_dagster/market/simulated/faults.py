"""Faults of a feed, on request: what tests of quality, sensors and catching up need to see.

Belongs here: which bars are missing, double, late or corrected, and until when. Not here: the bars (`aggregate`), what
is done about faults (`market.intake`, `market.quality`).

Which bar has which fault depends on seed, symbol, timeframe and open time alone: asking again, or for another range,
gives the same faults.
"""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.errors import SettingsError
from bot_core_dagster.market.simulated.grid import minutes_since_epoch
from bot_core_dagster.market.simulated.randomness import BoolArray, stream
from bot_core_dagster.settings import Instrument

_SHARES: Final = ("missing_share", "duplicate_share", "late_share", "corrected_share")


@dataclass(frozen=True)
class Faults:
    """Shares (0 to 1) of bars with a fault, independent of each other; counts are in nominal bar lengths.

    missing_share : never delivered
    duplicate_share : delivered twice, the same row
    late_share, late_bars : not delivered until `late_bars` bars after their close
    corrected_share, corrected_bars : delivered with a wrong close (by 0.1 %, high and low widened to hold it) until
        `corrected_bars` bars after their close, right from then on

    Raises
    ------
    SettingsError
        If a share is not in [0, 1] or a count is negative.
    """

    missing_share: float = 0.0
    duplicate_share: float = 0.0
    late_share: float = 0.0
    late_bars: int = 1
    corrected_share: float = 0.0
    corrected_bars: int = 1

    def __post_init__(self) -> None:
        """Refuse shares and counts that mean nothing."""
        for field in fields(self):
            given = getattr(self, field.name)
            if not (0 <= given <= 1 if field.name in _SHARES else given >= 0):
                allowed = "0 to 1" if field.name in _SHARES else "0 or more"
                raise SettingsError(f"Faults: {field.name} is {given!r}; allowed: {allowed}")


NO_FAULTS: Final = Faults()
_WRONG_BY: Final = 0.001


def with_faults(
    bars: pd.DataFrame, instrument: Instrument, faults: Faults, seed: int, end: pd.Timestamp
) -> pd.DataFrame:
    """Return the bars as a feed with `faults` delivers them at `end`.

    Parameters
    ----------
    bars : bar frame
        Right and complete, sorted by open time.
    end : Timestamp
        The moment of the request.
    """
    if faults == NO_FAULTS:
        return bars
    position = minutes_since_epoch(pd.DatetimeIndex(bars["open_time"]))
    closes = pd.DatetimeIndex(bars["close_time"])

    def is_hit(share_name: str) -> BoolArray:
        draws = stream(seed, instrument.symbol, str(instrument.timeframe), share_name).uniforms(position)
        return np.asarray(draws < getattr(faults, share_name))

    def is_younger(n_bars: int) -> BoolArray:
        return np.asarray(closes + n_bars * instrument.timeframe.delta > end)

    is_wrong = is_hit("corrected_share") & is_younger(faults.corrected_bars)
    is_late = is_hit("late_share") & is_younger(faults.late_bars)
    copies = np.where(is_hit("missing_share") | is_late, 0, 1 + is_hit("duplicate_share"))
    return _with_wrong_close(bars, is_wrong).loc[np.repeat(bars.index.to_numpy(), copies)].reset_index(drop=True)


def _with_wrong_close(bars: pd.DataFrame, is_wrong: BoolArray) -> pd.DataFrame:
    close = bars["close"] * np.where(is_wrong, 1 + _WRONG_BY, 1.0)
    return bars.assign(close=close, high=np.maximum(bars["high"], close), low=np.minimum(bars["low"], close))
