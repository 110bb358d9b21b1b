"""Searches, deployed parameters and what trades them, on real instances."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from assets.current import searches_due, wanted_now
from assets.partitions import FORECAST_ASSETS
from bot_core_dagster.backtest import BACKTESTS, BAR_EQUITY, TRADES, PreparedBars, TradingRules
from bot_core_dagster.backtest.reference import simulate_reference
from bot_core_dagster.lake.table import Table
from bot_core_dagster.lineage import assets_behind, outcomes_of
from bot_core_dagster.optimization import OPTIMIZATIONS, OUT_OF_SAMPLE, PARAMETERS, TRIALS
from bot_core_dagster.settings import load_settings
from bot_core_dagster.strategies import strategy_named
from schedules import weekly_optimization
from sensors import fresh_bars
from tests import builders
from tests.dagster.conftest import Platform, copied, made_in, materializations

SEARCH = ["rsi_optimization", "rsi_parameters", "rsi_backtest"]
EVERYTHING = ["bars", "bar_quality", *SEARCH]
SMALL = "[optimization]\nparameter_variations = 20\n"


@pytest.fixture(scope="module")
def searched_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a platform with ten months of one instrument, searched, decided on and traded; copy it."""
    folder = tmp_path_factory.mktemp("searched")
    with made_in(folder) as made:
        made.watch("BTCUSDT", start="2023-05-01", more=SMALL)
        assert made.run(assets=EVERYTHING).success
    return folder


@pytest.fixture
def searched(searched_once: Path, tmp_path: Path) -> Iterator[Platform]:
    """A copy of that platform."""
    with copied(searched_once, tmp_path / "searched") as made:
        yield made


def rows(platform: Platform, table: Table) -> int:
    """Return how many rows a table holds."""
    return len(platform.lake.read(table))


def test_a_search_leaves_its_trials_its_result_and_its_decision(searched: Platform) -> None:
    assert rows(searched, TRIALS) == 20
    found = searched.lake.read(OPTIMIZATIONS).iloc[0]
    assert found["n_trials"] == 20
    assert found["simulated"]
    assert rows(searched, OUT_OF_SAMPLE) > 200
    decided = searched.lake.read(PARAMETERS).iloc[0]
    assert decided["candidate"] == found["best_parameters"]
    names = {reason["name"] for reason in json.loads(decided["reasons"])}
    assert {"overfitting", "trades", "return at twice the costs"} <= names


def test_what_has_just_been_made_is_in_step_for_dagster_too(searched: Platform) -> None:
    """An input that is no asset (the settings) would show every search and backtest as unsynced for good."""
    for asset in searched.definitions.resolve_asset_graph().get_all_asset_keys():
        event = searched.instance.get_latest_materialization_event(asset)
        tags = event.asset_materialization.tags if event and event.asset_materialization else None
        read = {name.rpartition("/")[2] for name in tags or {} if name.startswith("dagster/input_data_version/")}
        parents = searched.definitions.resolve_asset_graph().get(asset).parent_keys
        assert read <= {key.to_user_string() for key in parents}, asset


def test_the_same_search_again_is_no_new_trial_and_no_new_decision(searched: Platform) -> None:
    assert searched.run(assets=SEARCH).success
    assert rows(searched, TRIALS) == 20
    assert rows(searched, PARAMETERS) == 1


def test_a_backtest_carries_the_trials_that_were_searched(searched: Platform) -> None:
    assert searched.lake.read(BACKTESTS)["n_trials"].tolist() == [20]


def test_the_stored_backtest_is_what_the_readable_twin_gives(searched: Platform) -> None:
    """Twin, kernel and asset give the same numbers."""
    instrument = load_settings(searched.settings_file).instrument("BTCUSDT")
    bars = searched.lake.bars("BTCUSDT", "1h")
    parameters = json.loads(searched.lake.read(BACKTESTS)["parameters_used"].iloc[0])
    signal = strategy_named("rsi").signal(bars, "crypto", parameters)
    twin = simulate_reference(PreparedBars.of(bars, instrument), signal, TradingRules())
    stored = searched.lake.read(BAR_EQUITY).sort_values("close_time")
    np.testing.assert_allclose(stored["equity"], twin.equity[1:], rtol=1e-12)
    trades = searched.lake.read(TRADES).sort_values("entry_time")
    np.testing.assert_allclose(trades["entry_price"], twin.entry_price, rtol=1e-12)
    assert len(trades) == len(twin.entry_bar) > 20


