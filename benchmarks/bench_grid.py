"""Benchmarks of grids: many parameter sets on the same bars, with every statistic and objective.

Belongs here: our own times and memory. Not here: those of other libraries on the same bars, rules beyond long and flat.

Timed from prepared bars to all objectives: indicators, trades, daily equity, drawdowns. The preparation of the bars is
told apart. One thread; nothing is kept from one repeat to the next.
"""

import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from bot_core_dagster.backtest.grid import run_grid
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.statistics import OBJECTIVES, GridStatistics, objective
from bot_core_dagster.strategies.registry import strategy_named
from tests.builders import bars, instrument

YEAR_OF_HOURS: Final = 8_760
YEAR_OF_MINUTES: Final = 525_600

Sets = list[dict[str, float]]


def rsi_grid(n_windows: int, n_levels: int) -> Sets:
    """Return n_windows x n_levels x n_levels sets: windows of 4 to 50 bars, levels from 20 to 39 and from 61 to 80."""
    windows, levels = np.linspace(4, 50, n_windows).round().tolist(), np.linspace(0.0, 19.0, n_levels).tolist()
    return [
        {"window": int(window), "oversold": 20.0 + low, "overbought": 80.0 - high}
        for window in windows
        for low in levels
        for high in levels
    ]


def random_triples(n_sets: int) -> Sets:
    """Return sets of which no two share a level."""
    rng = np.random.default_rng(1)
    drawn = zip(rng.integers(2, 51, n_sets), rng.uniform(10, 45, n_sets), rng.uniform(55, 90, n_sets), strict=True)
    return [{"window": int(window), "oversold": low, "overbought": high} for window, low, high in drawn]


def dense_grid() -> Sets:
    """Return 10 x 10 x 10 sets of short windows and near levels: positions change on a tenth of the bars and more."""
    return [
        {"window": window, "oversold": 50.0 - low, "overbought": 51.0 + high}
        for window in range(2, 12)
        for low in range(10)
        for high in range(10)
    ]


BIG: Final[dict[str, tuple[int, str, Callable[[], Sets], float, float]]] = {
    "10,000 sets x 200,000 minutes": (200_000, "1m", lambda: rsi_grid(25, 20), 1_500.0, 340.0),
    "1,000 sets x 525,600 minutes": (YEAR_OF_MINUTES, "1m", lambda: rsi_grid(10, 10), 500.0, 600.0),
}
"""Bars, timeframe, sets, and the limits of time (ms) and of memory over the bare process (MB)."""


def bench_single_run() -> dict[str, Any]:
    """Return the time of one parameter set over a year of minutes, with every objective."""
    prepared, seconds = _prepared(YEAR_OF_MINUTES, "1m")
    defaults = [strategy_named("rsi").space.defaults()]
    return _timed("one RSI run x 525,600 minutes", "rsi", prepared, seconds, defaults, limit=5.0, n_repeats=15)


def bench_grids() -> list[dict[str, Any]]:
    """Return the times of grids over a year of hours, and of those over a year of minutes."""
    hours, hours_s = _prepared(YEAR_OF_HOURS, "1h")
    minutes, minutes_s = _prepared(YEAR_OF_MINUTES, "1m")
    catalog = {name: strategy_named(name).space.grid(1_000) for name in ("bollinger", "macd", "stochastic", "volume")}
    return [
        _timed("1,000 RSI sets x 8,760 hours", "rsi", hours, hours_s, rsi_grid(10, 10), limit=10.0, n_repeats=15),
        _timed("1,000 RSI sets x 525,600 minutes", "rsi", minutes, minutes_s, rsi_grid(10, 10), limit=500.0),
        _timed("1,000 random RSI sets x 8,760 hours", "rsi", hours, hours_s, random_triples(1_000)),
        _timed("1,000 random RSI sets x 525,600 minutes", "rsi", minutes, minutes_s, random_triples(1_000)),
        _timed("1,000 trade-dense RSI sets x 8,760 hours", "rsi", hours, hours_s, dense_grid()),
        _timed("1,000 trade-dense RSI sets x 525,600 minutes", "rsi", minutes, minutes_s, dense_grid()),
        *(
            _timed(f"{len(sets):,} {name} sets x 8,760 hours", name, hours, hours_s, sets)
            for name, sets in catalog.items()
        ),
        *(
            _timed(f"{len(sets):,} {name} sets x 525,600 minutes", name, minutes, minutes_s, sets, n_repeats=3)
            for name, sets in catalog.items()
        ),
    ]


def bench_grid_memory() -> list[dict[str, Any]]:
    """Return time and memory of the big grids, each in a process of its own."""
    results = []
    for name, (_, _, _, limit_ms, limit_mb) in BIG.items():
        command = [sys.executable, "-m", "benchmarks.bench_grid", name]
        measured = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        results.append({"name": name, "unit": "ms", "limit": limit_ms} | measured["time"])
        results.append({"name": f"{name}, memory", "unit": "MB", "limit": limit_mb} | measured["memory"])
    return results


def measured_in_this_process(name: str) -> dict[str, dict[str, Any]]:
    """Return time and memory of one of BIG; the bare process has everything imported and nothing else done."""
    n_bars, timeframe, sets_of, _, _ = BIG[name]
    bare = _peak_mb()
    prepared, seconds = _prepared(n_bars, timeframe)
    timed = _timed(name, "rsi", prepared, seconds, sets_of(), n_repeats=3)
    peak = _peak_mb()
    detail = f"peak {peak:.0f} MB, bare process {bare:.0f} MB; bars, compiled code and results included"
    return {
        "time": {key: timed[key] for key in ("value", "detail")},
        "memory": {"value": peak - bare, "detail": detail},
    }


def _timed(
    name: str,
    strategy: str,
    prepared: PreparedBars,
    prepared_s: float,
    sets: Sets,
    *,
    limit: float | None = None,
    n_repeats: int = 5,
) -> dict[str, Any]:
    """Return the median time in milliseconds of a grid with all objectives, after one run that compiles."""
    grid, _ = _run(prepared, strategy, sets)
    times = [_milliseconds(lambda: _run(prepared, strategy, sets)) for _ in range(n_repeats)]
    density = 2 * grid.n_trades.mean() / prepared.n_bars
    return {
        "name": name,
        "value": statistics.median(times),
        "unit": "ms",
        "limit": limit,
        "detail": f"{min(times):.2f} to {max(times):.2f} ms in {n_repeats} repeats; positions change on {density:.2%} "
        f"of the bars; preparation {1e3 * prepared_s:.0f} ms",
    }


def _run(
    prepared: PreparedBars, strategy: str, sets: list[dict[str, float]]
) -> tuple[GridStatistics, Mapping[str, np.ndarray]]:
    grid = run_grid(prepared, strategy_named(strategy), sets, TradingRules())
    return grid, {name: objective(name, grid, prepared) for name in OBJECTIVES}


def _prepared(n_bars: int, timeframe: str) -> tuple[PreparedBars, float]:
    history = bars(n_bars, timeframe=timeframe)
    traded = instrument(timeframe=timeframe)
    started = time.perf_counter()
    prepared = PreparedBars.of(history, traded)
    return prepared, time.perf_counter() - started


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1_000 * (time.perf_counter() - started)


def _peak_mb() -> float:
    """Return the most memory this process has held; getrusage would count that of the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kilobytes) / 1_024


if __name__ == "__main__":
    print(json.dumps(measured_in_this_process(sys.argv[1])))
