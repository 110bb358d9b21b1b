"""Losses: what one forecast costs once it is known what came.

Belongs here: formulas over arrays. Not here: which rows and horizons they are of
(`models.evaluation`, `models.scores`).
"""

import math
from typing import Final

import numpy as np

from bot_core_dagster.metrics.arrays import FloatArray1D, FloatArray2D
from bot_core_dagster.models.predictions import QUANTILES

NEAREST: Final = 1e-6
"""No probability counts as nearer to 0 or 1: one row would decide."""


def log_losses(up: FloatArray1D, outcome: FloatArray1D) -> FloatArray1D:
    """Return -ln of the probability that was given to what came (1 or 0), NaN where either is NaN."""
    clipped = np.clip(up, NEAREST, 1.0 - NEAREST)
    losses: FloatArray1D = -np.log(np.where(outcome == 1.0, clipped, 1.0 - clipped))
    losses[np.isnan(outcome)] = np.nan
    return losses


def hits(up: FloatArray1D, sign: FloatArray1D) -> FloatArray1D:
    """Return 1 where the likelier side came, 0 where the other did, a half where neither was, NaN where unknown."""
    hit = np.where(up == 0.5, 0.5, ((up > 0.5) == (sign == 1.0)).astype(np.float64))
    return np.where(np.isfinite(up) & np.isfinite(sign), hit, np.nan)


def area_under_curve(up: FloatArray1D, outcome: FloatArray1D) -> float:
    """Return the probability that a row that rose was given more than one that fell, a tie counting half.

    NaN where all rose or all fell.

    References
    ----------
    Hanley, J. A., McNeil, B. J. (1982). The Meaning and Use of the Area under a ROC Curve. Radiology 143(1).
    """
    from scipy.stats import rankdata

    is_up = outcome == 1.0
    n_up, n_down = int(is_up.sum()), int((~is_up).sum())
    if n_up == 0 or n_down == 0:
        return math.nan
    ranks = rankdata(up)
    return float((ranks[is_up].sum() - n_up * (n_up + 1) / 2.0) / (n_up * n_down))


def pinball_losses(quantiles: FloatArray2D, scaled: FloatArray1D) -> FloatArray1D:
    """Return the mean pinball loss of each row over its QUANTILES, shape (n_rows,), NaN where the return is.

    References
    ----------
    Koenker, R., Bassett, G. (1978). Regression Quantiles. Econometrica 46(1).
    """
    below = scaled[:, None] - quantiles
    levels = np.array(QUANTILES)
    losses: FloatArray1D = np.maximum(levels * below, (levels - 1.0) * below).mean(axis=1)
    return losses
