"""An answer row by row: what the terminal shows, the same as in Arrow, in little memory and at once."""

import subprocess
import sys
from datetime import datetime
from typing import Any

import pytest

from bot_core_dagster.errors import LakeError, QueryError
from bot_core_dagster.lake import Lake, ask, default_lake
from bot_core_dagster.lake.session import answer
from tests import builders

ALL_KINDS = """select 1 as n, null as nothing, '' as empty, 1.5::double as x, true as yes, [1, 2] as list,
    timestamptz '2024-01-01 02:00:00+02' as at, timestamp '2024-01-01 00:00:00.000001' as naive,
    1.50::decimal(9,2) as d, date '2024-01-31' as day, {'a': 1} as struct, 'x'::blob as blob"""


def _instants(row: tuple[Any, ...]) -> list[Any]:
    return [cell.timestamp() if isinstance(cell, datetime) and cell.tzinfo else cell for cell in row]


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(ALL_KINDS, id="all kinds"),
        "select * from bars order by open_time",
        "select * from latest_bars",
        "select count(*) as n, sum(close) as total from bars",
        "select symbol from bars where false",
        "describe bars",
        "select 1 as twice, 2 as twice",
    ],
)
def test_an_answer_is_what_arrow_gives(lake: Lake, query: str) -> None:
    lake.upsert_bars(builders.bars(2_500))
    table = lake.sql(query)
    with answer(lake.root, query) as found:
        assert list(found.columns) == table.column_names
        rows = [_instants(row) for row in found.rows]
    assert rows == [_instants(row) for row in zip(*(column.to_pylist() for column in table.columns), strict=True)]


@pytest.mark.parametrize(
    ("kind", "is_number"),
    [
        *((kind, True) for kind in ("tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint")),
        *((kind, True) for kind in ("uinteger", "ubigint", "uhugeint", "float", "double", "decimal(9, 2)")),
        *((kind, False) for kind in ("varchar", "boolean", "date", "timestamptz", "interval", "integer[]", "blob")),
    ],
)
def test_a_column_of_numbers_is_known_as_one(lake: Lake, kind: str, is_number: bool) -> None:
    with answer(lake.root, f"select null::{kind} as x") as found:
        assert (found.columns, found.is_number) == (("x",), (is_number,))


def test_a_row_that_cannot_be_computed_is_an_error_out_of_the_block(lake: Lake) -> None:
    query = "select case when range = 150000 then error('late') else range end as n from range(200000)"
    with pytest.raises(QueryError, match="late"), answer(lake.root, query) as found:
        list(found.rows)


def test_an_answer_that_is_not_read_to_its_end_is_closed(lake: Lake) -> None:
    with answer(lake.root, "select range as n from range(100000000)") as found:
        assert next(found.rows) == (0,)
    with answer(lake.root, "select 1 as n") as again:
        assert list(again.rows) == [(1,)]


def test_an_answer_of_any_length_takes_little_memory(lake: Lake) -> None:
    """1.5 million rows of 400 bytes are 600 MB; they are given in less than a quarter of that."""
    code = (
        "import resource; from pathlib import Path; from bot_core_dagster.lake.session import answer\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"with answer(Path({str(lake.root)!r}), \"select repeat('x', 400) as t from range(1500000)\") as found:\n"
        "    before = peak()\n"
        "    assert sum(1 for _ in found.rows) == 1500000\n"
        "print((peak() - before) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 150


def test_the_default_lake_is_asked() -> None:
    with pytest.raises(LakeError, match="there is no lake"), ask("select 1"):
        pass
    default_lake(create=True).upsert_bars(builders.bars(5))
    with ask("select count(*) as n from bars") as found:
        assert list(found.rows) == [(5,)]


def test_an_answer_needs_neither_arrow_nor_numpy(lake: Lake) -> None:
    lake.upsert_bars(builders.bars(5))
    code = (
        "import sys; from pathlib import Path; from bot_core_dagster.lake.session import answer\n"
        f"with answer(Path({str(lake.root)!r}), 'select * from bars') as found: assert len(list(found.rows)) == 5\n"
        "print([name for name in ('pandas', 'numpy', 'pyarrow', 'tenacity', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
