"""SQL reads the lake's tables, and nothing else; it writes nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from bot_core_dagster import lake as default
from bot_core_dagster.errors import LakeError, QueryError
from bot_core_dagster.lake import MONTH, Lake, Table
from tests import builders

FEATURES = Table("features", ("symbol", "timeframe", "open_time"), ("symbol", "timeframe", MONTH))


@pytest.fixture
def filled(lake: Lake) -> Lake:
    bars = pd.concat([builders.bars(2_000), builders.bars(50, symbol="ETHUSDT"), builders.bars(9, timeframe="1d")])
    lake.upsert_bars(bars)
    lake.upsert_bars(builders.bars(3, seed=4))
    lake.replace(FEATURES, bars[["symbol", "timeframe", "open_time", "close"]], ["BTCUSDT", "ETHUSDT"])
    return lake


def test_views_show_current_rows_history_and_the_latest(filled: Lake) -> None:
    assert filled.sql("SELECT count(*) AS n FROM bars").to_pydict() == {"n": [2_059]}
    assert filled.sql("SELECT count(*) AS n FROM bars_history").to_pydict() == {"n": [2_062]}
    assert filled.sql("SELECT count(*) AS n FROM Features").to_pydict() == {"n": [2_059]}
    latest = filled.sql("SELECT symbol, timeframe, open_time FROM latest_bars ORDER BY ALL").to_pandas()
    grouped = filled.sql("SELECT symbol, timeframe, max(open_time) AS open_time FROM bars GROUP BY ALL ORDER BY ALL")
    pd.testing.assert_frame_equal(latest, grouped.to_pandas())
    assert str(latest["open_time"].dtype) == "datetime64[us, UTC]"


@pytest.mark.parametrize(
    ("query", "n_rows"),
    [
        ("SELECT * FROM bars JOIN features USING (symbol, timeframe, open_time)", 2_059),
        ("WITH late AS (FROM latest_bars) SELECT * FROM late", 3),
        ("SHOW TABLES", 4),
        ("FROM range(3)", 3),
        ("SELECT symbol FROM bars WHERE symbol = 'INSERT_QUERY_NODE'", 0),
        ("SELECT symbol FROM bars WHERE open_time > (SELECT max(open_time) FROM features)", 0),
        ("WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 4) SELECT * FROM n", 4),
        ("SELECT symbol FROM bars UNION SELECT symbol FROM features", 2),
        ("DESCRIBE bars", 14),
        ("SUMMARIZE latest_bars", 14),
        ('SELECT "symbol" FROM "bars" -- a comment; with a semicolon', 2_059),
        ("SELECT 1 WHERE false", 0),
    ],
)
def test_a_select_of_any_form_answers(filled: Lake, query: str, n_rows: int) -> None:
    assert filled.sql(query).num_rows == n_rows


def test_no_more_rows_than_asked_for(filled: Lake) -> None:
    assert filled.sql("SELECT * FROM bars", max_rows=7).num_rows == 7


def test_views_of_a_table_without_rows_are_empty_and_have_its_columns(filled: Lake) -> None:
    filled.replace(FEATURES, pd.DataFrame(), ["BTCUSDT", "ETHUSDT"])
    empty = filled.sql("SELECT symbol, close FROM features")
    assert (empty.num_rows, empty.column_names) == (0, ["symbol", "close"])


ATTACKS = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/proc/self/environ')",
    "SELECT * FROM read_text('bot_core.toml')",
    "SELECT * FROM read_text('{root}/../secret.txt')",
    "SELECT * FROM read_text('{root}/bars/../../secret.txt')",
    "SELECT * FROM read_text('{root}-other/secret.txt')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM glob('{root}/../*')",
    "SELECT getenv('HOME')",
    "COPY (SELECT 1) TO '/tmp/bot_core_attack.csv'",
    "COPY (SELECT 1) TO '{root}/attack.csv'",
    "COPY bars FROM '/etc/passwd'",
    "WITH x AS (COPY (SELECT 1) TO '{root}/attack.csv') SELECT * FROM x",
    "SELECT * FROM (WITH x AS (COPY (SELECT 1) TO '{root}/attack.csv') SELECT * FROM x)",
    "SELECT * FROM query('WITH x AS (COPY (SELECT 1) TO ''{root}/attack.csv'') SELECT * FROM x')",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{root}/attack.csv'",
    "EXPORT DATABASE '{root}/attack'",
    "ATTACH '{root}/attack.db' AS other",
    "ATTACH '/tmp/bot_core_attack.db' AS other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access=true",
    "SET allowed_directories=['/']",
    "RESET lock_configuration",
    "PRAGMA enable_profiling",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "SELECT * FROM read_csv('https://example.com/x.csv')",
    "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
    "CREATE TABLE x AS SELECT 1",
    "CREATE SECRET s (TYPE s3)",
    "INSERT INTO bars SELECT * FROM bars",
    "DELETE FROM bars",
    "WITH gone AS (DELETE FROM bars RETURNING *) SELECT * FROM gone",
    "DROP VIEW bars",
    "SELECT 1; DROP VIEW bars",
    "SELECT 1; SELECT 2",
    "PREPARE p AS SELECT 1",
    "SELECT * FROM ATTACKS",
    "SELECT * FROM os",
    "SELECT * FROM query('COPY (SELECT 1) TO ''{root}/attack.csv''')",
    "SELECT * FROM read_duckdb('/tmp/x.db')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM parquet_metadata('{root}/../secret.parquet')",
    "SELECT * FROM sqlite_scan('/tmp/x.db', 't')",
    "SELECT * FROM json_execute_serialized_sql('{{}}')",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "SELECT * FROM enable_logging(storage='file', storage_path='{root}/attack')",
    "SELECT * FROM arrow_scan(1::POINTER, 1::POINTER, 1::POINTER)",
    "SELECT * FROM pandas_scan(1)",
    "SELECT * FROM read_parquet('{root}/bars/*/*/*.parquet')",
    "SELECT * FROM query_table('bars')",
    "SELECT (SELECT count(*) FROM read_text('/etc/passwd'))",
    "SELECT nothing FROM bars",
    "SELEC 1",
    "",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_no_read_of_the_tables_is_refused_and_leaves_nothing(filled: Lake, attack: str) -> None:
    (filled.root.parent / "secret.txt").write_text("secret")
    other = filled.root.parent / f"{filled.root.name}-other"
    other.mkdir()
    (other / "secret.txt").write_text("secret")
    before = sorted(filled.root.parent.rglob("*"))
    with pytest.raises(QueryError):
        filled.sql(attack.format(root=filled.root))
    assert sorted(filled.root.parent.rglob("*")) == before
    assert not list(Path("/tmp").glob("bot_core_attack*"))
    assert filled.sql("SELECT count(*) AS n FROM bars").to_pydict() == {"n": [2_059]}


def test_an_error_says_which_views_there_are(filled: Lake) -> None:
    with pytest.raises(QueryError, match="views: bars, bars_history, latest_bars, features"):
        filled.sql("SELECT * FROM nothing")


@pytest.mark.parametrize("name", ["it's a lake", "über # see", 'a "lake"'])
def test_a_lake_in_an_odd_folder_answers(tmp_path: Path, name: str) -> None:
    lake = Lake.open(tmp_path / name / "lake", create=True)
    lake.upsert_bars(builders.bars(5))
    assert lake.sql("SELECT symbol, count(*) AS n FROM bars GROUP BY symbol").to_pylist() == [
        {"symbol": "BTCUSDT", "n": 5}
    ]


@pytest.mark.parametrize("name", ["a%20b", "symbol=X", "[a]*?"])
def test_a_folder_that_delta_or_duckdb_would_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LakeError, match="BOT_CORE_HOME"):
        Lake.open(tmp_path / name / "lake", create=True)


def test_the_default_lake_is_in_the_state_home_and_answers_notebooks() -> None:
    with pytest.raises(LakeError, match="there is no lake"):
        default.sql("SELECT 1")
    bars = builders.bars(5)
    default.default_lake(create=True).upsert_bars(bars)
    pd.testing.assert_frame_equal(default.bars("BTCUSDT", "1h"), bars)
    assert default.sql("SELECT count(*) AS n FROM bars")["n"].tolist() == [5]
    assert default.default_lake().root == Path(os.environ["BOT_CORE_HOME"]) / "lake"


def test_a_query_needs_neither_pandas_nor_dagster(filled: Lake) -> None:
    code = (
        "import sys; from pathlib import Path; from bot_core_dagster.lake import Lake\n"
        f"lake = Lake.open(Path({str(filled.root)!r}))\n"
        "assert lake.sql('SELECT count(*) AS n FROM bars').to_pylist() == [{'n': 2059}]\n"
        "print([name for name in ('pandas', 'dagster', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
