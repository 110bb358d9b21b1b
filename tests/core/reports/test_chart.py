"""Charts as JSON that may stand inside a page, and the pieces that they share."""

import json
import math

import numpy as np
import pandas as pd

from bot_core_dagster.reports.chart import as_script, bars_of, significant, time_axis
from bot_core_dagster.reports.histogram import Histogram, histogram_of


def test_no_text_of_a_chart_can_end_its_script() -> None:
    text = as_script({"chart": {"title": "</script><!-- & -->"}})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"chart": {"title": "</script><!-- & -->"}}


def test_an_undefined_value_is_null_since_json_has_no_nan() -> None:
    assert as_script({"chart": {"y": [1.0, math.nan, math.inf]}}) == '{"chart":{"y":[1.0,null,null]}}'


def test_moments_of_any_zone_are_milliseconds_since_1970() -> None:
    times = pd.DatetimeIndex(["1970-01-02 01:00"]).tz_localize("Europe/Paris")
    assert time_axis(times) == [86_400_000]


def test_values_keep_their_significant_digits_however_small() -> None:
    assert significant([1.23456789, 0.000123456789, -9e-30]) == [1.23457, 0.000123457, -9e-30]
    assert significant([65_000.125], digits=8) == [65_000.125]


def test_bars_of_a_histogram_are_coloured_by_their_sign() -> None:
    bars = bars_of(histogram_of(np.array([-0.2, -0.1, 0.1, 0.2, 0.3])), "")
    assert {color for x, color in zip(bars["x"], bars["marker"]["color"], strict=True) if x < 0} == {"var(--below)"}
    assert {color for x, color in zip(bars["x"], bars["marker"]["color"], strict=True) if x > 0} == {"var(--above)"}


def test_a_bar_tells_its_range_in_percent() -> None:
    bars = bars_of(Histogram(0.01, np.array([-0.01, 0.0, 0.01]), np.array([1, 2])), "")
    assert bars["customdata"] == ["−1.00\u00a0% to 0.00\u00a0%", "0.00\u00a0% to +1.00\u00a0%"]
