"""Start: the naive forecast of a training slice, which a network says before it has learned.

Belongs here: base rates and quantiles of the labels that train. Not here: how a network is made to say them (`heads`).
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from bot_core_dagster.metrics.arrays import FloatArray1D, FloatArray2D, IntArray1D
from bot_core_dagster.models.labels import HORIZONS, Labels, spread_of
from bot_core_dagster.models.predictions import QUANTILES


@dataclass(frozen=True, eq=False)
class Start:
    """The same for every row.

    up : (HORIZONS,), share of the moves that are up, never 0 or 1
    quantiles : (HORIZONS, len(QUANTILES)), of the scaled return
    """

    up: FloatArray1D
    quantiles: FloatArray2D


def start_of(labels: Labels, rows: IntArray1D) -> Start:
    """Return the base rate and the quantiles of the labels of `rows`; where none is known, those of a standard normal.

    References
    ----------
    Krichevsky, R., Trofimov, V. (1981). The Performance of Universal Encoding. IEEE Transactions on Information Theory
    27(2): half a move each way is added to the base rate.
    """
    direction = labels.direction[rows]
    n_moves = np.isfinite(direction).sum(axis=0)
    scaled = labels.log_ret[rows] / spread_of(labels.deviation[rows])
    quantiles = np.tile([NormalDist().inv_cdf(level) for level in QUANTILES], (HORIZONS, 1))
    for place, column in enumerate(scaled.T):
        known = column[np.isfinite(column)]
        if len(known):
            quantiles[place] = np.quantile(known, QUANTILES)
    return Start(up=(np.nansum(direction, axis=0) + 0.5) / (n_moves + 1.0), quantiles=quantiles)
