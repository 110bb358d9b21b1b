"""What the tests of the Dagster layer share: a platform of its own lake, settings, clock and instance.

Belongs here: executing real jobs on real (temporary) instances. Not here: tests of the core.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import dagster as dg
import pytest

from assets.partitions import FORECAST_ASSETS, SYMBOLS, symbol_range_tags
from bot_core_dagster.definitions import build_defs
from bot_core_dagster.lake import Lake
from resources.lake import LakeResource
from resources.market import MarketResource, SettingsResource

COLLECTED = ("bars", "bar_quality", "features")
TRADED = ("bars", "bar_quality", "rsi_backtest")
RESEARCH = ("bars", "bar_quality", "features", "market_analysis", "rsi_backtest", *FORECAST_ASSETS)

ENTRY = """
[[watchlist]]
symbol = {symbol!r}
venue = "test"
timeframe = "1h"
base = "BTC"
quote = "USDT"
calendar = {calendar!r}
price_side = "trade"
source = {source!r}
costs = {{ fee_bps = 4.0, spread_bps = 1.0, slippage_bps = 1.0 }}
"""


class FixedClock(MarketResource):
    """The market at one moment, which a test may move."""

    moment: str

    def now(self) -> datetime:
        """Return that moment."""
        return datetime.fromisoformat(self.moment)


class Platform:
    """A lake, a settings file, a clock and a Dagster instance, driven as a user would."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.now = datetime(2024, 3, 1, tzinfo=UTC)
        self.settings_file = folder / "bot_core.toml"
        self.lake_root = folder / "lake"
        self.lake = Lake.open(self.lake_root, create=True)

    def watch(
        self,
        *symbols: str,
        source: str = "simulated",
        calendar: str = "crypto",
        strategies: Sequence[str] = ("rsi",),
        start: str = "2024-01-01",
        more: str = "",
    ) -> None:
        """Make these symbols the watchlist and its partitions, traded by these strategies on bars since `start`."""
        entries = [ENTRY.format(symbol=symbol, source=source, calendar=calendar) for symbol in symbols]
        entries += [f"[strategies.{name}]\nenabled = true\n" for name in strategies]
        text = "\n".join([*entries, f"[history]\nstart = {start}T00:00:00Z\n", more])
        self.settings_file.write_text(text, encoding="utf-8")
        self.instance.add_dynamic_partitions(str(SYMBOLS.name), list(symbols))

    def wait(self, hours: int) -> None:
        """Move the clock."""
        self.now += timedelta(hours=hours)

    @property
    def resources(self) -> dict[str, object]:
        """The platform's own resources, at its clock."""
        return {
            "lake": LakeResource(root=str(self.lake_root)),
            "settings": SettingsResource(file=str(self.settings_file)),
            "market": FixedClock(moment=self.now.isoformat()),
        }

    @property
    def definitions(self) -> dg.Definitions:
        """Fresh definitions over them."""
        return build_defs(self.resources)

    def run(
        self,
        job: str = "research_cycle",
        symbols: Sequence[str] = (),
        assets: Sequence[str] = (),
        ops: Mapping[str, Any] | None = None,
        **how: Any,
    ) -> dg.ExecuteInProcessResult:
        """Execute a job over all partitions; over a part of the symbols or assets where they are named.

        `ops` is the config of assets, by name.

        Of the research cycle, `RESEARCH` where no asset is named: the searches have tests of their own.
        """
        there = list(self.instance.get_dynamic_partitions(str(SYMBOLS.name)))
        names = list(assets) or list(RESEARCH)
        assets = list(assets) or (names if job == "research_cycle" else [])
        config: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
        if symbols:
            config["ops"] = {name: {"config": {"symbols": list(symbols)}} for name in names}
        if ops:
            config["ops"] = {name: {"config": asked} for name, asked in ops.items()}
        if "partition_key" not in how:
            how["tags"] = symbol_range_tags(there) | how.get("tags", {})
        if assets:
            how["asset_selection"] = [dg.AssetKey(name) for name in assets]
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, raise_on_error=False, run_config=config, **how
        )

    def versions(self, asset: str) -> dict[str, str]:
        """Return the latest data version of each partition of an asset."""
        tags = self.instance.event_log_storage.get_latest_tags_by_partition(
            dg.AssetKey(asset), dg.DagsterEventType.ASSET_MATERIALIZATION, tag_keys=["dagster/data_version"]
        )
        return {symbol: one["dagster/data_version"] for symbol, one in tags.items()}


@contextmanager
def opened(folder: Path) -> Iterator[Platform]:
    """Give the platform in a folder, made where there is none: at 2024-03-01, whatever its clock was."""
    (folder / "instance").mkdir(exist_ok=True)
    quiet = {"telemetry": {"enabled": False}}
    with dg.DagsterInstance.local_temp(str(folder / "instance"), overrides=quiet) as instance:
        yield Platform(folder, instance)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A fresh platform at 2024-03-01."""
    with opened(tmp_path) as made:
        yield made


TRAINED_AT = datetime(2024, 5, 6, tzinfo=UTC)


def small_training(*model_types: str, edge: float = 1.0, **more: object) -> str:
    """Return settings by which these kinds are trained in seconds, on a simulated market with an edge or without."""
    asked = {"types": list(model_types), "days_of_data": 60, "unseen_days": 60} | more
    lines = [f"{name} = {value}" for name, value in asked.items()]
    return "\n".join(["[sources.simulated]", "seed = 3", f"edge = {edge}", "[models]", *lines, ""])


@contextmanager
def made_in(folder: Path) -> Iterator[Platform]:
    """Give a platform in a folder, with a BOT_CORE_HOME in it: to be made once and copied for each test."""
    with pytest.MonkeyPatch.context() as patch, opened(folder) as made:
        patch.setenv("BOT_CORE_HOME", str(folder / "home"))
        yield made


@contextmanager
def copied(once: Path, folder: Path) -> Iterator[Platform]:
    """Give a copy of the platform in a folder, with its own BOT_CORE_HOME."""
    with made_in(copytree(once, folder)) as made:
        yield made


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a platform whose two symbols have bars with a large edge, a model each and a decision; copy it."""
    folder = tmp_path_factory.mktemp("trained")
    with made_in(folder) as made:
        made.now = TRAINED_AT
        made.watch("BTCUSDT", "ETHUSDT", more=small_training("boosting"))
        models = ("boosting_model", "champion", "forecasts", "forecast_scores")
        assert made.run(assets=("bars", "bar_quality", "features", *models)).success
    return folder


@pytest.fixture
def trained(trained_once: Path, tmp_path: Path) -> Iterator[Platform]:
    """A copy of that platform, when it was trained."""
    with copied(trained_once, tmp_path / "trained") as made:
        made.now = TRAINED_AT
        yield made


def materializations(result: dg.ExecuteInProcessResult, asset: str) -> list[str]:
    """Return the partitions of an asset's materialisations in a run, one entry an event."""
    return [
        str(event.partition)
        for event in result.all_events
        if event.event_type_value == "ASSET_MATERIALIZATION" and event.asset_key == dg.AssetKey(asset)
    ]
