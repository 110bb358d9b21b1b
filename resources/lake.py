"""The lake as a Dagster resource.

Belongs here: opening the lake that a deployment names. Not here: anything that the lake does (`bot_core_dagster.lake`).
"""

from pathlib import Path

import dagster as dg

from bot_core_dagster.lake import Lake, default_lake


class LakeResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The lake at `root`; without one, the lake of BOT_CORE_HOME."""

    root: str | None = None

    def open(self) -> Lake:
        """Return the lake, made where there is none yet."""
        return Lake.open(Path(self.root), create=True) if self.root else default_lake(create=True)
