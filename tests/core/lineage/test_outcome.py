"""Outcomes: what is written is read, the latest one, and a table of an older checkout says what to do."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake import Lake
from bot_core_dagster.lineage import OUTCOMES, Outcome, outcomes_of, record_outcomes

MADE = Outcome(
    asset="bars",
    symbol="BTCUSDT",
    run_id="run 1",
    made_at=datetime(2024, 1, 1, tzinfo=UTC),
    n_rows=3,
    content_hash="a" * 64,
    inputs={"settings": "b" * 64},
    failed_checks={"no_missing_bars": "2 missing"},
    code_version="1",
)
FAILED = replace(MADE, symbol="ETHUSDT", is_made=False, reason="no source", content_hash="", failed_checks={})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


def _write_as_before(lake: Lake, outcome: Outcome) -> None:
    """Write a row as a checkout did that knew no failed checks."""
    row = pd.DataFrame([outcome.as_row()]).drop(columns="failed_checks")
    lake.upsert(OUTCOMES, row.assign(made_at=pd.to_datetime(row["made_at"], utc=True).astype("datetime64[us, UTC]")))


def test_what_was_recorded_is_read_back_and_the_latest_one_holds(lake: Lake) -> None:
    record_outcomes(lake, [MADE, FAILED])
    assert outcomes_of(lake, ["bars"]) == [MADE, FAILED]
    later = replace(FAILED, run_id="run 2", is_made=True, reason="")
    record_outcomes(lake, [later])
    assert outcomes_of(lake, ["bars"], ["ETHUSDT"]) == [later]


def test_there_are_none_of_another_asset_and_none_in_an_empty_lake(lake: Lake) -> None:
    assert outcomes_of(lake, ["bars"]) == []
    record_outcomes(lake, [MADE])
    assert outcomes_of(lake, ["features"]) == []


@pytest.mark.parametrize("is_written_today", [False, True], ids=["as it was", "with a row of today"])
def test_a_table_of_an_older_checkout_is_named_with_the_next_step(lake: Lake, is_written_today: bool) -> None:
    _write_as_before(lake, MADE)
    if is_written_today:
        record_outcomes(lake, [FAILED])
    with pytest.raises(
        LakeError, match="table outcomes is of an older layout: expected rows with failed_checks"
    ) as told:
        outcomes_of(lake, ["bars"])
    assert f"next: rm -r {lake.root / 'outcomes'}, then bot-core run" in str(told.value)
