"""Numbers in place of keys: they order and equal each other as the keys do."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake import BARS
from bot_core_dagster.lake.keys import is_ascending, months, places_of, ranked, row_numbers, series_codes
from bot_core_dagster.lake.rows import TIME

_TEXTS = st.sampled_from(["", "a", "ä", "Z", "😀", "ab", None])
_FLOATS = st.sampled_from([-1.5, -0.0, 0.0, 2.0, None])
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = st.none() | st.timedeltas(timedelta(days=-100_000), timedelta(days=100_000)).map(_EPOCH.__add__)
_ROWS = st.lists(st.tuples(_TEXTS, _TIMES, _FLOATS, _TIMES, st.integers(0, 3)), min_size=1, max_size=30)


def _sort_key(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what Python sorts as the lake does: texts by their UTF-8 bytes, nulls last."""
    texts = (one.encode() if isinstance(one, str) else one for one in row)
    return tuple((one is None, 0 if one is None else one) for one in texts)


@given(rows=_ROWS)
def test_numbers_stand_as_their_rows_do(rows: list[tuple[Any, ...]]) -> None:
    """Two columns of times over centuries are more than 63 bits together: they are closed up on the way."""
    texts, first, floats, second, small = zip(*rows, strict=True)
    columns = (
        pa.array(texts, pa.string()),
        pa.array(first, TIME),
        pa.array(floats, pa.float64()),
        pa.array(second, TIME),
    )
    numbers = row_numbers([np.array(small), *(pa.chunked_array([column]) for column in columns)])
    keys = [_sort_key((row[4], *row[:4])) for row in rows]
    by_number, by_key = np.argsort(numbers, kind="stable"), sorted(range(len(rows)), key=keys.__getitem__)
    assert by_number.tolist() == by_key
    assert len(set(numbers.tolist())) == len(set(keys))
    assert is_ascending(numbers) == all(before < after for before, after in pairwise(keys))


def test_times_of_centuries_twice_do_not_overflow() -> None:
    early, late = datetime(1700, 1, 1, tzinfo=UTC), datetime(2240, 1, 1, tzinfo=UTC)
    first = pa.chunked_array([pa.array([early, early, late, late], TIME)])
    second = pa.chunked_array([pa.array([late, early, early, late], TIME)])
    assert np.argsort(row_numbers([first, second, first, second])).tolist() == [1, 0, 2, 3]


@given(
    there=st.lists(st.integers(-9, 40), unique=True, max_size=30),
    wanted=st.lists(st.integers(-12, 45), max_size=30),
)
def test_places_are_those_of_a_dictionary(there: list[int], wanted: list[int]) -> None:
    places = {number: place for place, number in enumerate(there)}
    found = places_of(np.array(wanted, dtype=np.int64), np.array(there, dtype=np.int64))
    assert found.tolist() == [places.get(number, -1) for number in wanted]


@given(st.lists(st.timedeltas(timedelta(days=-4_000), timedelta(days=33_000)).map(_EPOCH.__add__), max_size=30))
def test_months_are_calendar_months_before_1970_too(times: list[datetime]) -> None:
    known = months(pa.chunked_array([pa.array(times, TIME)]))
    assert known.astype(str).tolist() == [f"{time:%Y-%m}" for time in times]


@pytest.mark.parametrize("n_chunks", [1, 3], ids="{} chunks".format)
@pytest.mark.parametrize(
    "texts", [["a"] * 6, ["b", "a", "b", "c", "a", "b"], ["b", None, "a", None, "b", "b"], [None] * 6]
)
def test_ranks_point_into_the_sorted_values(texts: list[str | None], n_chunks: int) -> None:
    size = len(texts) // n_chunks
    chunks = [pa.array(texts[first : first + size], pa.string()) for first in range(0, len(texts), size)]
    ranks, values = ranked(pa.chunked_array(chunks))
    known = values.to_pylist()
    assert known == sorted({text for text in texts if text is not None})
    assert [known[rank] if rank < len(known) else None for rank in ranks] == texts


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from(["1h", "1d"])), min_size=1, max_size=20))
def test_series_codes_number_the_series_there_are(pairs: list[tuple[str, str]]) -> None:
    symbols, timeframes = zip(*pairs, strict=True)
    frame = pd.DataFrame({"symbol": symbols, "timeframe": timeframes})
    codes, names = series_codes(pa.Table.from_pandas(frame), BARS)
    assert codes.tolist() == frame.groupby(["symbol", "timeframe"]).ngroup().tolist()
    assert [names[code] for code in codes] == pairs


@pytest.mark.parametrize("empty", ["", None], ids=["no text", "null"])
def test_a_series_needs_a_name(empty: str | None) -> None:
    rows = pa.table({"symbol": ["BTC", "BTC"], "timeframe": pa.array([empty, "1h"], pa.string())})
    with pytest.raises(LakeError, match="timeframe has an empty value"):
        series_codes(rows, BARS)


def test_nothing_and_one_row_are_ascending_and_equal_rows_are_not() -> None:
    time = pa.chunked_array([pa.array([datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=1)] * 2, TIME)])
    assert is_ascending(row_numbers([time.slice(0, 0)]))
    assert is_ascending(row_numbers([time.slice(0, 1)]))
    assert not is_ascending(row_numbers([time]))
