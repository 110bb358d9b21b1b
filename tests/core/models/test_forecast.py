"""Forecasts: who speaks, what is said, and that somebody always does."""

from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.errors import ParameterError, QualityError
from bot_core_dagster.lake import BARS, Lake, session
from bot_core_dagster.models.forecast import NAIVE_TYPE, forecast_of
from bot_core_dagster.models.forecast_table import FORECASTS, closes_ahead
from bot_core_dagster.models.kinds import kind_named
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.labels import HORIZONS
from bot_core_dagster.models.plan import TrainingPlan
from bot_core_dagster.models.registry import champion_of, promote_by_hand, record_model, roll_back
from bot_core_dagster.models.serving import ServedModel
from bot_core_dagster.models.store import ModelStore
from bot_core_dagster.models.training import train_model
from tests import builders
from tests.core.models.worlds import INSTRUMENT, known

PLAN = TrainingPlan(days_of_data=120, unseen_days=60)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    """A store with one model of the instrument."""
    return ModelStore(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def version(store: ModelStore) -> str:
    return train_model(kind_named("boosting"), known(180, edge=0.3), INSTRUMENT, PLAN, store).card.version


def _promote(lake: Lake, store: ModelStore, version: str) -> None:
    record_model(lake, ServedModel.load(store, "BTCUSDT", "boosting", version).card)
    promote_by_hand(lake, "BTCUSDT", "1h", version, "a test")


def _said(lake: Lake, store: ModelStore, world: Known, horizon: int = HORIZONS) -> pd.DataFrame:
    """The forecast by the model in force."""
    champion = champion_of(lake, INSTRUMENT.symbol, str(INSTRUMENT.timeframe))
    return forecast_of(store, world, INSTRUMENT, champion, horizon=horizon)


def test_without_a_champion_the_naive_forecast_speaks_and_says_so(lake: Lake, store: ModelStore) -> None:
    said = _said(lake, store, known(180))
    assert set(said["model_type"]) == {NAIVE_TYPE}
    assert said["note"].str.contains("no model has been promoted").all()
    assert np.allclose(said["predicted_price"], known(180).bars["close"].iloc[-1])
    assert said["trend_direction"].eq("flat").all()


def test_the_promoted_model_speaks_with_its_own_probabilities(lake: Lake, store: ModelStore, version: str) -> None:
    world = known(180, edge=0.3)
    _promote(lake, store, version)
    said = _said(lake, store, world)
    served = ServedModel.load(store, "BTCUSDT", "boosting", version)
    expected = served.predict(world, np.array([len(world.bars) - 1]))
    assert said["probability_up"].to_numpy() == pytest.approx(expected.up[0], abs=1e-12)
    assert set(said["model_version"]) == {version}
    assert said["note"].eq("").all()


def test_prices_lie_in_their_interval_which_grows_with_the_horizon(lake: Lake, store: ModelStore, version: str) -> None:
    _promote(lake, store, version)
    said = _said(lake, store, known(180, edge=0.3))
    assert (said["lower"] < said["predicted_price"]).all()
    assert (said["predicted_price"] < said["upper"]).all()
    width = np.log((said["upper"] / said["lower"]).to_numpy())
    assert width[23] > 2.0 * width[0]
    assert said["probability_up"].between(0.0, 1.0).all()
    assert list(said["horizon"]) == list(range(1, 25))


def test_a_champion_whose_file_is_gone_is_replaced_by_the_naive_forecast_that_says_why(
    lake: Lake, store: ModelStore, version: str, tmp_path: Path
) -> None:
    _promote(lake, store, version)
    said = _said(lake, ModelStore(tmp_path / "empty"), known(180, edge=0.3))
    assert set(said["model_type"]) == {NAIVE_TYPE}
    assert said["note"].str.contains("the file is gone").all()
    assert said["note"].str.contains("bot-core train boosting BTCUSDT").all()


def test_a_corrupt_file_is_told_from_one_that_is_gone(
    lake: Lake, store: ModelStore, version: str, tmp_path: Path
) -> None:
    _promote(lake, store, version)
    folder = store.folder("BTCUSDT", "boosting", version)
    broken = ModelStore(tmp_path / "broken")
    there = broken.folder("BTCUSDT", "boosting", version)
    there.mkdir(parents=True)
    for file in folder.iterdir():
        (there / file.name).write_bytes(file.read_bytes()[:-10] if file.name != "card.json" else file.read_bytes())
    said = _said(lake, broken, known(180, edge=0.3))
    assert said["note"].str.contains("corrupt, cut off, or changed").all()
    rmtree(there)


def test_bars_missing_in_the_window_of_the_model_make_the_naive_forecast_speak(
    lake: Lake, store: ModelStore, version: str
) -> None:
    _promote(lake, store, version)
    bars = known(180, edge=0.3).bars
    holed = Known.of(bars.drop(index=len(bars) - 40).reset_index(drop=True), INSTRUMENT)
    said = _said(lake, store, holed)
    assert set(said["model_type"]) == {NAIVE_TYPE}
    assert said["note"].str.contains("undefined in the last 60 bars").all()


def test_while_a_bar_is_missing_lately_the_last_known_volatility_stands_in_and_the_note_says_so(
    lake: Lake, store: ModelStore
) -> None:
    bars = known(180).bars
    whole = _said(lake, store, Known.of(bars.head(len(bars) - 10), INSTRUMENT))
    holed = Known.of(bars.drop(index=len(bars) - 10).reset_index(drop=True), INSTRUMENT)
    said = _said(lake, store, holed)
    assert said["note"].str.contains("bars are missing: the volatility is that of").all()
    assert said["deviation"].iloc[0] == whole["deviation"].iloc[0]
    assert said["as_of"].iloc[0] == bars["close_time"].iloc[-1]


def test_after_a_roll_back_to_nothing_the_naive_forecast_speaks(lake: Lake, store: ModelStore, version: str) -> None:
    _promote(lake, store, version)
    roll_back(lake, "BTCUSDT", "1h")
    assert set(_said(lake, store, known(180))["model_type"]) == {NAIVE_TYPE}


@pytest.mark.parametrize("horizon", [0, -1, 25, 10_000])
def test_a_horizon_outside_of_a_day_is_refused(lake: Lake, store: ModelStore, horizon: int) -> None:
    with pytest.raises(ParameterError, match=f"horizon of 1 to 24 bars, got {horizon}"):
        _said(lake, store, known(180), horizon=horizon)


@pytest.mark.parametrize("n_bars", [0, 1, 24], ids="{} bars".format)
def test_too_few_bars_to_know_the_volatility_are_refused(lake: Lake, store: ModelStore, n_bars: int) -> None:
    with pytest.raises(QualityError, match="volatility is not known"):
        _said(lake, store, Known.of(known(180).bars.head(n_bars), INSTRUMENT))


def test_forecasts_of_another_moment_stand_beside_those_before_and_corrected_ones_keep_the_old(
    lake: Lake, store: ModelStore
) -> None:
    bars = known(180).bars
    first = _said(lake, store, Known.of(bars.head(4_000), INSTRUMENT, "a"))
    lake.upsert(FORECASTS, first)
    lake.upsert(FORECASTS, _said(lake, store, Known.of(bars.head(4_001), INSTRUMENT, "b")))
    assert len(lake.read(FORECASTS, ["BTCUSDT"])) == 48
    lake.upsert(FORECASTS, first.assign(predicted_price=first["predicted_price"] * 1.01))
    kept = lake.sql("select count(*) as n from forecasts_history").to_pylist()
    assert kept == [{"n": 72}]


def test_every_table_that_keeps_versions_has_a_view_of_them() -> None:
    assert [table.name for table in (BARS, FORECASTS) if table.point_in_time] == list(session._POINT_IN_TIME)


@pytest.mark.parametrize("calendar", ["crypto", "fx", "metals"])
def test_the_bars_ahead_close_when_the_market_is_open(calendar: str) -> None:
    """A day of hours from Friday 20:00 UTC on runs over the weekend where there is one."""
    friday = pd.Timestamp("2024-03-01T20:00:00Z")
    closes = closes_ahead(friday, builders.instrument(calendar=calendar))
    assert len(closes) == 24
    assert closes[0] == friday + pd.Timedelta(hours=1)
    is_weekend = calendar != "crypto"
    assert (closes[-1] > friday + pd.Timedelta(days=1)) == is_weekend


def test_what_was_said_of_the_past_is_what_was_known_then(lake: Lake, store: ModelStore, version: str) -> None:
    """Recomputed on bars up to a moment, the forecast is that of the moment: later bars change nothing."""
    _promote(lake, store, version)
    world = known(180, edge=0.3)
    then = Known.of(world.bars.head(4_200), INSTRUMENT)
    later = replace(then, content_hash="other")
    one, other = (_said(lake, store, each) for each in (then, later))
    pd.testing.assert_frame_equal(one.drop(columns="bars_content_hash"), other.drop(columns="bars_content_hash"))
