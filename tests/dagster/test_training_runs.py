"""Runs that train: tried again where that may help, cut short without harm, gone on with, asked for when due."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from assets.current import TRAIN_EVERY, trainings_due
from assets.modelling import RETRIES, RETRY_DELAY_S
from assets.models import MODEL_ASSETS
from bot_core_dagster.definitions import defs
from bot_core_dagster.errors import LakeConflictError
from bot_core_dagster.lake import Lake
from bot_core_dagster.lineage import Outcome, outcomes_of, record_outcomes
from bot_core_dagster.models.card import ModelCard
from bot_core_dagster.models.registry import champion_of, decisions, models_of
from bot_core_dagster.models.registry_tables import MODELS
from bot_core_dagster.models.store import CHECKPOINT, ModelStore
from bot_core_dagster.places import PROJECT_ROOT
from bot_core_dagster.settings import load_settings
from resources.run_history import fail_dead_runs
from resources.tracking import TrackingResource
from schedules import TRAINED_AT_ONCE, daily_retraining
from tests import builders
from tests.dagster.conftest import TRAINED_AT, Platform, materializations, opened, small_training

WITHIN_S = 60.0
CANCELLED_WITHIN_S = 10.0
EPOCHS = 6
NETWORK = "lstm"


def events(result: dg.ExecuteInProcessResult, name: str) -> list[dg.DagsterEvent]:
    """Return the events of a type."""
    return [event for event in result.all_events if event.event_type_value == name]


def boosted_again(platform: Platform) -> dg.ExecuteInProcessResult:
    """Train boosting of one symbol once more on the same bars."""
    asked = {"boosting_model": {"retrain": True, "symbols": ["BTCUSDT"]}}
    return platform.run("train_model", assets=("boosting_model",), ops=asked)


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried at once."""
    assert (RETRIES, RETRY_DELAY_S) == (3, 300.0)
    monkeypatch.setattr("assets.modelling.RETRY_DELAY_S", 0.0)


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize(
    ("n_conflicts", "n_retries", "is_made"), [(1, 1, True), pytest.param(4, 3, False, marks=pytest.mark.slow)]
)
def test_a_conflict_of_the_lake_is_tried_again_and_not_for_ever(
    trained: Platform, monkeypatch: pytest.MonkeyPatch, n_conflicts: int, n_retries: int, is_made: bool
) -> None:
    upsert, refusals = Lake.upsert, [LakeConflictError("other writers won the commit")] * n_conflicts

    def refused(lake: Lake, table: Any, rows: pd.DataFrame) -> Any:
        if table is MODELS and refusals:
            raise refusals.pop()
        return upsert(lake, table, rows)

    monkeypatch.setattr(Lake, "upsert", refused)
    result = boosted_again(trained)
    assert result.success == is_made
    assert len(events(result, "STEP_UP_FOR_RETRY")) == n_retries
    assert materializations(result, "boosting_model") == ["BTCUSDT"] * is_made
    assert len(models_of(trained.lake, "BTCUSDT")) == 1


