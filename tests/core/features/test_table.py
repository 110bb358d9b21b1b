"""Tests of `features.table`: the features in the lake.

Belongs here: that the table and the frame agree, and that new bars leave old rows alone. Not here: values.
"""

from pathlib import Path

from bot_core_dagster.features import bar_features
from bot_core_dagster.features.table import FEATURES_TABLE
from bot_core_dagster.lake import Lake
from tests.builders import bars


def test_the_table_describes_every_column() -> None:
    assert set(FEATURES_TABLE.columns) == set(bar_features(bars(3), "crypto").columns)
    assert FEATURES_TABLE.key == ("symbol", "timeframe", "open_time")
    assert FEATURES_TABLE.partition_by == ("symbol", "timeframe", "month")


def test_new_bars_add_their_rows_and_leave_the_others_as_they_are(tmp_path: Path) -> None:
    lake, history = Lake.open(tmp_path / "lake", create=True), bars(1_000)
    lake.replace(FEATURES_TABLE, bar_features(history.head(990), "crypto"), ["BTCUSDT"])
    change = lake.replace(FEATURES_TABLE, bar_features(history, "crypto"), ["BTCUSDT"])["BTCUSDT"]
    assert (change.n_new, change.n_changed, change.n_unchanged, change.n_removed) == (10, 0, 990, 0)


def test_rows_of_simulated_bars_say_so_in_the_lake_until_real_ones_replace_them(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    query = "select simulated, count(*) as n from features group by all"
    for source, is_simulated in (("simulated", True), ("file:test", False)):
        lake.replace(FEATURES_TABLE, bar_features(bars(200, source=source), "crypto"), ["BTCUSDT"])
        assert lake.sql(query).to_pylist() == [{"simulated": is_simulated, "n": 200}]


def test_a_table_without_the_column_gains_it(tmp_path: Path) -> None:
    lake, rows = Lake.open(tmp_path / "lake", create=True), bar_features(bars(200), "crypto")
    lake.replace(FEATURES_TABLE, rows.drop(columns="simulated"), ["BTCUSDT"])
    lake.replace(FEATURES_TABLE, rows, ["BTCUSDT"])
    assert lake.read(FEATURES_TABLE)["simulated"].tolist() == [False] * 200


def test_a_corrected_bar_changes_features_from_it_on(tmp_path: Path) -> None:
    lake, history = Lake.open(tmp_path / "lake", create=True), bars(1_000)
    lake.replace(FEATURES_TABLE, bar_features(history, "crypto"), ["BTCUSDT"])
    history.loc[600, "close"] = (history["high"] + history["low"])[600] / 2
    change = lake.replace(FEATURES_TABLE, bar_features(history, "crypto"), ["BTCUSDT"])["BTCUSDT"]
    assert change.earliest_change == history["open_time"][600]
    assert change.n_unchanged >= 600
