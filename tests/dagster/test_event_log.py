"""Events that are written together: the same as one by one, all or none, on few connections."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.sql import create_engine

from resources import event_log
from resources.event_log import BATCH_SIZE_VARIABLE, events_together, write_batches_at_once

SYMBOLS = [f"SIM{number:02d}" for number in range(20)]
KEY = dg.AssetKey("prices")


@pytest.fixture(autouse=True)
def batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the environment as it was."""
    monkeypatch.setenv(BATCH_SIZE_VARIABLE, "1000")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Return an instance that keeps its events in SQLite."""
    with dg.instance_for_test(temp_dir=str(tmp_path)) as made:
        yield made


def _run(instance: dg.DagsterInstance, after_each: Callable[[str], None] = lambda _: None) -> dg.ExecuteInProcessResult:
    """Execute a run that logs, of each symbol, a check and a materialisation."""

    @dg.asset(
        key=KEY,
        partitions_def=dg.StaticPartitionsDefinition(SYMBOLS),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def prices(context: dg.AssetExecutionContext) -> None:
        context.run.tags["dagster/defer_asset_events"] = "true"  # type: ignore[index]
        with events_together(context.instance):
            for symbol in context.partition_keys:
                passed = symbol != "SIM03"
                context.log_event(
                    dg.AssetCheckEvaluation(KEY, check_name="is_usable", passed=passed, partition=symbol, metadata={})
                )
                tags = {"dagster/data_version": f"of {symbol}", "dagster/data_version_is_user_provided": "true"}
                context.log_event(dg.AssetMaterialization(KEY, partition=symbol, metadata={"rows": 5}, tags=tags))
                after_each(symbol)

    job = dg.Definitions([prices], jobs=[dg.define_asset_job("collect", [prices])]).resolve_job_def("collect")
    whole = {
        "dagster/asset_partition_range_start": SYMBOLS[0],
        "dagster/asset_partition_range_end": SYMBOLS[-1],
    }
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return job.execute_in_process(instance=instance, tags=whole, run_config=quiet, raise_on_error=False)


def _told(instance: dg.DagsterInstance, run_id: str) -> Mapping[str, Any]:
    """Return what the instance says afterwards, without times and ids of the run."""
    materialized = instance.fetch_materializations(dg.AssetRecordsFilter(KEY), limit=100, ascending=True).records
    latest = instance.get_latest_storage_id_by_partition(KEY, dg.DagsterEventType.ASSET_MATERIALIZATION)
    checks = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(KEY, "is_usable"), limit=100)
    last = instance.get_latest_materialization_event(KEY)
    return {
        "log": [
            (entry.dagster_event_type, entry.step_key, entry.get_dagster_event().partition)
            for entry in instance.all_logs(run_id)
            if entry.is_dagster_event
        ],
        "materialised": [
            (one.partition_key, one.asset_materialization.tags, one.asset_materialization.metadata)
            for one in materialized
            if one.asset_materialization
        ],
        "latest": dict(latest),
        "last": last.asset_materialization if last else None,
        "tags": instance.get_event_tags_for_asset(KEY),
        "checks": [(one.partition, one.status) for one in checks],
    }


def _by_kind(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out in which order planned events of a run are stored."""
    return {**told, "log": sorted(map(str, told["log"]))}


def test_events_written_together_are_those_written_one_by_one(tmp_path: Path) -> None:
    """Types, partitions, tags, metadata, checks, and which is the latest of each symbol."""
    told = []
    for name in ("one by one", "together"):
        (tmp_path / name).mkdir()
        with dg.instance_for_test(temp_dir=str(tmp_path / name)) as instance:
            if name == "together":
                write_batches_at_once(instance)
            result = _run(instance)
            assert result.success
            told.append(_by_kind(_told(instance, result.run_id)))
    assert told[0] == told[1]
    assert [symbol for symbol, *_ in told[1]["materialised"]] == SYMBOLS


def test_a_batch_takes_a_connection_a_database(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left is Dagster's own: looking for a table, events that come one at a time."""
    opened: list[object] = []
    connect = sqlite3.dbapi2.connect

    def counted(*where: Any, **how: Any) -> Any:
        opened.append(where)
        return connect(*where, **how)

    monkeypatch.setattr(sqlite3.dbapi2, "connect", counted)
    _run(instance)
    alone = len(opened)
    write_batches_at_once(instance)
    opened.clear()
    _run(instance)
    assert len(opened) < alone - 6 * len(SYMBOLS)


def test_an_engine_is_kept_for_each_database(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run brings its own database, and the one that all runs share is known."""
    made: list[str] = []

    def noted(url: str, **how: Any) -> Any:
        made.append(url)
        return create_engine(url, **how)

    monkeypatch.setattr(event_log, "create_engine", noted)
    write_batches_at_once(instance)
    _run(instance)
    made.clear()
    second = _run(instance)
    assert second.success
    assert [url for url in made if second.run_id in url] == made
    assert len(made) == 1
    assert [symbol for symbol, *_ in _told(instance, second.run_id)["materialised"]] == 2 * SYMBOLS


def test_a_batch_that_cannot_be_stored_is_not_stored_in_part(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither database keeps the events before the one that failed."""
    write_batches_at_once(instance)
    storage: Any = instance.event_log_storage
    store = type(storage)._store_asset_event
    written = []

    def fails_at_the_fifth(self: Any, conn: Any, event: dg.EventLogEntry, event_id: int) -> None:
        if event.get_dagster_event().is_step_materialization:
            written.append(event_id)
        if len(written) == 5:
            raise sqlite3.OperationalError("disk I/O error")
        store(self, conn, event, event_id)

    monkeypatch.setattr(type(storage), "_store_asset_event", fails_at_the_fifth)
    result = _run(instance)
    assert not result.success
    told = _told(instance, result.run_id)
    assert len(written) == 5
    assert told["materialised"] == []
    assert all(kind is not dg.DagsterEventType.ASSET_MATERIALIZATION for kind, *_ in told["log"])


def test_what_was_logged_before_an_error_is_kept(instance: dg.DagsterInstance) -> None:
    """As it is where every event is written at once."""
    write_batches_at_once(instance)

    def fail(symbol: str) -> None:
        if symbol == "SIM04":
            raise ValueError("no more")

    result = _run(instance, fail)
    assert not result.success
    assert [symbol for symbol, *_ in _told(instance, result.run_id)["materialised"]] == SYMBOLS[:5]


def test_other_storages_are_left_as_they_are() -> None:
    """A storage that is not Dagster's SQLite may have batches of its own."""
    with dg.DagsterInstance.ephemeral() as instance:
        before = dict(vars(instance.event_log_storage))
        write_batches_at_once(instance)
        assert _run(instance).success
        assert vars(instance.event_log_storage).keys() == before.keys()
        assert len(_told(instance, "")["materialised"]) == len(SYMBOLS)
