"""`bot-core analyze`: every instrument's signal with its reasons; a bad one is named and skipped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from bot_core_dagster.lake import default_lake
from bot_core_dagster.settings import load_settings
from bot_core_dagster.strategies import RuleStrategy, strategies
from bot_core_dagster.strategies.analysis import analyse
from tests.builders import bars

Run = Callable[..., Result]
Answer = Callable[..., Any]

SYMBOLS = {"BTCUSDT": "file:test", "ETHUSDT": "file:test", "BNBUSDT": "simulated"}
RULES = [name for name, strategy in strategies().items() if isinstance(strategy, RuleStrategy)]


@pytest.fixture(autouse=True)
def lake(settings_path: Path) -> None:
    frames = {symbol: bars(600, symbol=symbol, seed=len(symbol), source=source) for symbol, source in SYMBOLS.items()}
    for frame in frames.values():
        default_lake(create=True).upsert_bars(frame)


def test_the_analysis_is_that_of_the_core(answer: Answer) -> None:
    said = answer("analyze", *SYMBOLS)
    assert said["failed"] == []
    for symbol, one in zip(SYMBOLS, said["analyses"], strict=True):
        known = analyse(default_lake().bars(symbol, "1h"), load_settings().instrument(symbol))
        for name in ("symbol", "timeframe", "signal", "rule_confidence", "price", "reasoning", "is_simulated"):
            assert one[name] == getattr(known, name), name
        assert [opinion["strategy"] for opinion in one["opinions"]] == RULES
        assert one["known_at"] == "2024-01-26T00:00:00Z"


def test_without_symbols_the_watchlist_is_analysed_and_the_bad_ones_are_named(run: Run) -> None:
    result = run("analyze")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert [line.split()[1] for line in lines] == ["EURUSD", "XAUUSD"]
    assert all("skipped: no 1h bars of" in line for line in lines)
    assert all(f" {symbol} " in result.stdout for symbol in SYMBOLS)


def test_a_bad_one_is_in_the_json_too(run: Run) -> None:
    import json

    result = run("analyze", "NOPE", "BTCUSDT", "--json")
    said = json.loads(result.stdout)
    assert (result.exit_code, len(said["analyses"]), said["failed"][0]["symbol"]) == (1, 1, "NOPE")
    assert "bot-core symbols add NOPE" in said["failed"][0]["reason"]


def test_one_symbol_shows_every_opinion_with_its_reason(run: Run, answer: Answer) -> None:
    (known,) = answer("analyze", "BTCUSDT")["analyses"]
    shown = run("analyze", "BTCUSDT").stdout
    assert known["signal"] in shown
    for opinion in known["opinions"]:
        assert opinion["reasoning"] in shown
        assert opinion["strategy"] in shown
    assert "SIMULATED" not in shown


def test_several_are_a_table_of_opinions_and_simulated_ones_are_named(run: Run) -> None:
    shown = run("analyze", *SYMBOLS).stdout
    assert " SIMULATED  no market made the bars of BNBUSDT\n" in shown
    assert "Long ▲, short ▼, neutral –" in shown
    assert sum(shown.count(sign) for sign in "▲▼–") == 3 + len(SYMBOLS) * len(RULES)


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_wider_than_the_terminal(run: Run, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert max(map(len, run("analyze", *SYMBOLS).stdout.splitlines())) <= width


def test_another_timeframe_is_made_of_the_stored_one(answer: Answer, run: Run) -> None:
    (said,) = answer("analyze", "BTCUSDT", "--timeframe", "4h")["analyses"]
    assert said["timeframe"] == "4h"
    (said,) = answer("analyze", "BTCUSDT", "--timeframe", "1d")["analyses"]
    assert (said["signal"], said["rule_confidence"]) == ("HOLD", None)
    assert "the longest there is" in run("analyze", "BTCUSDT", "--timeframe", "1d").stdout
