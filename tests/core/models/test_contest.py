"""The contest: the newest models against the one in force, on bars that neither has seen."""

from pathlib import Path
from shutil import rmtree

import pytest

from bot_core_dagster.lake import Lake
from bot_core_dagster.models.contest import compare_models
from bot_core_dagster.models.kinds import kind_named
from bot_core_dagster.models.plan import TrainingPlan
from bot_core_dagster.models.registry import champion_of, decisions, models_of, record_decision, record_model, roll_back
from bot_core_dagster.models.store import ModelStore
from bot_core_dagster.models.training import train_model
from bot_core_dagster.settings import ModelsSettings
from tests.core.models.worlds import INSTRUMENT, known

PLAN = TrainingPlan(days_of_data=180, unseen_days=120)
SETTINGS = ModelsSettings()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def _train(lake: Lake, store: ModelStore, edge: float, *, seed: int = 0) -> str:
    plan = TrainingPlan(days_of_data=PLAN.days_of_data, unseen_days=PLAN.unseen_days, seed=seed)
    card = train_model(kind_named("boosting"), known(300, edge=edge), INSTRUMENT, plan, store).card
    record_model(lake, card)
    return card.version


def test_a_large_edge_is_promoted_and_served_from_then_on(lake: Lake, store: ModelStore) -> None:
    version = _train(lake, store, edge=1.0)
    contest = compare_models(lake, store, known(300, edge=1.0), INSTRUMENT, SETTINGS)
    row = record_decision(lake, contest.decision)
    assert row["outcome"] == "promoted"
    champion = champion_of(lake, "BTCUSDT", "1h")
    assert champion is not None
    assert champion.version == version
    assert contest.promotion.level == pytest.approx(0.025)
    assert list(contest.p_values) == [f"boosting {version[:6]}"]


def test_noise_is_kept_out_with_every_reason_in_words(lake: Lake, store: ModelStore) -> None:
    _train(lake, store, edge=0.0)
    contest = compare_models(lake, store, known(300, edge=0.0), INSTRUMENT, SETTINGS)
    row = record_decision(lake, contest.decision)
    assert row["outcome"] == "kept"
    assert champion_of(lake, "BTCUSDT", "1h") is None
    assert all(one.words for each in contest.promotion.comparisons for one in each.reasons)


def test_without_any_model_naive_is_kept_and_no_level_is_spent(lake: Lake, store: ModelStore) -> None:
    contest = compare_models(lake, store, known(300), INSTRUMENT, SETTINGS)
    assert contest.promotion.level == 0.0
    assert contest.differences.empty
    assert record_decision(lake, contest.decision)["n_tests"] == 0


def test_the_same_bars_are_not_tested_twice(lake: Lake, store: ModelStore) -> None:
    _train(lake, store, edge=0.0)
    record_decision(lake, compare_models(lake, store, known(300), INSTRUMENT, SETTINGS).decision)
    again = compare_models(lake, store, known(300), INSTRUMENT, SETTINGS)
    assert again.promotion.level == 0.0
    assert "not tested again yet" in again.promotion.summary
    record_decision(lake, again.decision)
    assert decisions(lake, "BTCUSDT", "1h")["n_tests"].tolist()[-1] == 1


def test_a_model_whose_file_is_gone_takes_no_part_and_is_named(lake: Lake, store: ModelStore) -> None:
    version = _train(lake, store, edge=1.0)
    rmtree(store.folder("BTCUSDT", "boosting", version))
    contest = compare_models(lake, store, known(300, edge=1.0), INSTRUMENT, SETTINGS)
    assert "the file is gone" in contest.unusable[f"boosting {version}"]
    assert contest.promotion.promoted is None


def test_a_champion_whose_file_is_gone_is_as_good_as_the_naive_forecast_that_stands_in(
    lake: Lake, store: ModelStore
) -> None:
    first = _train(lake, store, edge=1.0)
    record_decision(lake, compare_models(lake, store, known(300, edge=1.0), INSTRUMENT, SETTINGS).decision)
    rmtree(store.folder("BTCUSDT", "boosting", first))
    second = _train(lake, store, edge=1.0, seed=1)
    contest = compare_models(lake, store, known(300, edge=1.0), INSTRUMENT, SETTINGS)
    assert f"boosting {first}" in contest.unusable
    assert contest.decision.champion == first
    assert list(contest.p_values) == [f"boosting {second[:6]}"]


def test_what_was_rolled_back_does_not_come_again(lake: Lake, store: ModelStore) -> None:
    version = _train(lake, store, edge=1.0)
    record_decision(lake, compare_models(lake, store, known(300, edge=1.0), INSTRUMENT, SETTINGS).decision)
    roll_back(lake, "BTCUSDT", "1h")
    contest = compare_models(lake, store, known(300, edge=1.0), INSTRUMENT, SETTINGS)
    assert version not in [each.version for each in contest.promotion.comparisons]


def test_rows_that_the_model_has_used_are_not_compared_on(lake: Lake, store: ModelStore) -> None:
    _train(lake, store, edge=1.0)
    contest = compare_models(lake, store, known(300, edge=1.0), INSTRUMENT, SETTINGS)
    used_until = models_of(lake, "BTCUSDT")["used_until"].iloc[0]
    assert contest.decision.window_start is not None
    assert contest.decision.window_start >= used_until
    assert contest.differences.index.min() >= used_until
