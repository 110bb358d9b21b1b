"""Boosting: finds a planted edge and no noise, the same twice, within its time, and refuses foreign files."""

import json
import math
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bot_core_dagster.errors import ModelError
from bot_core_dagster.market.simulated import SimulatedSource
from bot_core_dagster.metrics.arrays import BoolArray1D, FloatArray1D
from bot_core_dagster.models.boosting import (
    BOOSTING,
    DIRECTION_HORIZONS,
    META,
    SPREAD_HORIZONS,
    BoostingPredictor,
)
from bot_core_dagster.models.boosting_rounds import LAGS, fit_direction, inputs_of
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.labels import HORIZONS, Labels
from bot_core_dagster.models.losses import area_under_curve, log_losses, pinball_losses
from bot_core_dagster.models.naive import naive_predictor
from bot_core_dagster.models.predictions import Curve, Fit, FitOptions, Predictions, Training
from bot_core_dagster.models.slices import slices_of
from bot_core_dagster.models.windows import Windows
from tests import builders

DAY = timedelta(days=1)
END = datetime(2024, 1, 1, tzinfo=UTC)
BRIEF = FitOptions(max_epochs=3)


def _training(edge: float, *, used: int = 365, unseen: int = 365, seed: int = 1_000) -> Training:
    instrument = builders.instrument()
    fetched = SimulatedSource(seed, edge).fetch(instrument, END - (used + unseen + 16) * DAY, END)
    known = Known.of(fetched.bars, instrument)
    slices = slices_of(known.labels, known.windows.complete_rows, used=used * DAY, unseen=unseen * DAY, embargo=DAY)
    windows = known.windows.narrowed(slices.training_bars)
    return Training(windows.scaled(windows.fitted_scaler(slices.training_bars)), known.labels, slices)


@pytest.fixture(scope="module")
def planted() -> Training:
    return _training(0.1)


@pytest.fixture(scope="module")
def timed(planted: Training) -> tuple[Fit, float]:
    """A fit, and the seconds of one core that it took."""
    import xgboost  # noqa: F401  not part of the fit

    start = time.process_time()
    return BOOSTING.fit(planted, FitOptions()), time.process_time() - start


@pytest.fixture(scope="module")
def fit(timed: tuple[Fit, float]) -> Fit:
    return timed[0]


@pytest.fixture(scope="module")
def small() -> Training:
    return _training(0.1, used=60, unseen=20)


@pytest.fixture(scope="module")
def files(small: Training) -> dict[str, bytes]:
    return dict(BOOSTING.fit(small, BRIEF).predictor.files())


def _known(training: Training, horizon: int) -> tuple[BoolArray1D, FloatArray1D]:
    outcome = training.labels.direction[training.slices.unseen, horizon - 1]
    return np.isfinite(outcome), outcome


def _gains(training: Training, said: Predictions, horizon: int) -> FloatArray1D:
    """Return by how much each unseen row's log loss is below that of the base rate."""
    is_known, outcome = _known(training, horizon)
    base = naive_predictor(training.labels, training.slices.training).up[horizon - 1]
    own = log_losses(said.up[is_known, horizon - 1], outcome[is_known])
    gains: FloatArray1D = log_losses(np.full(len(own), base), outcome[is_known]) - own
    return gains


def test_a_planted_edge_is_found_at_the_next_bar_and_further_ahead(planted: Training, fit: Fit) -> None:
    """Five standard errors; rows one bar ahead do not overlap."""
    said = fit.predictor.predict(planted.windows, planted.slices.unseen)
    gains = _gains(planted, said, 1)
    assert gains.mean() > 5.0 * gains.std() / math.sqrt(len(gains))
    for horizon, floor in ((1, 0.62), (4, 0.62), (24, 0.55)):
        is_known, outcome = _known(planted, horizon)
        assert area_under_curve(said.up[is_known, horizon - 1], outcome[is_known]) > floor


def test_the_quantiles_lose_less_than_the_naive_ones_and_do_not_cross(planted: Training, fit: Fit) -> None:
    rows = planted.slices.unseen
    said = fit.predictor.predict(planted.windows, rows)
    naive = naive_predictor(planted.labels, planted.slices.training).predict(planted.windows, rows)
    assert (np.diff(said.quantiles, axis=2) >= 0.0).all()
    for horizon in (1, 4, 24):
        scaled = planted.labels.scaled[rows, horizon - 1]
        is_known = np.isfinite(scaled)
        own, base = (
            pinball_losses(each.quantiles[is_known, horizon - 1], scaled[is_known]).mean() for each in (said, naive)
        )
        assert own < base


