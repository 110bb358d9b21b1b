"""`bot-core import`: files into the lake, from files that the tests write."""

import json
import os
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import Result

from bot_core_dagster.cli.watchlist import add_instrument, change_instrument
from bot_core_dagster.lake import BARS, QUARANTINE, default_lake
from bot_core_dagster.settings import load_settings
from tests.builders import bars, instrument

Run = Callable[..., Result]
Answer = Callable[..., Any]


def _csv(path: Path, frame: pd.DataFrame) -> Path:
    columns = ["open_time", "open", "high", "low", "close", "volume"]
    said = frame[columns].assign(open_time=frame["open_time"].dt.strftime("%Y-%m-%d %H:%M:%S"))
    said.rename(columns={"open_time": "timestamp"}).to_csv(path, index=False)
    return path


def _lean(path: Path, n_bars: int) -> Path:
    """Write an hourly Lean file, Monday to Thursday, whose ask is two pips above its bid."""
    times = pd.date_range("2024-01-08", periods=n_bars, freq="h")
    bid = ["1.1000,1.1020,1.0990,1.1010"] * n_bars
    ask = ["1.1002,1.1022,1.0992,1.1012"] * n_bars
    rows = [f"{at:%Y%m%d %H:%M},{b},0,{a},0" for at, b, a in zip(times, bid, ask, strict=True)]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("eurusd.csv", "\n".join(rows) + "\n")
    return path


@pytest.fixture
def file(tmp_path: Path, settings_path: Path) -> Path:
    return _csv(tmp_path / "btc.csv", bars(100))


def _import(file: Path, *more: str, symbol: str = "BTCUSDT", timeframe: str = "1h") -> tuple[str, ...]:
    return ("import", str(file), "--symbol", symbol, "--timeframe", timeframe, *more)


def test_the_bars_of_a_file_are_stored_and_what_became_of_its_rows_is_said(answer: Answer, file: Path) -> None:
    said = answer(*_import(file))
    assert {
        name: said[name] for name in ("n_read", "n_new", "n_corrected", "n_unchanged", "n_duplicates", "n_missing")
    } == {
        "n_read": 100,
        "n_new": 100,
        "n_corrected": 0,
        "n_unchanged": 0,
        "n_duplicates": 0,
        "n_missing": 0,
    }
    assert (said["first_open_time"], said["last_open_time"]) == ("2024-01-01T00:00:00Z", "2024-01-05T03:00:00Z")
    assert any("zone: UTC" in note for note in said["notes"])
    stored = default_lake().bars("BTCUSDT", "1h")
    assert stored["close"].tolist() == pytest.approx(bars(100)["close"].tolist())
    assert set(stored["source"]) == {"file:btc.csv"}


def test_the_same_file_again_changes_nothing(answer: Answer, file: Path) -> None:
    answer(*_import(file))
    said = answer(*_import(file))
    assert (said["n_new"], said["n_corrected"], said["n_unchanged"]) == (0, 0, 100)


def test_a_corrected_file_corrects_its_bars_and_the_old_ones_are_still_known(
    answer: Answer, file: Path, tmp_path: Path
) -> None:
    answer(*_import(file))
    before = pd.Timestamp.now("UTC")
    corrected = bars(100)
    corrected.loc[7, "close"] = (corrected["open"][7] + corrected["high"][7]) / 2
    said = answer(*_import(_csv(tmp_path / "btc.csv", corrected)))
    assert (said["n_new"], said["n_corrected"], said["n_unchanged"]) == (0, 1, 99)
    assert default_lake().bars("BTCUSDT", "1h", as_of=before)["close"][7] == pytest.approx(bars(100)["close"][7])


def test_impossible_rows_go_to_quarantine_with_their_reason(answer: Answer, run: Run, tmp_path: Path) -> None:
    frame = bars(100)
    frame.loc[10, "high"] = frame["low"][10] / 2
    frame.loc[20, "close"] = -1.0
    file = _csv(tmp_path / "btc.csv", pd.concat([frame, frame.tail(3)]))
    said = answer(*_import(file))
    assert sum(said["quarantined"].values()) == 2
    assert (said["n_new"], said["n_duplicates"], said["n_missing"]) == (98, 3, 2)
    assert sorted(default_lake().read(QUARANTINE)["line"]) == [12, 22]
    shown = run(*_import(file)).stdout
    assert "high below low" in shown
    assert "price not above zero" in shown


