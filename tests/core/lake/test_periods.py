"""Files cover periods without overlap, and the content hash does not know them."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from bot_core_dagster.lake import BARS, Lake, periods
from tests import builders


@pytest.mark.parametrize(
    ("month", "existing", "expected"),
    [
        ("2022-05", [], "2022"),
        ("2022-05", ["2022"], "2022"),
        ("2022-05", ["2022-04"], "2022-05"),
        ("2022-05", ["2022-01"], "2022Q2"),
        ("2022-05", ["2022Q1"], "2022Q2"),
        ("2023-02", [], "2023Q1"),
        ("2023-02", ["2023-03"], "2023-02"),
        ("2023-02", ["2022-02", "2023-05"], "2023Q1"),
        ("2023-05", [], "2023-05"),
        ("2023-05", ["2023Q1"], "2023-05"),
        ("2023-08", [], "2023-08"),
    ],
)
def test_a_month_goes_to_the_longest_finished_period_that_overlaps_no_file(
    month: str, existing: list[str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(periods, "current_month", lambda: "2023-05")
    assert periods.period_of(month, existing) == expected


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(8)), nows=st.lists(st.integers(0, 15), min_size=8, max_size=8), data=st.data())
def test_any_history_of_writes_and_joins_has_the_hash_of_the_content(
    order: list[int],
    nows: list[int],
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bars of 15 months, an eighth a write, in any order, while the clock moves on and files are joined at any time."""
    bars = builders.bars(450, timeframe="1d", start=datetime(2022, 10, 15, tzinfo=UTC))
    lake = Lake.open(tmp_path_factory.mktemp("joined") / "lake", create=True)
    for part, now in zip(order, sorted(nows), strict=True):
        year, month = divmod(2022 * 12 + 9 + now, 12)
        monkeypatch.setattr(periods, "current_month", lambda year=year, month=month: f"{year}-{month + 1:02}")
        lake.upsert_bars(bars[part::8])
        if data.draw(st.booleans()):
            lake.compact([BARS])
    assert_frame_equal(lake.bars("BTCUSDT", "1d"), bars)
    assert lake.content_hashes(BARS, ["BTCUSDT"]) == lake.frame_hashes(BARS, bars)
    latest = lake.sql("SELECT open_time FROM latest_bars").to_pylist()
    assert [row["open_time"] for row in latest] == [bars["open_time"].iloc[-1]]
