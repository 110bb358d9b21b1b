"""Tests of `validation.cuts`.

Belongs here: that the sample holds the places where a look into the future shows. Not here: the check
(`test_look_ahead`).
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.validation.cuts import sample_cuts
from tests.builders import bars


def test_beginning_end_missing_bars_days_and_changes_are_among_the_cuts() -> None:
    frame = bars(500).drop(index=[200]).reset_index(drop=True)
    rare = pd.Series(np.where(np.arange(499) == 333, 1.0, np.nan))
    cuts = set(sample_cuts(frame, "crypto", {"rare": rare}, n_cuts=60, seed=0).tolist())
    assert len(cuts) == 60
    assert {1, 2, 498} <= cuts
    assert {200, 201} <= cuts, "beside the missing bar"
    assert {333, 334, 335} <= cuts, "before, at and after the value that comes and goes"
    closes_four_hours = {cut for cut in cuts if frame["close_time"].iloc[cut - 1].hour % 4 == 0}
    assert len(closes_four_hours) >= 10


def test_where_columns_are_filled_and_just_before_something_arrives_are_among_the_cuts() -> None:
    """Volume is unknown at bars 120 to 122; a row that arrives at 13:30 on 5 January finds 109 bars closed."""
    frame = bars(500)
    frame.loc[120:122, "volume"] = np.nan
    arrivals = pd.DatetimeIndex([pd.Timestamp("2024-01-05 13:30", tz="UTC")])
    cuts = set(sample_cuts(frame, "crypto", {}, [arrivals], n_cuts=60, seed=0).tolist())
    assert {120, 121, 123, 124} <= cuts
    assert 109 in cuts


def test_days_of_fx_close_at_17_00_new_york() -> None:
    hours = bars(72, start=pd.Timestamp("2024-01-08 22:00", tz="UTC"))
    cuts = sample_cuts(hours, "fx", {}, n_cuts=40, seed=1)
    assert {24, 48} <= set(cuts.tolist()), "22:00 UTC is 17:00 New York in January"


@settings(deadline=None)
@given(n_bars=st.integers(2, 200), n_cuts=st.integers(1, 100), seed=st.integers(0, 1_000))
def test_cuts_are_distinct_places_inside_the_history(n_bars: int, n_cuts: int, seed: int) -> None:
    frame = bars(n_bars)
    cuts = sample_cuts(frame, "crypto", {"close": frame["close"]}, n_cuts=n_cuts, seed=seed)
    assert len(cuts) == min(n_cuts, n_bars - 1)
    assert (np.diff(cuts) > 0).all()
    assert cuts[0] >= 1
    assert cuts[-1] <= n_bars - 1
    np.testing.assert_array_equal(cuts, sample_cuts(frame, "crypto", {}, n_cuts=n_cuts, seed=seed))


@pytest.mark.parametrize("timeframe", ["5m", "1d"], ids=["five minutes", "days"])
def test_any_timeframe_has_cuts(timeframe: str) -> None:
    assert len(sample_cuts(bars(300, timeframe=timeframe), "crypto", {}, n_cuts=30, seed=0)) == 30
