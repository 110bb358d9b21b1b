"""The research cycle on real instances: who is made, who fails, what a correction changes."""

import sys
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.backtest import BACKTESTS
from bot_core_dagster.lake import BARS, QUARANTINE
from bot_core_dagster.lineage import outcomes_of
from bot_core_dagster.market.simulated import SimulatedSource
from bot_core_dagster.market.source import Fetched
from bot_core_dagster.reports import report_file
from tests import builders
from tests.dagster.conftest import COLLECTED, Platform, materializations

ASSETS = ["bars", "bar_quality", "features", "rsi_backtest"]
ODD = ["BTC/USDT:USDT", "A%B", "O'X"]


def test_every_good_symbol_gets_exactly_one_event_an_asset(platform: Platform) -> None:
    """Deferred events (internal to the pinned Dagster) are replaced by ours, never doubled."""
    platform.watch("BTCUSDT", "ETHUSDT")
    result = platform.run()
    assert result.success
    for asset in ASSETS:
        assert sorted(materializations(result, asset)) == ["BTCUSDT", "ETHUSDT"], asset


def test_a_data_version_is_the_content_hash_of_that_symbol(platform: Platform) -> None:
    platform.watch("BTCUSDT", "ETHUSDT")
    platform.run(assets=COLLECTED)
    assert platform.versions("bars") == platform.lake.content_hashes(BARS, ["BTCUSDT", "ETHUSDT"])
    assert len(set(platform.versions("features").values())) == 2


def test_a_bad_symbol_stops_its_own_downstream_and_nothing_else(platform: Platform) -> None:
    """Half of a symbol's bars are missing: its verdict fails, the others are built, the run is red and says why."""
    platform.watch("BTCUSDT", "GAPPY", "ETHUSDT", source="file")
    gappy = builders.bars(1_400, symbol="GAPPY").iloc[::3].reset_index(drop=True)
    whole = [builders.bars(1_400, symbol=symbol, seed=seed) for seed, symbol in enumerate(("BTCUSDT", "ETHUSDT"))]
    platform.lake.upsert_bars(pd.concat([*whole, gappy], ignore_index=True))
    result = platform.run(assets=ASSETS)
    assert not result.success
    assert sorted(materializations(result, "bars")) == ["BTCUSDT", "ETHUSDT", "GAPPY"]
    for asset in ASSETS[1:]:
        assert sorted(materializations(result, asset)) == ["BTCUSDT", "ETHUSDT"], asset
    reasons = {one.asset: one.reason for one in outcomes_of(platform.lake, ASSETS, ["GAPPY"]) if not one.is_made}
    assert set(reasons) == {"bar_quality", "features", "rsi_backtest"}
    assert "missing" in reasons["bar_quality"]
    failure = next(event for event in result.all_events if event.is_step_failure)
    assert failure.step_key == "every_symbol_is_current"
    assert "GAPPY" in str(failure.step_failure_data.error)


def test_the_verdict_of_each_symbol_is_a_check_of_its_partition(platform: Platform) -> None:
    platform.watch("BTCUSDT", "GAPPY", source="file")
    gappy = builders.bars(900, symbol="GAPPY").iloc[::3].reset_index(drop=True)
    platform.lake.upsert_bars(pd.concat([builders.bars(900), gappy], ignore_index=True))
    result = platform.run(assets=COLLECTED)
    verdicts = {
        event.partition or evaluation.partition: evaluation.passed
        for event in result.all_events
        if event.event_type_value == "ASSET_CHECK_EVALUATION"
        for evaluation in [event.asset_check_evaluation_data]
        if evaluation.check_name == "bars_are_usable" and evaluation.partition
    }
    assert verdicts == {"BTCUSDT": True, "GAPPY": False}


def test_odd_symbols_run_through(platform: Platform) -> None:
    platform.watch(*ODD)
    result = platform.run()
    assert result.success
    assert materializations(result, "forecasts") == materializations(result, "rsi_backtest") == ODD


def test_a_second_run_brings_only_new_bars(platform: Platform) -> None:
    platform.watch("BTCUSDT")
    platform.run(assets=["bars"])
    before = len(platform.lake.bars("BTCUSDT", "1h"))
    platform.wait(hours=3)
    assert platform.run(assets=["bars"]).success
    assert len(platform.lake.bars("BTCUSDT", "1h")) == before + 3


def test_a_run_without_new_bars_keeps_every_data_version(platform: Platform) -> None:
    """Also that of the verdict, hours later: else all that follows would be shown as unsynced."""
    platform.watch("BTCUSDT", "ETHUSDT", source="file")
    series = [builders.bars(1_400, symbol=symbol, seed=seed) for seed, symbol in enumerate(("BTCUSDT", "ETHUSDT"))]
    platform.lake.upsert_bars(pd.concat(series, ignore_index=True))
    platform.run(assets=ASSETS)
    before = {asset: platform.versions(asset) for asset in ASSETS}
    platform.wait(hours=3)
    assert platform.run(assets=ASSETS).success
    assert {asset: platform.versions(asset) for asset in ASSETS} == before


