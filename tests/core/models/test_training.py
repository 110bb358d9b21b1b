"""A training: cut, scaled, fitted, calibrated, measured on unseen rows, kept with its card."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bot_core_dagster.errors import QualityError, ShapeError
from bot_core_dagster.lake import Lake
from bot_core_dagster.models.card import ModelCard
from bot_core_dagster.models.kinds import kind_named
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.plan import TrainingPlan
from bot_core_dagster.models.predictions import FitOptions
from bot_core_dagster.models.serving import ServedModel
from bot_core_dagster.models.store import ModelStore
from bot_core_dagster.models.training import train_model, trained_before
from bot_core_dagster.models.walk_forward import measured, trained_folds
from bot_core_dagster.settings import ModelsSettings
from tests import builders
from tests.core.models.worlds import INSTRUMENT, known

PLAN = TrainingPlan(days_of_data=120, unseen_days=60)
BOOSTING = kind_named("boosting")


def test_what_is_kept_says_the_same_as_what_was_trained(tmp_path: Path) -> None:
    store, world = ModelStore(tmp_path), known(180, edge=0.3)
    trained = train_model(BOOSTING, world, INSTRUMENT, PLAN, store)
    served = ServedModel.load(store, "BTCUSDT", "boosting", trained.card.version)
    folds = trained_folds(BOOSTING, world, INSTRUMENT, PLAN)
    said = served.predict(world, folds[0].rows)
    assert np.array_equal(said.up, folds[0].said.up)
    assert np.array_equal(said.quantiles, folds[0].said.quantiles)
    assert trained.card.metrics["log_loss"] == measured(folds, world, INSTRUMENT).metrics["log_loss"]


def test_the_card_says_what_it_was_made_of_and_from_when_on_bars_are_new_to_it(tmp_path: Path) -> None:
    world = known(180)
    card = train_model(BOOSTING, world, INSTRUMENT, PLAN, ModelStore(tmp_path)).card
    assert (card.symbol, card.timeframe, card.model_type) == ("BTCUSDT", "1h", "boosting")
    assert card.bars_content_hash == world.content_hash
    assert card.simulated
    assert list(card.slices) == ["training", "stopping", "calibration", "conformal", "unseen"]
    assert card.slices["unseen"].first > card.used_until
    assert card.as_of == world.bars["close_time"].iloc[-1]


def test_a_training_that_was_killed_before_it_was_recorded_is_recorded_and_not_done_again(tmp_path: Path) -> None:
    lake, store, world = Lake.open(tmp_path / "lake", create=True), ModelStore(tmp_path / "models"), known(180)
    assert trained_before(lake, store, BOOSTING, world, INSTRUMENT, PLAN) is None
    card = train_model(BOOSTING, world, INSTRUMENT, PLAN, store).card
    row = trained_before(lake, store, BOOSTING, world, INSTRUMENT, PLAN)
    assert row is not None
    assert ModelCard.from_json(row["card"].iloc[0]).files == card.files
    next(iter(store.folder("BTCUSDT", "boosting", card.version).glob("*.ubj"))).unlink()
    assert trained_before(lake, store, BOOSTING, world, INSTRUMENT, PLAN) is None


def test_a_planted_signal_is_found_and_the_base_rate_is_beaten() -> None:
    folds = trained_folds(BOOSTING, known(180, edge=1.0), INSTRUMENT, PLAN)
    result = measured(folds, known(180, edge=1.0), INSTRUMENT)
    assert result.headline["standard_errors"] > 5.0
    assert result.headline["auc"] > 0.6


def test_the_future_changes_nothing_that_was_said_before_it() -> None:
    """The model of an earlier day is the same model, and says the same of the bars up to that day."""
    world, later = known(180, edge=0.3), known(200, edge=0.3)
    until = world.labels.start[-1]
    early = trained_folds(BOOSTING, world, INSTRUMENT, PLAN)[0]
    rows = early.rows
    later_training = replace(early.training, labels=later.labels)
    assert np.array_equal(later.windows.matrix[: len(world.bars)], world.windows.matrix, equal_nan=True)
    assert later.labels.start[rows[-1]] == until
    again = BOOSTING.fit(later_training, _options())
    said, before = (each.predict(early.training.windows, rows) for each in (again.predictor, early.fit.predictor))
    assert np.array_equal(said.up, before.up)


def test_more_folds_are_trained_each_on_the_time_before_it_and_their_unseen_rows_follow_each_other() -> None:
    world = known(240)
    plan = TrainingPlan(days_of_data=120, unseen_days=60, folds=3)
    folds = trained_folds(BOOSTING, world, INSTRUMENT, plan)
    unseen = np.concatenate([fold.training.slices.unseen for fold in folds])
    assert len(folds) == 3
    assert (np.diff(unseen) > 0).all()
    for fold in folds:
        slices = fold.training.slices
        used = np.concatenate([slices.training, slices.stopping, slices.calibration, slices.conformal])
        assert world.labels.end[used].max() <= world.labels.start[slices.unseen[0]]
    single = trained_folds(BOOSTING, world, INSTRUMENT, replace(plan, folds=1))[0].training.slices.unseen
    assert unseen[-1] == single[-1]
    assert abs(int(unseen[0]) - int(single[0])) <= 1


def test_columns_that_say_nothing_here_are_left_out_and_the_card_names_the_rest(tmp_path: Path) -> None:
    bars = known(180).bars.assign(volume=np.nan)
    world = Known.of(bars, INSTRUMENT, "no volume")
    card = train_model(BOOSTING, world, INSTRUMENT, PLAN, ModelStore(tmp_path)).card
    assert "obv_20" not in card.columns
    assert "volume_ratio_20" not in card.columns
    assert "rsi_14" in card.columns


@pytest.mark.parametrize("n_bars", [1, 60, 400], ids="{} bars".format)
def test_too_few_bars_are_refused_with_how_many_are_needed(n_bars: int) -> None:
    world = Known.of(known(180).bars.head(n_bars), INSTRUMENT)
    with pytest.raises((ShapeError, QualityError), match=r"too few bars to train|does not move|no feature varies"):
        trained_folds(BOOSTING, world, INSTRUMENT, PLAN)


def test_a_price_that_stands_still_is_refused() -> None:
    bars = builders.bars(3_000).assign(open=100.0, high=100.0, low=100.0, close=100.0)
    with pytest.raises(QualityError, match="the price of BTCUSDT does not move"):
        trained_folds(BOOSTING, Known.of(bars, INSTRUMENT), INSTRUMENT, PLAN)


def test_features_that_are_all_undefined_are_refused() -> None:
    world = known(180)
    blind = replace(world, windows=replace(world.windows, matrix=np.full_like(world.windows.matrix, np.nan)))
    with pytest.raises(ShapeError, match="no feature varies"):
        trained_folds(BOOSTING, blind, INSTRUMENT, PLAN)


def test_a_first_run_trains_less_and_its_plan_says_so() -> None:
    settings = ModelsSettings()
    first, daily = TrainingPlan.of(settings, is_first=True), TrainingPlan.of(settings)
    assert first.is_first
    assert (first.days_of_data, first.max_epochs) < (daily.days_of_data, daily.max_epochs)
    assert TrainingPlan.of(settings, days_of_data=75).days_of_data == 75


def _options() -> FitOptions:
    return FitOptions(PLAN.seed, PLAN.max_epochs, PLAN.patience)
