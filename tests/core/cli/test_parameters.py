"""`bot-core parameters`: what is in force, why, and the way back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from bot_core_dagster.lake import default_lake
from bot_core_dagster.optimization import Decision, Reason, deployed_parameters, record_decision

Run = Callable[..., Result]
Answer = Callable[..., Any]

START = datetime(2024, 3, 1, tzinfo=UTC)
NAMES = ("bollinger", "macd", "rsi", "stochastic", "volume")


@pytest.fixture(autouse=True)
def lake(settings_path: Path) -> None:
    default_lake(create=True)


def _decide(window: int, *, deploy: bool = True, week: int = 0) -> None:
    reason = Reason("overfitting", 0.1 if deploy else 0.4, 0.2, deploy, "the probability of overfitting is as it is")
    end = START + timedelta(weeks=week)
    decision = Decision(
        strategy="rsi",
        symbol="BTCUSDT",
        timeframe="1h",
        deploy=deploy,
        reasons=(reason,),
        candidate={"window": window, "oversold": 25.0, "overbought": 75.0},
        objective="sharpe_ratio",
        window_start=end - timedelta(days=365),
        window_end=end,
        content_hash=f"rows of week {week}",
        code_version="code",
        n_trials=200,
        deflated_sharpe_ratio=0.5,
        is_simulated=True,
    )
    record_decision(default_lake(), decision, end)


def test_at_first_the_settings_hold_for_every_strategy_and_instrument(answer: Answer, run: Run) -> None:
    rows = answer("parameters", "show")
    assert [(row["strategy"], row["symbol"]) for row in rows[:3]] == [
        *(("bollinger", "BTCUSDT"), ("bollinger", "ETHUSDT"), ("bollinger", "BNBUSDT"))
    ]
    assert {row["version"] for row in rows} == {0}
    assert len(rows) == 25
    rsi = next(row for row in rows if row["strategy"] == "rsi")
    assert rsi["parameters"] == {"window": 14, "oversold": 30.0, "overbought": 70.0}
    shown = run("parameters", "show").stdout
    assert shown.count("BTCUSDT, ETHUSDT, BNBUSDT, EURUSD, XAUUSD 1h") == len(NAMES)
    assert all(name in shown for name in NAMES)


def test_a_deployed_set_is_shown_with_its_version(answer: Answer, run: Run) -> None:
    _decide(9)
    (row,) = answer("parameters", "show", "rsi", "BTCUSDT")
    assert (row["version"], row["outcome"], row["decided_at"]) == (1, "deployed", "2024-03-01T00:00:00Z")
    assert row["parameters"] == {"window": 9, "oversold": 25.0, "overbought": 75.0}
    shown = run("parameters", "show", "rsi").stdout
    assert "window 9, oversold 25, overbought 75" in shown
    assert "ETHUSDT, BNBUSDT, EURUSD, XAUUSD 1h" in shown


def test_the_history_tells_every_decision_and_why(answer: Answer, run: Run) -> None:
    assert "No decision yet" in run("parameters", "show", "--history").stdout
    _decide(9)
    _decide(10, deploy=False, week=1)
    rows = answer("parameters", "show", "rsi", "BTCUSDT", "--history")
    assert [(row["outcome"], row["version"]) for row in rows] == [("deployed", 1), ("kept", 1)]
    assert rows[1]["candidate"]["window"] == 10
    assert rows[1]["parameters"]["window"] == 9
    assert rows[1]["reasons"][0]["words"] == "the probability of overfitting is as it is"
    shown = run("parameters", "show", "--history").stdout
    assert "deploy: every condition is met (window 9, oversold 25, overbought 75)" in shown
    assert "keep: the probability of overfitting is as it is" in shown


def test_a_roll_back_puts_the_version_before_in_force(answer: Answer, run: Run) -> None:
    _decide(9)
    _decide(10, week=1)
    said = run("parameters", "rollback", "rsi", "BTCUSDT").stdout
    assert "rsi on BTCUSDT 1h: rolled back from version 2 to version 1" in said
    assert "window 9" in said
    assert (deployed_parameters(default_lake(), "rsi", "BTCUSDT", "1h") or {})["window"] == 9
    again = answer("parameters", "rollback", "rsi", "BTCUSDT")
    assert (again["outcome"], again["version"], again["parameters"]) == ("rolled_back", 0, None)
    (row,) = answer("parameters", "show", "rsi", "BTCUSDT")
    assert (row["version"], row["outcome"], row["parameters"]["window"]) == (0, "rolled_back", 14)


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("rollback", "rsi", "BTCUSDT"), 1, "nothing to roll back"),
        (("rollback", "nope", "BTCUSDT"), 2, "unknown strategy 'nope'"),
        (("rollback", "rsi", "NOPE"), 2, "next: bot-core symbols add NOPE"),
        (("show", "nope"), 2, "unknown strategy 'nope'"),
        (("show", "rsi", "NOPE"), 2, "next: bot-core symbols add NOPE"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_bad_input_is_one_clear_error(run: Run, arguments: tuple[str, ...], code: int, error: str) -> None:
    result = run("parameters", *arguments)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (code, "", 1)
    assert error in result.stderr


def test_alone_it_shows_its_help(run: Run) -> None:
    shown = run("parameters").stdout
    assert "rollback" in shown
