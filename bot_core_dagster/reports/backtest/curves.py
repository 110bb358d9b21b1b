"""The curves of a backtest as they are drawn: thinned, from the start on, on a scale that shows them.

Belongs here: which points of which curves, on which scale. Not here: drawing (`reports.backtest.charts`,
`reports.backtest.equity_picture`), thinning itself (`reports.thinning`), when a logarithmic scale pays
(`reports.scale`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bot_core_dagster.backtest.result import Backtest
from bot_core_dagster.metrics import drawdown
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.reports.scale import log_scale_pays, log_ticks
from bot_core_dagster.reports.thinning import N_BUCKETS, kept_bars


@dataclass(frozen=True)
class Curves:
    """Curves at the same moments, each of shape (n_points,).

    time : DatetimeIndex, UTC: the open of the first bar, then closes
    net, double_cost, held : multiples of the starting equity
    fall, held_fall : drawdown of `net` and `held`, fractions from -1 to 0
    ticks : labels of the logarithmic scale that shows them better; none where a linear one does
    is_thinned : whether some bars are left out
    """

    time: pd.DatetimeIndex
    net: FloatArray1D
    double_cost: FloatArray1D
    held: FloatArray1D
    fall: FloatArray1D
    held_fall: FloatArray1D
    ticks: tuple[float, ...]
    is_thinned: bool


def curves_of(backtest: Backtest, n_buckets: int = N_BUCKETS) -> Curves:
    """Return the curves over bar closes; no extreme of any is lost."""
    bars = backtest.equity
    net, double_cost, held = (_from_start(bars[name]) for name in ("equity", "double_cost_equity", "buy_and_hold"))
    fall, held_fall = drawdown(net), drawdown(held)
    kept = kept_bars((net, double_cost, held, fall, held_fall), n_buckets)
    closes = pd.DatetimeIndex(bars["close_time"])
    time = closes.insert(0, pd.Timestamp(backtest.summary.start))
    lowest = min(float(curve.min()) for curve in (net, double_cost, held))
    highest = max(float(curve.max()) for curve in (net, double_cost, held))
    return Curves(
        time=time[kept],
        net=net[kept],
        double_cost=double_cost[kept],
        held=held[kept],
        fall=fall[kept],
        held_fall=held_fall[kept],
        ticks=tuple(log_ticks(lowest, highest)) if log_scale_pays(lowest, highest) else (),
        is_thinned=len(kept) < len(net),
    )


def _from_start(curve: pd.Series) -> FloatArray1D:
    return np.concatenate([[1.0], curve.to_numpy(dtype=np.float64)])