def test_a_file_without_a_possible_bar_fails_and_its_rows_are_in_quarantine(run: Run, tmp_path: Path) -> None:
    frame = bars(5).assign(high=0.5)
    result = run(*_import(_csv(tmp_path / "btc.csv", frame)))
    assert result.exit_code == 1
    assert "error: no row of 1 files is a possible bar: high below low" in result.stderr
    assert len(default_lake().read(QUARANTINE)) == 5


def test_real_bars_replace_simulated_ones_for_good_and_the_watchlist_names_files(
    answer: Answer, file: Path, settings_path: Path
) -> None:
    default_lake(create=True).upsert_bars(bars(500, seed=1, source="simulated"))
    said = answer(*_import(file))
    assert (said["n_new"], said["n_corrected"]) == (100, 0)
    assert said["said"] == [
        "500 SIMULATED bars of BTCUSDT are gone: real ones replace them for good",
        "the watchlist's source of BTCUSDT is now file; it was simulated",
    ]
    assert set(default_lake().bars("BTCUSDT", "1h")["source"]) == {"file:btc.csv"}
    assert load_settings().instrument("BTCUSDT").source == "file"
    assert "# 1m 5m 15m 30m 1h 4h 1d" in settings_path.read_text()


def test_an_import_that_was_cut_before_the_watchlist_was_changed_is_finished_by_the_next(
    answer: Answer, file: Path
) -> None:
    answer(*_import(file))
    change_instrument("BTCUSDT", {"source": "simulated"})
    said = answer(*_import(file))
    assert said["n_unchanged"] == 100
    assert load_settings().instrument("BTCUSDT").source == "file"


@pytest.fixture
def frozen_settings(settings_path: Path) -> Iterator[Path]:
    """The settings where no one may write: a read-only folder, for root one that is mounted so."""
    folder = settings_path.with_name("frozen")
    folder.mkdir()
    path = folder / settings_path.name
    path.write_bytes(settings_path.read_bytes())
    if os.geteuid():
        folder.chmod(0o555)
        yield path
        folder.chmod(0o755)
        return
    mounted = subprocess.run(["mount", "--bind", folder, folder], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"root may write everywhere, and mounts nothing here: {mounted.stderr.strip()}")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        yield path
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
def faulty_file(tmp_path: Path) -> Path:
    """A file with a row for the quarantine, of an instrument whose simulated bars are stored."""
    frame = bars(100)
    frame.loc[10, "high"] = frame["low"][10] / 2
    default_lake(create=True).upsert_bars(bars(500, seed=1, source="simulated"))
    return _csv(tmp_path / "faulty.csv", frame)


def _stored() -> tuple[object, ...]:
    stored = default_lake()
    return stored.content_hashes(BARS, ["BTCUSDT"]), stored.symbols(QUARANTINE)


