"""Sensors: when by an event.

Not here: what runs (`jobs`), what the clock starts (`schedules`).
"""

from sensors.fresh_bars import fresh_bars
from sensors.watchlist import watchlist

SENSORS = [watchlist, fresh_bars]

__all__ = ["SENSORS", "fresh_bars", "watchlist"]
