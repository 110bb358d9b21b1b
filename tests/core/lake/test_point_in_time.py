"""Bars are kept in every version, corrected by key, and read as they were known."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from bot_core_dagster.errors import LakeError, TimeError, UnknownNameError
from bot_core_dagster.lake import BARS, Lake, SeriesChange
from bot_core_dagster.market.bar import BAR_COLUMNS, empty_bars
from tests import builders

ODD_SYMBOLS = ["BTC/USDT:USDT", "A%B", "O'X", 'a"b', "ü ß", "x[1]*?", "..", "%2F", "a=b&c#d+e", "😀", "A%2FB", " lead"]
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def _corrected(bars: pd.DataFrame, row: int, close: float) -> pd.DataFrame:
    corrected = bars.copy()
    corrected.loc[row, "close"] = close
    return corrected


@pytest.mark.parametrize("symbol", ODD_SYMBOLS)
def test_bars_come_back_as_they_were_given_under_any_symbol(lake: Lake, symbol: str) -> None:
    bars = builders.bars(800, symbol=symbol, start=datetime(2023, 12, 15, tzinfo=UTC))
    lake.upsert_bars(pd.concat([bars, builders.bars(3, symbol="other", seed=1)]).sample(frac=1, random_state=0))
    assert_frame_equal(lake.bars(symbol, "1h"), bars, check_exact=True)
    by_sql = lake.sql("SELECT symbol, count(*) AS n FROM bars GROUP BY symbol ORDER BY n").to_pydict()
    assert by_sql == {"symbol": ["other", symbol], "n": [3, 800]}


def test_one_commit_takes_many_symbols_and_timeframes(lake: Lake) -> None:
    parts = [builders.bars(30, symbol=f"S{index}", timeframe=frame) for index in range(20) for frame in ("1h", "1d")]
    changes = lake.upsert_bars(pd.concat(parts))
    assert lake.tables()[0].version == 1
    assert {symbol: change.n_new for symbol, change in changes.items()} == {f"S{index}": 60 for index in range(20)}
    assert lake.bars_of(["S3", "S4"], "1d").keys() == {"S3", "S4"}


def test_the_same_bars_again_make_no_commit(lake: Lake) -> None:
    bars = builders.bars(100)
    first = lake.upsert_bars(bars)["BTCUSDT"]
    again = lake.upsert_bars(bars.tail(50))["BTCUSDT"]
    assert lake.tables()[0].version == 1
    assert (again.n_new, again.n_changed, again.n_unchanged, again.n_rows) == (0, 0, 50, 100)
    assert again.content_hash == first.content_hash
    assert again.earliest_change is None
    assert not again.has_changed


def test_a_correction_closes_the_old_version_in_the_commit_that_adds_the_new(lake: Lake) -> None:
    bars = builders.bars(100)
    lake.upsert_bars(bars, recorded_at=NOON)
    change = lake.upsert_bars(_corrected(bars, 7, 123.0), recorded_at=NOON + timedelta(hours=1))["BTCUSDT"]
    assert (change.n_new, change.n_changed, change.n_unchanged) == (0, 1, 99)
    assert change.earliest_change == bars["open_time"][7]
    versions = lake.sql(
        "SELECT close, recorded_at, superseded_at FROM bars_history "
        "WHERE open_time = '2024-01-01T07:00:00Z' ORDER BY recorded_at"
    ).to_pylist()
    later = NOON + timedelta(hours=1)
    assert versions == [
        {"close": bars["close"][7], "recorded_at": NOON, "superseded_at": later},
        {"close": 123.0, "recorded_at": later, "superseded_at": None},
    ]


def test_bars_read_as_of_a_time_are_what_was_known_then(lake: Lake) -> None:
    bars = builders.bars(100)
    lake.upsert_bars(bars.head(80), recorded_at=NOON)
    lake.upsert_bars(_corrected(bars, 7, 123.0), recorded_at=NOON + timedelta(hours=1))
    assert lake.bars("BTCUSDT", "1h", as_of=NOON - timedelta(microseconds=1)).empty
    assert_frame_equal(lake.bars("BTCUSDT", "1h", as_of=NOON), bars.head(80))
    assert_frame_equal(lake.bars("BTCUSDT", "1h", as_of=NOON + timedelta(minutes=59)), bars.head(80))
    assert_frame_equal(lake.bars("BTCUSDT", "1h", as_of="2024-03-01T13:00:00Z"), _corrected(bars, 7, 123.0))
    assert_frame_equal(lake.bars("BTCUSDT", "1h"), _corrected(bars, 7, 123.0))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([1.0, 2.0, np.nan])), max_size=6), max_size=5))
def test_every_past_moment_stays_readable(batches: list[list[tuple[int, float]]]) -> None:
    """Model: a dictionary of open_time to spread, kept after each batch."""
    import tempfile
    from pathlib import Path

    template = builders.bars(6, start=datetime(2023, 12, 31, 21, tzinfo=UTC))
    known: dict[int, float] = {}
    past: list[dict[int, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake.open(Path(folder) / "lake", create=True)
        lake.upsert_bars(builders.bars(1, symbol="other"), recorded_at=NOON)
        for number, batch in enumerate(batches):
            rows = dict(batch)
            frame = template.loc[list(rows)].assign(spread=list(rows.values()))
            lake.upsert_bars(frame, recorded_at=NOON + timedelta(hours=number))
            known |= rows
            past.append(dict(known))
        for number, expected in enumerate(past):
            if not known:
                continue
            bars = lake.bars("BTCUSDT", "1h", as_of=NOON + timedelta(hours=number))
            assert_frame_equal(
                bars,
                template.loc[sorted(expected)]
                .assign(spread=pd.Series(expected, dtype="float64"))
                .reset_index(drop=True),
            )


def test_an_open_range_is_cut_at_start_and_before_end(lake: Lake) -> None:
    bars = builders.bars(2_000, start=datetime(2023, 11, 1, tzinfo=UTC))
    lake.upsert_bars(bars)
    cut = lake.bars("BTCUSDT", "1h", start="2023-12-31T22:00:00+00:00", end=pd.Timestamp("2024-01-01T02:00:00Z"))
    assert list(cut["open_time"].dt.hour) == [22, 23, 0, 1]
    assert lake.bars("BTCUSDT", "1h", start="2023-12-31T22:00:00Z", end="2023-12-31T22:00:00Z").empty
    assert list(lake.bars("BTCUSDT", "1h", start="2030-01-01T00:00:00Z").columns) == list(BAR_COLUMNS)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (datetime(2024, 1, 1), None, "no time zone"),  # noqa: DTZ001 - a naive time is the point
        ("2024-01-01", None, "no time zone"),
        ("yesterday", None, "ISO 8601"),
        ("2024-01-02T00:00:00Z", "2024-01-01T00:00:00Z", "ends before it starts"),
    ],
    ids=["naive", "a date", "words", "inverted"],
)
def test_times_that_cannot_be_meant_are_refused(
    lake: Lake, start: datetime | str, end: str | None, message: str
) -> None:
    lake.upsert_bars(builders.bars(5))
    with pytest.raises(TimeError, match=message):
        lake.bars("BTCUSDT", "1h", start=start, end=end)
    with pytest.raises(TimeError):
        lake.upsert_bars(builders.bars(5), recorded_at=datetime(2024, 1, 1))  # noqa: DTZ001


def test_an_unknown_series_is_an_error_that_names_those_there(lake: Lake) -> None:
    with pytest.raises(UnknownNameError, match="holds none"):
        lake.bars("BTCUSDT", "1h")
    lake.upsert_bars(builders.bars(5))
    with pytest.raises(UnknownNameError, match="no 4h bars of BTCUSDT; the lake holds BTCUSDT 1h"):
        lake.bars("BTCUSDT", "4h")


def test_recorded_at_never_goes_backwards(lake: Lake) -> None:
    bars = builders.bars(10)
    lake.upsert_bars(bars, recorded_at=NOON)
    with pytest.raises(LakeError, match="goes backwards"):
        lake.upsert_bars(builders.bars(11), recorded_at=NOON - timedelta(seconds=1))
    with pytest.raises(LakeError, match="goes backwards"):
        lake.upsert_bars(_corrected(bars, 3, 1.0), recorded_at=NOON)
    assert_frame_equal(lake.bars("BTCUSDT", "1h"), bars)
    lake.upsert_bars(bars, recorded_at=NOON - timedelta(days=1))
    assert lake.tables()[0].version == 1


def test_a_clock_that_is_behind_records_just_after_what_is_known(lake: Lake) -> None:
    future = datetime.now(UTC) + timedelta(days=3)
    lake.upsert_bars(builders.bars(10), recorded_at=future)
    lake.upsert_bars(_corrected(builders.bars(10), 3, 1.0))
    latest = lake.sql("SELECT max(recorded_at) AS moment FROM bars").to_pylist()[0]["moment"]
    assert latest == future + timedelta(microseconds=1)


def test_real_bars_close_all_simulated_ones_of_their_series_in_one_commit(lake: Lake) -> None:
    simulated = builders.bars(3_000, source="simulated", start=datetime(2023, 11, 1, tzinfo=UTC))
    lake.upsert_bars(pd.concat([simulated, builders.bars(4, symbol="ETH", source="simulated")]), recorded_at=NOON)
    real = builders.bars(24, seed=5, start=datetime(2024, 1, 10, tzinfo=UTC))
    change = lake.upsert_bars(real, recorded_at=NOON + timedelta(hours=1))["BTCUSDT"]
    assert lake.tables()[0].version == 2
    assert_frame_equal(lake.bars("BTCUSDT", "1h"), real)
    assert_frame_equal(lake.bars("BTCUSDT", "1h", as_of=NOON), simulated)
    assert (change.n_new, change.n_changed, change.n_removed, change.n_rows) == (0, 24, 2_976, 24)
    assert change.earliest_change == simulated["open_time"][0]
    assert len(lake.bars("ETH", "1h")) == 4
    assert lake.content_hashes(BARS, ["BTCUSDT"]) == lake.frame_hashes(BARS, real)
    assert lake.sql("SELECT DISTINCT source FROM latest_bars WHERE symbol = 'BTCUSDT'").to_pydict() == {
        "source": ["file:test"]
    }


@pytest.mark.parametrize("start", [datetime(2024, 1, 2, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC)],
                         ids=["over real bars", "in another file than the real bars"])  # fmt: skip
def test_simulated_bars_are_refused_where_real_ones_are(lake: Lake, start: datetime) -> None:
    lake.upsert_bars(builders.bars(48))
    with pytest.raises(LakeError, match=r"BTCUSDT 1h: .*bot_core\.toml"):
        lake.upsert_bars(builders.bars(5, source="simulated", start=start))
    assert lake.tables()[0].version == 1


def test_a_batch_that_mixes_simulated_and_real_bars_of_a_series_is_refused(lake: Lake) -> None:
    later = datetime(2024, 2, 1, tzinfo=UTC)
    with pytest.raises(LakeError, match="mixes simulated and real"):
        lake.upsert_bars(pd.concat([builders.bars(3), builders.bars(3, source="simulated", start=later)]))


def test_two_rows_of_one_bar_are_refused_unless_they_are_equal(lake: Lake) -> None:
    bars = builders.bars(10)
    with pytest.raises(LakeError, match="one row a key"):
        lake.upsert_bars(pd.concat([bars, _corrected(bars, 3, 1.0)]))
    assert lake.upsert_bars(pd.concat([bars, bars]))["BTCUSDT"].n_rows == 10


def test_no_bars_change_nothing(lake: Lake) -> None:
    changes: dict[str, SeriesChange] = lake.upsert_bars(empty_bars())
    assert changes == {}
    assert lake.tables() == ()


def test_a_frame_that_is_no_bar_frame_is_refused(lake: Lake) -> None:
    with pytest.raises(LakeError, match="missing close_time"):
        lake.upsert_bars(builders.bars(3).drop(columns=["close_time"]))
    with pytest.raises(TimeError, match="naive"):
        lake.upsert_bars(builders.bars(3).assign(open_time=pd.date_range("2024", periods=3, freq="h")))


def test_a_symbol_too_long_for_a_folder_is_refused(lake: Lake) -> None:
    with pytest.raises(LakeError, match="folder's name"):
        lake.upsert_bars(builders.bars(3, symbol="/" * 100))


def test_a_withdrawn_bar_is_gone_now_and_known_then(lake: Lake) -> None:
    bars = builders.bars(50)
    before = lake.upsert_bars(bars)["BTCUSDT"]
    known_then = datetime.now(UTC)
    keys = bars.loc[[30], ["symbol", "timeframe", "open_time"]]
    change = lake.withdraw_bars(keys)["BTCUSDT"]
    assert (change.n_removed, change.n_rows) == (1, 49)
    assert change.content_hash != before.content_hash
    assert bars.loc[30, "open_time"] not in set(lake.bars("BTCUSDT", "1h")["open_time"])
    assert_frame_equal(lake.bars("BTCUSDT", "1h", as_of=known_then), bars)
    assert lake.withdraw_bars(keys) == {}
    assert lake.upsert_bars(bars)["BTCUSDT"].content_hash == before.content_hash
