"""Calibration: against scikit-learn and scipy, and that it does no harm to weak forecasts."""

import json
import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.models.calibration import (
    EXPECTED_SLOPE,
    IDENTITY,
    ISOTONIC,
    PLATT,
    PRECISION,
    Calibration,
    fitted_calibration,
    isotonic_map,
    platt_map,
    posterior_line,
)
from bot_core_dagster.models.labels import HORIZONS
from bot_core_dagster.models.losses import log_losses


def _log_odds(up: FloatArray1D) -> FloatArray1D:
    return np.log(up / (1.0 - up))


def _sample(n_rows: int, *, slope: float, spread: float, seed: int = 0) -> tuple[FloatArray1D, FloatArray1D]:
    """Return forecasts, and outcomes whose true log odds are `slope` times those of the forecast."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0.0, spread, n_rows)
    truth = 1.0 / (1.0 + np.exp(-slope * odds))
    return 1.0 / (1.0 + np.exp(-odds)), (rng.random(n_rows) < truth).astype(np.float64)


def test_a_line_without_a_prior_is_the_logistic_regression_of_scikit_learn_with_the_errors_of_statsmodels() -> None:
    up, outcome = _sample(800, slope=0.5, spread=1.0)
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1_000).fit(_log_odds(up)[:, None], outcome)
    line, errors = posterior_line(up, outcome, precision=0.0)
    assert line == pytest.approx([float(reference.intercept_[0]), float(reference.coef_[0, 0])], abs=1e-5)
    assert errors == pytest.approx(sm.Logit(outcome, sm.add_constant(_log_odds(up))).fit(disp=0).bse, abs=1e-6)


@pytest.mark.parametrize("horizon", [1, 8], ids="{} bars ahead".format)
@pytest.mark.parametrize("slope", [-0.9, 0.4, 2.0], ids="slope {}".format)
def test_a_line_with_its_prior_is_the_minimum_that_scipy_finds(slope: float, horizon: int) -> None:
    up, outcome = _sample(800, slope=slope, spread=0.8)
    odds = _log_odds(up)

    def penalised(line: FloatArray1D) -> float:
        losses = np.logaddexp(0.0, line[0] + line[1] * odds) - outcome * (line[0] + line[1] * odds)
        return float(losses.sum() / horizon + 0.5 * PRECISION * (line[1] - EXPECTED_SLOPE) ** 2)

    best = minimize(penalised, [0.0, 1.0], bounds=[(None, None), (0.0, None)], method="L-BFGS-B", tol=1e-12)
    assert posterior_line(up, outcome, horizon=horizon)[0] == pytest.approx(best.x, abs=1e-4)


def test_the_line_that_is_used_has_the_intercept_less_its_error() -> None:
    up, outcome = _sample(800, slope=1.0, spread=0.8)
    outcome[:100] = 1.0
    line, errors = posterior_line(up, outcome)
    assert line[0] > errors[0] > 0.05
    assert platt_map(up, outcome).knots == (line[0] - errors[0], line[1])


def test_forecasts_that_know_nothing_are_drawn_to_one_half_and_farther_than_half_the_way() -> None:
    used = []
    for seed in range(40):
        up, outcome = _sample(1_000, slope=0.0, spread=0.3, seed=seed)
        used.append(fitted_calibration(up[:, None], outcome[:, None]).maps[0].knots[1])
    assert np.mean(used) < 0.35


def test_the_steps_are_those_of_scikit_learn_within_what_the_rows_can_tell() -> None:
    up, outcome = _sample(500, slope=1.5, spread=2.0)
    reference = IsotonicRegression(out_of_bounds="clip").fit(up, outcome)
    asked = np.linspace(0.001, 0.999, 400)
    expected = np.clip(reference.predict(asked), 1.0 / 502.0, 501.0 / 502.0)
    assert isotonic_map(up, outcome)(asked) == pytest.approx(expected, abs=2.0 / 502.0)
    assert isotonic_map(up, outcome)(up) == pytest.approx(np.clip(reference.predict(up), 1 / 502, 501 / 502), abs=1e-9)


def test_steps_of_five_rows_computed_by_hand() -> None:
    """Outcomes 0, 1, 0, 1, 1 pool to 0, ½, ½, 1, 1, of which 0 and 1 are held a seventh away."""
    up = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    assert isotonic_map(up, np.array([0.0, 1.0, 0.0, 1.0, 1.0]))(up) == pytest.approx([1 / 7, 0.5, 0.5, 6 / 7, 6 / 7])


def test_overconfident_forecasts_are_drawn_to_one_half_and_lose_less_on_new_rows() -> None:
    up, outcome = _sample(1_500, slope=0.3, spread=1.5)
    new_up, new_outcome = _sample(20_000, slope=0.3, spread=1.5, seed=1)
    (chosen,) = fitted_calibration(up[:, None], outcome[:, None]).maps
    assert chosen.kind == PLATT
    assert chosen.knots[1] == pytest.approx(0.3, abs=0.1)
    gained = log_losses(new_up, new_outcome).mean() - log_losses(chosen(new_up), new_outcome).mean()
    best = log_losses(new_up, new_outcome).mean() - log_losses(_honest(new_up, 0.3), new_outcome).mean()
    assert gained > 0.97 * best


def test_a_bend_that_no_line_has_is_met_by_steps() -> None:
    rng = np.random.default_rng(3)
    up = rng.random(4_000)
    outcome = (rng.random(4_000) < np.where(up > 0.8, 0.9, 0.4)).astype(np.float64)
    (chosen,) = fitted_calibration(up[:, None], outcome[:, None]).maps
    assert chosen.kind == ISOTONIC
    assert chosen(np.array([0.5, 0.95])) == pytest.approx([0.4, 0.9], abs=0.05)


def test_weak_forecasts_that_are_right_as_they_are_stay_of_use_where_steps_alone_would_lose_all_they_know() -> None:
    """60 samples of a slice of hours with an AUC of .56: the mean loss on new rows over that of no map."""
    harm, harm_of_steps, worth = [], [], []
    for seed in range(60):
        up, outcome = _sample(1_000, slope=1.0, spread=0.21, seed=seed)
        new_up, new_outcome = _sample(20_000, slope=1.0, spread=0.21, seed=1_000 + seed)
        (chosen,) = fitted_calibration(up[:, None], outcome[:, None]).maps
        base = log_losses(new_up, new_outcome).mean()
        harm.append(log_losses(chosen(new_up), new_outcome).mean() - base)
        harm_of_steps.append(log_losses(isotonic_map(up, outcome)(new_up), new_outcome).mean() - base)
        worth.append(log_losses(np.full(20_000, 0.5), new_outcome).mean() - base)
    assert np.mean(harm) < 0.25 * np.mean(worth)
    assert np.mean(harm_of_steps) > 0.8 * np.mean(worth)


@pytest.mark.parametrize(
    "outcome",
    [np.full(300, np.nan), np.ones(300), np.tile([0.0, 1.0, np.nan, np.nan], 75)[:99]],
    ids=["nothing known", "all up", "few rows"],
)
def test_what_teaches_nothing_leaves_probabilities_as_they_are(outcome: FloatArray1D) -> None:
    up = np.random.default_rng(0).uniform(0.3, 0.7, (len(outcome), 1))
    fitted = fitted_calibration(up, outcome[:, None])
    assert fitted.maps[0].kind == IDENTITY
    assert np.array_equal(fitted.apply(up), up)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), slope=st.floats(-1.0, 3.0), n_rows=st.integers(120, 600))
def test_every_map_rises_and_stays_within_zero_and_one(seed: int, slope: float, n_rows: int) -> None:
    up, outcome = _sample(n_rows, slope=slope, spread=1.0, seed=seed)
    asked = np.linspace(0.0, 1.0, 201)
    for fitted in (platt_map(up, outcome), isotonic_map(up, outcome)):
        mapped = fitted(asked)
        assert (np.diff(mapped) >= -1e-12).all()
        assert (mapped >= 0.0).all()
        assert (mapped <= 1.0).all()
        assert math.isnan(fitted(np.array([np.nan]))[0])


def test_maps_come_back_from_json_as_they_were_and_work_for_each_horizon() -> None:
    columns = [_sample(900, slope=slope, spread=1.2, seed=place) for place, slope in enumerate(np.linspace(0.2, 2, 24))]
    up, outcome = (np.column_stack(parts) for parts in zip(*columns, strict=True))
    fitted = fitted_calibration(up, outcome)
    again = Calibration.from_json(fitted.to_json())
    assert again == fitted
    assert isinstance(json.loads(fitted.to_json()), list)
    assert fitted.apply(up).shape == (900, HORIZONS)
    assert np.array_equal(again.apply(up)[:, 5], fitted.maps[5](up[:, 5]))


def test_shapes_that_do_not_match_are_refused() -> None:
    with pytest.raises(ShapeError, match="a direction for each probability"):
        fitted_calibration(np.full((9, 2), 0.5), np.zeros((9, 3)))
    with pytest.raises(ShapeError, match="of 1 horizons"):
        fitted_calibration(np.full((9, 1), 0.5), np.zeros((9, 1))).apply(np.full((9, 2), 0.5))


def _honest(up: FloatArray1D, slope: float) -> FloatArray1D:
    honest: FloatArray1D = 1.0 / (1.0 + np.exp(-slope * _log_odds(up)))
    return honest
