"""`bot-core backtest`: the core's own numbers, with their caveats, on a terminal and as JSON."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import Result

from bot_core_dagster.backtest import PreparedBars, TradingRules, backtest_strategy
from bot_core_dagster.cli.watchlist import change_instrument
from bot_core_dagster.lake import default_lake
from bot_core_dagster.optimization import Decision, record_decision
from bot_core_dagster.places import PROJECT_ROOT
from bot_core_dagster.settings import load_settings
from bot_core_dagster.strategies import strategies, strategy_named
from bot_core_dagster.validation import cost_stress
from tests.builders import bars

Run = Callable[..., Result]
Answer = Callable[..., Any]
Shell = Callable[..., "subprocess.CompletedProcess[str]"]

N_BARS = 24 * 120
TYPED = ("--allow-short", "--stop", "0.02", "--target", "0.05", "--trailing-stop", "0.03", "--fraction", "0.5")
RULES = TradingRules(allow_short=True, stop=0.02, target=0.05, trailing_stop=0.03, fraction=0.5)
HEAVY = ("dagster", "matplotlib", "plotly", "arch", "statsmodels", "optuna", "ccxt", "pandera", "scipy.stats")


@pytest.fixture(autouse=True)
def lake(settings_path: Path) -> None:
    default_lake(create=True).upsert_bars(bars(N_BARS, seed=3))


def _deploy(parameters: dict[str, float]) -> None:
    moment = datetime(2024, 3, 1, tzinfo=UTC)
    decision = Decision(
        strategy="rsi",
        symbol="BTCUSDT",
        timeframe="1h",
        deploy=True,
        reasons=(),
        candidate=parameters,
        objective="sharpe_ratio",
        window_start=moment,
        window_end=moment,
        content_hash="",
        code_version="",
        n_trials=1,
        deflated_sharpe_ratio=0.5,
        is_simulated=False,
    )
    record_decision(default_lake(), decision)


@pytest.mark.parametrize(
    ("strategy", "typed", "parameters", "rules"),
    [
        ("rsi", (), {}, TradingRules()),
        ("rsi", ("--param", "window=9", "--param", " oversold = 25 "), {"window": 9, "oversold": 25.0}, TradingRules()),
        ("macd", TYPED, {}, RULES),
        ("consensus", ("--long-only",), {}, TradingRules()),
    ],
    ids=["as the settings", "parameters typed", "rules typed", "an ensemble"],
)
def test_the_figures_are_those_of_the_core(
    answer: Answer, strategy: str, typed: tuple[str, ...], parameters: dict[str, float], rules: TradingRules
) -> None:
    said = answer("backtest", strategy, "BTCUSDT", *typed)
    made = backtest_strategy(
        bars(N_BARS, seed=3), strategy_named(strategy), parameters, load_settings().instrument("BTCUSDT"), rules
    )
    for name, figure in vars(made.summary).items():
        if isinstance(figure, float):
            assert said[name] == (None if np.isnan(figure) else figure), name
        elif isinstance(figure, int):
            assert said[name] == figure, name
    assert said["parameters_used"] == dict(made.parameters_used)
    assert [trade["net_profit"] for trade in said["trades"]] == made.trades["net_profit"].tolist()
    assert [day["equity"] for day in said["daily_equity"]] == made.daily_equity["equity"].tolist()
    assert (said["rules"]["stop"], said["simulated"]) == (None if np.isnan(rules.stop) else rules.stop, False)


def test_the_fields_that_a_migrating_user_expects_are_there(answer: Answer) -> None:
    """SPEC 1, backtest_strategy."""
    said = answer("backtest", "rsi", "BTCUSDT")
    assert {
        *("total_trades", "winning_trades", "losing_trades", "win_rate", "total_return", "sharpe_ratio"),
        *("max_drawdown", "profit_factor", "avg_trade_duration_hours", "parameters_used"),
    } <= said.keys()
    assert said["winning_trades"] + said["losing_trades"] == said["total_trades"] > 5
    assert all(isinstance(trade["n_bars"], int) for trade in said["trades"])


def test_a_range_is_what_was_typed_and_a_date_is_midnight_utc(answer: Answer) -> None:
    said = answer("backtest", "rsi", "BTCUSDT", "--start", "2024-02-01", "--end", "2024-02-11T02:00:00+02:00")
    assert (said["start"], said["end"], said["n_bars"]) == ("2024-02-01T00:00:00Z", "2024-02-11T00:00:00Z", 240)


def test_longer_bars_than_are_stored_are_made(answer: Answer) -> None:
    said = answer("backtest", "rsi", "BTCUSDT", "--timeframe", "4h")
    assert (said["timeframe"], said["n_bars"]) == ("4h", N_BARS // 4)


def test_parameters_are_the_deployed_ones_unless_they_are_typed(answer: Answer) -> None:
    assert answer("backtest", "rsi", "BTCUSDT")["parameters_from"] == "settings"
    assert answer("backtest", "macd", "BTCUSDT")["parameters_from"] == "defaults"
    _deploy({"window": 7, "oversold": 20.0, "overbought": 80.0})
    said = answer("backtest", "rsi", "BTCUSDT")
    assert said["parameters_used"] == {"window": 7, "oversold": 20.0, "overbought": 80.0}
    assert said["parameters_from"] == "deployed, version 1"
    said = answer("backtest", "rsi", "BTCUSDT", "--param", "window=8")
    assert said["parameters_used"] == {"window": 8, "oversold": 20.0, "overbought": 80.0}
    assert said["parameters_from"] == "window as typed, else deployed, version 1"
    assert answer("backtest", "rsi", "BTCUSDT", "--timeframe", "4h")["parameters_from"] == "settings"


def test_trials_count_where_their_window_overlaps(answer: Answer) -> None:
    half = ("--end", "2024-04-20")
    assert answer("backtest", "rsi", "BTCUSDT")["n_trials"] == 1
    searched = answer("optimize", "rsi", "BTCUSDT", "--start", "2024-01-01", *half, "--variations", "30")
    n_trials = searched["total_variations_tested"]
    assert 1 < n_trials <= 30
    whole, later = (answer("backtest", "rsi", "BTCUSDT", "--start", day) for day in ("2024-01-01", "2024-04-21"))
    assert (whole["n_trials"], later["n_trials"]) == (n_trials, 1)
    assert answer("backtest", "macd", "BTCUSDT")["n_trials"] == 1


def test_a_multiple_of_the_costs_is_shown_beside_the_others(answer: Answer, run: Run) -> None:
    said = answer("backtest", "rsi", "BTCUSDT", "--costs", "3.5")["stressed"]
    history, strategy = bars(N_BARS, seed=3), strategy_named("rsi")
    prepared = PreparedBars.of(history, load_settings().instrument("BTCUSDT"))
    (stressed,) = cost_stress(prepared, strategy.signal(history, "crypto", {}), TradingRules(), multipliers=(3.5,))
    assert said == vars(stressed)
    shown = run("backtest", "rsi", "BTCUSDT", "--costs", "3.5").stdout
    assert re.search(r"net +no costs +2 × costs +3.5 × costs +buy and hold", shown)


def test_the_headline_carries_its_caveats(run: Run) -> None:
    """CONVENTIONS 9."""
    shown = run("backtest", "rsi", "BTCUSDT").stdout
    for said in (
        *(r"net +no costs +2 × costs +buy and hold", r"Sharpe, 95% +-?\d+\.\d\d … -?\d+\.\d\d", r"of 1 trial\b"),
        *(r"n 120, P 365", r"fees \d.*spread \d.*slippage \d.*borrow 0\.0 %", r"window 14, .*\(settings\)"),
        r"long or flat with all of the equity, no stop, no target",
    ):
        assert re.search(said, shown), said
    assert "SIMULATED" not in shown


def test_simulated_bars_say_so_first(run: Run, answer: Answer) -> None:
    default_lake().upsert_bars(bars(500, symbol="ETHUSDT", source="simulated"))
    assert run("backtest", "rsi", "ETHUSDT").stdout.startswith(" SIMULATED  no market made these bars\n")
    assert answer("backtest", "rsi", "ETHUSDT")["simulated"] is True


def test_unknown_financing_is_unknown_and_not_zero(run: Run, answer: Answer) -> None:
    frame = bars(500, symbol="EURUSD").assign(price_side="bid")
    weekdays = frame[frame["open_time"].dt.dayofweek < 4]
    default_lake().upsert_bars(weekdays)
    change_instrument("EURUSD", {"source": "file"})
    shown = run("backtest", "rsi", "EURUSD").stdout
    assert "swap, funding, borrow UNKNOWN" in shown
    assert "unknown and in no figure" in shown
    assert answer("backtest", "rsi", "EURUSD")["financing_cost"] is None


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_wider_than_the_terminal(run: Run, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    shown = run("backtest", "macd", "BTCUSDT", "--costs", "3", "--allow-short").stdout
    lines = [line for line in shown.splitlines() if not line.startswith(("costs, of", "fast 12"))]
    assert max(map(len, lines)) <= width
    assert sum(any("⠀" < dot <= "⣿" for dot in line) for line in lines) == 6
    assert "Last trades of" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("nope", "BTCUSDT"), 2, "unknown strategy 'nope'; there are bollinger"),
        (("rsi", "NOPE"), 2, "next: bot-core symbols add NOPE"),
        (("rsi", "BTCUSDT", "--param", "windo=3"), 2, "there are: window, oversold, overbought"),
        (("rsi", "BTCUSDT", "--param", "window=999"), 2, "expected a whole number from 2 to 50, got 999"),
        (("rsi", "BTCUSDT", "--param", "window=nan"), 2, "expected a whole number from 2 to 50, got nan"),
        (("rsi", "BTCUSDT", "--param", "window"), 2, "expected NAME=NUMBER, got 'window'"),
        (("rsi", "BTCUSDT", "--param", "window=x"), 2, "expected NAME=NUMBER, got 'window=x'"),
        (("rsi", "BTCUSDT", "--param", "window=8", "--param", "window=9"), 2, "expected window once, got it twice"),
        (("macd", "BTCUSDT", "--param", "fast=20", "--param", "slow=14"), 2, "expected fast < slow"),
        (("rsi", "BTCUSDT", "--stop", "3"), 2, "stop: expected a value above 0 and below 1"),
        (("rsi", "BTCUSDT", "--trailing-stop", "-1"), 2, "Invalid value for --trailing-stop"),
        (("rsi", "BTCUSDT", "--costs", "-1"), 2, "Input should be greater than or equal to 0"),
        (("rsi", "BTCUSDT", "--start", "2030-01-01"), 1, "there are some from 2024-01-01T00:00Z to 2024-04-29T23:00Z"),
        (("rsi", "BTCUSDT", "--start", "2024-03-01", "--end", "2024-02-01"), 1, "the range ends before it starts"),
        (("rsi", "BTCUSDT", "--start", "2024-01-01T00:00:00"), 1, "has no time zone"),
        (("rsi", "BTCUSDT", "--start", "2024-13-01"), 1, "is no ISO 8601 time"),
        (("rsi", "BTCUSDT", "--timeframe", "5m"), 2, "no 5m bars of BTCUSDT"),
        (("rsi_rules", "BTCUSDT", "--timeframe", "1d"), 1, "the longest there is"),
        (("rsi", "BTCUSDT", "--report", "/proc/none/x.html"), 1, "/proc/none/x.html: cannot be written"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_bad_input_is_one_clear_error(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    error: str,
) -> None:
    from bot_core_dagster.cli.app import run_command_line

    monkeypatch.setattr(sys, "argv", ["bot-core", "backtest", *arguments])
    assert run_command_line() == code
    said = capsys.readouterr()
    assert error in said.err
    assert (said.out, said.err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    ("n_bars", "note"),
    [
        (1, "decides from bar 15 on, there are 1"),
        (10, "decides from bar 15 on, there are 10"),
        (15, "no trade: the signal never entered"),
    ],
)
def test_too_few_bars_are_said_and_undefined_figures_are_null(answer: Answer, run: Run, n_bars: int, note: str) -> None:
    default_lake().upsert_bars(bars(n_bars, symbol="ETHUSDT"))
    said = answer("backtest", "rsi", "ETHUSDT")
    assert (said["total_trades"], said["win_rate"], said["sharpe_ratio"]) == (0, None, None)
    assert note in said["notes"][0]
    shown = run("backtest", "rsi", "ETHUSDT").stdout
    assert "n/a" in shown
    assert note in shown


def test_wrong_strategy_settings_name_the_key(run: Run, settings_path: Path) -> None:
    settings_path.write_text(settings_path.read_text().replace("window = 14", "window = 999"))
    result = run("backtest", "rsi", "BTCUSDT")
    assert (result.exit_code, "strategies.rsi.parameters: window" in result.stderr) == (2, True)


def test_the_report_is_written_where_it_was_asked_for(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "rsi.html"
    result = run("backtest", "rsi", "BTCUSDT", "--report", str(file))
    assert (result.exit_code, f"report  {file}" in result.stdout) == (0, True)
    page = file.read_text(encoding="utf-8")
    assert "rsi on BTCUSDT 1h" in page
    assert "bars of BTCUSDT 1h" in page
    assert [path.name for path in file.parent.iterdir()] == ["rsi.html"]


@pytest.mark.parametrize("name", strategies())
def test_the_help_after_a_name_lists_its_parameters(run: Run, name: str) -> None:
    shown = run("backtest", name, "--help")
    assert shown.exit_code == 0
    for parameter in strategy_named(name).space.parameters:
        row = rf"{parameter.name} +{parameter.default:g} +{parameter.low:g} +{parameter.high:g} +{parameter.step:g} "
        assert re.search(row, shown.stdout), parameter
    for constraint in strategy_named(name).space.constraints:
        assert constraint.words in shown.stdout


@pytest.mark.parametrize("command", ["backtest", "optimize"])
def test_the_help_without_a_name_lists_the_strategies(run: Run, command: str) -> None:
    shown = run(command, "--help").stdout
    assert all(re.search(rf"^ {name} ", shown, re.MULTILINE) for name in strategies())
    assert f"{command} NAME --help" in shown


def test_a_backtest_imports_nothing_that_it_does_not_need() -> None:
    code = (
        "import sys, contextlib, io\n"
        "from bot_core_dagster.cli.app import run_command_line; sys.argv = ['bot-core', 'backtest', 'rsi', 'BTCUSDT']\n"
        "with contextlib.redirect_stdout(io.StringIO()): assert run_command_line() == 0\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_backtest_of_a_year_of_hours_takes_a_second_and_a_half(shell: Shell) -> None:
    """On a machine that is otherwise idle; the first run compiles the kernels."""
    default_lake().upsert_bars(bars(8_760, seed=3))
    took = []
    for _ in range(5):
        started = time.perf_counter()
        assert shell("backtest", "rsi", "BTCUSDT").returncode == 0
        took.append(time.perf_counter() - started)
    assert min(took[1:]) < 1.5
