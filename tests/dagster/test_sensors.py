"""Sensors and schedules on real instances: what they ask for, and that nobody owns a downstream twice."""

from datetime import UTC, datetime

import dagster as dg
import pandas as pd
import pytest
from dagster._core.events import DagsterEvent, StepMaterializationData

from assets.partitions import FORECAST_ASSETS, SYMBOL_ASSETS, SYMBOLS, stretches, symbol_range_tags
from bot_core_dagster.settings import load_settings
from schedules import hourly_market_data, monthly_portfolio_review
from sensors import fresh_bars, watchlist
from tests import builders
from tests.dagster.conftest import Platform, materializations

VERSION = "dagster/data_version"
DOWNSTREAM = ("bar_quality", "features", "market_analysis", "rsi_backtest", *FORECAST_ASSETS)


def evaluated(platform: Platform, sensor: dg.SensorDefinition, cursor: str | None = None) -> dg.SensorResult:
    """Return what the sensor answers now."""
    wanted = {name: platform.resources[name] for name in sensor.required_resource_keys}
    with dg.build_sensor_context(instance=platform.instance, cursor=cursor, resources=wanted) as context:
        answer = sensor(context)
    assert isinstance(answer, dg.SensorResult)
    return answer


def asked_symbols(platform: Platform, request: dg.RunRequest) -> dict[str, list[str]]:
    """Return the symbols of a run request's partition range, for each of its assets."""
    there = [instrument.symbol for instrument in load_settings(platform.settings_file).watchlist]
    first, last = (request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end"))
    symbols = there[there.index(first) : there.index(last) + 1]
    names = [key.to_user_string() for key in request.asset_selection or ()] or SYMBOL_ASSETS
    return dict.fromkeys(names, symbols)


def test_a_new_symbol_gets_a_partition_and_its_history(platform: Platform) -> None:
    platform.watch("BTCUSDT")
    platform.run(assets=["bars"])
    platform.watch("BTCUSDT", "ETHUSDT")
    platform.instance.delete_dynamic_partition(str(SYMBOLS.name), "ETHUSDT")
    answer = evaluated(platform, watchlist)
    assert [request.partition_keys for request in answer.dynamic_partitions_requests or ()] == [["ETHUSDT"]]
    (request,) = answer.run_requests or ()
    assert asked_symbols(platform, request)["bars"] == ["ETHUSDT"]
    platform.instance.add_dynamic_partitions(str(SYMBOLS.name), ["ETHUSDT"])
    result = platform.run(symbols=["ETHUSDT"])
    assert materializations(result, "rsi_backtest") == ["ETHUSDT"]
    assert platform.lake.bars("ETHUSDT", "1h")["open_time"].iloc[0] == pd.Timestamp("2024-01-01", tz="UTC")


def test_a_removed_symbol_loses_its_partition_and_keeps_its_bars(platform: Platform) -> None:
    platform.watch("BTCUSDT", "ETHUSDT")
    platform.run(assets=["bars"])
    platform.watch("BTCUSDT")
    answer = evaluated(platform, watchlist)
    assert [request.partition_keys for request in answer.dynamic_partitions_requests or ()] == [["ETHUSDT"]]
    assert not answer.run_requests
    assert len(platform.lake.bars("ETHUSDT", "1h")) == 1_440


def test_an_unchanged_watchlist_asks_for_nothing(platform: Platform) -> None:
    platform.watch("BTCUSDT")
    answer = evaluated(platform, watchlist)
    assert not answer.run_requests
    assert not answer.dynamic_partitions_requests


def test_after_the_hourly_job_the_sensor_owns_analysis_backtest_and_forecasts_alone(platform: Platform) -> None:
    platform.watch("BTCUSDT", "ETHUSDT")
    platform.run("collect_market_data", assets=["bars", "bar_quality", "features"])
    (request,) = evaluated(platform, fresh_bars).run_requests or ()
    owed = ("market_analysis", "rsi_backtest", *FORECAST_ASSETS)
    assert asked_symbols(platform, request) == {name: ["BTCUSDT", "ETHUSDT"] for name in owed}


def test_after_the_research_cycle_nothing_is_owed(platform: Platform) -> None:
    platform.watch("BTCUSDT", "ETHUSDT")
    platform.run()
    answer = evaluated(platform, fresh_bars)
    assert not answer.run_requests
    assert int(answer.cursor or 0) > 0


def test_a_correction_brings_exactly_its_symbol_up_to_date(platform: Platform) -> None:
    platform.watch("BTCUSDT", "ETHUSDT", source="file")
    series = [builders.bars(1_400, symbol=symbol, seed=seed) for seed, symbol in enumerate(("BTCUSDT", "ETHUSDT"))]
    platform.lake.upsert_bars(pd.concat(series, ignore_index=True))
    platform.run()
    cursor = evaluated(platform, fresh_bars).cursor
    corrected = series[1].iloc[[700]].assign(volume=1.0)
    platform.lake.upsert_bars(corrected)
    platform.run(assets=["bars"])
    answer = evaluated(platform, fresh_bars, cursor)
    (request,) = answer.run_requests or ()
    assert asked_symbols(platform, request) == {name: ["ETHUSDT"] for name in DOWNSTREAM}
    result = platform.run(symbols=["ETHUSDT"], assets=DOWNSTREAM)
    assert result.success
    assert materializations(result, "features") == ["ETHUSDT"]
    assert not evaluated(platform, fresh_bars, answer.cursor).run_requests


def test_a_symbol_that_failed_is_not_tried_again_until_its_bars_change(platform: Platform) -> None:
    platform.watch("BTCUSDT", "GAPPY", source="file")
    gappy = builders.bars(900, symbol="GAPPY").iloc[::3].reset_index(drop=True)
    platform.lake.upsert_bars(pd.concat([builders.bars(900), gappy], ignore_index=True))
    platform.run()
    assert not evaluated(platform, fresh_bars).run_requests
    platform.lake.upsert_bars(builders.bars(900, symbol="GAPPY"))
    platform.run(assets=["bars"])
    (request,) = evaluated(platform, fresh_bars).run_requests or ()
    assert asked_symbols(platform, request)["bar_quality"] == ["GAPPY"]


def test_the_sensor_waits_for_a_run_that_is_still_going(platform: Platform) -> None:
    """Its own downstream may still come."""
    platform.watch("BTCUSDT")
    job = platform.definitions.resolve_job_def("collect_market_data")
    run = platform.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    made = StepMaterializationData(dg.AssetMaterialization("bars", partition="BTCUSDT", tags={VERSION: "1"}))
    event = DagsterEvent("ASSET_MATERIALIZATION", run.job_name, event_specific_data=made)
    platform.instance.report_dagster_event(event, run.run_id)
    waiting = evaluated(platform, fresh_bars)
    assert not waiting.run_requests
    assert waiting.cursor is None
    platform.instance.report_run_failed(run)
    (request,) = evaluated(platform, fresh_bars).run_requests or ()
    assert asked_symbols(platform, request) == {name: ["BTCUSDT"] for name in DOWNSTREAM}


def test_the_hourly_schedule_covers_every_symbol_in_one_run(platform: Platform) -> None:
    platform.watch("BTCUSDT", "ETHUSDT", "BNBUSDT")
    at = datetime(2024, 3, 1, 10, tzinfo=UTC)
    with dg.build_schedule_context(instance=platform.instance, scheduled_execution_time=at) as context:
        request = hourly_market_data(context)
    assert isinstance(request, dg.RunRequest)
    assert symbol_range_tags(["BTCUSDT", "BNBUSDT"]).items() <= request.tags.items()


def test_the_hourly_schedule_skips_an_empty_watchlist(platform: Platform) -> None:
    """An empty range would run unpartitioned."""
    with dg.build_schedule_context(instance=platform.instance) as context:
        assert isinstance(hourly_market_data(context), dg.SkipReason)
    with pytest.raises(ValueError, match="no symbols"):
        symbol_range_tags([])


@pytest.mark.parametrize(
    ("at", "month"),
    [("2024-03-01T04:00", "2024-02-01"), ("2025-01-01T04:00", "2024-12-01"), ("2024-05-01T04:00", "2024-04-01")],
)
def test_the_monthly_schedule_reviews_the_month_that_has_ended(platform: Platform, at: str, month: str) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    with dg.build_schedule_context(instance=platform.instance, scheduled_execution_time=moment) as context:
        request = monthly_portfolio_review(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == month


def test_imported_bars_are_seen_without_a_materialisation(platform: Platform) -> None:
    """An import writes the lake alone; the sensor owns everything of it, once."""
    platform.watch("BTCUSDT", "ETHUSDT", source="file")
    series = [builders.bars(1_400, symbol=symbol, seed=seed) for seed, symbol in enumerate(("BTCUSDT", "ETHUSDT"))]
    platform.lake.upsert_bars(pd.concat(series, ignore_index=True))
    platform.run()
    before = evaluated(platform, fresh_bars)
    assert not before.run_requests
    platform.lake.upsert_bars(builders.bars(1_500, symbol="ETHUSDT", seed=1).tail(100))
    (request,) = evaluated(platform, fresh_bars, before.cursor).run_requests or ()
    assert asked_symbols(platform, request) == {name: ["ETHUSDT"] for name in ("bars", *DOWNSTREAM)}
    (again,) = evaluated(platform, fresh_bars, before.cursor).run_requests or ()
    assert again.run_key == request.run_key
    platform.run(symbols=["ETHUSDT"], assets=["bars", *DOWNSTREAM])
    assert not evaluated(platform, fresh_bars, before.cursor).run_requests


def test_an_import_that_changes_settings_too_waits_for_a_run_under_way(platform: Platform) -> None:
    """Real bars replace simulated ones and the source becomes file: no backtest before its bars are judged."""
    platform.watch("BTCUSDT", source="file")
    platform.lake.upsert_bars(builders.bars(1_300))
    platform.run()
    before = evaluated(platform, fresh_bars)
    platform.lake.upsert_bars(builders.bars(1_400).tail(100))
    platform.watch("BTCUSDT", source="file", more="[portfolio]\ninitial_equity = 5000.0\n")
    job = platform.definitions.resolve_job_def("collect_market_data")
    run = platform.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert not evaluated(platform, fresh_bars, before.cursor).run_requests
    platform.instance.report_run_failed(run)
    (request,) = evaluated(platform, fresh_bars, before.cursor).run_requests or ()
    assert asked_symbols(platform, request) == {name: ["BTCUSDT"] for name in ("bars", *DOWNSTREAM)}


def test_a_backtest_that_was_overtaken_by_an_import_is_made_with_the_next_verdict(platform: Platform) -> None:
    """It read bars that nobody had judged, so nothing was made of them: it is still behind them."""
    platform.watch("BTCUSDT", source="file")
    platform.lake.upsert_bars(builders.bars(1_300))
    platform.run()
    before = evaluated(platform, fresh_bars)
    platform.lake.upsert_bars(builders.bars(1_400).tail(100))
    assert not platform.run(assets=["rsi_backtest"]).success
    (request,) = evaluated(platform, fresh_bars, before.cursor).run_requests or ()
    assert asked_symbols(platform, request) == {name: ["BTCUSDT"] for name in ("bars", *DOWNSTREAM)}
    assert platform.run(assets=["bars", *DOWNSTREAM]).success


def test_bars_of_another_timeframe_are_no_news(platform: Platform) -> None:
    platform.watch("BTCUSDT", source="file")
    platform.lake.upsert_bars(builders.bars(1_400))
    platform.run()
    version = platform.versions("bars")
    platform.lake.upsert_bars(builders.bars(300, timeframe="5m"))
    assert not evaluated(platform, fresh_bars).run_requests
    platform.run(assets=["bars"])
    assert platform.versions("bars") == version


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [("", []), ("a", ["a"]), ("abcd", ["abcd"]), ("bc", ["bc"]), ("acd", ["a", "cd"]), ("db", ["b", "d"])],
)
def test_a_range_holds_nothing_but_what_is_to_be_made(symbols: str, expected: list[str]) -> None:
    """Else a run that fails would show the symbols in between as failed."""
    assert stretches(list("abcd"), set(symbols)) == [list(stretch) for stretch in expected]
