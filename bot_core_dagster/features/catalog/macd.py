"""Moving average convergence divergence, relative to the price so that it is free of its scale.

Belongs here: this indicator. Not here: missing bars, frames and storage (`features.frame`).
"""

import talib

from bot_core_dagster.features.definition import BarRun, Column, feature
from bot_core_dagster.metrics.arrays import FloatArray1D

_UNIT = "fraction of the close"


@feature(
    Column("macd", "Exponential average of 12 closes minus that of 26", _UNIT, 34),
    Column("macd_signal", "Exponential average of 9 values of macd", _UNIT, 34),
    Column("macd_hist", "macd minus macd_signal", _UNIT, 34),
)
def macd(run: BarRun) -> tuple[FloatArray1D, ...]:
    """Return line, signal and histogram (Appel's 12, 26, 9), each divided by the close."""
    line, signal, hist = talib.MACD(run.close, 12, 26, 9)
    return line / run.close, signal / run.close, hist / run.close
