"""Cards that tests build on: of a small model, varied by keyword.

Belongs here: valid cards. Not here: trained models.
"""

from datetime import UTC, datetime
from typing import Any

from bot_core_dagster.models.card import ModelCard, SliceTimes
from bot_core_dagster.models.windows import Scaler

START = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2024, 6, 1, tzinfo=UTC)


def card(**changed: Any) -> ModelCard:
    """Return the card of a boosting model of BTCUSDT, with fields changed by keyword."""
    fields: dict[str, Any] = {
        "model_type": "boosting",
        "symbol": "BTCUSDT",
        "timeframe": "1h",
        "version": "0123456789abcdef",
        "trained_at": END,
        "architecture": {"max_depth": 3, "lags": [0, 1]},
        "options": {"seed": 0, "max_epochs": 60},
        "columns": ("rsi_14", "log_ret_1"),
        "scaler": Scaler((50.0, 0.0), (10.0, 0.01)),
        "as_of": END,
        "bars_content_hash": "a" * 64,
        "features_content_hash": "b" * 64,
        "code_version": "c" * 16,
        "slices": {"training": SliceTimes(START, END, 3_600)},
        "used_until": END,
        "best_epoch": 7,
        "n_epochs": 12,
        "stopping_reason": "no gain in 5 tens of rounds",
        "calibration": "[]",
        "drift": "{}",
        "metrics": {"log_loss": 0.69, "auc": float("nan")},
        "simulated": True,
    }
    return ModelCard(**(fields | changed))
