"""Housekeeping: old runs and files go, what is current stays."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pandas as pd

from resources.run_history import delete_old_runs
from tests.dagster.conftest import Platform


def test_a_run_that_holds_a_latest_materialisation_stays(platform: Platform) -> None:
    platform.watch("BTCUSDT", "ETHUSDT")
    both = platform.run()
    superseded = platform.run(symbols=["BTCUSDT"])
    latest = platform.run(symbols=["BTCUSDT"])
    assert delete_old_runs(platform.instance, datetime.now(UTC) + timedelta(minutes=1)) == 1
    there = {run.run_id for run in platform.instance.get_runs()}
    assert there == {both.run_id, latest.run_id}
    assert superseded.run_id not in there
    assert set(platform.versions("bars")) == {"BTCUSDT", "ETHUSDT"}


def test_recent_runs_stay(platform: Platform) -> None:
    platform.watch("BTCUSDT")
    platform.run()
    platform.run()
    assert delete_old_runs(platform.instance, datetime.now(UTC) - timedelta(days=1)) == 0


def test_tidying_up_changes_no_row(platform: Platform) -> None:
    platform.watch("BTCUSDT")
    platform.run()
    platform.wait(hours=2)
    platform.run()
    before = platform.lake.bars("BTCUSDT", "1h")
    config = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
    result = platform.definitions.resolve_job_def("tidy_up").execute_in_process(
        instance=platform.instance, run_config=config
    )
    (event,) = result.get_asset_materialization_events()
    assert isinstance(event.materialization.metadata["deleted_files"], dg.IntMetadataValue)
    pd.testing.assert_frame_equal(platform.lake.bars("BTCUSDT", "1h"), before, check_exact=True)
