"""Faults on request.

Belongs here: tests of `market.simulated.faults` through the source. Not here: what is done about faults.
"""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bot_core_dagster.errors import SettingsError
from bot_core_dagster.market.simulated import NO_FAULTS, Faults, SimulatedSource
from tests.core.market.simulated.instruments import btcusdt, eurusd, utc

START, END = utc("2024-01-01"), utc("2024-03-01")
N_BARS = 60 * 24


def _bars(faults: Faults, seed: int = 7, later_bars: int = 0) -> pd.DataFrame:
    end = END + timedelta(hours=later_bars)
    bars = SimulatedSource(seed, faults=faults).fetch(btcusdt(), START, end).bars
    return bars[bars["open_time"] < END].reset_index(drop=True)


RIGHT = _bars(NO_FAULTS)


def test_missing_bars_never_come_and_the_others_are_right() -> None:
    there = _bars(Faults(missing_share=0.1))
    assert_frame_equal(there, RIGHT[RIGHT["open_time"].isin(there["open_time"])].reset_index(drop=True))
    assert 0.07 < 1 - len(there) / N_BARS < 0.13
    assert_frame_equal(_bars(Faults(missing_share=0.1), later_bars=1_000), there)


def test_duplicates_are_the_same_row_again() -> None:
    bars = _bars(Faults(duplicate_share=0.1))
    assert 0.07 < bars.duplicated().mean() * len(bars) / N_BARS < 0.13
    assert_frame_equal(bars.drop_duplicates(ignore_index=True), RIGHT)


def test_late_bars_come_after_the_bars_they_are_late_by() -> None:
    faults = Faults(late_share=0.5, late_bars=10)
    now, then = _bars(faults), _bars(faults, later_bars=10)
    absent = RIGHT[~RIGHT["open_time"].isin(now["open_time"])]
    assert 1 <= len(absent) <= 10
    assert (absent["close_time"] > END - timedelta(hours=10)).all()
    assert_frame_equal(then, RIGHT)


def test_corrected_bars_are_wrong_until_their_correction() -> None:
    faults = Faults(corrected_share=0.5, corrected_bars=10)
    now, then = _bars(faults), _bars(faults, later_bars=10)
    is_wrong = now["close"] != RIGHT["close"]
    assert 1 <= is_wrong.sum() <= 10
    assert (now["close_time"][is_wrong] > END - timedelta(hours=10)).all()
    np.testing.assert_allclose(now["close"][is_wrong], RIGHT["close"][is_wrong] * 1.001)
    assert (now["high"] >= now["close"]).all()
    assert_frame_equal(then, RIGHT)


def test_faults_are_the_same_for_any_range_and_differ_by_seed() -> None:
    faults = Faults(missing_share=0.1, duplicate_share=0.1)
    part = SimulatedSource(7, faults=faults).fetch(btcusdt(), utc("2024-02-01"), END).bars
    whole = _bars(faults)
    assert_frame_equal(part, whole[whole["open_time"] >= utc("2024-02-01")].reset_index(drop=True))
    assert set(_bars(faults, seed=8)["open_time"]) != set(whole["open_time"])


def test_all_bars_missing_is_an_empty_frame() -> None:
    bars = SimulatedSource(7, faults=Faults(missing_share=1.0)).fetch(eurusd(), START, END).bars
    assert len(bars) == 0
    assert list(bars.columns) == list(RIGHT.columns)


@pytest.mark.parametrize(
    "wrong",
    [{"missing_share": 1.5}, {"late_share": -0.1}, {"late_bars": -1}, {"corrected_share": float("nan")}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_shares_and_counts_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Faults(**wrong)
