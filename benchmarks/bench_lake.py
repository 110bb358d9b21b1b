"""Benchmarks of the lake: the hourly upsert of 50 symbols, and the last bar of each of them by SQL.

Belongs here: what the lake promises about time. Not here: running and reporting (`benchmarks.__main__`).
"""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import pandas as pd

from bot_core_dagster.lake import Lake
from bot_core_dagster.market.bar import BAR_COLUMNS

N_SYMBOLS: Final = 50
YEAR_BARS: Final = 8_760
_ROUNDS: Final = 15


def _hourly_bars(n_bars: int, end: datetime, n_symbols: int = N_SYMBOLS) -> pd.DataFrame:
    open_time = pd.date_range(end=end - timedelta(hours=1), periods=n_bars, freq="1h").as_unit("us")
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.005, (n_symbols, n_bars)), axis=1)).ravel()
    frame = pd.DataFrame(
        {
            "symbol": np.repeat([f"SYM{index:02d}/USDT" for index in range(n_symbols)], n_bars),
            "timeframe": "1h",
            "open_time": np.tile(open_time, n_symbols),
            "open": close,
            "high": close * 1.002,
            "low": close * 0.998,
            "close": close,
            "volume": rng.lognormal(3, 0.5, n_symbols * n_bars),
            "spread": np.nan,
            "price_side": "trade",
            "volume_unit": "base",
            "source": "file:bench",
        }
    )
    frame["open_time"] = frame["open_time"].dt.tz_convert("UTC")
    return frame.assign(close_time=frame["open_time"] + timedelta(hours=1))[list(BAR_COLUMNS)]


def _milliseconds(action: Callable[[int], object], n_rounds: int = _ROUNDS) -> list[float]:
    measured = []
    for index in range(n_rounds):
        began = time.perf_counter()
        action(index)
        measured.append(1_000 * (time.perf_counter() - began))
    return measured


def _upsert_times(n_stored: int, root: Path) -> list[float]:
    """Upsert 24 known and 2 new bars a symbol, again and again; each bar's values are those it was first given."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    every = _hourly_bars(n_stored + 2 * _ROUNDS, now)
    number = every.groupby("symbol").cumcount()
    batches = [
        every[(number >= n_stored - 24 + 2 * index) & (number < n_stored + 2 + 2 * index)] for index in range(_ROUNDS)
    ]
    lake = Lake.open(root, create=True)
    lake.upsert_bars(every[number < n_stored])
    return _milliseconds(lambda index: lake.upsert_bars(batches[index]))


def _making_files_ms(folder: Path) -> float:
    """Return what making as many empty files as an upsert makes takes: on ext4 long where many were just deleted."""
    began = time.perf_counter()
    for index in range(N_SYMBOLS):
        (folder / f"{index}").touch(exist_ok=False)
    return 1_000 * (time.perf_counter() - began)


def bench_upsert_50_symbols() -> dict[str, Any]:
    """Upsert of 50 symbols, 24 known and 2 new bars each, over a stored year; content hashes and fsync included.

    The file of the month is written anew: late in a month there is most to do. The lakes lie in the checkout: where
    thousands of files were just deleted, as in the folder of tests, ext4 takes 30 ms to make 50 (measured).
    """
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        year = _upsert_times(YEAR_BARS, Path(folder) / "year")
        three_years = _upsert_times(3 * YEAR_BARS, Path(folder) / "years")
        making = _making_files_ms(Path(folder))
    detail = (
        f"median of {_ROUNDS} hourly upserts, best {min(year):.0f}, worst {max(year):.0f} ms; over 3 stored years "
        f"{median(three_years):.0f} ms; day {datetime.now(UTC).day} of the month; making {N_SYMBOLS} empty files "
        f"{making:.0f} ms"
    )
    return {"name": "upsert of 50 symbols", "value": median(year), "unit": "ms", "limit": 100.0, "detail": detail}


def bench_latest_bars_sql() -> dict[str, Any]:
    """Last bar of each of 50 symbols over 3 years of hours, the session and its views included.

    Late in a year there are the most files: its months and quarters beside the finished years.
    """
    latest = "SELECT symbol, open_time, close FROM latest_bars"
    plain = "SELECT symbol, max(open_time), arg_max(close, open_time) FROM bars GROUP BY symbol"
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake.open(Path(folder) / "lake", create=True)
        lake.upsert_bars(_hourly_bars(3 * YEAR_BARS, now))
        assert lake.sql(plain).num_rows == lake.sql(latest).num_rows == N_SYMBOLS
        by_view, by_group = _milliseconds(lambda _: lake.sql(latest)), _milliseconds(lambda _: lake.sql(plain))
        n_files = lake.tables()[0].n_files
    detail = f"GROUP BY over all bars; by the view latest_bars {median(by_view):.0f} ms; {n_files:,} files"
    return {
        "name": "last bar of 50 symbols by SQL",
        "value": median(by_group),
        "unit": "ms",
        "limit": 150.0,
        "detail": detail,
    }
