"""Scoring: each forecast that has come due is scored once, by what came first."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.lake import Lake
from bot_core_dagster.models.forecast import forecast_of
from bot_core_dagster.models.forecast_table import FORECASTS
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.scoring import FORECAST_SCORES, score_forecasts
from bot_core_dagster.models.store import ModelStore
from tests.core.models.worlds import INSTRUMENT, known

BARS = known(30).bars


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


def _forecast(lake: Lake, n_bars: int) -> pd.DataFrame:
    said = forecast_of(ModelStore(lake.root / "none"), Known.of(BARS.head(n_bars), INSTRUMENT), INSTRUMENT, None)
    lake.upsert(FORECASTS, said)
    return said


def _score(lake: Lake, bars: pd.DataFrame) -> pd.DataFrame:
    report = score_forecasts(lake, Known.of(bars, INSTRUMENT), INSTRUMENT)
    if len(report.new_rows):
        lake.upsert(FORECAST_SCORES, report.new_rows)
    return report.new_rows


def test_a_forecast_is_scored_horizon_by_horizon_as_its_bars_come(lake: Lake) -> None:
    _forecast(lake, 500)
    assert len(_score(lake, BARS.head(500))) == 0
    assert list(_score(lake, BARS.head(503))["horizon"]) == [1, 2, 3]
    assert list(_score(lake, BARS.head(503))["horizon"]) == []
    assert len(_score(lake, BARS.head(600))) == 21


def test_a_score_holds_the_price_that_came_against_what_was_said(lake: Lake) -> None:
    said = _forecast(lake, 500)
    scored = _score(lake, BARS.head(524))
    came = BARS["close"].to_numpy()[500:524]
    assert scored["realised_close"].to_numpy() == pytest.approx(came)
    inside = (came >= said["lower"].to_numpy()) & (came <= said["upper"].to_numpy())
    assert np.array_equal(scored["is_inside"].to_numpy(), inside.astype(float))


def test_a_correction_of_the_bar_that_came_does_not_rewrite_the_score(lake: Lake) -> None:
    _forecast(lake, 500)
    _score(lake, BARS.head(524))
    before = lake.read(FORECAST_SCORES, ["BTCUSDT"])
    corrected = BARS.head(530).copy()
    for name in ("open", "high", "low", "close"):
        corrected[name] = corrected[name].where(corrected.index != 510, corrected[name] * 1.5)
    _score(lake, corrected)
    pd.testing.assert_frame_equal(lake.read(FORECAST_SCORES, ["BTCUSDT"]), before)


def test_a_missing_bar_between_leaves_the_forecast_open(lake: Lake) -> None:
    _forecast(lake, 500)
    holed = BARS.head(524).drop(index=505).reset_index(drop=True)
    assert list(_score(lake, holed)["horizon"]) == [1, 2, 3, 4, 5]


def test_the_live_report_is_of_all_that_was_scored_and_covers_about_nine_of_ten(lake: Lake) -> None:
    for n_bars in range(400, 690, 3):
        _forecast(lake, n_bars)
    report = score_forecasts(lake, Known.of(BARS, INSTRUMENT), INSTRUMENT)
    assert report.scores[0].horizon == 1
    assert report.n_forecasts == len(report.new_rows)
    assert 0.8 < report.scores[0].coverage.share < 0.99
    assert report.is_simulated
    assert report.drift.empty