def test_it_beats_a_logistic_regression_of_the_same_inputs(planted: Training, fit: Fit) -> None:
    from sklearn.linear_model import LogisticRegression

    direction, rows = planted.labels.direction[:, 0], planted.slices.training
    rows = rows[np.isfinite(direction[rows])]
    line = LogisticRegression(C=0.01, max_iter=500).fit(inputs_of(planted.windows, rows), direction[rows])
    is_known, outcome = _known(planted, 1)
    asked = planted.slices.unseen[is_known]
    of_line = log_losses(line.predict_proba(inputs_of(planted.windows, asked))[:, 1], outcome[is_known])
    own = log_losses(fit.predictor.predict(planted.windows, asked).up[:, 0], outcome[is_known])
    assert own.mean() < of_line.mean() < math.log(2.0)


def test_noise_is_not_believed() -> None:
    noise = _training(0.0)
    direction = fit_direction(noise, 1, FitOptions())
    assert direction.best_epoch <= 10
    said = BOOSTING.fit(noise, BRIEF).predictor.predict(noise.windows, noise.slices.unseen)
    assert abs(_gains(noise, said, 1).mean()) < 0.002


def test_a_year_of_hours_takes_under_five_seconds_of_one_core(timed: tuple[Fit, float]) -> None:
    assert timed[1] < 5.0


def test_two_fits_with_one_seed_are_equal_byte_for_byte_and_another_seed_gives_others(small: Training) -> None:
    first, again, other = (
        BOOSTING.fit(small, FitOptions(seed=seed, max_epochs=3)).predictor.files() for seed in (0, 0, 1)
    )
    assert first == again
    assert first["direction_1.ubj"] != other["direction_1.ubj"]


def test_nothing_of_the_later_slices_is_read(small: Training, files: dict[str, bytes]) -> None:
    """Calibration, conformal and unseen rows may say anything."""
    last = int(small.slices.stopping[-1])
    matrix, direction, log_ret = small.windows.matrix.copy(), small.labels.direction.copy(), small.labels.log_ret.copy()
    matrix[last + 1 :] = 7.0
    direction[last + 1 :] = 1.0
    log_ret[last + 1 :] = 1.0
    labels = Labels(log_ret, small.labels.deviation, direction, small.labels.start, small.labels.end)
    changed = Training(Windows(matrix, small.windows.columns), labels, small.slices)
    assert BOOSTING.fit(changed, BRIEF).predictor.files() == files


def test_curves_are_of_the_next_bar_one_for_ten_rounds_and_each_is_told(small: Training) -> None:
    told: list[tuple[int, Curve]] = []
    fitted = BOOSTING.fit(small, FitOptions(max_epochs=40, on_epoch=lambda epoch, curve: told.append((epoch, curve))))
    assert [curve for _, curve in told] == list(fitted.curves)
    assert [epoch for epoch, _ in told] == list(range(1, len(fitted.curves) + 1))
    losses = [curve["stopping_loss"] for curve in fitted.curves]
    assert fitted.best_epoch == int(np.argmin(losses)) + 1
    assert len(losses) in (fitted.best_epoch + 5, 40)
    assert "rounds" in fitted.stopping_reason


def test_the_loss_of_the_best_epoch_is_that_of_the_model_that_is_kept(small: Training) -> None:
    fitted = BOOSTING.fit(small, FitOptions(max_epochs=40))
    rows = small.slices.stopping
    outcome = small.labels.direction[rows, 0]
    is_known = np.isfinite(outcome)
    said = fitted.predictor.predict(small.windows, rows).up[is_known, 0]
    loss = log_losses(said, outcome[is_known]).mean()
    assert loss == pytest.approx(fitted.curves[fitted.best_epoch - 1]["stopping_loss"], abs=1e-6)


def test_between_two_anchors_log_odds_go_straight_over_the_logarithm_of_the_horizon(
    small: Training, files: dict[str, bytes]
) -> None:
    """Three bars ahead lies log(3/2) / log(2) of the way from 2 to 4; six of (4, 12) for the quantiles."""
    said = BOOSTING.load(files).predict(small.windows, small.slices.unseen)
    log_odds = np.log(said.up / (1.0 - said.up))
    share = math.log(3 / 2) / math.log(2)
    assert log_odds[:, 2] == pytest.approx(log_odds[:, 1] + share * (log_odds[:, 3] - log_odds[:, 1]), abs=1e-9)
    of_four, of_six, of_twelve = (said.quantiles[:, horizon - 1] for horizon in (4, 6, 12))
    assert of_six == pytest.approx(of_four + math.log(6 / 4) / math.log(3) * (of_twelve - of_four), abs=1e-9)
    assert (DIRECTION_HORIZONS[0], DIRECTION_HORIZONS[-1]) == (SPREAD_HORIZONS[0], SPREAD_HORIZONS[-1]) == (1, HORIZONS)


