"""Zones: what a declared zone means, and the wall clocks that servers of bars are known to have.

Belongs here: wall-clock times as UTC. Not here: which zone a file has (`clock`).
"""

import re
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot_core_dagster.errors import FormatError

_OFFSET: Final = re.compile(r"^(?:UTC)?([+-])(\d{1,2}):?(\d\d)?$")
_SHIFTED: Final = re.compile(r"^([A-Za-z_/]+)([+-]\d{1,2})$")

Times = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Zone:
    """A wall clock: the time of the zone `key`, `ahead` later.

    name : as a user writes it: "UTC", "Europe/Athens", "+02:00", "America/New_York+7"
    key : an IANA key
    ahead : timedelta64 by which the clock is ahead of that zone's
    """

    name: str
    key: str
    ahead: np.timedelta64

    def to_utc(self, wall: Times) -> Times:
        """Return wall-clock times as UTC, datetime64[us]; NaT where the clock shows a time twice or never."""
        if self.key == "UTC":
            return wall - self.ahead
        index = pd.DatetimeIndex(wall - self.ahead)
        local = index.tz_localize(self.key, ambiguous="NaT", nonexistent="NaT")
        return local.tz_convert("UTC").tz_localize(None).as_unit("us").to_numpy()


def zone_named(name: str) -> Zone:
    """Return the zone of that name: an IANA key, an offset, or an IANA key and hours ahead of it.

    Raises
    ------
    FormatError
        If there is none.
    """
    text = name.strip()
    if offset := _OFFSET.match(text):
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        return Zone(text, "UTC", np.timedelta64(minutes if offset[1] == "+" else -minutes, "m"))
    if _is_key(text):
        return Zone(text, "UTC" if text in ("UTC", "Etc/UTC") else text, np.timedelta64(0, "h"))
    shifted = _SHIFTED.match(text)
    if shifted and _is_key(shifted[1]):
        return Zone(text, shifted[1], np.timedelta64(int(shifted[2]), "h"))
    raise FormatError(f"unknown zone {name!r}; expected e.g. UTC, Europe/Athens, +02:00 or America/New_York+7 (--tz)")


def _is_key(text: str) -> bool:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        return False
    return True


UTC: Final = zone_named("UTC")
EUROPEAN_SERVER: Final = zone_named("Europe/Athens")
NEW_YORK_SERVER: Final = zone_named("America/New_York+7")
SERVER_CLOCKS: Final = (EUROPEAN_SERVER, NEW_YORK_SERVER)
"""Those of most MetaTrader servers, which may go over from one to the other."""
CLOCKS: Final = (
    UTC,
    *SERVER_CLOCKS,
    zone_named("America/New_York"),
    zone_named("Europe/London"),
    zone_named("Europe/Berlin"),
    zone_named("-05:00"),
    zone_named("+01:00"),
    zone_named("+02:00"),
    zone_named("+03:00"),
)
"""Clocks that data vendors and MetaTrader servers have; where two give a file the same times, the first is named."""
