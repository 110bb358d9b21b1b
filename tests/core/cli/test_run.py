"""`bot-core run`: what came of a cycle, on a terminal and for a script, with good symbols beside a bad one."""

import json
import logging
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import Result

from bot_core_dagster.cli import run as command
from bot_core_dagster.cli.cycle import tells_of_no_interrupt
from bot_core_dagster.cli.cycle_result import Built, CycleResult, Failed, ForecastLine, Headline
from bot_core_dagster.cli.watchlist import remove_instrument
from bot_core_dagster.settings import load_settings

Run = Callable[..., Result]

HEADLINE = Headline(
    period="June 2024",
    start=datetime(2024, 6, 1, tzinfo=UTC),
    end=datetime(2024, 7, 1, tzinfo=UTC),
    net_return=0.0512,
    double_cost_return=0.0311,
    gross_return=0.0701,
    buy_and_hold_return=-0.012,
    max_drawdown=-0.034,
    sharpe_ratio=1.234,
    sharpe_low=-0.5,
    sharpe_high=2.9,
    confidence=0.95,
    deflated_sharpe_ratio=0.61,
    n_trades=12,
    n_periods=30,
    periods_per_year=365,
    n_trials=1,
)

FORECAST = ForecastLine(
    symbol="BTCUSDT",
    as_of=datetime(2024, 7, 1, 9, tzinfo=UTC),
    close=64_000.0,
    horizon=24,
    predicted_price=64_250.1,
    lower=62_000.0,
    upper=66_500.0,
    probability_up=0.5312,
    trend_direction="flat",
    model="boosting 0123456789abcdef",
    note="",
    simulated=False,
)


def _result(**changed: object) -> CycleResult:
    said: dict[str, object] = {
        "built": (
            Built("bars", "BTCUSDT", "built", 1_000, 1.5),
            Built("bars", "EURUSD", "unchanged", 500, math.nan),
            Built("features", "BTCUSDT", "built", 1_000, 0.5),
        ),
        "failed": (),
        "headlines": (HEADLINE,),
        "simulated_symbols": (),
        "recommendations": ("trades (since inception): 12, limit at least 30, beyond.",),
        "report": Path("/elsewhere/review.html"),
        "seconds": 9.5,
    }
    return CycleResult(**(said | changed))  # type: ignore[arg-type]  # a builder


def _shown(result: CycleResult, capsys: pytest.CaptureFixture[str]) -> list[str]:
    command.show(result)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip()]


def test_what_was_built_is_a_row_an_asset_and_the_headline_has_its_caveats(capsys: pytest.CaptureFixture[str]) -> None:
    shown = _shown(_result(), capsys)
    for line in (
        "bars 1 1 - 1,500 1.5 s",
        "features 1 0 - 1,000 0.5 s",
        "period (UTC) 2024-06-01 … 2024-07-01",
        "return +5.1 %",
        "at twice the costs +3.1 %",
        "before costs +7.0 %",
        "buy and hold -1.2 %",
        "maximum drawdown, bar closes -3.4 %",
        "Sharpe ratio 1.23",
        "95% interval -0.50 … 2.90",
        "deflated 0.61 of 1 trial",
        "days n 30, P 365",
        "closed trades 12",
        "• trades (since inception): 12, limit at least 30, beyond.",
        "Done in 9.5 s. Where to look:",
        "report /elsewhere/review.html",
        "web interface bot-core up (or: make up)",
    ):
        assert line in shown
    assert not any("SIMULATED" in line for line in shown)


def test_what_no_market_made_is_said_above_the_figures(capsys: pytest.CaptureFixture[str]) -> None:
    shown = _shown(_result(simulated_symbols=("BTCUSDT", "EURUSD")), capsys)
    banner = shown.index("SIMULATED no market made the bars of BTCUSDT, EURUSD")
    assert banner < shown.index("return +5.1 %")


def test_costs_of_holding_that_are_unknown_are_said_below_the_figures(capsys: pytest.CaptureFixture[str]) -> None:
    shown = _shown(_result(unknown_financing=("EURUSD", "XAUUSD")), capsys)
    line = shown.index("Swap, funding and borrow of EURUSD, XAUUSD: unknown, in no figure above.")
    assert line > shown.index("closed trades 12")
    assert not any("Swap" in line for line in _shown(_result(), capsys))