def test_a_roll_back_reaches_the_backtest_without_new_bars(searched: Platform) -> None:
    """The row of the lake is the truth: the sensor sees that the backtest stands on other parameters."""

    def asked() -> list[dg.RunRequest]:
        wanted = {name: searched.resources[name] for name in fresh_bars.required_resource_keys}
        with dg.build_sensor_context(instance=searched.instance, resources=wanted) as context:
            answer = fresh_bars(context)
        assert isinstance(answer, dg.SensorResult)
        return list(answer.run_requests or ())

    assert searched.run(assets=["features", "market_analysis", *FORECAST_ASSETS]).success
    assert asked() == []
    rows = searched.lake.read(PARAMETERS)
    later = rows.assign(
        decided_at=rows["decided_at"] + pd.Timedelta(seconds=1), outcome="deployed", is_deployed=True, version=1
    )
    later["parameters"] = later["candidate"]
    searched.lake.upsert(PARAMETERS, later.assign(origin_version=1))
    (request,) = asked()
    assert [key.to_user_string() for key in request.asset_selection or ()] == ["rsi_backtest"]
    assert searched.run(assets=["rsi_backtest"]).success
    assert asked() == []
    used = json.loads(searched.lake.read(BACKTESTS)["parameters_used"].iloc[0])
    assert used == json.loads(rows["candidate"].iloc[0])


def test_too_few_bars_stop_the_search_and_not_the_backtest(platform: Platform) -> None:
    """What was in force before, or what the settings say, is still traded."""
    platform.watch("BTCUSDT", start="2024-01-10")
    result = platform.run(assets=EVERYTHING)
    assert not result.success
    assert materializations(result, "rsi_optimization") == []
    assert materializations(result, "rsi_backtest") == ["BTCUSDT"]
    (outcome,) = outcomes_of(platform.lake, ["rsi_optimization"])
    assert "days" in outcome.reason


def test_a_search_is_due_when_there_was_none_for_a_week(searched: Platform) -> None:
    settings = load_settings(searched.settings_file)
    (outcome,) = outcomes_of(searched.lake, ["rsi_optimization"])

    def due(days: float) -> dict[str, tuple[str, ...]]:
        return searches_due(searched.lake, settings, settings.watchlist, outcome.made_at + timedelta(days=days))

    assert due(6.9) == {}
    assert due(7.0) == {"BTCUSDT": tuple(SEARCH)}


def test_the_weekly_schedule_searches_the_symbols_that_have_bars_enough(platform: Platform) -> None:
    platform.watch("BTCUSDT", "ETHUSDT", "BNBUSDT", source="file")
    for symbol, n_days in (("BTCUSDT", 130), ("ETHUSDT", 110), ("BNBUSDT", 120)):
        platform.lake.upsert_bars(builders.bars(24 * n_days, symbol=symbol))
    wanted = {name: platform.resources[name] for name in ("lake", "settings")}
    with dg.build_schedule_context(instance=platform.instance, resources=wanted) as context:
        requests = weekly_optimization(context)
    assert isinstance(requests, list)
    starts = [request.tags["dagster/asset_partition_range_start"] for request in requests]
    assert starts == ["BTCUSDT", "BNBUSDT"]


@pytest.mark.parametrize(
    "change", ["[strategies.rsi]\nenabled = true\nstop = 0.05\n", "[portfolio]\ninitial_equity = 5000.0\n"]
)
def test_other_settings_leave_the_backtest_behind(searched: Platform, change: str) -> None:
    settings = load_settings(searched.settings_file)
    searched_again = {"retry_failed": True}
    before = assets_behind(searched.lake, wanted_now(searched.lake, settings, settings.watchlist), **searched_again)
    assert before == {"BTCUSDT": ("features", "market_analysis", *FORECAST_ASSETS)}
    strategies = () if "strategies" in change else ("rsi",)
    searched.watch("BTCUSDT", start="2023-05-01", strategies=strategies, more=SMALL + change)
    settings = load_settings(searched.settings_file)
    after = assets_behind(searched.lake, wanted_now(searched.lake, settings, settings.watchlist), **searched_again)
    assert after == {"BTCUSDT": ("features", "market_analysis", "rsi_backtest", *FORECAST_ASSETS)}
