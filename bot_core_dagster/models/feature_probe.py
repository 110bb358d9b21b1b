"""Feature probe: what the code computes on bars that never change, so that a feature that was redefined is noticed.

Belongs here: these bars, and one number of each feature. Not here: the features (`features`), what a changed one means
for a model (`models.card`).

A feature may change behind its name, and every number that a model was trained on with it. A hash of the code would
refuse models for a comment.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.features.frame import bar_features
from bot_core_dagster.features.registry import feature_columns

_N_BARS: Final = 600
_TOLERANCE: Final = 1e-6
"""Relative: mathematics libraries differ in the last digits."""


def feature_probe() -> dict[str, float]:
    """Return one number of each feature of the catalog, in its order; NaN where it is undefined throughout."""
    return dict(_probe())


def changed_features(then: Mapping[str, float]) -> list[str]:
    """Return the names of those whose number is no longer the same; names that the catalog lacks are left out."""
    now = feature_probe()
    return [name for name, number in then.items() if name in now and not _is_same(number, now[name])]


def _is_same(then: float, now: float) -> bool:
    return (math.isnan(then) and math.isnan(now)) or math.isclose(then, now, rel_tol=_TOLERANCE, abs_tol=1e-12)


@cache
def _probe() -> tuple[tuple[str, float], ...]:
    features = bar_features(_bars(), "crypto")
    return tuple((column.name, _number(features[column.name].to_numpy())) for column in feature_columns())


def _number(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    """Return a mean in which each bar has a weight of its own, so that no two columns of one mean are alike."""
    is_known = np.isfinite(values)
    weights = 1.0 + np.arange(len(values)) / len(values)
    return float(np.average(values[is_known], weights=weights[is_known])) if is_known.any() else math.nan


def _bars() -> pd.DataFrame:
    """Return hours of a price that three waves make, which no library's random numbers decide."""
    hour = np.arange(_N_BARS)
    close = 100.0 * np.exp(0.05 * np.sin(hour / 7.3) + 0.02 * np.sin(hour / 1.9) + 0.1 * np.sin(hour / 61.0))
    open_ = np.concatenate([[100.0], close[:-1]])
    wick = 1.0 + 0.003 * (1.0 + np.sin(hour / 3.1)) + 0.001
    open_time = pd.date_range(datetime(2024, 1, 1, tzinfo=UTC), periods=_N_BARS, freq="h").as_unit("us")
    return pd.DataFrame(
        {
            "symbol": "PROBE",
            "timeframe": "1h",
            "open_time": open_time,
            "close_time": open_time + pd.Timedelta(hours=1),
            "open": open_,
            "high": np.maximum(open_, close) * wick,
            "low": np.minimum(open_, close) / wick,
            "close": close,
            "volume": 10.0 + 5.0 * np.sin(hour / 5.7),
            "spread": np.nan,
            "price_side": "trade",
            "volume_unit": "base",
            "source": "probe",
        }
    )
