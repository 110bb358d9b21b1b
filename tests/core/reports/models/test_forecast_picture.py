"""The picture of a forecast: the fan begins at the last known close, counts bars, and says who made it."""

import math
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.market.simulated import SimulatedSource
from bot_core_dagster.models.forecast_table import closes_ahead
from bot_core_dagster.reports import forecast_picture
from bot_core_dagster.reports.canvas import ACCENT, INK, SHORT, WASH
from bot_core_dagster.reports.figures import price
from bot_core_dagster.reports.models.fan import fan_of
from bot_core_dagster.reports.models.forecast_picture import forecast_figure
from tests.builders import bars, instrument
from tests.core.reports.models.modelled import forecast
from tests.core.reports.reader import pixels, require_readable, share_of, words_of


@pytest.mark.parametrize("is_simulated", [False, True], ids=["real", "simulated"])
def test_it_is_a_small_picture_of_1200_by_700(is_simulated: bool) -> None:
    png = forecast_picture("BTCUSDT 1h", *forecast(), is_simulated=is_simulated)
    assert pixels(png).shape == (700, 1200, 3)
    assert len(png) < 120_000


@pytest.mark.parametrize("color", [INK, ACCENT, WASH, SHORT], ids=["closes", "median", "90 %", "short"])
def test_closes_median_band_and_probabilities_are_drawn(color: str) -> None:
    assert share_of(color, forecast_picture("BTCUSDT 1h", *forecast(), is_simulated=False)) > 0.0005


def test_the_words_say_who_forecasts_what_from_when() -> None:
    known, rows = forecast()
    figure = forecast_figure("BTCUSDT 1h", known, rows, is_simulated=True)
    words = words_of(figure)
    for part in (
        "SIMULATED: BTCUSDT 1h: UP over all 24 horizons, by lstm version 7",
        f"Known until 2024-01-05 04:00 UTC: {price(known['close'].iloc[-1])}",
        f"24 bars ahead, 2024-01-06 04:00 UTC: {price(rows['predicted_price'].iloc[-1])} (+0.25 %)",
        f"between {price(rows['lower'].iloc[-1])} and {price(rows['upper'].iloc[-1])}",
        "Probability that a move is up: 0.570 1 bar ahead, 0.440 24 bars ahead",
    ):
        assert part in words
    require_readable(figure)


@pytest.mark.parametrize(
    ("directions", "expected"),
    [
        (["up"] * 24, "UP over all 24 horizons"),
        (["up"] + ["flat"] * 22 + ["down"], "UP 1 bar ahead, DOWN 24 bars ahead"),
        (["flat"] + ["up"] * 22 + ["flat"], "FLAT 1 and 24 bars ahead"),
    ],
    ids=["alike", "turning", "back again"],
)
def test_the_title_says_where_it_goes(directions: list[str], expected: str) -> None:
    known, rows = forecast(trend_direction=directions)
    assert expected in words_of(forecast_figure("BTCUSDT 1h", known, rows, is_simulated=False))


def test_a_naive_forecast_is_called_so_and_says_why() -> None:
    known, rows = forecast(
        model_type="naive",
        model_version="0",
        probability_up=0.5,
        trend_direction="flat",
        note="nothing is promoted yet",
    )
    words = words_of(forecast_figure("BTCUSDT 1h", known, rows, is_simulated=False))
    assert "FLAT over all 24 horizons, NAIVE: no champion" in words
    assert ". nothing is promoted yet" in words
    assert "lstm" not in words


def test_the_fan_opens_at_the_last_close_and_ends_at_the_bounds() -> None:
    known, rows = forecast(lower_50=99.0, upper_50=101.0)
    above, _ = forecast_figure("BTCUSDT 1h", known, rows, is_simulated=False).axes
    bands = [one for one in above.collections if isinstance(one, PolyCollection)]
    assert [band.get_label() for band in bands] == ["50 %", "90 %"]
    corners = np.asarray(bands[1].get_paths()[0].vertices)
    np.testing.assert_allclose(corners[corners[:, 0] == 0.0][:, 1], known["close"].iloc[-1])
    np.testing.assert_allclose(
        sorted(set(corners[corners[:, 0] == 24.0][:, 1])), [rows["lower"].iloc[-1], rows["upper"].iloc[-1]]
    )


def test_a_weekend_is_one_step_of_the_axis_and_is_marked() -> None:
    traded = instrument(symbol="EURUSD", calendar="fx", base="EUR", quote="USD")
    friday = datetime(2024, 3, 8, 14, tzinfo=UTC)
    known = SimulatedSource(7).fetch(traded, datetime(2024, 3, 1, tzinfo=UTC), friday).bars
    rows = forecast()[1].assign(close_time=closes_ahead(pd.Timestamp(friday), traded))
    fan = fan_of(known, rows)
    assert fan.closed_before().tolist() == [9]
    assert fan.forecasts["place"].tolist() == list(range(1, 25))
    figure = forecast_figure("EURUSD 1h", known, rows, is_simulated=True)
    assert "Market closed, or bars missing" in words_of(figure)
    require_readable(figure)


def test_closes_after_the_forecast_are_drawn_as_what_came() -> None:
    known, rows = forecast()
    fan = fan_of(bars(117), rows)
    assert fan.known_until == known["close_time"].iloc[-1]
    assert fan.came["place"].tolist() == list(range(1, 18))
    np.testing.assert_array_equal(fan.came["close"], bars(117)["close"].iloc[100:])
    assert "What came" in words_of(forecast_figure("BTCUSDT 1h", bars(117), rows, is_simulated=False))
    assert "What came" not in words_of(forecast_figure("BTCUSDT 1h", known, rows, is_simulated=False))


def test_the_last_72_closes_are_shown() -> None:
    fan = fan_of(*forecast())
    assert fan.closes["place"].tolist() == list(range(-71, 1))
    places, words = fan.ticks()
    assert dict(zip(places.tolist(), words, strict=True))[0] == "Jan 05, 04:00"


@pytest.mark.parametrize(("n_horizons", "n_known"), [(1, 1), (1, 100), (24, 2)], ids=["1 of 1", "1 of 100", "24 of 2"])
def test_few_bars_and_few_horizons_are_readable(n_horizons: int, n_known: int) -> None:
    require_readable(forecast_figure("BTCUSDT 1h", *forecast(n_horizons, n_known), is_simulated=False))


@pytest.mark.parametrize("column", ["probability_up", "predicted_price", "lower"])
def test_what_is_undefined_is_not_drawn_and_said_to_be_so(column: str) -> None:
    known, rows = forecast()
    rows[column] = math.nan
    assert "n/a" in words_of(forecast_figure("BTCUSDT 1h", known, rows, is_simulated=False))


@pytest.mark.parametrize(
    ("known", "rows", "message"),
    [
        (forecast()[0], forecast()[1].drop(columns="lower"), "lack lower"),
        (forecast()[0], forecast()[1].head(0), "got 0 rows"),
        (forecast()[0], pd.concat([forecast()[1]] * 2), "48 rows of 24 horizons"),
        (forecast()[0].head(0), forecast()[1], "expected bars before the first forecast"),
    ],
    ids=["a missing column", "no forecast", "two forecasts", "no bars"],
)
def test_what_is_no_forecast_after_bars_is_refused(known: pd.DataFrame, rows: pd.DataFrame, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        forecast_picture("BTCUSDT 1h", known, rows, is_simulated=False)
