"""Average true range: how far a bar reaches, the jump from the last close included.

Belongs here: this indicator. Not here: missing bars, frames and storage (`features.frame`).
"""

from bot_core_dagster.features.definition import BarRun, Column, feature
from bot_core_dagster.metrics.arrays import FloatArray1D


@feature(Column("atr_14", "Wilder's average true range of 14 bars over the close", "fraction of the close", 15))
def atr(run: BarRun) -> tuple[FloatArray1D, ...]:
    """Return the average true range relative to the price (Wilder 1978)."""
    return (run.atr_14 / run.close,)
