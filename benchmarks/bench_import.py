"""Benchmark of an import: a year of minutes from CSV into the lake, in a process of its own.

Belongs here: the time and peak memory of reading, admitting and storing a file. Not here: running and reporting
(`benchmarks.__main__`).
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from bot_core_dagster.settings import PROJECT_ROOT

N_ROWS: Final = 525_600
MAX_SECONDS: Final = 2.0
MAX_GB: Final = 1.0


def bench_import_csv() -> list[dict[str, Any]]:
    """Measure the import of 525,600 one-minute rows of Binance-style CSV into an empty lake, module imports aside."""
    with tempfile.TemporaryDirectory() as folder:
        _write_minutes(Path(folder) / "minutes.csv")
        command = [sys.executable, "-m", "benchmarks.bench_import", folder]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT_ROOT)
    measured = json.loads(done.stdout)
    steps = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in measured["seconds"].items())
    return [
        {
            "name": f"import of a CSV of {N_ROWS:,} rows",
            "value": sum(measured["seconds"].values()),
            "unit": "s",
            "limit": MAX_SECONDS,
            "detail": f"{steps}; {measured['n_new']:,} bars new in the lake",
        },
        {
            "name": "  its peak memory",
            "value": measured["peak_gb"],
            "unit": "GB",
            "limit": MAX_GB,
            "detail": "resident set of the whole process, ru_maxrss",
        },
    ]


def _write_minutes(path: Path) -> None:
    rng = np.random.default_rng(0)
    close = 40_000 * np.exp(np.cumsum(rng.normal(0, 0.0005, N_ROWS)))
    open_ = np.concatenate([[40_000.0], close[:-1]])
    frame = pd.DataFrame(
        {
            "datetime": pd.date_range("2023-01-01", periods=N_ROWS, freq="1min").strftime("%Y-%m-%d %H:%M:%S"),
            "open": open_,
            "high": np.maximum(open_, close) * 1.0002,
            "low": np.minimum(open_, close) / 1.0002,
            "close": close,
            "volume": rng.lognormal(1, 1, N_ROWS),
        }
    )
    frame.round({"open": 2, "high": 2, "low": 2, "close": 2, "volume": 6}).to_csv(path, index=False)


def _import(folder: Path) -> dict[str, Any]:
    from bot_core_dagster.lake import Lake
    from bot_core_dagster.market.calendars import calendar
    from bot_core_dagster.market.formats import read_bars_file
    from bot_core_dagster.market.intake import admit
    from bot_core_dagster.settings import Instrument
    from bot_core_dagster.timeframe import Timeframe

    fields = {"symbol": "BTCUSDT", "venue": "binance", "timeframe": "1m", "base": "BTC", "quote": "USDT"}
    instrument = Instrument.model_validate(fields | {"calendar": "crypto", "price_side": "trade", "source": "file"})
    hours = calendar(instrument.calendar)
    began = time.perf_counter()
    fetched = read_bars_file(folder / "minutes.csv", symbol="BTCUSDT", timeframe=Timeframe.M1, calendar=hours)
    read = time.perf_counter()
    admission = admit(fetched, instrument)
    admitted = time.perf_counter()
    change = Lake.open(folder / "lake", create=True).upsert_bars(admission.bars)
    stored = time.perf_counter()
    return {
        "seconds": {"read": read - began, "admit": admitted - read, "store": stored - admitted},
        "n_new": change["BTCUSDT"].n_new,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    }


if __name__ == "__main__":
    print(json.dumps(_import(Path(sys.argv[1]))))
