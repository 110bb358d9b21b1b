"""A challenger against the champion: what each lost and earned on the rows that neither has used.

Belongs here: the evidence on a model, the rows that two can be compared on, the figures. Not here: losses
(`models.evaluation`), trading (`models.traded`), what follows from the figures (`models.promotion`).
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bot_core_dagster.metrics import sharpe_ratio
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.validation.loss_difference import diebold_mariano
from bot_core_dagster.validation.reason import Reason, unmet

_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Evidence:
    """How a model did.

    version : its name
    losses : DataFrame, log losses at horizon 1: a row for each as-of time (DatetimeIndex, ascending), a column for each
        instrument, NaN where there was no direction
    last_used : end of the last label that it has used for training, stopping or calibration
    daily_returns : Series of the traded forecast, net of costs, by the end of the day; all 0 where it never trades
    days_per_year : of these
    """

    version: str
    losses: pd.DataFrame
    last_used: pd.Timestamp
    daily_returns: pd.Series
    days_per_year: int = 365


@dataclass(frozen=True)
class Comparison:
    """One challenger against the champion, on the rows that begin after the last label that either has used.

    first, last : as-of times of the rows compared; None without any
    n_rows : timestamps with a direction
    gain, naive_gain : mean log loss that the champion, and the naive forecast, lose over the challenger
    p_value, naive_p_value : one-sided, of Diebold and Mariano's test; the second is NaN where the champion is naive
    level : that Holm's method left to it; NaN where it was not tested
    log_loss : its own, mean
    """

    version: str
    first: pd.Timestamp | None
    last: pd.Timestamp | None
    n_rows: int
    log_loss: float
    gain: float
    p_value: float
    naive_gain: float
    naive_p_value: float
    net_sharpe: float
    champion_sharpe: float
    level: float = math.nan
    reasons: tuple[Reason, ...] = ()

    @property
    def joint_p_value(self) -> float:
        """The larger of the two p-values; 1 where the champion's is undefined."""
        asked = [self.p_value] if math.isnan(self.naive_gain) else [self.p_value, self.naive_p_value]
        return 1.0 if any(math.isnan(each) for each in asked) else max(asked)

    @property
    def is_passed(self) -> bool:
        """Whether every condition is met."""
        return bool(self.reasons) and not unmet(self.reasons)


def compare(challenger: Evidence, champion: Evidence, naive: Evidence) -> Comparison:
    """Return the figures of a challenger against the champion on the rows that are new to both; see `Comparison`."""
    is_naive = champion.version == naive.version
    after = max(each.last_used for each in (challenger, champion, naive))
    of_pair = averaged_difference(challenger.losses, champion.losses, after)
    of_naive = averaged_difference(challenger.losses, naive.losses, after)
    own = _averaged(challenger.losses)
    gain, p_value = _gain(of_pair)
    naive_gain, naive_p_value = (math.nan, math.nan) if is_naive else _gain(of_naive)
    days = pd.DatetimeIndex(challenger.daily_returns.index.intersection(champion.daily_returns.index))
    days = days[days >= after + _DAY]
    return Comparison(
        version=challenger.version,
        first=of_pair.index[0] if len(of_pair) else None,
        last=of_pair.index[-1] if len(of_pair) else None,
        n_rows=len(of_pair),
        log_loss=float(own.reindex(of_pair.index).mean()) if len(of_pair) else math.nan,
        gain=gain,
        p_value=p_value,
        naive_gain=naive_gain,
        naive_p_value=naive_p_value,
        net_sharpe=_sharpe(challenger, days),
        champion_sharpe=_sharpe(champion, days),
    )


def averaged_difference(losses_a: pd.DataFrame, losses_b: pd.DataFrame, after: pd.Timestamp) -> pd.Series:
    """Return losses of a less those of b, averaged over instruments at each as-of time from `after` on.

    Instruments and times that either lacks are left out; so are times at which no instrument had a direction.
    Instruments move together, and as rows of their own they would pass for more evidence than they are.
    """
    times = losses_a.index.intersection(losses_b.index)
    times = times[times >= after]
    symbols = [name for name in losses_a.columns if name in losses_b.columns]
    return _averaged(losses_a.loc[times, symbols] - losses_b.loc[times, symbols])


def _gain(difference: pd.Series) -> tuple[float, float]:
    """Return by how much the first loses less, and the one-sided p-value of that."""
    losses: FloatArray1D = difference.to_numpy(dtype=np.float64)
    if len(losses) < 2:
        return math.nan, math.nan
    tested = diebold_mariano(losses, np.zeros(len(losses)), is_one_sided=True)
    return float(-losses.mean()), tested.p_value


def _averaged(losses: pd.DataFrame) -> pd.Series:
    return losses.mean(axis=1).dropna()


def _sharpe(evidence: Evidence, days: pd.DatetimeIndex) -> float:
    returns = evidence.daily_returns.reindex(days).to_numpy(dtype=np.float64)
    ratio = sharpe_ratio(returns, periods_per_year=evidence.days_per_year)
    return 0.0 if math.isnan(ratio) else ratio
