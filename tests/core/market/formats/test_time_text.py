"""Times as text and as counts since 1970."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.formats import read_bars_file
from bot_core_dagster.market.formats.raw_bars import unread_rows
from bot_core_dagster.market.formats.text_table import TextTable
from bot_core_dagster.market.formats.time_text import Times, epoch_times, times_of
from bot_core_dagster.market.source import Fetched
from bot_core_dagster.timeframe import Timeframe
from tests.core.market.formats.written import CRYPTO

HEADER = "timestamp,open,high,low,close,volume"


def read(path: Path, *times: str, **declared: str) -> Fetched:
    path.write_text("\n".join([HEADER, *(f"{time},1,2,0.5,1,3" for time in times)]))
    return read_bars_file(path, symbol="X", timeframe=Timeframe.H1, calendar=CRYPTO, **declared)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2024-03-01 00:00:00", "2024-03-01 01:00:00"),
        ("2024-03-01 00:00", "2024-03-01 01:00"),
        ("2024-03-01T00:00:00.000", "2024-03-01T01:00:00.000"),
        ("2024-03-01T00:00:00Z", "2024-03-01T01:00:00Z"),
        ("2024-03-01 09:00:00+09:00", "2024-03-01 01:00:00+00:00"),
        ("2024-02-29 19:00:00-0500", "2024-02-29 20:00:00-0500"),
        ("2024-03-01 00:00:00.000000000", "2024-03-01 01:00:00.000000000"),
        ("1709251200", "1709254800"),
        ("1709251200.0", "1709254800.0"),
        ("1709251200000", "1709254800000"),
        ("1709251200000000", "1709254800000000"),
        ("1709251200000000000", "1709254800000000000"),
        ('"2024-03-01 00:00:00"', '"2024-03-01 01:00:00"'),
        (" 2024-03-01 00:00 ", " 2024-03-01 01:00 "),
    ],
    ids=str,
)
def test_a_time_is_read_however_it_is_written(first: str, second: str, tmp_path: Path) -> None:
    opens = read(tmp_path / "t.csv", first, second).bars["open_time"]
    assert opens.tolist() == [pd.Timestamp("2024-03-01 00:00", tz="UTC"), pd.Timestamp("2024-03-01 01:00", tz="UTC")]


@pytest.mark.parametrize(
    "bad",
    ["", "soon", "2024-02-30 00:00:00", "2024-13-01", "01/02/2024", "99999-01-01", "1969-12-31 23:00:00", "2150-01-01"],
    ids=repr,
)
def test_a_row_without_a_time_is_quarantined_alone(bad: str, tmp_path: Path) -> None:
    fetched = read(tmp_path / "t.csv", "2024-03-01 00:00:00", bad, "2024-03-01 01:00:00")
    assert fetched.quarantined is not None
    assert fetched.quarantined[["line", "reason"]].to_numpy().tolist() == [[3.0, f"not a time ({bad!r})"]]
    assert fetched.bars["line"].tolist() == [2, 4]


@pytest.mark.parametrize("bad", ["x", "17", "99999999999999999999999", "1709251200.5", "-5"], ids=repr)
@pytest.mark.parametrize("zeros", ["", "000", "000000000"], ids=["s", "ms", "ns"])
def test_a_count_that_is_no_time_is_quarantined_alone(bad: str, zeros: str, tmp_path: Path) -> None:
    fetched = read(tmp_path / "t.csv", f"1709251200{zeros}", bad, f"1709254800{zeros}")
    assert fetched.bars["line"].tolist() == [2, 4]
    assert fetched.quarantined is not None
    assert fetched.quarantined["line"].tolist() == [3.0]


def test_offsets_are_said_and_a_zone_in_some_rows_only_is_refused(tmp_path: Path) -> None:
    fetched = read(tmp_path / "t.csv", "2024-03-01 09:00:00+09:00", "2024-03-01 01:00:00+00:00")
    assert "times with a zone (+00:00, +09:00)" in fetched.notes
    with pytest.raises(FormatError, match=r"mixed zones: line 3 has one .*line 2 has none"):
        read(tmp_path / "t.csv", "2024-03-01 00:00:00", "2024-03-01 01:00:00Z")


@given(
    st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2099, 1, 1)),  # noqa: DTZ001 made aware below
    st.sampled_from(["s", "ms", "us", "ns"]),
)
def test_a_count_has_the_unit_of_its_size(moment: datetime, unit: str) -> None:
    expected = np.datetime64(moment.replace(microsecond=0), "us")
    count = expected.astype("M8[ns]").astype("int64") // {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[unit]
    parsed = epoch_times(np.array([count], dtype="int64"))
    assert parsed is not None
    times, note = parsed
    assert times[0] == expected
    assert note == f"times in {unit} since 1970 UTC"
    assert moment.replace(tzinfo=UTC).year == times[0].astype("M8[Y]").astype(int) + 1970


FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d", "%Y-%m-%d %H", "%Y-%m-%d %H:%M:%S.%f", "%d.%m.%Y %H:%M")
JUNK = ("", "soon", "2024-02-30 00:00", "1969-12-31 23:00:00", "2024-03-01 24:00:00", "2024-03-01 00:00:00.123456789")
moments = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2099, 1, 1))  # noqa: DTZ001 written without
written = st.builds(datetime.strftime, moments, st.sampled_from(FORMS[:3])) | st.sampled_from(
    [*JUNK, *(datetime(2024, 3, 1, 16).strftime(form) for form in FORMS[3:])]  # noqa: DTZ001 written without
)


def _times(texts: list[str]) -> Times:
    column = pa.chunked_array([pa.array(texts, pa.string())])
    table = TextTable((), (column,), np.arange(1, 1 + len(texts)), unread_rows(np.empty(0, dtype="int64"), []))
    return times_of("t.csv", table, column)


@given(st.lists(written, min_size=1, max_size=8))
def test_times_read_all_at_once_are_those_read_with_a_closer_look(texts: list[str]) -> None:
    """A blank, or a text that is no time, makes all rows be looked at closely."""
    at_once, closely = _times(texts), _times([f" {text} " for text in texts])
    among_others = _times([*texts, "soon"])
    for other, n_more in ((closely, 0), (among_others, 1)):
        n_rows = len(other.time) - n_more
        np.testing.assert_array_equal(other.keep[:n_rows], at_once.keep)
        np.testing.assert_array_equal(other.time[:n_rows][at_once.keep], at_once.time[at_once.keep])
        pd.testing.assert_frame_equal(other.unread.head(len(at_once.unread)), at_once.unread)
        assert (other.is_utc, other.note) == (at_once.is_utc, at_once.note)


def test_an_hour_without_minutes_is_no_time() -> None:
    """Arrow takes it for one where all other rows are written plainly."""
    assert _times(["2024-03-01 16", "2024-03-01 17:00"]).keep.tolist() == [False, True]