def test_nothing_is_stored_where_the_settings_cannot_be_written(
    run: Run, faulty_file: Path, frozen_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_CORE_CONFIG", str(frozen_settings))
    before = _stored()
    result = run(*_import(faulty_file))
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert str(frozen_settings) in result.stderr
    assert "next: make the file and its folder writable" in result.stderr
    assert _stored() == before


def test_nothing_is_stored_where_a_variable_sets_the_watchlist(
    run: Run, faulty_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_CORE_WATCHLIST", json.dumps([instrument().model_dump(mode="json")]))
    before = _stored()
    result = run(*_import(faulty_file))
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "set by BOT_CORE_WATCHLIST" in result.stderr
    assert "next: unset the variable" in result.stderr
    assert _stored() == before


def test_an_import_that_leaves_the_watchlist_alone_needs_no_writable_settings(
    answer: Answer, file: Path, frozen_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_CORE_WATCHLIST", json.dumps([instrument(source="file").model_dump(mode="json")]))
    monkeypatch.setenv("BOT_CORE_CONFIG", str(frozen_settings))
    assert answer(*_import(file))["n_new"] == 100


def test_the_source_of_an_exchange_instrument_stays(answer: Answer, file: Path) -> None:
    change_instrument("BTCUSDT", {"source": "ccxt"})
    assert answer(*_import(file))["said"] == []
    assert load_settings().instrument("BTCUSDT").source == "ccxt"


def test_bars_of_another_timeframe_are_stored_beside_the_instruments_own(answer: Answer, tmp_path: Path) -> None:
    default_lake(create=True).upsert_bars(bars(50, source="simulated"))
    file = _csv(tmp_path / "btc5.csv", bars(60, timeframe="5m"))
    said = answer(*_import(file, timeframe="5m"))
    assert "stored beside the 1h bars" in said["said"][0]
    assert len(default_lake().bars("BTCUSDT", "5m")) == 60
    assert len(default_lake().bars("BTCUSDT", "1h")) == 50
    assert load_settings().instrument("BTCUSDT").source == "simulated"


def test_several_files_become_one_series(answer: Answer, tmp_path: Path, settings_path: Path) -> None:
    whole = bars(100)
    files = [_csv(tmp_path / f"{part}.csv", whole[part * 40 : part * 40 + 45]) for part in range(3)]
    said = answer("import", *map(str, files), "--symbol", "BTCUSDT", "--timeframe", "1h")
    assert (said["n_files"], said["n_read"], said["n_new"], said["n_duplicates"]) == (3, 110, 100, 10)


@pytest.mark.parametrize(("price_side", "close"), [("bid", 1.1010), ("ask", 1.1012)])
def test_of_a_file_with_bid_and_ask_the_watchlists_side_is_taken(
    answer: Answer, tmp_path: Path, settings_path: Path, price_side: str, close: float
) -> None:
    change_instrument("EURUSD", {"price_side": price_side})
    said = answer(*_import(_lean(tmp_path / "eurusd.zip", 48), symbol="EURUSD"))
    assert said["price_side"] == price_side
    stored = default_lake().bars("EURUSD", "1h")
    assert set(stored["close"]) == {close}
    assert stored["spread"].tolist() == pytest.approx([0.0002] * 48)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ("--side", "ask"),
            "holds ask prices, the watchlist says bid for EURUSD; "
            "next: bot-core symbols add EURUSD --replace --price-side ask",
        ),
        (("--side", "last"), "no last bars; give --side bid or --side ask"),
        (("--format", "tsv"), "unknown format 'tsv'"),
        (("--tz", "Mars/Olympus"), "Mars/Olympus"),
        (("--timeframe", "1d"), "--timeframe"),
    ],
    ids=["another side", "no side", "no format", "no zone", "another timeframe"],
)
def test_what_contradicts_is_one_error_with_the_next_step_and_nothing_is_stored(
    run: Run, tmp_path: Path, more: tuple[str, ...], message: str
) -> None:
    result = run(*_import(_lean(tmp_path / "eurusd.zip", 48), *more, symbol="EURUSD"))
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert load_settings().instrument("EURUSD").source == "simulated"


def test_a_symbol_that_is_not_on_the_watchlist_is_a_usage_error(run: Run, file: Path) -> None:
    result = run(*_import(file, symbol="DOGEUSDT"))
    assert (result.exit_code, "next: bot-core symbols add DOGEUSDT" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff" * 50, b"PK\x03\x04 cut", b"a,b\n1,2\n"], ids=["empty", "binary", "zip", "header"]
)
def test_a_file_that_holds_no_bars_is_one_line_and_nothing_stored_is_lost(
    run: Run, answer: Answer, file: Path, content: bytes
) -> None:
    answer(*_import(file))
    before = default_lake().content_hashes(BARS, ["BTCUSDT"])
    file.write_bytes(content)
    result = run(*_import(file))
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "btc.csv: " in result.stderr
    assert default_lake().content_hashes(BARS, ["BTCUSDT"]) == before


def test_a_missing_file_is_one_line(run: Run, tmp_path: Path) -> None:
    result = run(*_import(tmp_path / "absent.csv"))
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "absent.csv" in result.stderr


@pytest.mark.parametrize("symbol", ["BTC/USDT:USDT", "A%B", "O'X", "[X]"])
def test_an_odd_symbol_is_imported_like_any_other(answer: Answer, run: Run, file: Path, symbol: str) -> None:
    add_instrument(instrument(symbol=symbol).model_dump(mode="json"))
    default_lake(create=True).upsert_bars(bars(5, symbol=symbol, source="simulated"))
    said = answer(*_import(file, symbol=symbol))
    assert (said["symbol"], said["n_new"]) == (symbol, 100)
    assert symbol in run("status").stdout
    assert load_settings().instrument(symbol).source == "file"


def test_real_binance_hours_import_whole(answer: Answer, real_data: Path) -> None:
    said = answer(*_import(real_data / "crypto" / "binance_BTCUSDT_1h.csv"))
    assert (said["n_read"], said["n_new"], said["quarantined"], said["n_missing"]) == (55_912, 55_912, {}, 88)
    assert json.dumps(said)
