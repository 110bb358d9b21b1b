"""The time that the exchange source goes by.

Belongs here: reading the time and waiting, in one place, so that tests can record waits instead of sitting them out.
Not here: the exchange's own clock (`pace`), trading hours (`market.calendars`).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final


@dataclass(frozen=True)
class Clock:
    """What a source needs of time.

    now : the time in UTC
    monotonic : seconds since some moment, never set back
    sleep : wait for that many seconds
    """

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]


SYSTEM_CLOCK: Final = Clock(now=lambda: datetime.now(UTC), monotonic=time.monotonic, sleep=time.sleep)
