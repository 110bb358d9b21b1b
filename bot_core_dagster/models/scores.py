"""Scores: forecasts that have come due against what came.

Belongs here: the score of each forecast, and how live forecasts have done. Not here: the forecasts
(`models.forecast_table`), what a model did on rows held back (`models.evaluation`), the drift of features
(`models.drift`).

A forecast is due once every bar up to the one it is of is there. While one between them is missing it stays open, as
its label would.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.features.runs import starts_a_run
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.models.coverage import Coverage, coverage_of
from bot_core_dagster.models.labels import MOVE_DEVIATIONS
from bot_core_dagster.models.losses import hits, log_losses
from bot_core_dagster.models.reliability import Reliability, reliability_curve

SCORE_COLUMNS: Final = ("realised_close", "direction", "log_loss", "is_hit", "is_inside")
"""What is added to a forecast: the close that came; 1 up, 0 down; the loss of the probability where there was a
direction; 1 where the likelier side of the price came, a half where neither was likelier; 1 inside the interval."""


@dataclass(frozen=True)
class LiveScore:
    """How the scored forecasts of one horizon have done; NaN where undefined.

    accuracy : over n_rows whose price moved, a standard error by Bartlett's kernel beside it
    log_loss, brier, reliability : of the probability of up, over n_directions
    coverage : of the intervals
    """

    horizon: int
    n_rows: int
    accuracy: float
    accuracy_error: float
    n_directions: int
    log_loss: float
    brier: float
    coverage: Coverage
    reliability: Reliability


def scored_forecasts(forecasts: pd.DataFrame, bars: pd.DataFrame, calendar_name: str) -> pd.DataFrame:
    """Return the forecasts that have come due, with SCORE_COLUMNS.

    Parameters
    ----------
    forecasts : DataFrame
        Of one instrument; with as_of, horizon, close (the price at as_of), lower, upper, probability_up and deviation,
        as they were recorded; other columns are carried along.
    bars : bar frame
        Of the instrument, ascending.
    calendar_name : str
        Says which bars are missing.
    """
    closes = pd.DatetimeIndex(bars["close_time"])
    at = closes.get_indexer(pd.DatetimeIndex(forecasts["as_of"]))
    horizon = forecasts["horizon"].to_numpy(dtype=np.int64)
    run = np.cumsum(starts_a_run(bars, calendar_name))
    due = (at >= 0) & (at + horizon < len(bars))
    due[due] = run[at[due]] == run[at[due] + horizon[due]]
    came = forecasts[due].reset_index(drop=True)
    realised = bars["close"].to_numpy(dtype=np.float64)[at[due] + horizon[due]]
    scored: pd.DataFrame = came.assign(**_scores(came, realised))
    return scored


def live_scores(scored: pd.DataFrame) -> tuple[LiveScore, ...]:
    """Return how each horizon has done, the nearest first.

    Parameters
    ----------
    scored : DataFrame
        As `scored_forecasts` returns them, of one instrument and of the models that are to be judged together.
    """
    ordered = scored.sort_values(["horizon", "as_of"])
    horizons = np.unique(ordered["horizon"].to_numpy(dtype=np.int64)).tolist()
    return tuple(_live_score(horizon, ordered[ordered["horizon"] == horizon]) for horizon in horizons)


def _scores(came: pd.DataFrame, realised: FloatArray1D) -> dict[str, FloatArray1D]:
    price, up = (came[name].to_numpy(dtype=np.float64) for name in ("close", "probability_up"))
    spread = came["deviation"].to_numpy(dtype=np.float64) * np.sqrt(came["horizon"].to_numpy(dtype=np.float64))
    log_ret = np.log(realised / price)
    has_direction = np.abs(log_ret / spread) > MOVE_DEVIATIONS
    direction = np.where(has_direction, (log_ret > 0.0).astype(np.float64), np.nan)
    sign = np.where(log_ret != 0.0, (log_ret > 0.0).astype(np.float64), np.nan)
    lower, upper = (came[name].to_numpy(dtype=np.float64) for name in ("lower", "upper"))
    is_inside = ((realised >= lower) & (realised <= upper)).astype(np.float64)
    return {
        "realised_close": realised,
        "direction": direction,
        "log_loss": log_losses(up, direction),
        "is_hit": hits(up, sign),
        "is_inside": np.where(np.isfinite(lower) & np.isfinite(upper), is_inside, np.nan),
    }


def _live_score(horizon: int, rows: pd.DataFrame) -> LiveScore:
    values = {name: rows[name].to_numpy(dtype=np.float64) for name in (*SCORE_COLUMNS, "probability_up")}
    up, direction = values["probability_up"], values["direction"]
    has_direction = np.isfinite(direction)
    hit = coverage_of(values["is_hit"], horizon, nominal=0.5)
    return LiveScore(
        horizon=horizon,
        n_rows=hit.n_rows,
        accuracy=hit.share,
        accuracy_error=hit.standard_error,
        n_directions=int(has_direction.sum()),
        log_loss=_mean(values["log_loss"][has_direction]),
        brier=_mean((up[has_direction] - direction[has_direction]) ** 2),
        coverage=coverage_of(values["is_inside"], horizon),
        reliability=reliability_curve(up, direction),
    )


def _mean(values: FloatArray1D) -> float:
    return float(values.mean()) if len(values) else math.nan