def test_a_correction_changes_exactly_its_symbols_downstream(platform: Platform) -> None:
    """And what was known before can still be read."""
    platform.watch("BTCUSDT", "ETHUSDT", source="file")
    series = [builders.bars(1_400, symbol=symbol, seed=seed) for seed, symbol in enumerate(("BTCUSDT", "ETHUSDT"))]
    platform.lake.upsert_bars(pd.concat(series, ignore_index=True))
    platform.run(assets=ASSETS)
    before = {asset: platform.versions(asset) for asset in ASSETS}
    known_then = datetime.now(UTC)
    old = platform.lake.bars("BTCUSDT", "1h")
    corrected = old.iloc[500:548].assign(close=lambda those: (those["high"] + those["low"]) / 2)
    platform.lake.upsert_bars(corrected)
    assert platform.run(assets=ASSETS).success
    after = {asset: platform.versions(asset) for asset in ASSETS}
    for asset in ("bars", "features", "rsi_backtest"):
        assert after[asset]["BTCUSDT"] != before[asset]["BTCUSDT"], asset
    for asset in ASSETS:
        assert after[asset]["ETHUSDT"] == before[asset]["ETHUSDT"], asset
    pd.testing.assert_frame_equal(platform.lake.bars("BTCUSDT", "1h", as_of=known_then), old, check_exact=True)


def test_a_symbol_without_bars_fails_with_the_next_step(platform: Platform) -> None:
    platform.watch("BTCUSDT", "EMPTY", source="file")
    platform.lake.upsert_bars(builders.bars(900))
    assert not platform.run(assets=["bars"]).success
    reason = next(one.reason for one in outcomes_of(platform.lake, ["bars"], ["EMPTY"]))
    assert "bot-core import" in reason


def test_real_and_simulated_bars_are_never_mixed(platform: Platform) -> None:
    """A symbol that holds real bars and is simulated on the watchlist fails alone; its bars stay as they were."""
    platform.lake.upsert_bars(builders.bars(900))
    before = platform.lake.bars("BTCUSDT", "1h")
    platform.watch("BTCUSDT", "ETHUSDT")
    result = platform.run(assets=["bars"])
    assert not result.success
    assert materializations(result, "bars") == ["ETHUSDT"]
    pd.testing.assert_frame_equal(platform.lake.bars("BTCUSDT", "1h"), before, check_exact=True)


