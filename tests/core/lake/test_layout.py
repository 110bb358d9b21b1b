"""A table that an older checkout cut into other series: an error that says what to do, before anything is touched."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake import Lake, Table

KEY = ("symbol", "strategy")
OLDER, TODAYS = Table("trades", KEY, ("symbol",)), Table("trades", KEY, ("symbol", "strategy"))
ROWS = pd.DataFrame({"symbol": ["BTCUSDT"], "strategy": ["rsi"], "profit": [0.1]})
USES: dict[str, Callable[[Lake, Table], object]] = {
    "read": lambda lake, table: lake.read(table),
    "symbols": lambda lake, table: lake.symbols(table),
    "content_hashes": lambda lake, table: lake.content_hashes(table, ["BTCUSDT"]),
    "upsert": lambda lake, table: lake.upsert(table, ROWS.assign(profit=0.2)),
    "replace": lambda lake, table: lake.replace(table, ROWS.assign(profit=0.2), ["BTCUSDT"]),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize(("made", "asked"), [(OLDER, TODAYS), (TODAYS, OLDER)], ids=["an older", "a newer"])
def test_a_table_of_other_series_is_named_with_the_next_step(
    lake: Lake, use: Callable[[Lake, Table], object], made: Table, asked: Table
) -> None:
    lake.upsert(made, ROWS)
    with pytest.raises(LakeError, match="table trades is of another layout: expected series by symbol") as raised:
        use(lake, asked)
    assert f"rm -r {lake.root / 'trades'}, then bot-core run" in str(raised.value)
    assert lake.read(made).equals(ROWS)


def test_without_the_older_table_its_rows_can_be_written_as_today(lake: Lake) -> None:
    lake.upsert(OLDER, ROWS)
    _remove(lake.root / OLDER.name)
    lake.upsert(TODAYS, ROWS)
    assert lake.content_hashes(TODAYS, ["BTCUSDT"], within={"strategy": "rsi"})["BTCUSDT"]


def test_sql_reads_a_table_as_it_was_cut(lake: Lake) -> None:
    lake.upsert(OLDER, ROWS)
    assert lake.sql("select strategy, profit from trades").to_pylist() == [{"strategy": "rsi", "profit": 0.1}]


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    folder.rmdir()
