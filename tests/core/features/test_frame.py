"""Tests of `features.frame` and `features.runs`.

Belongs here: look-ahead, missing bars, bad input. Not here: the values of indicators (`test_catalog`).
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from bot_core_dagster.errors import QualityError, ShapeError, UnknownNameError
from bot_core_dagster.features import bar_features, feature_columns
from bot_core_dagster.market.bar import empty_bars
from tests.builders import bars
from tests.core.features import real_bars

N_BARS = 420


def without(frame: pd.DataFrame, *missing: int) -> pd.DataFrame:
    return frame.drop(index=list(missing)).reset_index(drop=True)


@pytest.mark.parametrize("known_bars", [1, 2, 20, 168, 169, 399], ids="{} bars known".format)
def test_features_of_the_past_are_unmoved_by_the_future(known_bars: int) -> None:
    """A feature of bar t reads bars 0..t alone."""
    history = bars(400)
    known = bar_features(history.head(known_bars), "crypto")
    assert_frame_equal(known, bar_features(history, "crypto").head(known_bars), check_exact=True)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    known_bars=st.integers(1, N_BARS - 30),
    missing=st.sets(st.integers(1, N_BARS - 2), max_size=30),
    silent=st.sets(st.integers(0, N_BARS - 31), max_size=10),
    flat=st.integers(0, N_BARS - 60),
)
def test_the_past_is_unmoved_whatever_is_missing_silent_or_flat(
    seed: int, known_bars: int, missing: set[int], silent: set[int], flat: int
) -> None:
    history = bars(N_BARS, seed=seed)
    history.loc[flat : flat + 40, ["open", "high", "low", "close"]] = history["close"].iloc[flat]
    history = without(history, *missing)
    history.loc[sorted(silent & set(history.index)), "volume"] = np.nan
    known = bar_features(history.head(known_bars), "crypto")
    whole = bar_features(history, "crypto")
    assert_frame_equal(known, whole.head(known_bars), check_exact=True)
    assert not np.isinf(whole.drop(columns=["symbol", "timeframe", "open_time", "simulated"]).to_numpy()).any()


@pytest.mark.parametrize(
    ("load", "calendar"), [(real_bars.btcusdt, "crypto"), (real_bars.eurusd, "fx")], ids=["BTCUSDT", "EURUSD"]
)
def test_features_of_real_bars_are_unmoved_by_the_future(
    real_data: Path, load: Callable[[Path], pd.DataFrame], calendar: str
) -> None:
    history = load(real_data)
    whole = bar_features(history, calendar)
    for known_bars in np.random.default_rng(1).integers(1, len(history), 12):
        known = bar_features(history.head(known_bars), calendar)
        assert_frame_equal(known, whole.head(known_bars), check_exact=True)
    share_known = whole[[column.name for column in feature_columns()]].notna().mean()
    assert share_known.min() > 0.85


def test_a_frame_has_a_row_a_bar_and_a_described_float_column_a_feature() -> None:
    features = bar_features(bars(300), "crypto")
    names = [column.name for column in feature_columns()]
    assert list(features) == ["symbol", "timeframe", "open_time", "simulated", *names]
    assert (features[names].dtypes == np.float64).all()
    assert len(names) >= 20
    assert all(column.description and column.unit and column.window_bars >= 1 for column in feature_columns())
    assert_frame_equal(features[["symbol", "timeframe", "open_time"]], bars(300)[["symbol", "timeframe", "open_time"]])


def test_a_feature_is_known_from_the_last_bar_of_its_declared_window_on() -> None:
    features = bar_features(bars(300), "crypto")
    for column in feature_columns():
        assert features[column.name].first_valid_index() == column.window_bars - 1, column.name
        assert features[column.name].iloc[column.window_bars - 1 :].notna().all(), column.name


def test_a_window_that_spans_missing_bars_is_nan_and_warms_up_again() -> None:
    """After missing bars every feature starts as it did at the beginning: none spans them, however long its memory."""
    history = without(bars(600), 200, 201)
    features = bar_features(history, "crypto")
    after = bar_features(history.iloc[200:], "crypto")
    assert_frame_equal(features.iloc[200:], after, check_exact=True)
    for column in feature_columns():
        assert features[column.name].iloc[200 : 200 + column.window_bars - 1].isna().all(), column.name
        assert features[column.name].iloc[200 + column.window_bars - 1 :].notna().all(), column.name


def test_a_weekend_is_not_missing() -> None:
    hours = bars(24 * 14, start=pd.Timestamp("2024-01-07 22:00", tz="UTC"))
    new_york = hours["open_time"].dt.tz_convert("America/New_York")
    hour_of_week = new_york.dt.dayofweek * 24 + new_york.dt.hour
    week = hours[(hour_of_week < 4 * 24 + 17) | (hour_of_week >= 6 * 24 + 17)].reset_index(drop=True)
    assert 0 < len(week) < len(hours)
    assert bar_features(week, "fx")["zscore_100"].iloc[99:].notna().all()
    assert bar_features(week, "crypto")["zscore_100"].iloc[99:].isna().any()


def test_bars_without_volume_leave_the_other_features_as_they_are() -> None:
    history = bars(300)
    silent = history.assign(volume=np.nan)
    volume_names = ["volume_ratio_20", "obv_20"]
    features = bar_features(silent, "crypto")
    assert features[volume_names].isna().all(axis=None)
    expected = bar_features(history, "crypto").drop(columns=volume_names)
    assert_frame_equal(features.drop(columns=volume_names), expected, check_exact=True)


def test_one_bar_without_volume_does_not_poison_the_volume_features_after_it() -> None:
    history = bars(300)
    history.loc[100, "volume"] = np.nan
    features = bar_features(history, "crypto")
    assert features["volume_ratio_20"].iloc[100:120].isna().all()
    assert features["obv_20"].iloc[100:121].isna().all()
    assert features[["volume_ratio_20", "obv_20"]].iloc[121:].notna().all(axis=None)


def test_a_price_that_does_not_move_has_no_rsi_no_zscore_and_no_place_in_its_bands() -> None:
    history = bars(200).assign(open=5e-5, high=5e-5, low=5e-5, close=5e-5)
    features = bar_features(history, "crypto")
    undefined = ["rsi_14", "zscore_50", "bollinger_position", "stochastic_k", "stochastic_d"]
    assert features[undefined].isna().all(axis=None)
    assert (features[["atr_14", "volatility_24", "bollinger_width"]].dropna() == 0.0).all(axis=None)


def test_each_row_says_whether_a_market_made_its_bar() -> None:
    history = pd.concat([bars(30, source="simulated"), bars(60).tail(30)], ignore_index=True)
    assert bar_features(history, "crypto")["simulated"].tolist() == [True] * 30 + [False] * 30


def test_no_bars_give_no_rows_and_all_columns() -> None:
    features = bar_features(empty_bars(), "crypto")
    assert features.shape == (0, 4 + len(feature_columns()))
    assert features["simulated"].dtype == bool


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (lambda frame: pd.concat([frame, bars(5, symbol="ETHUSDT")]), ShapeError, "one symbol"),
        (lambda frame: frame.iloc[::-1], ShapeError, "ascend"),
        (lambda frame: frame.iloc[[0, 1, 1, 2]], ShapeError, "ascend"),
        (lambda frame: frame.assign(close=frame["close"].where(frame.index != 3)), QualityError, "the first at 2024"),
        (lambda frame: frame.assign(low=0.0), QualityError, "10 bars without"),
        (lambda frame: frame.assign(high=np.inf), QualityError, "finite positive"),
    ],
    ids=["two symbols", "backwards", "twice", "nan", "zero", "infinite"],
)
def test_bars_that_are_no_series_are_refused(
    spoil: Callable[[pd.DataFrame], pd.DataFrame], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        bar_features(spoil(bars(10)), "crypto")


def test_an_unknown_calendar_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="lunar"):
        bar_features(without(bars(10), 4), "lunar")
