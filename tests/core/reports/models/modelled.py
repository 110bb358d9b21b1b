"""What models gave, for the tests of their pictures.

Belongs here: curves, reliability, forecasts, scores and losses, varied by keyword. Not here: bars (`tests.builders`).
"""

from typing import Any

import numpy as np
import pandas as pd

from bot_core_dagster.models.reliability import Reliability
from tests.builders import bars

HEADLINE = {
    "log_loss": 0.6889,
    "base_rate_log_loss": 0.6931,
    "standard_errors": 3.2,
    "auc": 0.5384,
    "brier": 0.2481,
    "n_rows": 6_000.0,
}
PSI = {"volatility_24": 0.41, "rsi_14": 0.27, "bollinger_position": 0.18, "volume_ratio_20": 0.12, "hour_cos": 0.01}


def curves(n_epochs: int = 17, **changed: float) -> list[dict[str, float]]:
    """Return losses that fall, those on the stopping rows until epoch 12, with values changed by keyword."""
    return [
        {
            "training_loss": 0.9 + 0.1 / epoch,
            "stopping_loss": 0.95 + 0.001 * abs(epoch - 12),
            "stopping_log_loss": 0.6885 + 0.0004 * abs(epoch - 12),
            "base_rate_log_loss": 0.6930,
        }
        | changed
        for epoch in range(1, n_epochs + 1)
    ]


def reliability(forecast: list[float], observed: list[float], n_rows: list[int] | None = None) -> Reliability:
    """Return bins with intervals of a tenth around what was observed."""
    low, high = (tuple(np.clip(np.array(observed) + step, 0.0, 1.0).tolist()) for step in (-0.05, 0.05))
    return Reliability(tuple(forecast), tuple(observed), tuple(n_rows or [600] * len(observed)), low, high)


def forecast(n_horizons: int = 24, n_known: int = 100, **changed: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return `n_known` bars and a forecast made at the last of them, with columns changed by keyword."""
    known = bars(n_known)
    last, horizons = known.iloc[-1], np.arange(1, n_horizons + 1)
    spread = 0.005 * np.sqrt(horizons)
    rows = pd.DataFrame(
        {
            "close_time": last["close_time"] + pd.to_timedelta(horizons, "h"),
            "horizon": horizons,
            "predicted_price": last["close"] * np.exp(0.1 * spread),
            "lower": last["close"] * np.exp(-1.5 * spread),
            "upper": last["close"] * np.exp(1.7 * spread),
            "probability_up": np.linspace(0.57, 0.44, n_horizons) if n_horizons > 1 else 0.57,
            "trend_direction": "up",
            "model_type": "lstm",
            "model_version": "7",
        }
    )
    return known, rows.assign(**changed)


def scores(n_horizons: int = 24, **changed: Any) -> pd.DataFrame:
    """Return scores of accuracy .52 and coverage .89 at each horizon, with columns changed by keyword."""
    columns: dict[str, Any] = {
        "horizon": np.arange(1, n_horizons + 1),
        "n": 700,
        "accuracy": 0.52,
        "accuracy_low": 0.483,
        "accuracy_high": 0.557,
        "coverage": 0.89,
        "coverage_low": 0.865,
        "coverage_high": 0.915,
        "log_loss": 0.6889,
        "base_rate_log_loss": 0.6931,
    }
    return pd.DataFrame(columns | changed)


def differences(n_rows: int = 1_440) -> pd.DataFrame:
    """Return differences of log loss of a challenger that is better, and of one that is not."""
    index = pd.date_range("2024-01-01", periods=n_rows, freq="h", tz="UTC")
    noise = np.random.default_rng(3).normal(0.0, 0.02, (n_rows, 2))
    return pd.DataFrame(noise + np.array([-0.002, 0.001]), index=index, columns=["gru 4", "boosting 9"])
