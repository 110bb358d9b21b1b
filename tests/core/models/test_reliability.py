"""Reliability curves: against scikit-learn and statsmodels."""

import math

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from statsmodels.stats.proportion import proportion_confint

from bot_core_dagster.models.reliability import reliability_curve


def test_bins_of_equally_many_rows_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    up = rng.beta(30, 30, 2_000)
    outcome = (rng.random(2_000) < up).astype(np.float64)
    observed, forecast = calibration_curve(outcome, up, n_bins=10, strategy="quantile")
    found = reliability_curve(up, outcome)
    assert found.observed == pytest.approx(observed.tolist(), abs=1e-12)
    assert found.forecast == pytest.approx(forecast.tolist(), abs=1e-12)
    assert sum(found.n_rows) == 2_000
    assert min(found.n_rows) >= 199


def test_the_interval_is_wilsons_as_statsmodels_has_it() -> None:
    rng = np.random.default_rng(1)
    up, outcome = rng.random(300), (rng.random(300) < 0.03).astype(np.float64)
    found = reliability_curve(up, outcome, n_bins=5)
    for observed, n_rows, low, high in zip(found.observed, found.n_rows, found.low, found.high, strict=True):
        expected = proportion_confint(round(observed * n_rows), n_rows, method="wilson")
        assert (low, high) == pytest.approx(expected, abs=1e-12)


def test_the_expected_error_of_four_rows_computed_by_hand() -> None:
    """Two bins: .2 forecast and .5 came, .9 forecast and 1 came; (.3 + .1) / 2."""
    found = reliability_curve(np.array([0.1, 0.3, 0.8, 1.0]), np.array([0.0, 1.0, 1.0, 1.0]), n_bins=2)
    assert found.forecast == pytest.approx((0.2, 0.9))
    assert found.observed == pytest.approx((0.5, 1.0))
    assert found.expected_error == pytest.approx(0.2)


def test_a_perfect_forecast_shows_about_the_error_that_its_doc_names() -> None:
    rng = np.random.default_rng(2)
    up = rng.uniform(0.45, 0.55, (200, 1_000))
    errors = [reliability_curve(each, (rng.random(1_000) < each).astype(np.float64)).expected_error for each in up]
    assert np.mean(errors) == pytest.approx(0.4 / math.sqrt(100), rel=0.1)


def test_rows_without_an_outcome_are_left_out_and_none_at_all_is_undefined() -> None:
    up = np.array([0.2, 0.4, np.nan, 0.9])
    assert sum(reliability_curve(up, np.array([0.0, np.nan, 1.0, 1.0])).n_rows) == 2
    assert math.isnan(reliability_curve(up, np.full(4, np.nan)).expected_error)


def test_one_probability_for_all_is_one_bin() -> None:
    found = reliability_curve(np.full(50, 0.5), np.tile([0.0, 1.0], 25))
    assert found.n_rows == (50,)
    assert found.expected_error == 0.0
