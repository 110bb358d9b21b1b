"""Times as people give them, and ranges of them.

Belongs here: reading a start, an end or an as-of time from text or a datetime. Not here: trading calendars
(`market.calendars`).
"""

from datetime import datetime

from bot_core_dagster.errors import TimeError
from bot_core_dagster.timeframe import require_utc

Moment = str | datetime
"""A datetime (a pandas Timestamp is one) or ISO 8601 text; both with a zone."""


def utc(moment: Moment | None, name: str) -> datetime | None:
    """Return `moment` in UTC, None for None.

    Raises
    ------
    TimeError
        If it is not ISO 8601, or has no zone.
    """
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            raise TimeError(f"{name} {moment!r} is no ISO 8601 time; write it as 2024-01-31T00:00:00Z") from None
    return None if moment is None else require_utc(moment, name)


def utc_range(start: Moment | None, end: Moment | None) -> tuple[datetime | None, datetime | None]:
    """Return both ends in UTC; None is open.

    Raises
    ------
    TimeError
        If one is naive, or the range ends before it starts.
    """
    first, last = utc(start, "start"), utc(end, "end")
    if first is not None and last is not None and last < first:
        raise TimeError(
            f"the range ends before it starts: start {first.isoformat()}, end {last.isoformat()}; swap them"
        )
    return first, last
