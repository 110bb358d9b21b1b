"""Coverage: its error against statsmodels, and that overlapping horizons make a naive one three times too small."""

import math

import numpy as np
import pytest
import statsmodels.api as sm

from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.models.coverage import Coverage, coverage_of
from bot_core_dagster.validation.long_run_variance import automatic_lags


def _overlapping(horizon: int, n_rows: int, seed: int) -> FloatArray1D:
    """Return whether each return of `horizon` bars of a random walk lies in its true interval of 90 %."""
    steps = np.random.default_rng(seed).normal(size=n_rows + horizon - 1)
    summed = np.convolve(steps, np.ones(horizon), mode="valid") / math.sqrt(horizon)
    return (np.abs(summed) <= 1.6448536).astype(np.float64)


@pytest.mark.parametrize("horizon", [1, 6, 24], ids="{} bars ahead".format)
def test_the_error_is_that_of_statsmodels_with_as_many_lags(horizon: int) -> None:
    inside = _overlapping(horizon, 2_000, seed=0)
    n_lags = max(2 * (horizon - 1), automatic_lags(inside))
    fitted = sm.OLS(inside, np.ones(2_000)).fit(cov_type="HAC", cov_kwds={"maxlags": n_lags, "kernel": "bartlett"})
    found = coverage_of(inside, horizon)
    assert found.share == pytest.approx(float(fitted.params[0]), abs=1e-12)
    assert found.standard_error == pytest.approx(float(fitted.bse[0]), rel=1e-9)
    assert found.z == pytest.approx((found.share - 0.9) / found.standard_error)


def test_a_day_ahead_the_naive_error_is_3_4_times_too_small_and_the_reported_error_is_near_the_true_one() -> None:
    """The spread of the coverage of 400 half-years of hours is the true error."""
    found = [coverage_of(_overlapping(24, 4_000, seed), 24) for seed in range(400)]
    true_error = float(np.std([each.share for each in found]))
    naive, reported = (
        float(np.mean([getattr(each, name) for each in found])) for name in ("naive_error", "standard_error")
    )
    assert 3.2 < true_error / naive < 3.7
    assert 0.85 < reported / true_error < 1.1


@pytest.mark.parametrize("horizon", [1, 24], ids="{} bars ahead".format)
def test_intervals_that_hold_are_rejected_about_as_often_as_the_level_says(horizon: int) -> None:
    """Of 400 at 5 %: 20 expected; by the naive error more than half of those a day ahead would be."""
    found = [coverage_of(_overlapping(horizon, 4_000, seed), horizon) for seed in range(400)]
    assert 6 <= sum(each.p_value < 0.05 for each in found) <= 44
    naive = sum(abs(each.share - 0.9) / each.naive_error > 1.96 for each in found)
    assert naive <= 40 if horizon == 1 else naive > 200


def test_intervals_that_are_too_narrow_are_found_out() -> None:
    found = coverage_of((np.random.default_rng(0).random(2_000) < 0.8).astype(np.float64), 1)
    assert found.z < -8.0
    assert found.p_value < 1e-12


def test_what_is_not_known_yet_is_left_out_and_too_few_rows_have_no_error() -> None:
    found = coverage_of(np.array([1.0, 0.0, np.nan, 1.0]), 1)
    assert found.n_rows == 3
    assert found.share == pytest.approx(2 / 3)
    assert math.isnan(found.standard_error)
    assert math.isnan(found.p_value)
    assert math.isnan(coverage_of(np.full(3, np.nan), 1).share)
    assert isinstance(coverage_of(np.ones(500), 1), Coverage)
    assert math.isnan(coverage_of(np.ones(500), 1).z)
