"""What was made from what: the lake's own record of every asset's outcome per symbol.

Belongs here: outcomes, and later audits and replays. Not here: Dagster's events (`assets`), which repeat this record
for the UI, and table storage (`lake`).
"""

from bot_core_dagster.lineage.outcome import (
    OUTCOMES,
    Outcome,
    assets_behind,
    content_hashes_of,
    outcomes_of,
    record_outcomes,
)

__all__ = ["OUTCOMES", "Outcome", "assets_behind", "content_hashes_of", "outcomes_of", "record_outcomes"]
