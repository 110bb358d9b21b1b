"""Timeframes: the length of a bar and its names.

Belongs here: the closed list of timeframes and their arithmetic. Not here: where a bar of a trading calendar starts
(`market.calendars`), how bars are aggregated (`market.resample`).
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from bot_core_dagster.errors import TimeError


class Timeframe(StrEnum):
    """The nominal length of a bar; the value is its name in files, tables and settings."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"

    @property
    def delta(self) -> timedelta:
        """Nominal length (a 1d FX bar lasts 23 or 25 hours where daylight saving changes)."""
        return _DELTAS[self]

    @property
    def ms(self) -> int:
        """Nominal length in milliseconds."""
        return int(self.delta / timedelta(milliseconds=1))

    @classmethod
    def parse(cls, text: str) -> "Timeframe":
        """Return the timeframe named `text`.

        Raises
        ------
        TimeError
            If there is no such timeframe; the message lists those there are.
        """
        try:
            return cls(text)
        except ValueError:
            allowed = ", ".join(cls)
            raise TimeError(f"unknown timeframe {text!r}; expected one of {allowed}") from None


_DELTAS = {
    Timeframe.M1: timedelta(minutes=1),
    Timeframe.M5: timedelta(minutes=5),
    Timeframe.M15: timedelta(minutes=15),
    Timeframe.M30: timedelta(minutes=30),
    Timeframe.H1: timedelta(hours=1),
    Timeframe.H4: timedelta(hours=4),
    Timeframe.D1: timedelta(days=1),
}


def require_utc(moment: datetime, name: str = "time") -> datetime:
    """Return `moment` in UTC.

    Raises
    ------
    TimeError
        If `moment` has no zone: a naive datetime is never guessed.
    """
    if moment.tzinfo is None:
        raise TimeError(f"{name} {moment.isoformat()} has no time zone; give one, e.g. {moment.isoformat()}+00:00")
    return moment.astimezone(UTC)
