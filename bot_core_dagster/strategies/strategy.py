"""What a strategy is.

Belongs here: the protocol. Not here: a strategy (a file each beside this one), the list of them
(`strategies.registry`).
"""

from collections.abc import Mapping
from typing import Protocol

import pandas as pd

from bot_core_dagster.metrics.arrays import FloatArray1D


class Strategy(Protocol):
    """Decides at the close of each bar which fraction of equity to hold from the next bar's open on."""

    @property
    def name(self) -> str:
        """Its name in settings, tables and reports."""
        ...

    @property
    def parameters(self) -> Mapping[str, float]:
        """The parameters it was made with, for the record."""
        ...

    def target_position(self, bars: pd.DataFrame, calendar_name: str) -> FloatArray1D:
        """Return the decision at each bar's close, shape (n_bars,): a function of that bar and earlier ones alone."""
        ...
