"""`make bench`: every figure of docs/benchmarks.md, measured now, on this machine.

Belongs here: running the benchmarks one after the other and showing them against their limits. Not here: what is
measured (`benchmarks.bench_*`). A figure over its limit makes the exit code 1.
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
)


def main() -> int:
    """Run the chosen benchmarks; return 1 where one is over its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help="part of a benchmark's name")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if not options.json:
        print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores")
    too_slow = False
    for target in BENCHMARKS:
        module, function = target.split(":")
        if options.only not in target:
            continue
        for result in _results(getattr(importlib.import_module(module), function)()):
            too_slow |= result["limit"] is not None and result["value"] > result["limit"]
            _show(result, as_json=options.json)
    return int(too_slow)


def _results(measured: dict[str, Any] | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return measured if isinstance(measured, list) else [measured]


def _show(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(result, default=str), flush=True)
        return
    limit = result["limit"]
    verdict = "ok" if limit is None or result["value"] <= limit else "OVER"
    against = "" if limit is None else f"limit {limit:g} {result['unit']}: {verdict}"
    print(f"{result['name']:<58} {result['value']:>9.3f} {result['unit']:<3} {against}", flush=True)
    if result.get("detail"):
        print(f"    {result['detail']}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
