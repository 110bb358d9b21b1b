"""Trainings in MLflow, on a real store: what is kept reads back, and each run ends as it should."""

import logging
import math
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest

from bot_core_dagster.errors import ServiceError
from bot_core_dagster.places import PROJECT_ROOT
from resources.mlflow_runs import DAGSTER_RUN_TAG
from resources.mlflow_store import OpenStore
from resources.run_history import PROCESS_TAG, fail_dead_runs, process_identity
from resources.tracking import NOT_FINITE_TAG, TrackedTraining, TrackingResource
from sensors import mlflow_runs
from tests.dagster.training_child import QUIET

PNG = bytes.fromhex("89504e470d0a1a0a")
WITHIN_S = 60.0

Child = subprocess.Popen[str]
Start = Callable[..., Child]


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> TrackingResource:
    return TrackingResource(root=str(tmp_path_factory.mktemp("mlflow") / "of 100 % odd's name"))


@pytest.fixture(scope="module")
def opened(tracking: TrackingResource) -> OpenStore:
    return tracking.store().open()


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """The instance of a DAGSTER_HOME, which a child process may open too."""
    home = tmp_path_factory.mktemp("dagster")
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        with dg.DagsterInstance.get() as made:
            yield made


@pytest.fixture
def start(tracking: TrackingResource) -> Iterator[Start]:
    """Start `training_child` and read the line that it says; what is left of it at the end is killed."""
    children: list[Child] = []

    def _start(mode: str, symbol: str, root: str | None = tracking.root) -> Child:
        argv = [sys.executable, "-m", "tests.dagster.training_child", mode, str(root), symbol]
        environment = os.environ | {"PYTHONPATH": str(PROJECT_ROOT)}
        pipe = subprocess.PIPE
        children.append(
            subprocess.Popen(argv, cwd=PROJECT_ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        )
        return children[-1]

    yield _start
    for child in children:
        child.kill()
        child.communicate()


def train(
    tracking: TrackingResource, instance: dg.DagsterInstance, body: Callable[[TrackedTraining], None]
) -> tuple[dg.ExecuteInProcessResult, str]:
    """Train "A%B" by `body` in a Dagster run; return its result and the MLflow run's id, "" if it got none."""
    ids: list[str] = []

    @dg.asset
    def lstm_model(context: dg.AssetExecutionContext, tracking: TrackingResource) -> None:
        parameters = {"layers": 2, "features": "x" * 7_000, "window": None}
        with tracking.training(context, model_type="lstm", symbol="A%B", parameters=parameters) as training:
            ids.append(training.run_id)
            body(training)

    result = dg.materialize(
        [lstm_model], instance=instance, resources={"tracking": tracking}, run_config=QUIET, raise_on_error=False
    )
    return result, next(iter(ids), "")


def keep_all(training: TrackedTraining) -> None:
    training.log_epochs([{"loss": 1 / (1 + epoch), "val/loss": 2.0, "rate": 1e-3} for epoch in range(400)])
    training.log_epochs([{"diverged": 1.0}, {"diverged": math.nan}, {"diverged": math.inf}, {"diverged": 2.0}])
    training.log_metrics({"log_loss": 0.69, "sharpe": math.nan})
    training.log_json("card.json", {"features": ["rsi"], "symbol": "A%B"})
    training.log_picture("curves.png", PNG)


def test_what_a_training_keeps_reads_back_and_its_run_is_finished(
    tracking: TrackingResource, opened: OpenStore, instance: dg.DagsterInstance
) -> None:
    result, run_id = train(tracking, instance, keep_all)
    client = opened.client
    run = client.get_run(run_id)
    assert result.success, result.all_events[-3:]
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "lstm A%B"
    wanted = {
        "dagster_run_id": result.run_id,
        "dagster/job": result.dagster_run.job_name,
        "dagster/asset": "lstm_model",
        "dagster/partition": "A%B",
        "bot_core/model_type": "lstm",
        NOT_FINITE_TAG: "diverged (epoch 1), diverged (epoch 2), sharpe",
    }
    assert wanted.items() <= run.data.tags.items()
    assert run.data.params == {"layers": "2", "features": "x" * 5_999 + "…", "window": "None"}
    assert run.data.metrics["log_loss"] == 0.69
    assert "sharpe" not in run.data.metrics
    curve = client.get_metric_history(run_id, "loss")
    assert [(one.step, one.value) for one in curve] == [(epoch, 1 / (1 + epoch)) for epoch in range(400)]
    assert [(one.step, one.value) for one in client.get_metric_history(run_id, "diverged")] == [(0, 1.0), (3, 2.0)]
    assert {one.path for one in client.list_artifacts(run_id)} == {"card.json", "curves.png"}
    kept = tracking.store().artifacts / run_id / "artifacts"
    assert (kept / "curves.png").read_bytes() == PNG
    assert '"A%B"' in (kept / "card.json").read_text()


def test_a_training_that_raises_fails_its_run(
    tracking: TrackingResource, opened: OpenStore, instance: dg.DagsterInstance
) -> None:
    def raises(training: TrackedTraining) -> None:
        training.log_epochs([{"loss": 1.0}])
        raise ServiceError("the third epoch went wrong")

    result, run_id = train(tracking, instance, raises)
    assert result.dagster_run.status == dg.DagsterRunStatus.FAILURE
    assert opened.client.get_run(run_id).info.status == "FAILED"


def test_a_training_outlives_no_end_that_its_dagster_run_gave_it(
    tracking: TrackingResource, opened: OpenStore, instance: dg.DagsterInstance
) -> None:
    """A process that goes on although Dagster has given it up does not turn KILLED into FINISHED."""
    _, run_id = train(tracking, instance, lambda training: opened.client.set_terminated(training.run_id, "KILLED"))
    assert opened.client.get_run(run_id).info.status == "KILLED"


def test_what_a_model_logs_by_mlflow_itself_goes_to_the_run_of_its_training(
    tracking: TrackingResource, opened: OpenStore, instance: dg.DagsterInstance
) -> None:
    import mlflow

    def logs(_: TrackedTraining) -> None:
        mlflow.log_metric("of_a_model", 1.5)

    runs = [train(tracking, instance, logs)[1] for _ in range(2)]
    assert runs[0] != runs[1], "each training has a run of its own"
    assert [opened.client.get_run(run).data.metrics for run in runs] == [{"of_a_model": 1.5}] * 2
    assert mlflow.active_run() is None


def test_a_foreign_run_that_is_active_gets_nothing_and_stays_open(
    tracking: TrackingResource, opened: OpenStore, instance: dg.DagsterInstance
) -> None:
    import mlflow

    mlflow.set_tracking_uri(tracking.store().uri)
    foreign = mlflow.start_run(experiment_id=opened.experiment_id).info.run_id
    try:
        result, run_id = train(tracking, instance, keep_all)
        assert mlflow.active_run().info.run_id == foreign
    finally:
        mlflow.end_run()
    said = str(result.failure_data_for_node("lstm_model"))
    assert f"MLflow run {foreign} is active in this process" in said
    assert opened.client.get_run(foreign).data.metrics == {}
    assert not run_id


def test_a_training_that_is_cut_short_ends_as_dagster_ends_its_run(
    tracking: TrackingResource, opened: OpenStore, instance: dg.DagsterInstance, start: Start
) -> None:
    """Cancelled by a user (Dagster's launcher then sends SIGINT); told to end by the machine; killed outright."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
    children = [start("train", number.name) for number in numbers]
    said = [_line(child).split() for child in children]
    ids = [(dagster_run_id, run_id) for dagster_run_id, run_id, _ in said]
    assert {int(level) for *_, level in said} == {logging.WARNING}, "mlflow was imported before it was told to be quiet"
    _cancel(instance, ids[0][0])
    for child, number in zip(children, numbers, strict=True):
        child.send_signal(number)
    for child in children:
        child.wait(WITHIN_S)

    def states() -> list[tuple[str, str]]:
        runs = [instance.get_run_by_id(dagster_run_id) for dagster_run_id, _ in ids]
        found = [opened.client.get_run(run_id).info.status for _, run_id in ids]
        return [(run.status.value if run else "gone", status) for run, status in zip(runs, found, strict=True)]

    over = [("CANCELED", "KILLED"), ("FAILURE", "FAILED")]
    assert states() == [*over, ("STARTED", "RUNNING")]
    assert tracking.end_runs_of_finished(instance) == {}
    assert fail_dead_runs(instance) == [ids[2][0]]
    with dg.build_sensor_context(instance=instance, resources={"tracking": tracking}) as context:
        looked = mlflow_runs(context)
    assert isinstance(looked, dg.SkipReason)
    assert looked.skip_message == f"{ids[2][1]} is FAILED"
    assert states() == [*over, ("FAILURE", "FAILED")]


def _line(child: Child) -> str:
    assert child.stdout
    return child.stdout.readline()


def _cancel(instance: dg.DagsterInstance, dagster_run_id: str) -> None:
    """Note the request, as Dagster does before its launcher sends the signal."""
    run = instance.get_run_by_id(dagster_run_id)
    assert run is not None
    instance.report_run_canceling(run)


def _left_open(opened: OpenStore, dagster_run_id: str, process: str) -> str:
    tags = {DAGSTER_RUN_TAG: dagster_run_id, PROCESS_TAG: process}
    return str(opened.client.create_run(opened.experiment_id, tags=tags).info.run_id)


@pytest.mark.parametrize(
    ("dagster_status", "mlflow_status"),
    [
        (dg.DagsterRunStatus.SUCCESS, "FINISHED"),
        (dg.DagsterRunStatus.FAILURE, "FAILED"),
        (dg.DagsterRunStatus.CANCELED, "KILLED"),
        (dg.DagsterRunStatus.STARTED, "RUNNING"),
        (dg.DagsterRunStatus.CANCELING, "RUNNING"),
    ],
    ids=lambda one: getattr(one, "value", one),
)
def test_an_open_run_ends_as_its_dagster_run_did(
    tracking: TrackingResource,
    opened: OpenStore,
    instance: dg.DagsterInstance,
    dagster_status: dg.DagsterRunStatus,
    mlflow_status: str,
) -> None:
    job = dg.Definitions(assets=[dg.AssetSpec("one")], jobs=[_job()]).resolve_job_def("tiny")
    run = instance.create_run_for_job(job, status=dagster_status)
    is_open = _left_open(opened, run.run_id, process_identity())
    has_ended = _left_open(opened, run.run_id, process_identity())
    opened.client.set_terminated(has_ended, "FINISHED")
    expected = {} if mlflow_status == "RUNNING" else {is_open: mlflow_status}
    assert tracking.end_runs_of_finished(instance) == expected
    assert opened.client.get_run(is_open).info.status == mlflow_status
    assert opened.client.get_run(has_ended).info.status == "FINISHED", "a training that ended well stays so"
    assert tracking.end_runs_of_finished(instance) == {}


def _job() -> dg.JobDefinition:
    @dg.op
    def nothing() -> None:
        """Do nothing."""

    @dg.job
    def tiny() -> None:
        nothing()

    return tiny


def test_a_run_that_dagster_knows_no_more_is_killed_unless_its_process_lives(
    tracking: TrackingResource, opened: OpenStore, instance: dg.DagsterInstance
) -> None:
    """It may be of a Dagster instance elsewhere that shares the store."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        gone = f"{socket.gethostname()} {child.pid} {psutil.Process(child.pid).create_time():.2f}"
    dead, alive = (_left_open(opened, "no-such-run", process) for process in (gone, process_identity()))
    by_hand = opened.client.create_run(opened.experiment_id).info.run_id
    assert tracking.end_runs_of_finished(instance) == {dead: "KILLED"}
    assert [opened.client.get_run(one).info.status for one in (alive, by_hand)] == ["RUNNING", "RUNNING"]


LOOK = """
import sys
import dagster as dg
from bot_core_dagster.definitions import defs
from bot_core_dagster.places import mlflow_home

resources = {"tracking": defs.resources["tracking"]}
with dg.DagsterInstance.ephemeral() as instance, dg.build_sensor_context(instance, resources=resources) as context:
    print(defs.resolve_sensor_def("mlflow_runs").evaluate_tick(context).skip_message)
assert not mlflow_home().exists()
assert "mlflow" not in sys.modules
"""


def test_a_look_without_open_runs_makes_no_store_and_imports_no_mlflow() -> None:
    looked = subprocess.run([sys.executable, "-c", LOOK], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert looked.stdout == "no MLflow run is open whose Dagster run is over\n", looked.stderr


@pytest.mark.slow
def test_two_processes_may_make_the_store_at_once(tmp_path: Path, start: Start) -> None:
    root = str(tmp_path / "fresh")
    children = [start("open", symbol, root) for symbol in ("one", "two")]
    assert [_line(child) for child in children] == ["imported\n", "imported\n"]
    for child in children:
        assert child.stdin
        child.stdin.write("go\n")
        child.stdin.flush()
    assert [child.wait(WITHIN_S) for child in children] == [0, 0]
    found = TrackingResource(root=root).store().open()
    runs: list[Any] = found.client.search_runs([found.experiment_id])
    assert sorted((run.info.run_name, run.info.status) for run in runs) == [("one", "FINISHED"), ("two", "FINISHED")]


def test_a_store_that_cannot_be_opened_is_named_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("a diary, and no database")
    with pytest.raises(ServiceError, match=r"mlflow.db cannot be opened: .*; next: mlflow db upgrade sqlite:///"):
        TrackingResource(root=str(tmp_path)).store().open()


def test_an_experiment_deleted_on_the_page_comes_back(tmp_path: Path) -> None:
    store = TrackingResource(root=str(tmp_path)).store()
    first = store.open()
    first.client.delete_experiment(first.experiment_id)
    again = store.open()
    assert again.experiment_id == first.experiment_id
    assert again.client.create_run(again.experiment_id).info.status == "RUNNING"
