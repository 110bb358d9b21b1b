"""Log returns of the close over 1, 6 and 24 bars.

Belongs here: this indicator. Not here: missing bars, frames and storage (`features.frame`).
"""

import numpy as np

from bot_core_dagster.features.definition import BarRun, Column, feature
from bot_core_dagster.metrics.arrays import FloatArray1D

_SPANS = (1, 6, 24)


@feature(
    *(Column(f"log_ret_{span}", f"Log return of the close over {span} bars", "log return", span + 1) for span in _SPANS)
)
def log_returns(run: BarRun) -> tuple[FloatArray1D, ...]:
    """Return log(close_t / close_{t - span}) of each span."""
    return tuple(_log_ret(run.log_close, span) for span in _SPANS)


def _log_ret(log_close: FloatArray1D, span: int) -> FloatArray1D:
    log_ret = np.full(len(log_close), np.nan)
    log_ret[span:] = log_close[span:] - log_close[:-span]
    return log_ret
