"""A writer that tests kill: it upserts batch after batch and says which were acknowledged.

Run as `python upserting_child.py ROOT FIRST STEP KILL_AT`: batches from FIRST on; at STEP of batch KILL_AT it kills
itself; STEP "never" leaves that to the parent. Batch n sets `spread` of the last 26 bars of each symbol to n and brings
2 new bars.
"""

import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from bot_core_dagster.lake import Lake
from tests import builders

SYMBOLS = ("BTC/USDT:USDT", "O'X", "ETH")
START = datetime(2023, 12, 30, tzinfo=UTC)
OVERLAP = 24


def batch(number: int) -> pd.DataFrame:
    """Return the bars that batch `number` gives: up to 24 known and 2 new ones a symbol."""
    first = max(0, 2 * number - OVERLAP)
    n_bars = 2 * number + 2 - first
    parts = [builders.bars(n_bars, symbol=symbol, start=START + timedelta(hours=first)) for symbol in SYMBOLS]
    return pd.concat(parts).assign(open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0, spread=float(number))


def main() -> None:
    root, first, step, kill_at = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    number = first

    def reached(now: str) -> None:
        if now == step and number == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    lake = Lake.open(Path(root), create=True, reached=reached)
    while True:
        lake.upsert_bars(batch(number))
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    main()