def test_a_run_that_is_cancelled_while_it_waits_to_try_again_ends_at_once(
    trained: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancel() -> None:
        (run,) = trained.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        trained.instance.report_run_canceling(run)
        os.kill(os.getpid(), signal.SIGINT)

    def refused(*_: Any) -> None:
        threading.Timer(0.5, cancel).start()
        raise LakeConflictError("other writers won the commit")

    monkeypatch.setattr(Lake, "upsert", refused)
    started = time.monotonic()
    result = boosted_again(trained)
    assert time.monotonic() - started < WITHIN_S < RETRY_DELAY_S
    assert result.dagster_run.status == dg.DagsterRunStatus.CANCELED
    assert events(result, "STEP_UP_FOR_RETRY") == []


def test_no_policy_of_dagster_tries_again_what_was_cancelled() -> None:
    assert [asset.op.retry_policy for asset in MODEL_ASSETS.values()] == [None] * len(MODEL_ASSETS)


@pytest.mark.usefixtures("_at_once")
def test_a_bug_is_not_tried_again(trained: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("assets.models.train_model", broken)
    result = boosted_again(trained)
    assert not result.success
    assert events(result, "STEP_UP_FOR_RETRY") == []
    (failure,) = events(result, "STEP_FAILURE")
    error = failure.step_failure_data.error
    assert error is not None
    assert error.cause is not None
    assert error.cause.message.strip() == "RuntimeError: a bug"
    opened_store = TrackingResource().store().open()
    newest = opened_store.client.search_runs([opened_store.experiment_id], max_results=1)[0]
    assert newest.info.status == "FAILED"


@pytest.mark.parametrize("job", ["train_model", "daily_retrain_models"])
def test_a_training_has_an_hour_in_its_own_queue_and_is_never_run_again_as_a_whole(job: str) -> None:
    wanted = {"queue": "ml_training", "dagster/max_runtime": "3600", "dagster/max_retries": "0"}
    assert wanted.items() <= defs.resolve_job_def(job).tags.items()
    assert {asset.op.pool for asset in MODEL_ASSETS.values()} == {"ml_training"}


# ---- Cut short


class Interrupted:
    """A platform whose training of a network runs in a process of its own, which has behind it one epoch or more."""

    def __init__(self, folder: Path, child: "subprocess.Popen[bytes]") -> None:
        self.folder, self.child = folder, child
        self.store = ModelStore(folder / "home" / "models")

    @property
    def checkpoints(self) -> list[Path]:
        """The checkpoints of the network."""
        return list(self.store.root.glob(f"*/{NETWORK}/*{CHECKPOINT}"))

    @property
    def models(self) -> list[Path]:
        """What lies where models of the network lie, beside checkpoints."""
        return [path for path in self.store.root.glob(f"*/{NETWORK}/*") if path not in self.checkpoints]

    def wait_for_an_epoch(self) -> None:
        """Wait until the first epoch is in the checkpoint."""
        deadline = time.monotonic() + WITHIN_S
        while not self.checkpoints:
            assert self.child.poll() is None, "the training ended before its first epoch"
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture(scope="module")
def untrained(trained_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a platform with bars and features on which no network has been trained."""
    folder = copytree(trained_once, tmp_path_factory.mktemp("untrained") / "platform")
    with opened(folder) as made:
        made.watch("BTCUSDT", "ETHUSDT", more=small_training(NETWORK, max_epochs=EPOCHS))
    return folder


def go_on(folder: Path) -> tuple[dg.ExecuteInProcessResult, ModelCard]:
    """Train the network on the platform of a folder, in this process; return what was kept."""
    with pytest.MonkeyPatch.context() as patch, opened(folder) as platform:
        patch.setenv("BOT_CORE_HOME", str(folder / "home"))
        platform.now = TRAINED_AT
        result = platform.run("train_model", assets=[f"{NETWORK}_model"], symbols=["BTCUSDT"])
        rows = models_of(platform.lake, "BTCUSDT")
        (version,) = rows[rows["model_type"] == NETWORK]["version"]
        return result, ModelStore.default().load("BTCUSDT", NETWORK, version)[0]


@pytest.fixture(scope="module")
def undisturbed(untrained: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelCard:
    """The card of the network of a training that nothing has interrupted."""
    result, card = go_on(copytree(untrained, tmp_path_factory.mktemp("undisturbed") / "platform"))
    assert result.success
    return card


@pytest.fixture
def interrupted(untrained: Path, tmp_path: Path) -> Iterator[Interrupted]:
    """One such training under way, on a copy."""
    folder = copytree(untrained, tmp_path / "platform")
    environment = os.environ | {"BOT_CORE_HOME": str(folder / "home"), "PYTHONPATH": str(PROJECT_ROOT)}
    argv = [sys.executable, "-m", "tests.dagster.model_child", str(folder), NETWORK]
    with (folder / "said").open("wb") as said:
        child = subprocess.Popen(argv, cwd=PROJECT_ROOT, env=environment, stdout=said, stderr=said)
    yield Interrupted(folder, child)
    child.kill()
    child.wait(WITHIN_S)


def epochs_of(result: dg.ExecuteInProcessResult) -> list[int]:
    """Return the epochs that a run told of."""
    told = [event.asset_observation_data.asset_observation for event in events(result, "ASSET_OBSERVATION")]
    return [int(str(one.metadata["current"].value)) for one in told]


def mlflow_states(folder: Path) -> list[str]:
    """Return the states of the MLflow runs of the network, the oldest first."""
    store = TrackingResource(root=str(folder / "home" / "mlflow")).store().open()
    found = store.client.search_runs([store.experiment_id], order_by=["attributes.start_time ASC"])
    return [run.info.status for run in found if run.info.run_name == f"{NETWORK} BTCUSDT"]


def test_a_cancelled_training_ends_at_once_leaves_only_its_checkpoint_and_is_gone_on_with(
    interrupted: Interrupted, undisturbed: ModelCard
) -> None:
    interrupted.wait_for_an_epoch()
    with opened(interrupted.folder) as platform:
        (run,) = platform.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        platform.instance.report_run_canceling(run)  # as Dagster does before its launcher sends the signal
        interrupted.child.send_signal(signal.SIGINT)
        interrupted.child.wait(CANCELLED_WITHIN_S)
        over = platform.instance.get_run_by_id(run.run_id)
        assert over is not None
        assert over.status == dg.DagsterRunStatus.CANCELED
        assert set(models_of(platform.lake, "BTCUSDT")["model_type"]) == {"boosting"}
    assert (len(interrupted.checkpoints), interrupted.models) == (1, [])
    assert mlflow_states(interrupted.folder) == ["KILLED"]
    result, card = go_on(interrupted.folder)
    assert result.success
    assert epochs_of(result)[0] > 1
    assert (card.version, card.files) == (undisturbed.version, undisturbed.files)
    assert interrupted.checkpoints == []
    assert mlflow_states(interrupted.folder) == ["KILLED", "FINISHED"]


@pytest.mark.slow
def test_a_killed_training_is_gone_on_with_to_the_same_weights(
    interrupted: Interrupted, undisturbed: ModelCard
) -> None:
    interrupted.wait_for_an_epoch()
    interrupted.child.send_signal(signal.SIGKILL)
    interrupted.child.wait(WITHIN_S)
    assert interrupted.models == []
    with opened(interrupted.folder) as platform:
        (run_id,) = fail_dead_runs(platform.instance)
        tracking = TrackingResource(root=str(interrupted.folder / "home" / "mlflow"))
        assert list(tracking.end_runs_of_finished(platform.instance).values()) == ["FAILED"]
    result, card = go_on(interrupted.folder)
    assert result.success
    assert result.run_id != run_id
    epochs = epochs_of(result)
    assert epochs == list(range(epochs[0], undisturbed.n_epochs + 1))
    assert epochs[0] > 1
    assert (card.version, card.files, card.metrics) == (undisturbed.version, undisturbed.files, undisturbed.metrics)
    assert mlflow_states(interrupted.folder) == ["FAILED", "FINISHED"]


class Killed(BaseException):
    """What ends the step here."""


def test_killed_between_a_decision_and_mlflows_alias_the_next_run_sets_it_and_decides_nothing_anew(
    trained_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copytree(trained_once, tmp_path / "trained")
    rmtree(folder / "lake" / "model_decisions")
    monkeypatch.setenv("BOT_CORE_HOME", str(folder / "home"))
    client = TrackingResource().store().open().client
    client.delete_registered_model_alias("BTCUSDT", "champion")

    def killed(*_: Any) -> None:
        raise Killed

    with opened(folder) as platform:
        platform.now = TRAINED_AT
        with monkeypatch.context() as patch:
            patch.setattr(TrackingResource, "reconcile_models", killed)
            assert not platform.run("train_model", assets=("champion",)).success
        champion = champion_of(platform.lake, "BTCUSDT", "1h")
        assert champion is not None
        assert "champion" not in client.get_registered_model("BTCUSDT").aliases
        before = decisions(platform.lake, "BTCUSDT", "1h")
        assert platform.run("train_model", assets=("champion",)).success
        after = decisions(platform.lake, "BTCUSDT", "1h")
    alias = client.get_model_version_by_alias("BTCUSDT", "champion")
    assert alias.tags["bot_core/version_id"] == champion.version
    assert after["champion_version"].iloc[-1] == champion.version
    assert after[after["outcome"] == "promoted"]["decided_at"].tolist() == before["decided_at"].tolist()


# ---- When due

Due = Callable[..., dict[str, tuple[str, ...]]]


@pytest.fixture
def due(trained: Platform) -> Due:
    """Ask what is due so long from now."""

    def _due(later: timedelta = timedelta(0)) -> dict[str, tuple[str, ...]]:
        settings = load_settings(trained.settings_file)
        return trainings_due(trained.lake, settings, settings.watchlist, datetime.now(UTC) + later)

    return _due


def test_what_was_trained_and_decided_on_is_due_again_after_a_week(due: Due) -> None:
    assert due() == {}
    assert due(TRAIN_EVERY - timedelta(hours=1)) == {}
    whole = ("boosting_model", "champion", "forecasts")
    assert due(TRAIN_EVERY) == {"BTCUSDT": whole, "ETHUSDT": whole}


def test_a_kind_that_was_never_trained_is_due_and_a_symbol_with_few_bars_is_not(trained: Platform, due: Due) -> None:
    trained.watch("BTCUSDT", "ETHUSDT", "NEWUSDT", more=small_training("boosting", "gru"))
    trained.lake.upsert_bars(builders.bars(1_000, symbol="NEWUSDT"))
    owed = ("gru_model", "champion", "forecasts")
    assert due() == {"BTCUSDT": owed, "ETHUSDT": owed}


def test_a_training_that_failed_is_due_at_once(trained: Platform, due: Due) -> None:
    record_outcomes(
        trained.lake,
        [Outcome("boosting_model", "BTCUSDT", "run", datetime.now(UTC), is_made=False, reason="disk full")],
    )
    assert due() == {"BTCUSDT": ("boosting_model", "champion", "forecasts")}


def test_a_model_that_was_not_decided_on_is_owed_its_decision(trained: Platform, due: Due) -> None:
    (last,) = outcomes_of(trained.lake, ["boosting_model"], ["BTCUSDT"])
    record_outcomes(trained.lake, [Outcome(**(vars(last) | {"content_hash": "another version"}))])
    assert due() == {"BTCUSDT": ("champion", "forecasts")}


def asked(platform: Platform) -> list[tuple[str, str]] | str | None:
    """Return the first and last symbol of each run that the nightly schedule asks for, or why it asks for none."""
    wanted = {name: platform.resources[name] for name in ("lake", "settings")}
    with dg.build_schedule_context(instance=platform.instance, resources=wanted) as context:
        answer = daily_retraining(context)
    if isinstance(answer, dg.SkipReason):
        return answer.skip_message
    assert isinstance(answer, list)
    ends = [f"dagster/asset_partition_range_{end}" for end in ("start", "end")]
    requests = [request for request in answer if isinstance(request, dg.RunRequest)]
    return [(request.tags[ends[0]], request.tags[ends[1]]) for request in requests]


def test_the_nightly_training_asks_for_what_has_bars_enough_a_few_symbols_a_run(platform: Platform) -> None:
    symbols = [f"S{place}" for place in range(TRAINED_AT_ONCE + 3)]
    platform.watch(*symbols, source="file", more='[models]\ntypes = ["boosting"]\n')
    assert asked(platform) == "no symbol has 120 days of bars yet, or no model is enabled"
    series = [builders.bars(100 if symbol == "S1" else 24 * 121, symbol=symbol) for symbol in symbols]
    platform.lake.upsert_bars(pd.concat(series, ignore_index=True))
    assert asked(platform) == [("S0", "S0"), ("S2", f"S{TRAINED_AT_ONCE + 1}"), (symbols[-1], symbols[-1])]
    platform.watch(*symbols, source="file", more="[models]\ntypes = []\n")
    assert asked(platform) == "no symbol has 120 days of bars yet, or no model is enabled"


def test_the_nightly_training_is_at_two_o_clock_utc() -> None:
    assert (daily_retraining.cron_schedule, daily_retraining.execution_timezone or "UTC") == ("0 2 * * *", "UTC")
    assert daily_retraining.job_name == "daily_retrain_models"
