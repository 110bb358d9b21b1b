"""Evaluation: each loss against scikit-learn, and NaN where there is nothing to measure."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.features import bar_features
from bot_core_dagster.metrics.arrays import IntArray1D
from bot_core_dagster.models.evaluation import evaluate, loss_rows
from bot_core_dagster.models.labels import HORIZONS, Labels, labels_of
from bot_core_dagster.models.losses import area_under_curve, hits
from bot_core_dagster.models.predictions import QUANTILES, Predictions
from tests import builders

ROWS = np.arange(100, 590)


def _labels() -> Labels:
    bars = builders.bars(600)
    return labels_of(bars, bar_features(bars, "crypto"), "crypto")


def _predictions(rows: IntArray1D = ROWS, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    up = rng.uniform(0.3, 0.7, (len(rows), HORIZONS))
    quantiles = np.sort(rng.normal(size=(len(rows), HORIZONS, len(QUANTILES))), axis=2)
    return Predictions(up, quantiles)


@pytest.mark.parametrize("horizon", [1, 4, 24], ids="{} bars ahead".format)
def test_every_loss_is_that_of_scikit_learn(horizon: int) -> None:
    labels, predictions = _labels(), _predictions()
    found = evaluate(predictions, labels, ROWS).at(horizon)
    up = predictions.up[:, horizon - 1]
    for outcome, n_rows, log_loss, brier in (
        (labels.sign[ROWS, horizon - 1], found.n_rows, found.log_loss, found.brier),
        (
            labels.direction[ROWS, horizon - 1],
            found.n_directions,
            found.direction_log_loss,
            found.direction_brier,
        ),
    ):
        known = np.isfinite(outcome)
        assert n_rows == known.sum()
        assert log_loss == pytest.approx(reference.log_loss(outcome[known], up[known]), rel=1e-12)
        assert brier == pytest.approx(reference.brier_score_loss(outcome[known], up[known]), rel=1e-12)
    sign = labels.sign[ROWS, horizon - 1]
    known = np.isfinite(sign)
    assert found.auc == pytest.approx(reference.roc_auc_score(sign[known], up[known]), rel=1e-12)
    assert found.accuracy == pytest.approx(reference.accuracy_score(sign[known], up[known] > 0.5), rel=1e-12)


def test_the_pinball_loss_is_the_mean_of_those_of_scikit_learn() -> None:
    labels, predictions = _labels(), _predictions()
    for horizon in (1, 24):
        scaled = labels.scaled[ROWS, horizon - 1]
        known = np.isfinite(scaled)
        expected = [
            reference.mean_pinball_loss(scaled[known], predictions.quantiles[known, horizon - 1, place], alpha=level)
            for place, level in enumerate(QUANTILES)
        ]
        found = evaluate(predictions, labels, ROWS).at(horizon)
        assert found.pinball_loss == pytest.approx(np.mean(expected), rel=1e-12)
        assert found.n_returns == known.sum()


def test_the_losses_of_rows_are_those_whose_mean_is_reported() -> None:
    labels, predictions = _labels(), _predictions()
    losses = loss_rows(predictions, labels, ROWS, 4)
    assert np.array_equal(np.isnan(losses), np.isnan(labels.direction[ROWS, 3]))
    assert np.nanmean(losses) == pytest.approx(evaluate(predictions, labels, ROWS).at(4).direction_log_loss, rel=1e-12)


def test_a_certainty_that_was_wrong_costs_much_but_not_everything() -> None:
    labels = _labels()
    certain = Predictions(np.zeros((len(ROWS), HORIZONS)), _predictions().quantiles)
    assert np.nanmax(loss_rows(certain, labels, ROWS)) == pytest.approx(-math.log(1e-6))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_rows=st.integers(2, 60), n_levels=st.integers(1, 9))
def test_the_area_counts_ties_half_as_scikit_learn_does(seed: int, n_rows: int, n_levels: int) -> None:
    rng = np.random.default_rng(seed)
    up, outcome = rng.integers(0, n_levels, n_rows) / n_levels, rng.integers(0, 2, n_rows).astype(np.float64)
    found = area_under_curve(up, outcome)
    if len(set(outcome)) == 1:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(reference.roc_auc_score(outcome, up), abs=1e-12)


def test_an_undecided_forecast_is_half_a_hit() -> None:
    assert hits(np.array([0.6, 0.4, 0.5, 0.6]), np.array([1.0, 1.0, 0.0, np.nan])) == pytest.approx(
        [1.0, 0.0, 0.5, np.nan], nan_ok=True
    )


@pytest.mark.parametrize("rows", [np.empty(0, dtype=np.int64), np.array([599])], ids=["no rows", "not known yet"])
def test_where_nothing_is_known_everything_is_undefined(rows: IntArray1D) -> None:
    found = evaluate(_predictions(rows), _labels(), rows).at(1)
    assert (found.n_rows, found.n_directions, found.n_returns) == (0, 0, 0)
    for name in ("accuracy", "auc", "log_loss", "brier", "direction_log_loss", "calibration_error", "pinball_loss"):
        assert math.isnan(getattr(found, name)), name


def test_it_goes_to_json_and_other_rows_are_refused() -> None:
    found = evaluate(_predictions(), _labels(), ROWS)
    assert json.loads(json.dumps(asdict(found)))["horizons"][0]["horizon"] == 1
    with pytest.raises(ShapeError, match="for each of 10 rows, got 490"):
        evaluate(_predictions(), _labels(), ROWS[:10])
