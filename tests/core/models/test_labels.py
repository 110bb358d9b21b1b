"""Labels: what the next bars did, scaled by what was known, and nothing across missing bars."""

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.features import bar_features
from bot_core_dagster.models.labels import HORIZONS, MOVE_DEVIATIONS, VOLATILITY, Labels, labels_of, spread_of
from tests import builders


def _labels(bars: pd.DataFrame, calendar: str = "crypto") -> Labels:
    return labels_of(bars, bar_features(bars, calendar), calendar)


@pytest.mark.parametrize("horizon", [1, 2, 24], ids="{} bars ahead".format)
def test_a_return_runs_from_the_close_of_its_bar_to_the_close_so_many_bars_later(horizon: int) -> None:
    bars = builders.bars(200)
    closes = bars["close"].to_numpy()
    labels = _labels(bars)
    for row in (0, 57, 199 - horizon):
        assert labels.log_ret[row, horizon - 1] == pytest.approx(np.log(closes[row + horizon] / closes[row]), abs=1e-15)
    assert np.isnan(labels.log_ret[200 - horizon :, horizon - 1]).all()


def test_no_label_spans_a_missing_bar() -> None:
    whole = builders.bars(300)
    bars = whole.drop(index=150).reset_index(drop=True)
    labels = _labels(bars)
    for horizon in (1, 5, 24):
        spans = np.arange(150 - horizon, 150)
        assert np.isnan(labels.log_ret[spans, horizon - 1]).all()
        assert np.isfinite(labels.log_ret[150 - horizon - 1, horizon - 1])
        assert np.isfinite(labels.log_ret[150, horizon - 1])


def test_a_weekend_is_not_missing() -> None:
    bars = builders.bars(24 * 14)
    open_hours = (bars["open_time"] >= "2024-01-01T22:00Z") & ~(
        ((bars["open_time"] >= "2024-01-05T22:00Z") & (bars["open_time"] < "2024-01-07T22:00Z"))
        | (bars["open_time"] >= "2024-01-12T22:00Z")
    )
    labels = _labels(bars[open_hours].reset_index(drop=True), "fx")
    assert np.isfinite(labels.log_ret[:-HORIZONS]).all()


def test_the_direction_is_that_of_moves_beyond_half_a_deviation_expected_of_the_horizon() -> None:
    labels = _labels(builders.bars(600))
    expected = labels.log_ret / (labels.deviation[:, None] * np.sqrt(np.arange(1, HORIZONS + 1)))
    known = np.isfinite(expected)
    assert (labels.direction[known & (expected > MOVE_DEVIATIONS)] == 1.0).all()
    assert (labels.direction[known & (expected < -MOVE_DEVIATIONS)] == 0.0).all()
    assert np.isnan(labels.direction[~known | (np.abs(expected) <= MOVE_DEVIATIONS)]).all()
    assert np.array_equal(labels.scaled, expected, equal_nan=True)


def test_prices_that_stand_still_have_neither_scale_nor_direction() -> None:
    bars = builders.bars(200).assign(open=100.0, high=100.0, low=100.0, close=100.0)
    labels = _labels(bars)
    assert np.isnan(labels.deviation).all()
    assert np.isnan(labels.direction).all()
    assert np.isnan(labels.sign).all()


def test_the_interval_of_a_row_ends_with_the_last_bar_that_its_labels_read() -> None:
    bars = builders.bars(100)
    labels = _labels(bars)
    assert labels.start[10] == bars["close_time"].iloc[10]
    assert labels.end[10] == bars["close_time"].iloc[10 + HORIZONS]
    assert labels.end[90] == bars["close_time"].iloc[99]
    assert labels.end[99] == labels.start[99]


@pytest.mark.parametrize("known_bars", [30, 61, 150], ids="{} bars known".format)
def test_labels_of_the_past_are_filled_in_by_the_future_and_never_changed(known_bars: int) -> None:
    bars = builders.bars(200)
    early, late = _labels(bars.head(known_bars)), _labels(bars)
    was_known = np.isfinite(early.log_ret)
    assert np.array_equal(early.log_ret[was_known], late.log_ret[:known_bars][was_known])
    assert np.array_equal(early.deviation, late.deviation[:known_bars], equal_nan=True)


def test_the_scale_is_the_feature_known_at_the_close() -> None:
    bars = builders.bars(100)
    features = bar_features(bars, "crypto")
    labels = labels_of(bars, features, "crypto")
    assert np.array_equal(labels.deviation, features[VOLATILITY].to_numpy(), equal_nan=True)
    assert spread_of(np.array([0.01]))[0, 3] == pytest.approx(0.02)


def test_features_of_other_bars_are_refused() -> None:
    bars = builders.bars(100)
    with pytest.raises(ShapeError, match="same 100 bars"):
        labels_of(bars, bar_features(bars.tail(50), "crypto"), "crypto")
