"""One of several writers at once: `python racing_child.py ROOT WRITER ROUNDS`.

Each round it upserts one bar of its own into the series that all share, and two bars of its own series.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from bot_core_dagster.lake import Lake
from tests import builders

START = datetime(2024, 1, 1, tzinfo=UTC)


def batch(writer: int, n_rounds: int, number: int) -> pd.DataFrame:
    """Return the bars of one round: each (writer, round) has an hour of the shared series."""
    hour = START + timedelta(hours=writer * n_rounds + number)
    own = START + timedelta(hours=2 * number)
    return pd.concat(
        [
            builders.bars(1, symbol="SHARED", start=hour, seed=writer),
            builders.bars(2, symbol=f"OWN{writer}", start=own, seed=number),
        ]
    )


def main() -> None:
    root, writer, n_rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    lake = Lake.open(root, create=True)
    for number in range(n_rounds):
        lake.upsert_bars(batch(writer, n_rounds, number))


if __name__ == "__main__":
    main()
