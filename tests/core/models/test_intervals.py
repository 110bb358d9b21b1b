"""Intervals: equal to their readable twin, blind to what was not known, and covering what they promise."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import FloatArray1D, IntArray1D
from bot_core_dagster.models.coverage import coverage_of
from bot_core_dagster.models.interval_loop import Rates, pass_rows, pass_rows_readably
from bot_core_dagster.models.intervals import LEARNING_RATE, MIN_SCORES, N_SCORES, Intervals, adaptive_intervals
from bot_core_dagster.models.labels import HORIZONS, Labels, spread_of
from bot_core_dagster.models.predictions import QUANTILES, Predictions


def _labels(steps: FloatArray1D, deviation: float = 0.01) -> Labels:
    """Return the labels of a log price with these steps, in deviations."""
    level = np.concatenate([[0.0], np.cumsum(steps * deviation)])
    n_bars = len(level)
    log_ret = np.full((n_bars, HORIZONS), np.nan)
    for horizon in range(1, HORIZONS + 1):
        log_ret[: n_bars - horizon, horizon - 1] = level[horizon:] - level[:-horizon]
    times = pd.date_range("2024-01-01", periods=n_bars, freq="h", tz="UTC")
    return Labels(log_ret, np.full(n_bars, deviation), np.full_like(log_ret, np.nan), times, times)


def _predictions(n_rows: int, width: float = 1.645) -> Predictions:
    at = np.array([-width, -0.674, 0.0, 0.674, width])
    return Predictions(np.full((n_rows, HORIZONS), 0.5), np.broadcast_to(at, (n_rows, HORIZONS, len(QUANTILES))).copy())


def _intervals(labels: Labels, rows: IntArray1D, width: float = 1.645) -> Intervals:
    return adaptive_intervals(_predictions(len(rows), width), labels, rows)


def _compiled(scores: FloatArray1D, rows: IntArray1D, horizon: int, rates: Rates) -> tuple[FloatArray1D, FloatArray1D]:
    widening, level = np.zeros(len(rows)), np.zeros(len(rows))
    pass_rows(scores, rows, horizon, rates, widening, level)
    return widening, level


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_rows=st.integers(0, 120),
    horizon=st.integers(1, 24),
    n_scores=st.integers(1, 40),
    needed=st.integers(1, 20),
    rate=st.sampled_from([0.0, 0.005, 0.2, 1.5]),
    unknown=st.floats(0.0, 0.5),
)
def test_the_compiled_loop_is_its_readable_twin(**given_: Any) -> None:
    rng = np.random.default_rng(given_["seed"])
    n_rows = given_["n_rows"]
    rows = np.cumsum(rng.integers(1, 4, n_rows))
    scores = np.round(rng.normal(size=n_rows), 1)
    scores[rng.random(n_rows) < given_["unknown"]] = np.nan
    rates = (given_["n_scores"], given_["needed"], given_["rate"], 0.1)
    expected = pass_rows_readably(scores, rows, given_["horizon"], rates)
    for found, reference in zip(_compiled(scores, rows, given_["horizon"], rates), expected, strict=True):
        assert np.array_equal(found, reference)


def test_four_rows_computed_by_hand() -> None:
    """One bar ahead, one score needed, rate .1: a miss lowers the level to .01, a hit raises it by .01."""
    scores = np.array([2.0, 1.0, -1.0, 5.0])
    widening, level = _compiled(scores, np.arange(4), 1, (10, 1, 0.1, 0.1))
    assert level == pytest.approx([0.1, 0.01, 0.02, 0.03])
    assert widening.tolist() == [0.0, 2.0, 2.0, 2.0]


@pytest.mark.parametrize("horizon", [1, 5, 24], ids="{} bars ahead".format)
def test_at_the_close_of_a_row_only_what_had_come_by_then_is_known(horizon: int) -> None:
    """The labels of the bars after a row are taken away, and its interval does not move."""
    rows = np.arange(10, 400)
    steps = np.random.default_rng(0).standard_t(3, 420)
    whole = _intervals(_labels(steps), rows)
    for row in (100, 250, 399):
        known = _labels(steps[:row])
        part = _intervals(known, rows[rows <= row])
        assert np.array_equal(part.lower[-1], whole.lower[row - 10])
        assert np.array_equal(part.level[-1], whole.level[row - 10])
    later = steps.copy()
    later[200:] *= 10.0
    moved = _intervals(_labels(later), rows)
    column = horizon - 1
    assert np.array_equal(moved.upper[: 200 - 10 + 1, column], whole.upper[: 200 - 10 + 1, column])
    assert not np.array_equal(
        moved.upper[200 - 10 + horizon + 1 :, column], whole.upper[200 - 10 + horizon + 1 :, column]
    )


@pytest.mark.parametrize("width", [0.5, 1.645, 4.0], ids=["far too narrow", "right", "far too wide"])
def test_whatever_the_model_says_nine_of_ten_come_to_lie_inside(width: float) -> None:
    labels = _labels(np.random.default_rng(1).standard_t(4, 9_000) / np.sqrt(2.0))
    rows = np.arange(24, 8_990)
    inside = _intervals(labels, rows, width).inside(labels, rows)
    for horizon in (1, 4, 24):
        found = coverage_of(inside[1_000:, horizon - 1], horizon)
        assert abs(found.share - 0.9) < 0.02, (horizon, found)
        assert abs(found.z) < 3.0, (horizon, found)


def test_after_volatility_doubles_for_good_the_promise_is_kept_again() -> None:
    steps = np.random.default_rng(2).normal(size=8_000)
    steps[4_000:] *= 2.0
    labels = _labels(steps)
    rows = np.arange(0, 7_900)
    adaptive = _intervals(labels, rows)
    scaled = labels.scaled[rows]
    fixed = np.abs(scaled[5_000:, 0]) <= 1.645
    assert fixed.mean() < 0.62
    assert adaptive.inside(labels, rows)[5_000:, 0].mean() > 0.87


def test_with_few_scores_the_quantiles_of_the_model_stand() -> None:
    labels = _labels(np.random.default_rng(3).normal(size=200))
    found = _intervals(labels, np.arange(MIN_SCORES))
    assert (found.lower == -1.645).all()
    assert (found.widening == 0.0).all()
    assert _intervals(labels, np.arange(MIN_SCORES + 1)).widening[-1, 0] != 0.0
    assert (N_SCORES, LEARNING_RATE) == (2_000, 0.005)


def test_prices_lie_around_the_close_by_the_deviation_of_the_horizon() -> None:
    labels = _labels(np.random.default_rng(4).normal(size=300))
    found = _intervals(labels, np.arange(200))
    close, deviation = np.full(200, 50.0), np.full(200, 0.02)
    lower, upper = found.prices(close, deviation)
    assert upper[7, 3] == pytest.approx(50.0 * np.exp(found.upper[7, 3] * 0.02 * 2.0), rel=1e-12)
    assert (lower < upper).all()
    assert spread_of(deviation)[0, 3] == pytest.approx(0.04)


def test_an_interval_is_never_narrower_than_nothing() -> None:
    labels = _labels(np.zeros(600) + 1e-9)
    found = _intervals(labels, np.arange(500), width=3.0)
    assert (found.lower <= found.upper).all()


def test_the_newest_row_has_an_interval_though_nothing_of_it_is_known() -> None:
    labels = _labels(np.random.default_rng(5).normal(size=299))
    found = _intervals(labels, np.arange(300))
    assert np.isfinite(found.lower[-1]).all()
    assert np.isnan(found.inside(labels, np.arange(300))[-1]).all()


def test_rows_out_of_order_are_refused() -> None:
    with pytest.raises(ShapeError, match="ascending rows"):
        _intervals(_labels(np.zeros(50)), np.array([3, 2]))
