"""An answer of the lake as a table, CSV and JSON."""

import csv
import io
import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from bot_core_dagster.lake import default_lake
from tests.builders import bars

Run = Callable[..., Result]

ODD = """select 1 as n, null as nothing, '' as empty, 'a,"b"' as quoted, 1.5::double as x, true as yes,
    timestamptz '2024-01-01 02:00:00+02' as at, timestamp '2024-01-01' as naive, [1, 2] as list,
    1.50::decimal(9,2) as d, 'nan'::double as undefined, date '2024-01-31' as day"""


@pytest.fixture(autouse=True)
def lake(settings_path: object) -> None:
    default_lake(create=True).upsert_bars(bars(120))


def test_json_is_a_list_of_rows_with_null_and_utc_times(run: Run) -> None:
    result = run("sql", ODD, "--json")
    assert json.loads(result.stdout) == [
        {
            "n": 1,
            "nothing": None,
            "empty": "",
            "quoted": 'a,"b"',
            "x": 1.5,
            "yes": True,
            "at": "2024-01-01T00:00:00Z",
            "naive": "2024-01-01T00:00:00",
            "list": [1, 2],
            "d": 1.5,
            "undefined": None,
            "day": "2024-01-31",
        }
    ]


def test_csv_tells_null_from_the_empty_text(run: Run) -> None:
    header, line = run("sql", ODD, "--format", "csv").stdout.splitlines()
    assert header == "n,nothing,empty,quoted,x,yes,at,naive,list,d,undefined,day"
    assert line == '1,,"","a,""b""",1.5,True,2024-01-01T00:00:00Z,2024-01-01T00:00:00,"[1, 2]",1.5,nan,2024-01-31'


def test_csv_holds_every_row_and_reads_back(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("sql", "select * from bars", "--format", "csv").stdout)))
    assert len(rows) == 120
    assert [float(row["close"]) for row in rows] == bars(120)["close"].tolist()


def test_a_table_says_that_there_are_more_rows(run: Run) -> None:
    shown = run("sql", "select symbol, open_time from bars", "--limit", "3").stdout
    assert shown.count("BTCUSDT") == 3
    assert "… more rows: --limit 30, or all of them with --format csv" in shown
    assert "2024-01-01T00:00:00Z" in shown


def test_a_table_shows_null_as_such_and_counts_its_rows(run: Run) -> None:
    shown = run("sql", "select null as nothing, 'NULL' as text").stdout
    assert "NULL" in shown
    assert "1 row\n" in shown


def test_an_answer_without_rows_has_its_columns(run: Run) -> None:
    assert run("sql", "select symbol from bars where false", "--format", "csv").stdout == "symbol\n"
    assert json.loads(run("sql", "select symbol from bars where false", "--json").stdout) == []


@pytest.mark.parametrize(
    "query",
    ["selekt 1", "select * from nowhere", "delete from bars", "select * from read_csv('/etc/passwd')", ""],
)
def test_a_wrong_or_forbidden_query_is_one_line(run: Run, query: str) -> None:
    result = run("sql", query)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("symbol", ["O'X", "A%B", "BTC/USDT:USDT", "[BTC]"])
def test_an_odd_symbol_is_asked_for_with_sql_quoting(run: Run, symbol: str) -> None:
    default_lake().upsert_bars(bars(3, symbol=symbol))
    quoted = symbol.replace("'", "''")
    answer = json.loads(run("sql", f"select distinct symbol from bars where symbol = '{quoted}'", "--json").stdout)
    assert answer == [{"symbol": symbol}]
