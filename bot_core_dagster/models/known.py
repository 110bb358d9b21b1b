"""What is known of an instrument: its bars, with the features, windows and labels of exactly these bars.

Belongs here: putting them together once. Not here: each of them (`features`, `models.windows`, `models.labels`).
"""

from dataclasses import dataclass

import pandas as pd

from bot_core_dagster.features.frame import bar_features
from bot_core_dagster.market.bar import SIMULATED
from bot_core_dagster.models.labels import Labels, labels_of
from bot_core_dagster.models.windows import Windows, windows_of
from bot_core_dagster.settings import Instrument


@dataclass(frozen=True, eq=False)
class Known:
    """The bars of one instrument and what follows from them, row by row.

    windows : unscaled, every feature of the catalog
    content_hash : sha256 of the bars, "" where they are not of the lake
    """

    bars: pd.DataFrame
    features: pd.DataFrame
    windows: Windows
    labels: Labels
    content_hash: str = ""

    @classmethod
    def of(cls, bars: pd.DataFrame, instrument: Instrument, content_hash: str = "") -> "Known":
        """Return what is known from `bars`, ascending, of `instrument`."""
        features = bar_features(bars, instrument.calendar)
        labels = labels_of(bars, features, instrument.calendar)
        return cls(bars, features, windows_of(features), labels, content_hash)

    @property
    def is_simulated(self) -> bool:
        """Whether the simulated source made any of the bars."""
        return bool((self.bars["source"] == SIMULATED).any())
