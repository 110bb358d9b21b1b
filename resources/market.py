"""Settings and sources of bars as Dagster resources.

Belongs here: reading the settings anew for each run, so that an edited watchlist needs no restart. Not here: their
meaning (`bot_core_dagster.settings`, `bot_core_dagster.market`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from bot_core_dagster.market.source import BarSource
from bot_core_dagster.market.sources import bar_sources
from bot_core_dagster.settings import Settings, load_settings


class SettingsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The settings of `file`; without one, of BOT_CORE_CONFIG or the checkout."""

    file: str | None = None

    def load(self) -> Settings:
        """Return the settings as they are now."""
        return load_settings(Path(self.file) if self.file else None)


class MarketResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The sources of bars and the clock that decides which bars are closed."""

    def sources(self, settings: Settings) -> Mapping[str, BarSource]:
        """Return the source of each kind that a watchlist entry may name."""
        return bar_sources(settings)

    def now(self) -> datetime:
        """Return the time at which bars are judged closed or stale (UTC)."""
        return datetime.now(UTC)
