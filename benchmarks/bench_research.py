"""What a user waits for: a whole optimisation, `bot-core backtest`, the analysis of many symbols.

Belongs here: these times, on a year of hours. Not here: kernels (`benchmarks.bench_grid`), other libraries
(`benchmarks.bench_backtest`), the hourly cycle (`benchmarks.bench_cycle`).
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

import pandas as pd

from benchmarks.bench_grid import YEAR_OF_HOURS
from benchmarks.job_run import run_in_process
from bot_core_dagster.backtest import TradingRules
from bot_core_dagster.lake import Lake
from bot_core_dagster.optimization import optimize_strategy
from bot_core_dagster.places import PROJECT_ROOT
from bot_core_dagster.settings import OptimizationSettings
from bot_core_dagster.strategies.analysis import analyse
from bot_core_dagster.strategies.registry import strategy_named
from tests.builders import bars, instrument

N_VARIATIONS: Final = 1_000
N_REPEATS: Final = 5
N_RUNS: Final = 3
ANALYSED: Final = {50: 2.0, 500: 20.0}
"""Symbols, and the limit in seconds."""

_STORED_AT_ONCE: Final = 100
_ENTRY: Final = (
    '[[watchlist]]\nsymbol = "{}"\nvenue = "bench"\ntimeframe = "1h"\nbase = "SIM"\nquote = "USDT"\n'
    'calendar = "crypto"\nprice_side = "trade"\nsource = "file"\n'
    "costs = {{ fee_bps = 4.0, spread_bps = 1.0, slippage_bps = 1.0 }}\n"
)


def bench_optimization() -> dict[str, Any]:
    """Return the time of a search with all its evidence: walk-forward, deflated Sharpe ratio, PBO, SPA, intervals."""
    history, traded, settings = (
        bars(YEAR_OF_HOURS),
        instrument(),
        OptimizationSettings(parameter_variations=N_VARIATIONS),
    )

    def optimise() -> int:
        found = optimize_strategy(history, strategy_named("rsi"), traded, rules=TradingRules(), settings=settings)
        assert found.evidence.pbo_blocks == 16
        return len(found.trials)

    n_trials = optimise()
    times = _times(optimise)
    return {
        "name": f"optimisation of {n_trials:,} RSI sets on a year of hours",
        "value": median(times),
        "unit": "s",
        "limit": 2.0,
        "detail": f"{min(times):.2f} to {max(times):.2f} s in {N_REPEATS} repeats; what the constraints leave of 1,000 "
        "variations; walk-forwards, deflated Sharpe ratio, PBO of 16 blocks, SPA, intervals, cost stress",
    }


def bench_backtest_command() -> dict[str, Any]:
    """Return the wall clock of `bot-core backtest` as a process, its kernels compiled before."""
    with _installation(["SIM000"]) as environment:
        command = [sys.executable, "-m", "bot_core_dagster.cli", "backtest", "rsi", "SIM000"]

        def run() -> object:
            return subprocess.run(command, env=environment, cwd=PROJECT_ROOT, capture_output=True, check=True)

        run()
        times = _times(run)
        bare = _times(lambda: subprocess.run([sys.executable, "-c", "import pandas, talib, deltalake"], check=True))
    return {
        "name": "bot-core backtest rsi on a year of hours, a process",
        "value": median(times),
        "unit": "s",
        "limit": 1.5,
        "detail": f"{min(times):.2f} to {max(times):.2f} s in {N_REPEATS} repeats; of it {median(bare):.2f} s start "
        "Python and import pandas, TA-Lib and deltalake",
    }


def bench_market_analysis() -> list[dict[str, Any]]:
    """Return the time of the market_analysis of 50 and of 500 symbols, each one Dagster run, an hour after the last."""
    return [_analysis(n_symbols, limit) for n_symbols, limit in ANALYSED.items()]


def _analysis(n_symbols: int, limit: float) -> dict[str, Any]:
    symbols = [f"SIM{number:03d}" for number in range(n_symbols)]
    times = []
    with _installation(symbols) as environment:
        _analysis_run(environment)
        lake, after = Lake.open(Path(environment["BOT_CORE_HOME"]) / "lake"), datetime(2024, 1, 1, tzinfo=UTC)
        for hour in range(YEAR_OF_HOURS, YEAR_OF_HOURS + N_RUNS):
            later = after + timedelta(hours=hour)
            lake.upsert_bars(pd.concat([bars(1, symbol=symbol, start=later) for symbol in symbols]))
            times.append(_analysis_run(environment))
    history, traded = bars(YEAR_OF_HOURS), instrument()
    alone = median(_times(lambda: analyse(history, traded)))
    return {
        "name": f"market_analysis of {n_symbols} symbols, one Dagster run",
        "value": min(times),
        "unit": "s",
        "limit": limit,
        "detail": f"from the run's start to its end, the fastest of {N_RUNS}, the slowest {max(times):.1f} s; the "
        f"analysis itself is {1e3 * alone:.1f} ms a symbol, {n_symbols * alone:.2f} s of it",
    }


def _analysis_run(environment: dict[str, str]) -> float:
    """Analyse all symbols in a process; return the seconds from the run's start to its end."""
    return run_in_process(environment, "analyze_market", ["market_analysis"]).run_s


@contextmanager
def _installation(symbols: list[str]) -> Iterator[dict[str, str]]:
    """Make a home with a year of hours of these symbols; give the environment of a process that uses it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = folder / "bot_core.toml"
        settings.write_text("\n".join(_ENTRY.format(symbol) for symbol in symbols), encoding="utf-8")
        (folder / "dagster").mkdir()
        lake = Lake.open(folder / "lake", create=True)
        for place in range(0, len(symbols), _STORED_AT_ONCE):
            few = symbols[place : place + _STORED_AT_ONCE]
            lake.upsert_bars(
                pd.concat([bars(YEAR_OF_HOURS, symbol=symbol, seed=seed) for seed, symbol in enumerate(few)])
            )
        yield os.environ | {
            "BOT_CORE_HOME": name,
            "BOT_CORE_CONFIG": str(settings),
            "DAGSTER_HOME": str(folder / "dagster"),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "OMP_NUM_THREADS": "1",
        }


def _times(work: Any) -> list[float]:
    times = []
    for _ in range(N_REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return times
