"""`make bench`: every figure of docs/benchmarks.md, measured now, on this machine.

Belongs here: running the benchmarks one after the other and showing them against their limits. Not here: what is
measured (`benchmarks.bench_*`). A figure over its limit, or a race won by too
little, makes the exit code 1.
"""

import argparse
import importlib
import json
import os
import platform
import sys
from typing import Any, Final

BENCHMARKS: Final = (
    "benchmarks.bench_import:bench_import_csv",
    "benchmarks.bench_lake:bench_upsert_50_symbols",
    "benchmarks.bench_features:bench_features",
    "benchmarks.bench_lake:bench_latest_bars_sql",
    "benchmarks.bench_cycle:bench_hourly_cycle",
    "benchmarks.bench_run:bench_run",
    "benchmarks.bench_grid:bench_single_run",
    "benchmarks.bench_grid:bench_grids",
    "benchmarks.bench_grid:bench_grid_memory",
    "benchmarks.bench_backtest:bench_general_kernel",
    "benchmarks.bench_backtest:bench_against_peers",
    "benchmarks.bench_research:bench_optimization",
    "benchmarks.bench_research:bench_backtest_command",
    "benchmarks.bench_research:bench_market_analysis",
    "benchmarks.bench_models:bench_lstm_of_a_year",
    "benchmarks.bench_models:bench_three_networks",
    "benchmarks.bench_models:bench_forecasts",
    "benchmarks.bench_models:bench_windows",
)


def main() -> int:
    """Run the chosen benchmarks; return 1 where one misses its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help="part of a benchmark's name")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if not options.json:
        print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores")
    is_one_missed = False
    for target in BENCHMARKS:
        module, function = target.split(":")
        if options.only not in target:
            continue
        for result in _results(getattr(importlib.import_module(module), function)()):
            is_one_missed |= _is_missed(result)
            _show(result, as_json=options.json)
    return int(is_one_missed)


def _results(measured: dict[str, Any] | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return measured if isinstance(measured, list) else [measured]


def _is_missed(result: dict[str, Any]) -> bool:
    """Whether a figure is over its `limit`, or under its `at_least`."""
    limit, at_least = result["limit"], result.get("at_least")
    is_over = limit is not None and result["value"] > limit
    return is_over or (at_least is not None and result["value"] < at_least)


def _show(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(result, default=str), flush=True)
        return
    print(f"{result['name']:<58} {result['value']:>9.3f} {result['unit']:<3} {_against(result)}", flush=True)
    if result.get("detail"):
        print(f"    {result['detail']}", flush=True)


def _against(result: dict[str, Any]) -> str:
    if result["limit"] is not None:
        return f"limit {result['limit']:g} {result['unit']}: {'OVER' if _is_missed(result) else 'ok'}"
    if result.get("at_least") is not None:
        return f"at least {result['at_least']:g} {result['unit']}: {'UNDER' if _is_missed(result) else 'ok'}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