def test_a_failed_symbol_is_named_once_with_its_first_reason(capsys: pytest.CaptureFixture[str]) -> None:
    failed = (
        Failed("bar_quality", "EURUSD", "last bar 48 bars old"),
        Failed("features", "EURUSD", "bar_quality failed: last bar 48 bars old"),
    )
    shown = _shown(_result(failed=failed), capsys)
    assert "features 1 0 EURUSD 1,000 0.5 s" in shown
    assert "EURUSD bar_quality last bar 48 bars old" in shown
    assert not any("bar_quality failed" in line for line in shown)
    assert "Done, with failures, in 9.5 s. Where to look:" in shown


def test_an_undefined_figure_is_said_to_be_so_and_without_a_review_there_is_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    undefined = Headline(**(vars(HEADLINE) | {"sharpe_ratio": math.nan, "sharpe_low": math.nan}))
    assert "Sharpe ratio n/a" in _shown(_result(headlines=(undefined,)), capsys)
    assert "Headline" not in _shown(_result(headlines=(), report=None), capsys)


def test_each_forecast_is_a_row_that_names_its_model_and_what_no_market_made(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made_up = replace(FORECAST, symbol="EURUSD", close=1.08, predicted_price=1.081, model="naive", simulated=True)
    shown = _shown(_result(forecasts=(FORECAST, made_up)), capsys)
    assert "BTCUSDT 2024-07-01 09:00 64,000.0 64,250.1 62,000.0 … 66,500.0 0.531 boosting 0123456789abcdef" in shown
    (naive,) = (line for line in shown if line.endswith(" naive"))
    assert naive.startswith("SIMULATED EURUSD 2024-07-01 09:00 1.08000 1.08100 ")
    assert "Forecasts" not in _shown(_result(), capsys)


def test_a_shorter_training_is_said_and_none_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    told = "trained on 90 days for at most 4 epochs"
    assert f"Models: {told}." in _shown(_result(shorter_training=told), capsys)
    assert not any(line.startswith("Models:") for line in _shown(_result(), capsys))


def test_a_real_cycle_builds_the_good_symbol_and_names_the_bad_one(run: Run, settings_path: Path) -> None:
    for symbol in ("ETHUSDT", "BNBUSDT", "XAUUSD"):
        remove_instrument(symbol)
    start = (datetime.now(UTC) - timedelta(days=75)).strftime("%Y-%m-%dT00:00:00Z")
    settings_path.write_text(
        settings_path.read_text()
        .replace("2024-01-01T00:00:00Z", start)
        .replace('price_side = "bid"\nsource = "simulated"', 'price_side = "bid"\nsource = "file"')
    )
    assert [one.source for one in load_settings().watchlist] == ["simulated", "file"]
    result = run("run", "--json")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: EURUSD failed, the others are built; ")
    said = json.loads(result.stdout)
    assert {one["partition"] for one in said["failed"]} == {"EURUSD"}
    assert ("rsi_backtest", "BTCUSDT") in {(one["asset"], one["partition"]) for one in said["built"]}
    assert said["simulated_symbols"] == ["BTCUSDT"]
    (forecast,) = said["forecasts"]
    assert (forecast["symbol"], forecast["model"], forecast["simulated"]) == ("BTCUSDT", "naive", True)
    assert forecast["lower"] < forecast["predicted_price"] < forecast["upper"]
    assert "no model has been promoted" in forecast["note"]
    assert said["shorter_training"] == "", "75 days are too few to train on"
    assert Path(said["report"]).is_file()


def test_a_logged_interrupt_is_not_printed_and_a_logged_error_is(capsys: pytest.CaptureFixture[str]) -> None:
    """A pool of connections logs an interrupt with a traceback before it raises it."""
    assert logging.lastResort is not None
    logging.lastResort.addFilter(tells_of_no_interrupt)
    pool = logging.Logger("a pool")
    pool.parent, pool.handlers = None, [logging.lastResort]
    try:
        for error in (KeyboardInterrupt(), ValueError("torn")):
            pool.error("closing %s", type(error).__name__, exc_info=error)
    finally:
        logging.lastResort.removeFilter(tells_of_no_interrupt)
    told = capsys.readouterr().err
    assert "closing ValueError" in told
    assert "KeyboardInterrupt" not in told
