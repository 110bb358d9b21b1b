"""Live scores as rows: what the picture of them draws, a row each horizon.

Belongs here: intervals and base rate beside each score. Not here: the scores (`models.scores`), drawing
(`reports.models.scores_picture`).
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from bot_core_dagster.models.scores import LiveScore

SCORE_ROW_COLUMNS: Final = (
    "horizon",
    "n",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "coverage",
    "coverage_low",
    "coverage_high",
    "log_loss",
    "base_rate_log_loss",
)
_NORMAL_95: Final = NormalDist().inv_cdf(0.975)


def score_rows(live: Sequence["LiveScore"]) -> pd.DataFrame:
    """Return live scores as rows of `SCORE_ROW_COLUMNS`, with 95 % intervals.

    The base rate is that of the same forecasts in hindsight: the share of moves that went up, said of each of them. No
    base rate that was known before could lose less.
    """
    rows = [
        {
            "horizon": one.horizon,
            "n": one.n_rows,
            **_with_interval("accuracy", one.accuracy, one.accuracy_error),
            **_with_interval("coverage", one.coverage.share, one.coverage.standard_error),
            "log_loss": one.log_loss,
            "base_rate_log_loss": _hindsight_loss(one),
        }
        for one in live
    ]
    return pd.DataFrame(rows, columns=list(SCORE_ROW_COLUMNS))


def _hindsight_loss(score: "LiveScore") -> float:
    observed, n_rows = (
        np.array(part, dtype=np.float64) for part in (score.reliability.observed, score.reliability.n_rows)
    )
    if len(n_rows) == 0:
        return math.nan
    up = float(observed @ n_rows) / float(n_rows.sum())
    return -sum(part * math.log(part) for part in (up, 1.0 - up) if part > 0.0)


def _with_interval(name: str, middle: float, error: float) -> dict[str, float]:
    reach = _NORMAL_95 * error
    return {name: middle, f"{name}_low": max(middle - reach, 0.0), f"{name}_high": min(middle + reach, 1.0)}
