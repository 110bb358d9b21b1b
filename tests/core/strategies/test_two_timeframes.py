"""Tests of `strategies.two_timeframes`.

Belongs here: which bar confirms and when it is known, runs of both timeframes. Not here: rules (`test_rules`).
"""

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.errors import ParameterError, ShapeError
from bot_core_dagster.features.definition import BarRun
from bot_core_dagster.market.resample import resample
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies.two_timeframes import TwoTimeframes, before, confirming_timeframe
from bot_core_dagster.timeframe import Timeframe
from tests.builders import bars


def close_and_count(run: BarRun) -> tuple[FloatArray1D, ...]:
    return run.close, np.arange(1.0, run.n_bars + 1.0)


@pytest.mark.parametrize(
    ("timeframe", "confirming"),
    [("1m", "5m"), ("5m", "30m"), ("15m", "1h"), ("30m", "4h"), ("1h", "4h"), ("4h", "1d")],
    ids=["1m", "5m", "15m", "30m", "1h", "4h"],
)
def test_the_next_timeframe_four_times_as_long_confirms(timeframe: str, confirming: str) -> None:
    assert confirming_timeframe(Timeframe(timeframe)) == confirming


def test_nothing_confirms_days() -> None:
    with pytest.raises(ParameterError, match="got 1d, the longest there is; next: use 4h or shorter"):
        confirming_timeframe(Timeframe.D1)


def test_the_confirming_bar_is_known_from_the_bar_that_closes_with_it() -> None:
    """Hours from 02:00: the first 4h bar, half of it, closes with the second hour, the next with the sixth."""
    history = bars(11, start=pd.Timestamp("2024-01-01 02:00", tz="UTC").to_pydatetime())
    frames = TwoTimeframes(history, "crypto")
    known = frames.of_confirming_bars(("close", "n"), close_and_count)
    np.testing.assert_array_equal(known["n"], [np.nan, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3])
    hourly = history["close"].to_numpy()
    np.testing.assert_array_equal(known["close"][5:], [hourly[5]] * 4 + [hourly[9]] * 2)


def test_the_join_is_that_of_pandas_by_close_time() -> None:
    history = bars(500, seed=3).drop(index=[40, 41, 42, 43, 44, 45, 46, 200, 203, 320]).reset_index(drop=True)
    known = TwoTimeframes(history, "crypto").of_confirming_bars(("close", "n"), close_and_count)
    longer = resample(history, Timeframe.H4, "crypto")
    joined = pd.merge_asof(history[["close_time"]], longer[["close_time", "close"]], on="close_time")
    np.testing.assert_array_equal(known["close"], joined["close"])


def test_indicators_of_both_timeframes_start_again_after_missing_bars() -> None:
    """Hours 10 to 17 are missing: with them the 4h bar from 12:00, not the halves of those before and after it."""
    history = bars(40).drop(index=list(range(10, 18))).reset_index(drop=True)
    frames = TwoTimeframes(history, "crypto")
    n_bars = frames.of_bars(("close", "n"), close_and_count)["n"]
    np.testing.assert_array_equal(n_bars, [*range(1, 11), *range(1, 23)])
    n_confirming = frames.of_confirming_bars(("close", "n"), close_and_count)["n"]
    np.testing.assert_array_equal(n_confirming[7:15], [2, 2, 2, 3, 1, 1, 1, 1])


def test_a_stale_confirmation_is_not_that_of_the_bar_under_way() -> None:
    """A 4h bar whose last hours are missing is over, and known, at the first close after its end."""
    history = bars(9).drop(index=[6, 7]).reset_index(drop=True)
    known = TwoTimeframes(history, "crypto").of_confirming_bars(("close", "n"), close_and_count)["n"]
    np.testing.assert_array_equal(known, [np.nan, np.nan, np.nan, 1, 1, 1, 2])


def test_values_before_are_those_of_one_bar_before() -> None:
    np.testing.assert_array_equal(before(np.array([1.0, 2.0, 3.0])), [np.nan, 1.0, 2.0])
    assert before(np.empty(0)).shape == (0,)


def test_two_instruments_are_refused() -> None:
    both = pd.concat([bars(5), bars(5, symbol="ETHUSDT")], ignore_index=True)
    with pytest.raises(ShapeError, match="one symbol"):
        TwoTimeframes(both, "crypto")
