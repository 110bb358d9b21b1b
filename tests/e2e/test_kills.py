"""kill -9 of a research cycle, at named points and at random: nothing acknowledged is lost, the next run catches up.

The points inside one commit of the lake (data file, log entry, fsync) are those of tests/core/lake/test_kills.py.
"""

import itertools
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from bot_core_dagster.cli.home import prepare_dagster_home
from bot_core_dagster.lake import BARS, default_lake
from bot_core_dagster.lineage import outcomes_of
from bot_core_dagster.settings import PROJECT_ROOT

ASSETS = ("bars", "bar_quality", "features", "market_analysis", "rsi_backtest")
POINTS = ("before the lake", "before the outcomes", "before a Dagster event")
SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT")
ENTRY = """
[[watchlist]]
symbol = "{0}"
venue = "test"
timeframe = "1h"
base = "BTC"
quote = "USDT"
calendar = "crypto"
price_side = "trade"
source = "simulated"
"""


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    settings = tmp_path / "bot_core.toml"
    start = datetime.now(UTC) - timedelta(days=120)
    history = f"[models]\ntypes = []\n[strategies.rsi]\nenabled = true\n[history]\nstart = {start:%Y-%m-%dT00:00:00Z}\n"
    settings.write_text("".join(ENTRY.format(symbol) for symbol in SYMBOLS) + history, encoding="utf-8")
    monkeypatch.setenv("BOT_CORE_CONFIG", str(settings))
    return prepare_dagster_home()


hours_ago = itertools.count(1_000, -6)
"""Each cycle runs six hours after the one before, so that each has bars to bring."""


def cycle(point: str, n_calls: int = 1, *, after_s: float | None = None) -> int:
    """Run a cycle in a process of its own, killed at the point or after a time; return its exit code."""
    command = [sys.executable, "-m", "tests.e2e.cycling_child", point, str(n_calls), str(next(hours_ago))]
    with subprocess.Popen(
        command,
        cwd=PROJECT_ROOT,
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as child:
        try:
            return child.wait(timeout=after_s or 120)
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()


def stored() -> dict[str, int]:
    """Return the bars of each symbol that the lake holds now."""
    lake = default_lake(create=True)
    return {symbol: len(lake.bars(symbol, "1h")) for symbol in lake.symbols(BARS)}


def assert_caught_up(before: dict[str, int]) -> None:
    """One more run; then lake, outcomes and Dagster tell the same story, and no bar that was there is gone."""
    killed = stored()
    assert all(killed[symbol] >= n_bars for symbol, n_bars in before.items())
    assert cycle("never") == 0
    lake = default_lake()
    assert set(stored()) == set(SYMBOLS)
    good = {(one.asset, one.symbol): one for one in outcomes_of(lake, ASSETS) if one.is_made}
    assert set(good) == {(asset, symbol) for asset in ASSETS for symbol in SYMBOLS}
    assert lake.content_hashes(BARS, SYMBOLS) == {symbol: good["bars", symbol].content_hash for symbol in SYMBOLS}
    with dg.DagsterInstance.get() as instance:
        for asset in ASSETS:
            tags = instance.event_log_storage.get_latest_tags_by_partition(
                dg.AssetKey(asset), dg.DagsterEventType.ASSET_MATERIALIZATION, tag_keys=["dagster/data_version"]
            )
            versions = {symbol: one["dagster/data_version"] for symbol, one in tags.items()}
            assert versions == {symbol: good[asset, symbol].content_hash for symbol in SYMBOLS}, asset
        under_way = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
        assert not instance.get_runs(under_way), "a killed run is failed, not left to be waited for"
    for symbol in SYMBOLS:
        bars = lake.bars(symbol, "1h")
        assert bars["open_time"].is_unique
        assert bars["open_time"].diff().dropna().nunique() == 1


def kill_and_catch_up(points: Sequence[str], rounds: int, seed: int) -> Counter[str]:
    rng = random.Random(seed)
    killed: Counter[str] = Counter()
    for _ in range(rounds):
        for point in points:
            before = stored()
            assert cycle(point, rng.randint(1, len(ASSETS))) == -9
            killed[point] += 1
            assert_caught_up(before)
    return killed


@pytest.mark.usefixtures("home")
def test_a_killed_cycle_is_caught_up_with() -> None:
    """Where most would be at odds: the lake holds what neither outcomes nor Dagster know of."""
    assert kill_and_catch_up(["before the outcomes"], rounds=1, seed=1).total() == 1


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_twenty_kills_at_each_point_lose_nothing() -> None:
    killed = kill_and_catch_up(POINTS, rounds=20, seed=2)
    print("\n" + "\n".join(f"{point:<24} {'#' * count} {count}" for point, count in killed.items()))
    assert min(killed.values()) == 20


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_twenty_kills_at_random_moments_lose_nothing() -> None:
    assert cycle("never") == 0
    started = time.monotonic()
    assert cycle("never") == 0
    whole_s = time.monotonic() - started
    rng = random.Random(3)
    codes: Counter[int] = Counter()
    while codes[-9] < 20:
        before = stored()
        codes[cycle("never", after_s=rng.uniform(0.2, 0.9) * whole_s)] += 1
        assert_caught_up(before)
        assert codes[0] < 20, "cycles end before they are killed"
    print(f"\nexit codes of cycles killed at random: {dict(codes)}")
