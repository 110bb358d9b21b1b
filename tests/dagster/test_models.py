"""Models as assets: trained, compared, recorded, forecast and scored, symbol by symbol, with MLflow beside."""

import sys
from shutil import rmtree

import dagster as dg
import pytest

from bot_core_dagster.models.forecast_table import FORECASTS
from bot_core_dagster.models.registry import champion_of, decisions, models_of
from bot_core_dagster.models.scoring import FORECAST_SCORES
from bot_core_dagster.models.store import ModelStore
from resources.tracking import TrackingResource
from tests.dagster.conftest import TRAINED_AT, Platform, materializations, small_training

MODELS = ("boosting_model", "champion", "forecasts", "forecast_scores")


def _metadata(result: dg.ExecuteInProcessResult, asset: str, symbol: str) -> dict[str, object]:
    for event in result.all_events:
        is_asked = event.event_type_value == "ASSET_MATERIALIZATION" and event.asset_key == dg.AssetKey(asset)
        if is_asked and event.partition == symbol:
            return {name: value.value for name, value in event.materialization.metadata.items()}
    raise AssertionError(f"no materialisation of {asset} for {symbol}")


def test_an_edge_is_trained_promoted_forecast_scored_and_shown_in_mlflow(trained: Platform) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT"):
        champion = champion_of(trained.lake, symbol, "1h")
        assert champion is not None
        assert champion.model_type == "boosting"
        said = trained.lake.read(FORECASTS, [symbol])
        assert set(said["model_version"]) == {champion.version}
        assert said["simulated"].all()
        row = models_of(trained.lake, symbol).iloc[-1]
        client = TrackingResource().store().open().client
        run = client.get_run(row["mlflow_run_id"])
        assert run.info.status == "FINISHED"
        assert run.data.metrics["log_loss"] == pytest.approx(row["log_loss"])
        alias = client.get_model_version_by_alias(symbol, "champion")
        assert alias.tags["bot_core/version_id"] == champion.version
    trained.wait(hours=24)
    result = trained.run(assets=("bars", "bar_quality", "features", "forecasts", "forecast_scores"))
    assert result.success
    assert len(trained.lake.read(FORECAST_SCORES, ["BTCUSDT"])) == 24
    assert "SIMULATED" in str(_metadata(result, "forecast_scores", "BTCUSDT")["headline"])
    assert "](data:image/png;base64," in str(_metadata(result, "forecasts", "BTCUSDT")["fan"])


def test_the_same_bars_are_not_trained_on_again_unless_asked(trained: Platform) -> None:
    kept = trained.run("train_model", assets=("boosting_model",))
    assert "trained before" in str(_metadata(kept, "boosting_model", "BTCUSDT")["note"])
    assert len(models_of(trained.lake, "BTCUSDT")) == 1
    again = trained.run("train_model", assets=("boosting_model",), ops={"boosting_model": {"retrain": True}})
    assert "note" not in _metadata(again, "boosting_model", "BTCUSDT")
    assert len(models_of(trained.lake, "BTCUSDT")) == 1


def test_a_symbol_that_cannot_be_trained_stops_nothing_but_itself(platform: Platform) -> None:
    platform.now = TRAINED_AT
    platform.watch("BTCUSDT", "ETHUSDT", more=small_training("boosting", edge=0.0))
    platform.run(assets=("bars", "bar_quality", "features"))
    platform.lake.withdraw_bars(platform.lake.bars("ETHUSDT", "1h").iloc[200:])
    result = platform.run(assets=("bar_quality", "features", *MODELS))
    assert not result.success
    assert materializations(result, "boosting_model") == ["BTCUSDT"]
    assert materializations(result, "champion") == ["BTCUSDT"]
    assert champion_of(platform.lake, "BTCUSDT", "1h") is None
    assert set(platform.lake.read(FORECASTS, ["BTCUSDT"])["model_type"]) == {"naive"}


def test_a_champion_whose_file_is_gone_leaves_the_naive_forecast_and_a_note(trained: Platform) -> None:
    rmtree(ModelStore.default().root)
    trained.wait(hours=1)
    result = trained.run(assets=("bars", "bar_quality", "features", "forecasts"))
    assert result.success
    assert "the file is gone" in str(_metadata(result, "forecasts", "BTCUSDT")["note"])


def test_a_run_over_many_symbols_draws_no_fan_and_says_how_to_get_one(
    trained: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["assets.forecasts"], "PICTURED_SYMBOLS", 1)
    result = trained.run(assets=("forecasts",))
    assert materializations(result, "forecasts") == ["BTCUSDT", "ETHUSDT"]
    assert "or bot-core predict ETHUSDT" in str(_metadata(result, "forecasts", "ETHUSDT")["fan"])
    alone = trained.run(assets=("forecasts",), symbols=["ETHUSDT"])
    assert "](data:image/png;base64," in str(_metadata(alone, "forecasts", "ETHUSDT")["fan"])


def test_keeping_the_champion_is_a_green_run_with_a_reason(trained: Platform) -> None:
    trained.wait(hours=24)
    result = trained.run(assets=("bars", "bar_quality", "features", "boosting_model", "champion"))
    assert result.success
    assert str(_metadata(result, "champion", "BTCUSDT")["decision"]).startswith("keep ")
    assert decisions(trained.lake, "BTCUSDT", "1h")["outcome"].tolist() == ["promoted", "kept"]


def test_each_epoch_is_an_observation_of_its_symbol(trained: Platform) -> None:
    asked = {"boosting_model": {"retrain": True, "symbols": ["BTCUSDT"]}}
    result = trained.run("train_model", assets=("boosting_model",), ops=asked)
    seen = [event for event in result.all_events if event.event_type_value == "ASSET_OBSERVATION"]
    first = seen[0].asset_observation_data.asset_observation
    assert first.partition == "BTCUSDT"
    assert {"current", "total", "message"} <= set(first.metadata)


def test_a_model_that_the_settings_do_not_name_is_not_trained(platform: Platform) -> None:
    platform.now = TRAINED_AT
    platform.watch("BTCUSDT", more=small_training("boosting"))
    result = platform.run(assets=("bars", "bar_quality", "features", "lstm_model"))
    assert result.success
    assert materializations(result, "lstm_model") == []
