"""Every market file of the real data through `bot-core import`, and two of them through `bot-core run`.

The counts are those of data/README.md. Where the data showed more than it says, the test names it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot_core_dagster.cli.imported import Declared, import_files
from bot_core_dagster.lake import QUARANTINE, default_lake
from bot_core_dagster.settings import PROJECT_ROOT
from bot_core_dagster.timeframe import Timeframe
from tests import builders


@dataclass(frozen=True)
class Real:
    """One import: what is given, what must become of its rows."""

    path: str
    symbol: str
    timeframe: str
    n_read: int
    n_new: int
    n_quarantined: int = 0
    n_duplicates: int = 0
    n_missing: int | None = None
    declared: Declared = field(default_factory=Declared)

    def __str__(self) -> str:
        return self.path.rsplit("/", 1)[-1]


FILES = [
    Real("crypto/binance_BTCUSDT_1h.csv", "BTCUSDT", "1h", 55_912, 55_912, n_missing=88),
    Real("crypto/binance_ETHUSDT_1h.csv", "ETHUSDT", "1h", 23_989, 23_989),
    Real("crypto/BTCUSDT_5m.csv", "BTCUSDT", "5m", 25_920, 25_920),
    Real("crypto/ETHUSDT_15m.csv", "ETHUSDT", "15m", 8_640, 8_640),
    Real("crypto/BTC-PERP_1m.csv", "BTCUSDT", "1m", 45_031, 45_031, declared=Declared(label="close", tz="UTC")),
    Real("fx/lean_oanda_EURUSD_hour.zip", "EURUSD", "1h", 74_439, 74_439),
    Real("fx/lean_oanda_GBPUSD_daily.zip", "GBPUSD", "1d", 3_738, 3_738),
    # 1,295 midnight bars of 2015-2019 hold their whole day (the README names the first); one week's clock is unknown
    Real("fx/mt5_export_EURUSD_H1.csv", "EURUSD", "1h", 54_614, 53_205, n_quarantined=1_409),
    Real("fx/mt5_copy_rates_EURUSD_H1.csv", "EURUSD", "1h", 12_000, 12_000),
    Real("fx/mt5_copy_rates_EURUSD_M15.csv", "EURUSD", "15m", 48_000, 48_000),
    Real("fx/dukascopy_EURUSD_1h_ask.csv", "EURASK", "1h", 6_225, 6_225, declared=Declared(side="ask")),
    Real("dirty/ninjabot_BTC_1h_duplicates.csv", "BTCUSDT", "1h", 4_314, 4_309, n_duplicates=5),
    Real("dirty/ninjabot_ETH_1h_duplicates.csv", "ETHUSDT", "1h", 4_314, 4_309, n_duplicates=5),
    # 231 and 219 impossible bars, and x1000 glitches that reverse at once
    Real("dirty/EURUSD_M1_corrupt_a.csv", "EURUSD", "1m", 9_999, 9_673, 326, declared=Declared(side="bid", tz="UTC")),
    Real("dirty/EURUSD_M1_corrupt_b.csv", "EURUSD", "1m", 9_999, 9_678, 321, declared=Declared(side="bid", tz="UTC")),
    Real(
        "dirty/BTCUSDT_1d_2019_bad_high.csv",
        "BTCUSDT",
        "1d",
        365,
        189,
        n_quarantined=176,
        declared=Declared(format="epoch-csv:time,volume,open,high,low,close"),
    ),
    Real("dirty/UNITTEST_BTC_1m_gaps.json", "BTCUSDT", "1m", 13_681, 13_681, n_missing=717),
]

ENTRY = """
[[watchlist]]
symbol = "{0}"
venue = "test"
timeframe = "1h"
base = "{1}"
quote = "{2}"
calendar = "{3}"
price_side = "{4}"
source = "file"
costs = {{ fee_bps = 1.0, spread_bps = 1.0, slippage_bps = 0.5 }}
"""
TRADED = """
[models]
types = []
[strategies.rsi]
enabled = true
[strategies.macd]
enabled = true
[optimization]
parameter_variations = 60
lookback_days = 365
"""
WATCHLIST = (
    ("BTCUSDT", "BTC", "USDT", "crypto", "trade"),
    ("ETHUSDT", "ETH", "USDT", "crypto", "trade"),
    ("EURUSD", "EUR", "USD", "fx", "bid"),
    ("EURASK", "EUR", "USD", "fx", "ask"),
    ("GBPUSD", "GBP", "USD", "fx", "bid"),
)


@pytest.fixture
def settings_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "bot_core.toml"
    path.write_text("".join(ENTRY.format(*entry) for entry in WATCHLIST) + TRADED, encoding="utf-8")
    monkeypatch.setenv("BOT_CORE_CONFIG", str(path))
    return path


@pytest.mark.usefixtures("settings_path")
@pytest.mark.parametrize("real", FILES, ids=str)
def test_a_real_file_is_loaded_or_quarantined_as_its_description_says(real: Real, real_data: Path) -> None:
    imported = import_files(
        [real_data / real.path], real.symbol, Timeframe.parse(real.timeframe), real.declared, lambda *_: None
    )
    n_quarantined = sum(imported.quarantined.values())
    assert (imported.n_read, imported.n_new, n_quarantined, imported.n_duplicates) == (
        real.n_read,
        real.n_new,
        real.n_quarantined,
        real.n_duplicates,
    )
    if real.n_missing is not None:
        assert imported.n_missing == real.n_missing
    assert len(default_lake().bars(real.symbol, real.timeframe)) == real.n_new
    assert len(default_lake().read(QUARANTINE)) == real.n_quarantined


@pytest.mark.usefixtures("settings_path")
def test_the_lean_minutes_of_several_days_are_one_import(real_data: Path) -> None:
    days = sorted((real_data / "fx" / "lean_oanda_EURUSD_minute").glob("*.zip"))
    imported = import_files(days, "EURUSD", Timeframe.M1, Declared(), lambda *_: None)
    assert imported.n_files == len(days) == 13
    assert imported.n_new == imported.n_read > 13_000


def bot_core(*arguments: str, ends_with: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process."""
    done = subprocess.run(
        [sys.executable, "-m", "bot_core_dagster.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=PROJECT_ROOT,
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
    )
    assert done.returncode == ends_with, f"{arguments}: {done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done


def reviewed(names: Sequence[tuple[str, str, str, str, str]], path: Path) -> dict[str, Any]:
    """Run the main job on a watchlist of these; return what it says, as JSON."""
    path.write_text("".join(ENTRY.format(*name) for name in names) + TRADED, encoding="utf-8")
    answer: dict[str, Any] = json.loads(bot_core("run", "--json").stdout)
    return answer


def test_real_btcusdt_and_eurusd_run_through_to_a_review(real_data: Path, settings_path: Path) -> None:
    bot_core("import", str(real_data / "crypto/binance_BTCUSDT_1h.csv"), "--symbol", "BTCUSDT", "--timeframe", "1h")
    bot_core("import", str(real_data / "fx/mt5_export_EURUSD_H1.csv"), "--symbol", "EURUSD", "--timeframe", "1h")
    answer = reviewed([WATCHLIST[0], WATCHLIST[2]], settings_path)
    assert not answer["failed"]
    assert answer["simulated_symbols"] == []
    month, whole = answer["headlines"]
    assert month["period"] == "June 2024"
    assert whole["n_trades"] > 400
    page = Path(answer["report"]).read_text(encoding="utf-8")
    assert "BTCUSDT" in page
    assert "No market made" not in page
    stored = bot_core("sql", "select symbol, count(*) as n from features group by 1 order by 1", "--format", "json")
    assert [row["n"] for row in json.loads(stored.stdout)] == [55_912, 53_205]
    query = "select strategy, symbol, n_trials, simulated from optimizations order by 1, 2"
    searched = json.loads(bot_core("sql", query, "--format", "json").stdout)
    assert [(row["strategy"], row["symbol"]) for row in searched] == [
        (strategy, symbol) for strategy in ("macd", "rsi") for symbol in ("BTCUSDT", "EURUSD")
    ]
    assert all(row["n_trials"] > 30 and not row["simulated"] for row in searched)


def test_bars_that_the_test_writes_run_through_to_a_review(tmp_path: Path, settings_path: Path) -> None:
    """The same chain without the real data."""
    made = builders.bars(24 * 60)[["open_time", "open", "high", "low", "close", "volume"]]
    file = tmp_path / "made.csv"
    made.rename(columns={"open_time": "timestamp"}).to_csv(file, index=False)
    bot_core("import", str(file), "--symbol", "BTCUSDT", "--timeframe", "1h")
    answer = reviewed([WATCHLIST[0]], settings_path)
    assert not answer["failed"]
    assert answer["headlines"][0]["period"] == "February 2024"


def test_an_unknown_symbol_is_named_with_the_next_step(tmp_path: Path, settings_path: Path) -> None:
    file = tmp_path / "bars.csv"
    file.write_text("timestamp,open,high,low,close,volume\n", encoding="utf-8")
    done = bot_core("import", str(file), "--symbol", "DOGE", "--timeframe", "1h", ends_with=2)
    assert "bot-core symbols add" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
