"""`bot-core symbols`."""

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from bot_core_dagster.lake import default_lake
from bot_core_dagster.settings import load_settings
from tests.builders import bars

Run = Callable[..., Result]
Answer = Callable[..., Any]


def test_the_watchlist_is_listed_and_what_is_simulated_says_so(run: Run, answer: Answer) -> None:
    assert [one["symbol"] for one in answer("symbols", "list")] == ["BTCUSDT", "ETHUSDT", "BNBUSDT", "EURUSD", "XAUUSD"]
    assert run("symbols", "list").stdout.count("SIMULATED") == 5


def test_what_a_name_implies_is_said(run: Run) -> None:
    shown = run("symbols", "add", "SOLUSDT").stdout
    assert "SOLUSDT added; taken for a crypto pair: venue binance, base SOL, quote USDT, calendar crypto" in shown
    assert "Its bars will be SIMULATED; for real ones: bot-core import FILE --symbol SOLUSDT" in shown
    assert load_settings().instrument("SOLUSDT").costs.fee_bps == 4.0


def test_what_is_said_wins_over_what_the_name_implies(answer: Answer) -> None:
    said = answer(
        "symbols", "add", "GBPUSD", "--venue", "fxcm", "--timeframe", "4h", "--price-side", "mid", "--source", "file",
        "--spread-bps", "0.8",
    )  # fmt: skip
    assert (said["venue"], said["timeframe"], said["price_side"], said["source"]) == ("fxcm", "4h", "mid", "file")
    assert {"fee_bps": 0.0, "spread_bps": 0.8, "slippage_bps": 0.2}.items() <= said["costs"].items()
    assert said["costs"]["swap_long_bps"] is None  # unknown, not 0
    assert said["note"] == "added; taken for a FX pair: base GBP, quote USD, calendar fx, fee bps 0, slippage bps 0.2"


def test_an_odd_name_asks_for_what_it_does_not_imply(run: Run, answer: Answer) -> None:
    result = run("symbols", "add", "A%B", "--venue", "x")
    assert result.exit_code == 2
    assert "next: bot-core symbols add A%B --base --quote --calendar --price-side" in result.stderr
    options = ("--venue", "x", "--base", "A", "--quote", "B", "--calendar", "crypto", "--price-side", "trade")
    assert answer("symbols", "add", "A%B", *options)["symbol"] == "A%B"


def test_replace_changes_what_is_said_and_nothing_else(run: Run, answer: Answer) -> None:
    before = load_settings().instrument("EURUSD")
    assert run("symbols", "add", "EURUSD", "--price-side", "ask").exit_code == 2
    said = answer("symbols", "add", "EURUSD", "--replace", "--price-side", "ask", "--fee-bps", "0.3")
    assert said["note"] == "changed"
    costs = before.costs.model_copy(update={"fee_bps": 0.3})
    assert load_settings().instrument("EURUSD") == before.model_copy(update={"price_side": "ask", "costs": costs})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--timeframe", "2h"), "got '2h'; nothing was changed"),
        (("--fee-bps", "-1"), "got -1.0; nothing was changed"),
        (("--calendar", "nyse"), "'crypto', 'fx' or 'metals', got 'nyse'"),
        (("--price-side", "last"), "'trade', 'bid', 'ask' or 'mid', got 'last'"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(run: Run, options: tuple[str, ...], message: str) -> None:
    result = run("symbols", "add", "SOLUSDT", *options)
    assert (result.exit_code, message in result.stderr) == (2, True)
    assert len(load_settings().watchlist) == 5


def test_a_removed_symbol_keeps_its_stored_bars(run: Run) -> None:
    default_lake(create=True).upsert_bars(bars(5))
    assert "Its stored bars stay" in run("symbols", "remove", "BTCUSDT").stdout
    assert len(default_lake().bars("BTCUSDT", "1h")) == 5
    assert run("symbols", "remove", "BTCUSDT").exit_code == 2
