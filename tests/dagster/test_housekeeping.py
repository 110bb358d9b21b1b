"""Housekeeping: old runs and files go, what is current stays."""

import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import dagster as dg
import pandas as pd
import psutil
import pytest
from dagster._core.events import EngineEventData

from resources.run_history import delete_old_runs, fail_dead_runs
from tests.dagster.conftest import Platform


def test_a_run_that_holds_a_latest_materialisation_stays(platform: Platform) -> None:
    platform.watch("BTCUSDT", "ETHUSDT")
    both = platform.run(assets=["bars"])
    superseded = platform.run(assets=["bars"], symbols=["BTCUSDT"])
    latest = platform.run(assets=["bars"], symbols=["BTCUSDT"])
    assert delete_old_runs(platform.instance, datetime.now(UTC) + timedelta(minutes=1)) == 1
    there = {run.run_id for run in platform.instance.get_runs()}
    assert there == {both.run_id, latest.run_id}
    assert superseded.run_id not in there
    assert set(platform.versions("bars")) == {"BTCUSDT", "ETHUSDT"}


def test_recent_runs_stay(platform: Platform) -> None:
    platform.watch("BTCUSDT")
    platform.run(assets=["bars"])
    platform.run(assets=["bars"])
    assert delete_old_runs(platform.instance, datetime.now(UTC) - timedelta(days=1)) == 0


def test_tidying_up_changes_no_row(platform: Platform) -> None:
    platform.watch("BTCUSDT")
    platform.run(assets=["bars"])
    platform.wait(hours=2)
    platform.run(assets=["bars"])
    before = platform.lake.bars("BTCUSDT", "1h")
    config = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
    result = platform.definitions.resolve_job_def("tidy_up").execute_in_process(
        instance=platform.instance, run_config=config
    )
    (event,) = result.get_asset_materialization_events()
    assert isinstance(event.materialization.metadata["deleted_files"], dg.IntMetadataValue)
    pd.testing.assert_frame_equal(platform.lake.bars("BTCUSDT", "1h"), before, check_exact=True)


def test_a_run_whose_process_is_gone_is_failed(platform: Platform) -> None:
    platform.watch("BTCUSDT")
    job = platform.definitions.resolve_job_def("research_cycle")
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        gone = f"{socket.gethostname()} {child.pid} {psutil.Process(child.pid).create_time():.2f}"
    dead = platform.instance.create_run_for_job(
        job, status=dg.DagsterRunStatus.STARTED, tags={"bot_core/process": gone}
    )
    alive = platform.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=_own_process(0.0))
    after_a_clock_correction = platform.instance.create_run_for_job(
        job, status=dg.DagsterRunStatus.STARTED, tags=_own_process(5.0)
    )
    elsewhere = platform.instance.create_run_for_job(
        job, status=dg.DagsterRunStatus.STARTED, tags={"bot_core/process": "another-machine 1 0.00"}
    )
    assert fail_dead_runs(platform.instance) == [dead.run_id]
    for run in (alive, after_a_clock_correction, elsewhere):
        found = platform.instance.get_run_by_id(run.run_id)
        assert found is not None
        assert found.status == dg.DagsterRunStatus.STARTED


def test_a_run_killed_before_it_was_claimed_is_failed(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    platform.watch("BTCUSDT")
    job = platform.definitions.resolve_job_def("research_cycle")
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        pass
    dead, alive, unknown = (
        platform.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED) for _ in range(3)
    )
    for run, process_id in ((dead, child.pid), (alive, os.getpid())):
        platform.instance.report_engine_event("Started process for run", run, EngineEventData.in_process(process_id))
    monkeypatch.setattr(psutil.Process, "create_time", lambda _: time.time())
    assert fail_dead_runs(platform.instance) == []  # it may be about to be claimed, on another machine
    monkeypatch.setattr("resources.run_history._UNCLAIMED_S", -1.0)
    assert fail_dead_runs(platform.instance) == [dead.run_id]
    found = platform.instance.get_run_by_id(unknown.run_id)
    assert found is not None
    assert found.status == dg.DagsterRunStatus.STARTED


def _own_process(clock_moved_s: float) -> dict[str, str]:
    started = psutil.Process().create_time() + clock_moved_s
    return {"bot_core/process": f"{socket.gethostname()} {os.getpid()} {started:.2f}"}
