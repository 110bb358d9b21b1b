"""What the tests of trainings share: a simulated world, with or without an edge, and what is known of it.

Belongs here: builders. Not here: tests.
"""

from datetime import UTC, datetime, timedelta
from functools import cache

from bot_core_dagster.market.simulated import SimulatedSource
from bot_core_dagster.models.known import Known
from tests import builders

START = datetime(2023, 1, 1, tzinfo=UTC)
INSTRUMENT = builders.instrument()


@cache
def known(days: int, *, seed: int = 5, edge: float = 0.0) -> Known:
    """Return what is known of so many days of BTCUSDT's hours from 2023 on."""
    bars = SimulatedSource(seed, edge).fetch(INSTRUMENT, START, START + timedelta(days=days)).bars
    return Known.of(bars, INSTRUMENT, f"bars of {days} days, seed {seed}, edge {edge}")
