"""The distribution of the trials: what the winner is worth beside what chance alone would have shown.

Belongs here: the trials' Sharpe ratios and the marks that they are compared with. Not here: drawing (`trials_picture`,
`charts`), the evidence (`optimization.evidence`).
"""

import math
from dataclasses import dataclass

import numpy as np

from bot_core_dagster import metrics
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.optimization.result import Optimization


@dataclass(frozen=True, eq=False)
class Distribution:
    """Annualised Sharpe ratios; NaN is undefined.

    trials : ndarray of shape (n_defined,), in sample
    n_undefined : trials without one: they did not trade
    winner : of the winner in sample
    luck : to expect of the best of as many trials without skill
    held : of buy and hold over the same days
    out_of_sample : of the joined curve
    """

    trials: FloatArray1D
    n_undefined: int
    winner: float
    luck: float
    held: float
    out_of_sample: float


def distribution_of(optimization: Optimization) -> Distribution:
    """Return the trials' Sharpe ratios and their marks.

    References
    ----------
    Bailey, D. H., López de Prado, M. (2014). The Deflated Sharpe Ratio. Journal of Portfolio Management 40(5): the
    expected maximum of trials without skill, the variance of the trials' Sharpe ratios at least 1 / (n_days - 1).
    """
    per_day = metrics.sharpe_ratios(optimization.daily_returns)
    is_defined = np.isfinite(per_day)
    n_days, yearly = optimization.daily_returns.shape[1], math.sqrt(optimization.periods_per_year)
    variance = float(per_day[is_defined].var(ddof=1)) if is_defined.sum() > 1 else 0.0
    luck = metrics.expected_maximum_sharpe(
        optimization.evidence.n_trials, trial_variance=max(variance, 1.0 / max(n_days - 1, 1))
    )
    held = metrics.sharpe_ratio(optimization.buy_and_hold_returns, periods_per_year=optimization.periods_per_year)
    return Distribution(
        trials=per_day[is_defined] * yearly,
        n_undefined=int((~is_defined).sum()),
        winner=float(per_day[optimization.best]) * yearly,
        luck=luck * yearly,
        held=held,
        out_of_sample=optimization.sharpe_ratio,
    )