def test_a_bug_is_never_taken_for_a_bad_symbol(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only BotCoreError fails a symbol; anything else fails the step."""

    def broken(*_: object) -> pd.DataFrame:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(sys.modules["assets.features"], "bar_features", broken)
    platform.watch("BTCUSDT")
    result = platform.run(assets=COLLECTED)
    assert not result.success
    steps = {event.step_key for event in result.all_events if event.is_step_failure}
    assert "features" in steps


def test_the_quarantine_holds_nothing_of_a_clean_feed(platform: Platform) -> None:
    platform.watch("BTCUSDT")
    platform.run(assets=["bars"])
    assert platform.lake.read(QUARANTINE).empty


def test_inputs_are_recorded_with_their_versions(platform: Platform) -> None:
    platform.watch("BTCUSDT")
    platform.run(assets=COLLECTED)
    record = platform.instance.get_latest_materialization_event(dg.AssetKey("features"))
    assert record is not None
    tags = record.asset_materialization.tags if record.asset_materialization else None
    assert tags is not None
    assert tags["dagster/input_data_version/bars"] == platform.versions("bars")["BTCUSDT"]
    assert int(tags["dagster/input_event_pointer/bars"]) > 0


def test_a_glitch_that_came_as_the_newest_bar_is_withdrawn_when_it_reverses(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At first only time could tell; the next fetch condemns it, and its symbol goes on."""
    feed = builders.bars(900)
    scale = np.where(feed.index == 890, 1_000.0, 1.0)
    glitch = feed.assign(**{name: feed[name] * scale for name in ("open", "high", "low", "close")})

    class Feed:
        name = "file:feed"

        def __init__(self, n_bars: int) -> None:
            self.n_bars = n_bars

        def fetch(self, *_: object) -> Fetched:
            return Fetched(glitch.head(self.n_bars))

    platform.watch("BTCUSDT", source="file")
    monkeypatch.setattr("resources.market.bar_sources", lambda _: {"file": Feed(891)})
    platform.run(assets=["bars"])
    assert len(platform.lake.bars("BTCUSDT", "1h")) == 891
    monkeypatch.setattr("resources.market.bar_sources", lambda _: {"file": Feed(900)})
    assert platform.run(assets=COLLECTED).success
    stored = platform.lake.bars("BTCUSDT", "1h")
    assert len(stored) == 899
    assert feed.loc[890, "open_time"] not in set(stored["open_time"])
    assert platform.lake.read(QUARANTINE)["open_time"].tolist() == [feed.loc[890, "open_time"]]


def test_an_unreadable_file_of_one_symbol_stops_that_symbol_alone(platform: Platform) -> None:
    platform.watch("BTCUSDT", "ETHUSDT", source="file")
    series = [builders.bars(900, symbol=symbol) for symbol in ("BTCUSDT", "ETHUSDT")]
    platform.lake.upsert_bars(pd.concat(series, ignore_index=True))
    broken = next(path for path in platform.lake_root.rglob("*.parquet") if "BTCUSDT" in str(path))
    broken.write_bytes(broken.read_bytes()[:100])
    result = platform.run(assets=ASSETS)
    assert not result.success
    assert materializations(result, "rsi_backtest") == ["ETHUSDT"]


@pytest.mark.parametrize("more", [(), ("BNBUSDT",)], ids=["drawn by the run", "drawn beside it"])
def test_a_page_that_the_disk_refuses_fails_its_symbol_and_no_row_is_lost(
    platform: Platform, more: tuple[str, ...]
) -> None:
    """Where the page would be written lies a folder; once it has gone, the symbol is made like the others."""
    platform.watch("BTCUSDT", "ETHUSDT", *more)
    page = report_file("rsi_backtest_ETHUSDT")
    page.mkdir(parents=True)
    result = platform.run()
    assert not result.success
    assert sorted(materializations(result, "rsi_backtest")) == sorted(["BTCUSDT", *more])
    (outcome,) = outcomes_of(platform.lake, ["rsi_backtest"], ["ETHUSDT"])
    assert (outcome.is_made, "rsi_backtest_ETHUSDT.html: cannot be written" in outcome.reason) == (False, True)
    assert platform.lake.symbols(BACKTESTS) == tuple(sorted(["BTCUSDT", "ETHUSDT", *more]))
    page.rmdir()
    assert platform.run(symbols=["ETHUSDT"]).success
    assert page.is_file()


def test_what_a_slow_source_has_brought_is_stored_before_the_last_symbol_came(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that ends early keeps what it was told."""
    monkeypatch.setattr("assets.each_symbol.BATCH_S", 0.0)
    platform.watch("BTCUSDT", "ETHUSDT", "BNBUSDT")
    seen: list[int] = []

    class Watched:
        name = "simulated"
        source = SimulatedSource(seed=2)

        def fetch(self, *arguments: Any) -> Fetched:
            seen.append(len(platform.lake.symbols(BARS)))
            return self.source.fetch(*arguments)

    monkeypatch.setattr("resources.market.bar_sources", lambda _: {"simulated": Watched()})
    assert platform.run(assets=["bars"]).success
    assert seen == [0, 1, 2]


def test_symbols_beyond_the_patience_fail_and_the_others_are_stored(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.watch("BTCUSDT", "ETHUSDT")
    monkeypatch.setattr("assets.each_symbol.PATIENCE_S", 0.0)
    result = platform.run(assets=["bars"])
    assert not result.success
    reasons = [one.reason for one in outcomes_of(platform.lake, ["bars"]) if not one.is_made]
    assert len(reasons) == 2
    assert all("the next run brings it" in reason for reason in reasons)


def test_features_of_bars_that_nobody_judged_are_not_made(platform: Platform) -> None:
    """A verdict on other bars is none on these."""
    platform.watch("BTCUSDT", source="file")
    platform.lake.upsert_bars(builders.bars(900))
    platform.run(assets=COLLECTED)
    platform.lake.upsert_bars(builders.bars(1_000).tail(100))
    result = platform.run(assets=["features"])
    assert not result.success
    (outcome,) = outcomes_of(platform.lake, ["features"])
    assert "have changed since bar_quality read them" in outcome.reason
    assert platform.run(assets=COLLECTED).success


def test_a_recorded_input_is_exactly_what_was_read(platform: Platform) -> None:
    platform.watch("BTCUSDT", source="file")
    platform.lake.upsert_bars(builders.bars(900))
    platform.run(assets=COLLECTED)
    (outcome,) = outcomes_of(platform.lake, ["features"])
    read = platform.lake.bars("BTCUSDT", "1h")
    assert outcome.inputs["bars"] == platform.lake.frame_hashes(BARS, read)["BTCUSDT"]


def test_a_disabled_strategy_trades_nothing(platform: Platform) -> None:
    platform.watch("BTCUSDT", strategies=(), more="[strategies.rsi]\nenabled = false\n")
    result = platform.run()
    assert result.success
    assert materializations(result, "rsi_backtest") == []
    assert materializations(result, "features") == ["BTCUSDT"]
