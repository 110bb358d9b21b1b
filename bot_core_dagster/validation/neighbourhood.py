"""Stability of a choice of parameters: whether what lies next to the best is good, too.

Belongs here: the neighbourhood of the winner among what was tried. Not here: the space (`strategies.parameters`), the
search (`optimization`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies.parameters import ParameterSpace

REACH: Final = 0.1
"""Neighbours lie within a tenth of each parameter's range, or one tried value away where a grid is coarser."""


def neighbourhood_stability(
    space: ParameterSpace, parameter_sets: Sequence[Mapping[str, float]], objective: FloatArray1D, best: int
) -> float:
    """Return the mean objective of the winner's neighbours over its own.

    Parameters
    ----------
    space : ParameterSpace
        Says the parameters' ranges.
    parameter_sets : sequence of mapping, n_sets of them
        What was tried.
    objective : ndarray of shape (n_sets,)
        Of each; the higher the better. NaN (no trade, say) counts as 0: it earned nothing.
    best : int
        Place of the winner.

    Returns
    -------
    float
        Near 1 on a plateau, near 0 or below it on a lonely peak; NaN without a neighbour and where the winner's
        objective is not above 0.

    Raises
    ------
    ShapeError
        If there is not one objective a set, or `best` is none of them.
    """
    if objective.shape != (len(parameter_sets),) or not 0 <= best < len(parameter_sets):
        raise ShapeError(
            f"expected an objective for each of {len(parameter_sets)} sets and a winner among them, got shape "
            f"{objective.shape} and place {best}"
        )
    is_near = np.ones(len(parameter_sets), dtype=np.bool_)
    for parameter in space.parameters:
        tried = np.array([float(values[parameter.name]) for values in parameter_sets])
        reach = REACH * (parameter.high - parameter.low)
        is_near &= (tried >= _next_below(tried, best, reach)) & (tried <= -_next_below(-tried, best, reach))
    is_near[best] = False
    if not is_near.any() or not objective[best] > 0.0:
        return math.nan
    return float(np.nan_to_num(objective[is_near], nan=0.0).mean() / objective[best])


def _next_below(tried: FloatArray1D, best: int, reach: float) -> float:
    """Return down to where neighbours are: the next tried value, at least `reach` below the winner's."""
    lower = tried[tried < tried[best]]
    return float(min(tried[best] - reach, lower.max())) if len(lower) else float(tried[best] - reach)
