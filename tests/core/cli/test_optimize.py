"""`bot-core optimize`: the core's own search, its trials kept, what the gate would say."""

import re
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from bot_core_dagster.backtest import TradingRules
from bot_core_dagster.lake import default_lake
from bot_core_dagster.optimization import PARAMETERS, TRIALS, optimize_strategy
from bot_core_dagster.settings import OptimizationSettings, load_settings
from bot_core_dagster.strategies import strategy_named
from tests.builders import bars

Run = Callable[..., Result]
Answer = Callable[..., Any]

N_BARS = 24 * 150
FEW = ("--variations", "24")


@pytest.fixture(autouse=True)
def lake(settings_path: Path) -> None:
    default_lake(create=True).upsert_bars(bars(N_BARS, seed=4))


@pytest.mark.parametrize(
    ("strategy", "typed", "settings"),
    [
        ("rsi", FEW, {"parameter_variations": 24}),
        (
            "macd",
            ("--method", "random", "--variations", "15", "--objective", "sortino_ratio", "--seed", "7"),
            {"method": "random", "parameter_variations": 15, "objective": "sortino_ratio", "seed": 7},
        ),
    ],
    ids=["few variations", "all that can be typed"],
)
def test_the_result_is_that_of_the_core(
    answer: Answer, strategy: str, typed: tuple[str, ...], settings: dict[str, Any]
) -> None:
    said = answer("optimize", strategy, "BTCUSDT", *typed)
    known = load_settings()
    found = optimize_strategy(
        bars(N_BARS, seed=4),
        strategy_named(strategy),
        known.instrument("BTCUSDT"),
        rules=TradingRules(),
        settings=OptimizationSettings.model_validate(known.optimization.model_dump() | settings),
    )
    assert said["best_parameters"] == found.best_parameters
    assert said["best_performance"] == found.best_performance
    assert said["total_variations_tested"] == found.n_variations
    assert len(said["top_10_results"]) == 10
    assert said["top_10_results"][0]["parameters"] == found.best_parameters
    assert (said["pbo"], said["n_trials"]) == (found.evidence.pbo, found.evidence.n_trials)
    assert said["deflated_sharpe_ratio"] == found.evidence.deflated_sharpe_ratio
    assert said["out_of_sample"]["anchored"]["sharpe_ratio"] == found.sharpe_ratio
    assert said["out_of_sample"]["anchored"]["net_return"] == pytest.approx(found.headline.equity[-1] - 1.0, abs=1e-12)
    assert [fold["trial"] for fold in said["out_of_sample"]["rolling"]["folds"]] == found.walk_forward["rolling"].folds[
        "trial"
    ].tolist()


def test_every_trial_is_kept_once_and_nothing_is_put_in_force(answer: Answer) -> None:
    first = answer("optimize", "rsi", "BTCUSDT", *FEW)
    again = answer("optimize", "rsi", "BTCUSDT", *FEW)
    more = answer("optimize", "rsi", "BTCUSDT", "--method", "random", "--variations", "60")
    assert (first["new_trials"], again["new_trials"]) == (first["total_variations_tested"], 0)
    assert again["n_trials"] == first["n_trials"]
    assert more["n_trials"] == first["n_trials"] + more["new_trials"]
    assert 0 < more["new_trials"] <= 60 < more["n_trials"]
    assert len(default_lake().read(TRIALS)) == more["n_trials"]
    assert default_lake().read(PARAMETERS).empty


def test_without_a_start_the_last_days_of_the_settings_are_searched(
    answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_CORE_OPTIMIZATION__LOOKBACK_DAYS", "110")
    said = answer("optimize", "rsi", "BTCUSDT", "--end", "2024-05-01", *FEW)
    assert (said["start"], said["end"]) == ("2024-01-12T00:00:00Z", "2024-05-01T00:00:00Z")
    said = answer("optimize", "rsi", "BTCUSDT", "--start", "2024-01-03", *FEW)
    assert (said["start"], said["end"]) == ("2024-01-03T00:00:00Z", "2024-05-30T00:00:00Z")


def test_the_gate_says_what_it_asks_and_why(answer: Answer, run: Run) -> None:
    gate = answer("optimize", "rsi", "BTCUSDT", *FEW)["gate"]
    assert gate["deploy"] == all(one["is_met"] for one in gate["reasons"] if one["limit"] is not None)
    assert gate["deploy"] is False
    shown = run("optimize", "rsi", "BTCUSDT", *FEW).stdout
    assert "The gate would KEEP the settings' parameters" in shown
    for reason in gate["reasons"]:
        assert (reason["words"] in shown) == (reason["limit"] is not None), reason["name"]


def test_the_screen_has_walk_forward_winners_and_evidence(run: Run) -> None:
    shown = run("optimize", "rsi", "BTCUSDT", *FEW).stdout
    for said in (
        *(r"walk-forward, out of sample +anchored +rolling", r"at twice the costs", r"buy and hold"),
        *(r"Sharpe ratio, 95%: -?\d+\.\d\d … -?\d+\.\d\d\.", r"n 120, P 365", r"Best 10 of \d+ in sample"),
        *(r"deflated Sharpe of the winner: \d\.\d\d of \d+ trials", r"probability of overfitting: .*\(16 blocks\)"),
        r"\d+ trials recorded, \d+ new",
    ):
        assert re.search(said, shown), said


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_wider_than_the_terminal(run: Run, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    shown = run("optimize", "macd", "BTCUSDT", "--objective", "profit_factor", *FEW).stdout
    assert max(len(line) for line in shown.splitlines() if " parameter sets by " not in line) <= width
    assert "profit_factor" in shown


def test_the_report_is_written_where_it_was_asked_for(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "search.html"
    result = run("optimize", "rsi", "BTCUSDT", *FEW, "--report", str(file))
    assert (result.exit_code, f"report  {file}" in result.stdout) == (0, True)
    assert "rsi on BTCUSDT 1h" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("nope", "BTCUSDT"), 2, "unknown strategy 'nope'"),
        (("rsi", "NOPE"), 2, "next: bot-core symbols add NOPE"),
        (("rsi", "BTCUSDT", "--objective", "luck"), 2, "unknown objective 'luck'; there are sharpe_ratio"),
        (("rsi", "BTCUSDT", "--method", "luck"), 2, "'luck' is not one of 'grid', 'random', 'tpe'"),
        (("rsi", "BTCUSDT", "--variations", "0"), 2, "Invalid value for '--variations'"),
        (("rsi", "BTCUSDT", "--start", "2024-05-01"), 1, "expected 100 or more days"),
        (("rsi", "BTCUSDT", "--start", "2030-01-01"), 1, "next: change --start or --end"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_bad_input_is_one_clear_error_and_nothing_is_recorded(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    error: str,
) -> None:
    from bot_core_dagster.cli.app import run_command_line

    monkeypatch.setattr(sys, "argv", ["bot-core", "optimize", *arguments])
    assert run_command_line() == code
    said = capsys.readouterr()
    assert error in said.err
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert default_lake().symbols(TRIALS) == ()


def test_a_search_that_does_not_fit_is_refused_with_its_cost(run: Run) -> None:
    start = bars(1)["open_time"][0]
    day = bars(4_000, timeframe="1d", symbol="ETHUSDT", start=start - timedelta(days=4_000))
    default_lake().upsert_bars(day)
    result = run(
        "optimize", "macd", "ETHUSDT", "--timeframe", "1d", "--start", "2013-01-01", "--variations", "10000000"
    )
    assert result.exit_code == 1
    assert "their daily returns would take" in result.stderr
    assert default_lake().symbols(TRIALS) == ()
