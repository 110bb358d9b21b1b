"""Scores: forecasts against what came, only where it came."""

import math

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.features import bar_features
from bot_core_dagster.models.coverage import coverage_of
from bot_core_dagster.models.labels import labels_of
from bot_core_dagster.models.scores import SCORE_COLUMNS, live_scores, scored_forecasts
from tests import builders

BARS = builders.bars(400)
HORIZONS = (1, 4, 24)


def _forecasts(places: range = range(100, 390), seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    labels = labels_of(BARS, bar_features(BARS, "crypto"), "crypto")
    place = np.repeat(np.array(places), len(HORIZONS))
    horizon = np.tile(HORIZONS, len(places))
    close = BARS["close"].to_numpy()[place]
    width = 1.645 * labels.deviation[place] * np.sqrt(horizon)
    return pd.DataFrame(
        {
            "as_of": pd.DatetimeIndex(BARS["close_time"])[place],
            "horizon": horizon,
            "close": close,
            "predicted_price": close,
            "lower": close * np.exp(-width),
            "upper": close * np.exp(width),
            "probability_up": rng.uniform(0.3, 0.7, len(place)),
            "deviation": labels.deviation[place],
            "model_version": "lstm-1",
        }
    )


def test_a_forecast_is_held_against_the_close_so_many_bars_later_as_its_label_says() -> None:
    labels = labels_of(BARS, bar_features(BARS, "crypto"), "crypto")
    scored = scored_forecasts(_forecasts(), BARS, "crypto")
    place = pd.DatetimeIndex(BARS["close_time"]).get_indexer(pd.DatetimeIndex(scored["as_of"]))
    column = scored["horizon"].to_numpy() - 1
    assert np.array_equal(scored["realised_close"], BARS["close"].to_numpy()[place + column + 1])
    assert np.array_equal(scored["direction"], labels.direction[place, column], equal_nan=True)
    sign = labels.sign[place, column]
    expected = (scored["probability_up"].to_numpy() > 0.5) == (sign == 1.0)
    assert np.array_equal(scored["is_hit"], np.where(np.isnan(sign), np.nan, expected), equal_nan=True)
    assert (scored["model_version"] == "lstm-1").all()


def test_one_forecast_scored_by_hand() -> None:
    forecast = _forecasts(range(200, 201)).head(1).assign(close=100.0, lower=99.0, upper=103.0, probability_up=0.7)
    bars = BARS.copy()
    for column in ("open", "high", "low", "close"):
        bars.loc[201, column] = 102.0
    (row,) = scored_forecasts(forecast.assign(deviation=0.01), bars, "crypto").to_dict("records")
    assert row["realised_close"] == 102.0
    assert row["direction"] == 1.0
    assert row["log_loss"] == pytest.approx(-math.log(0.7))
    assert (row["is_hit"], row["is_inside"]) == (1.0, 1.0)
    (small,) = scored_forecasts(forecast.assign(deviation=0.05), bars, "crypto").to_dict("records")
    assert math.isnan(small["direction"])
    assert math.isnan(small["log_loss"])
    (narrow,) = scored_forecasts(forecast.assign(deviation=0.01, upper=101.9), bars, "crypto").to_dict("records")
    assert narrow["is_inside"] == 0.0


def test_what_has_not_come_yet_stays_open() -> None:
    forecasts = _forecasts()
    early = BARS.head(150)
    scored = scored_forecasts(forecasts, early, "crypto")
    due = forecasts["as_of"] + pd.to_timedelta(forecasts["horizon"], unit="h") <= early["close_time"].iloc[-1]
    assert len(scored) == due.sum()
    later = scored_forecasts(forecasts, BARS, "crypto")
    both = scored.merge(later, on=["as_of", "horizon"], suffixes=("", "_later"))
    for name in SCORE_COLUMNS:
        assert np.array_equal(both[name], both[f"{name}_later"], equal_nan=True)


def test_a_missing_bar_in_between_keeps_a_forecast_open_and_so_does_one_that_it_was_made_at() -> None:
    bars = BARS.drop(index=200).reset_index(drop=True)
    scored = scored_forecasts(_forecasts(), bars, "crypto")
    place = (pd.DatetimeIndex(scored["as_of"]) - BARS["close_time"].iloc[0]) // pd.Timedelta(hours=1)
    end = place + scored["horizon"].to_numpy()
    assert not ((place <= 200) & (end >= 200)).any()
    assert ((place == 201) & (end == 202)).any()
    assert len(scored_forecasts(_forecasts(), bars.head(0), "crypto")) == 0


def test_the_summary_of_each_horizon_is_of_its_rows() -> None:
    scored = scored_forecasts(_forecasts(), BARS, "crypto")
    found = live_scores(scored.sample(frac=1.0, random_state=0))
    assert [each.horizon for each in found] == list(HORIZONS)
    for each in found:
        rows = scored[scored["horizon"] == each.horizon]
        directed = rows.dropna(subset="direction")
        assert each.accuracy == pytest.approx(rows["is_hit"].mean())
        assert each.n_directions == len(directed)
        assert each.log_loss == pytest.approx(directed["log_loss"].mean())
        assert each.brier == pytest.approx(((directed["probability_up"] - directed["direction"]) ** 2).mean())
        assert each.coverage == coverage_of(rows["is_inside"].to_numpy(), each.horizon)
        assert sum(each.reliability.n_rows) == len(directed)
    day, hour = found[-1], found[0]
    assert day.coverage.standard_error > 1.5 * day.coverage.naive_error
    assert hour.coverage.standard_error == pytest.approx(hour.coverage.naive_error, rel=0.5)


def test_nothing_scored_has_no_summary() -> None:
    assert live_scores(scored_forecasts(_forecasts(), BARS.head(50), "crypto")) == ()