def test_a_prediction_reads_the_bars_up_to_its_row_alone(small: Training, files: dict[str, bytes]) -> None:
    predictor = BOOSTING.load(files)
    row = int(small.slices.unseen[10])
    matrix = small.windows.matrix.copy()
    matrix[row + 1 :] = np.nan
    matrix[: row - max(LAGS)] = np.nan
    cut = predictor.predict(Windows(matrix, small.windows.columns), np.array([row]))
    whole = predictor.predict(small.windows, small.slices.unseen)
    assert np.array_equal(cut.up[0], whole.up[10])
    assert np.array_equal(cut.quantiles[0], whole.quantiles[10])


def test_without_rows_nothing_is_said(small: Training, files: dict[str, bytes]) -> None:
    said = BOOSTING.load(files).predict(small.windows, np.empty(0, dtype=np.int64))
    assert said.up.shape == (0, HORIZONS)


@pytest.mark.parametrize("direction", [1.0, math.nan], ids=["all up", "no direction"])
def test_where_there_is_nothing_to_learn_it_says_what_the_naive_forecast_does(
    small: Training, direction: float
) -> None:
    labels = Labels(
        small.labels.log_ret,
        small.labels.deviation,
        np.full_like(small.labels.direction, direction),
        small.labels.start,
        small.labels.end,
    )
    fitted = BOOSTING.fit(Training(small.windows, labels, small.slices), BRIEF)
    said = BOOSTING.load(fitted.predictor.files()).predict(small.windows, small.slices.unseen)
    naive = naive_predictor(labels, small.slices.training)
    assert said.up == pytest.approx(np.tile(naive.up, (len(said.up), 1)), abs=1e-6)
    assert (fitted.best_epoch, fitted.stopping_reason[:16]) == (0, "too few rows wit")


def test_a_loaded_model_says_the_same_and_has_the_same_files(small: Training, files: dict[str, bytes]) -> None:
    again = BOOSTING.load(files)
    assert isinstance(again, BoostingPredictor)
    assert dict(again.files()) == files
    fitted = BOOSTING.fit(small, BRIEF).predictor
    rows = small.slices.unseen
    assert np.array_equal(again.predict(small.windows, rows).up, fitted.predict(small.windows, rows).up)


def _with_meta(files: dict[str, bytes], **changed: object) -> dict[str, bytes]:
    return files | {META: json.dumps(json.loads(files[META]) | changed).encode()}


def test_a_corrupt_or_foreign_file_is_refused_in_words(files: dict[str, bytes]) -> None:
    import hashlib

    booster = files["direction_1.ubj"]
    garbage = {name: hashlib.sha256(b"garbage").hexdigest() for name in ("direction_1.ubj",)}
    for broken, said in (
        ({}, "has no boosting.json among no files"),
        (files | {META: b"{"}, "corrupt or cut off"),
        (_with_meta(files, kind="lstm"), "of kind lstm, expected boosting"),
        (_with_meta(files, lags=[0]), "other bars than"),
        (_with_meta(files, sha256=[]), "names no files"),
        (_with_meta(files, n_columns=3), "inputs, expected 12"),
        (_with_meta(files, sha256={"../direction_1.ubj": ""}), "no booster's file"),
        (files | {"direction_1.ubj": booster[: len(booster) // 2]}, "missing, corrupt or cut off"),
        ({name: content for name, content in files.items() if name != "spread_4.ubj"}, "spread_4.ubj"),
        (_with_meta(files, sha256=garbage) | {"direction_1.ubj": b"garbage"}, "is no booster"),
    ):
        with pytest.raises(ModelError, match=said) as caught:
            BOOSTING.load(broken)
        assert "next: " in str(caught.value)


def test_windows_of_other_features_are_refused(small: Training, files: dict[str, bytes]) -> None:
    narrow = Windows(small.windows.matrix[:, :3], small.windows.columns[:3])
    with pytest.raises(ModelError, match="got 3; next"):
        BOOSTING.load(files).predict(narrow, small.slices.unseen)
