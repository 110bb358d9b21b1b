"""What a page was made from, and when.

Belongs here: the facts that every page ends with. Not here: the facts of one kind of result (its package).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot_core_dagster.timeframe import require_utc


@dataclass(frozen=True)
class Provenance:
    """What a page was made from.

    generated_at : aware datetime
    code_version : of Bot Core
    content_hashes : what was read -> its content hash
    """

    generated_at: datetime
    code_version: str
    content_hashes: Mapping[str, str] = field(default_factory=dict)

    @property
    def generated(self) -> str:
        """When, to the second, and by which version.

        Raises
        ------
        TimeError
            If `generated_at` has no zone.
        """
        moment = require_utc(self.generated_at, "generated_at")
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC by Bot Core {self.code_version}"
