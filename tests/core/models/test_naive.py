"""The naive forecast: shares and quantiles counted by hand, of the training rows alone, and its one file."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from bot_core_dagster.errors import ModelError
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.labels import HORIZONS
from bot_core_dagster.models.naive import NAIVE, RATES, naive_predictor
from bot_core_dagster.models.predictions import QUANTILES, FitOptions, Training
from bot_core_dagster.models.slices import slices_of
from tests import builders

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def training() -> Training:
    known = Known.of(builders.bars(3_000, seed=4), builders.instrument())
    slices = slices_of(known.labels, known.windows.complete_rows, used=60 * DAY, unseen=30 * DAY, embargo=DAY)
    return Training(known.windows, known.labels, slices)


def test_the_probability_is_the_share_of_moves_that_went_up(training: Training) -> None:
    predictor = naive_predictor(training.labels, training.slices.training)
    for horizon in (1, 24):
        direction = training.labels.direction[training.slices.training, horizon - 1].tolist()
        n_up, n_down = direction.count(1.0), direction.count(0.0)
        assert predictor.up[horizon - 1] == pytest.approx((n_up + 1) / (n_up + n_down + 2), rel=1e-12)


def test_the_median_return_is_nothing_and_the_other_quantiles_lie_around_it(training: Training) -> None:
    predictor = naive_predictor(training.labels, training.slices.training)
    assert (predictor.quantiles[:, 2] == 0.0).all()
    assert (np.diff(predictor.quantiles, axis=1) > 0.0).all()
    scaled = training.labels.scaled[training.slices.training, 0]
    low, median = np.quantile(scaled[np.isfinite(scaled)], [0.05, 0.5])
    assert predictor.quantiles[0, 0] == pytest.approx(low - median)


def test_it_is_fitted_on_the_training_rows_alone_and_says_the_same_of_each_row(training: Training) -> None:
    fit = NAIVE.fit(training, FitOptions())
    said = fit.predictor.predict(training.windows, training.slices.unseen)
    assert said.up.shape == (len(training.slices.unseen), HORIZONS)
    assert said.quantiles.shape == (len(training.slices.unseen), HORIZONS, len(QUANTILES))
    assert (said.up == naive_predictor(training.labels, training.slices.training).up).all()
    assert (fit.best_epoch, len(fit.curves)) == (0, 0)


def test_without_a_training_it_counts_all_bars(training: Training) -> None:
    up = naive_predictor(training.labels).up[0]
    direction = training.labels.direction[:, 0]
    assert up == pytest.approx(np.nanmean(direction), abs=1e-3)


def test_where_nothing_is_known_it_says_one_half_and_nothing() -> None:
    known = Known.of(builders.bars(30), builders.instrument())
    predictor = naive_predictor(known.labels, np.empty(0, dtype=np.int64))
    assert (predictor.up == 0.5).all()
    assert (predictor.quantiles == 0.0).all()


def test_it_is_the_same_after_its_file(training: Training) -> None:
    predictor = naive_predictor(training.labels)
    again = NAIVE.load(predictor.files())
    rows = np.arange(5)
    assert np.array_equal(again.predict(training.windows, rows).up, predictor.predict(training.windows, rows).up)
    assert again.files() == predictor.files()


def _changed(change: Callable[[dict[str, Any]], object]) -> dict[str, bytes]:
    content = {"kind": "naive", "up": [0.5] * HORIZONS, "quantiles": [[-2.0, -1.0, 0.0, 1.0, 2.0]] * HORIZONS}
    change(content)
    return {RATES: json.dumps(content).encode()}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "has no naive.json among no files"),
        ({RATES: b"\x80\x04."}, "corrupt or cut off"),
        ({RATES: b"[1]"}, "of kind unknown"),
        (_changed(lambda content: content.update(kind="lstm")), "of kind lstm, expected naive"),
        (_changed(lambda content: content.pop("up")), "expected up of shape"),
        (_changed(lambda content: content.update(up=["a"] * HORIZONS)), "expected up of shape"),
        (_changed(lambda content: content.update(up=[1.5] * HORIZONS)), "no probability"),
        (_changed(lambda content: content["quantiles"][0].reverse()), "no quantiles"),
    ],
    ids=["none", "pickle", "list", "other kind", "missing", "words", "probability", "descending"],
)
def test_a_corrupt_or_foreign_file_is_refused(files: dict[str, bytes], said: str) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        NAIVE.load(files)
    assert "next: " in str(caught.value)
