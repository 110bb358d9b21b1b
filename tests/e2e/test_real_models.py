"""Models on real bars: trained, compared, decided on and forecast through the Dagster jobs.

Belongs here: that the whole chain holds on BTCUSDT and EURUSD of the real files, and that nothing of it says SIMULATED.
Not here: how good a model must be (`tests.core.models`), other real files (`tests.e2e.test_real_files`).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bot_core_dagster.lake import Lake, default_lake
from bot_core_dagster.models.forecast_table import FORECASTS
from bot_core_dagster.models.kinds import MODEL_TYPES
from bot_core_dagster.models.labels import HORIZONS
from bot_core_dagster.models.registry_tables import MODEL_DECISIONS, MODELS
from tests.e2e.test_real_files import ENTRY, WATCHLIST, bot_core

FILES = {"BTCUSDT": "crypto/binance_BTCUSDT_1h.csv", "EURUSD": "fx/mt5_export_EURUSD_H1.csv"}
SHORT = """
[models]
days_of_data = 150
unseen_days = 120
max_epochs = 2
"""


@pytest.fixture
def lake(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """The lake with the bars of both, which the settings watch; short trainings."""
    settings = tmp_path / "bot_core.toml"
    watched = [ENTRY.format(*entry) for entry in WATCHLIST if entry[0] in FILES]
    settings.write_text("".join(watched) + SHORT, encoding="utf-8")
    monkeypatch.setenv("BOT_CORE_CONFIG", str(settings))
    for symbol, path in FILES.items():
        bot_core("import", str(real_data / path), "--symbol", symbol, "--timeframe", "1h")
    return default_lake()


@pytest.mark.parametrize(
    "kinds", [("boosting",), pytest.param(MODEL_TYPES, marks=pytest.mark.slow)], ids=["boosting", "every kind"]
)
def test_real_bars_are_trained_on_compared_decided_on_and_forecast(lake: Lake, kinds: Sequence[str]) -> None:
    told = [bot_core("train", kind, "--json").stdout for kind in kinds]
    assert "SIMULATED" not in "".join(told)
    answers: list[dict[str, Any]] = [json.loads(one) for one in told]
    assert all(not answer["failed"] for answer in answers)
    _require_models(lake.read(MODELS), kinds)
    _require_decisions(lake.read(MODEL_DECISIONS))
    _require_forecasts(lake)


def _require_models(models: pd.DataFrame, kinds: Sequence[str]) -> None:
    """Each kind on each instrument, measured on months that it has not seen."""
    found = sorted(zip(models["symbol"], models["model_type"], strict=True))
    assert found == sorted((symbol, kind) for symbol in FILES for kind in kinds)
    assert models["log_loss"].between(0.6, 0.8).all()
    assert models["base_rate_log_loss"].between(0.69, 0.7).all()
    assert models["n_rows"].gt(500).all()
    assert not models["simulated"].any()


def _require_decisions(decided: pd.DataFrame) -> None:
    """The first test of each instrument says of every condition by which number it is met or not."""
    first = decided.sort_values("decided_at").groupby("symbol").head(1)
    assert sorted(first["symbol"]) == sorted(FILES)
    assert first["outcome"].isin(["kept", "promoted"]).all()
    for summary, candidates in zip(first["summary"], first["candidates"], strict=True):
        assert summary
        reasons = [reason for one in json.loads(candidates) for reason in one["reasons"]]
        assert len(reasons) > 3
        assert all(reason["words"] for reason in reasons)
    assert not decided["simulated"].any()


def _require_forecasts(lake: Lake) -> None:
    """The next 24 bars of each, around the last close, on the trading calendar, by what the decisions put in force."""
    said = lake.read(FORECASTS)
    assert said.groupby("symbol").size().to_dict() == dict.fromkeys(FILES, HORIZONS)
    assert (said["lower"] < said["predicted_price"]).all()
    assert (said["predicted_price"] < said["upper"]).all()
    assert said["probability_up"].between(0.0, 1.0).all()
    assert not said["simulated"].any()
    newest = lake.read(MODEL_DECISIONS).sort_values("decided_at").groupby("symbol").tail(1)
    serves = newest.set_index("symbol")["champion_model_type"]
    assert (said["model_type"] == said["symbol"].map(serves)).all()
