"""Deployed parameters: rows are only added, the last deployment is in force, and there is a way back."""

import math
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot_core_dagster.errors import ParameterError
from bot_core_dagster.lake import Lake
from bot_core_dagster.optimization.decision import Decision
from bot_core_dagster.optimization.parameters import (
    PARAMETERS,
    deployed_parameters,
    deployed_set,
    deployed_sets,
    history,
    record_decision,
    roll_back,
)
from bot_core_dagster.validation.reason import Reason
from tests.builders import instrument

KEY = ("rsi", "BTCUSDT", "1h")
START = datetime(2024, 1, 1, tzinfo=UTC)
FIRST = {"window": 14, "oversold": 30.0, "overbought": 70.0}
SECOND = {"window": 20, "oversold": 25.5, "overbought": 60.0}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


def _decision(candidate: dict[str, float], *, deploy: bool = True, week: int = 0, **changed: Any) -> Decision:
    fields: dict[str, Any] = {
        "strategy": "rsi",
        "symbol": "BTCUSDT",
        "timeframe": "1h",
        "deploy": deploy,
        "reasons": (Reason("overfitting", 0.1 if deploy else math.nan, 0.2, deploy, "in words"),),
        "candidate": candidate,
        "objective": "sharpe_ratio",
        "window_start": START + timedelta(weeks=week),
        "window_end": START + timedelta(weeks=52 + week),
        "content_hash": f"{week}" * 64,
        "code_version": "b" * 16,
        "n_trials": 200,
        "deflated_sharpe_ratio": 0.9,
        "is_simulated": True,
    }
    return Decision(**(fields | changed))


def _in_force(lake: Lake) -> dict[str, float] | None:
    return deployed_parameters(lake, *KEY)


def test_nothing_is_in_force_before_the_first_deployment(lake: Lake) -> None:
    assert _in_force(lake) is None
    record_decision(lake, _decision(FIRST, deploy=False))
    assert _in_force(lake) is None
    assert history(lake, *KEY)["outcome"].tolist() == ["kept"]


def test_a_deployed_set_is_in_force_until_the_next_one(lake: Lake) -> None:
    record_decision(lake, _decision(FIRST))
    assert _in_force(lake) == FIRST
    record_decision(lake, _decision(SECOND, deploy=False, week=1))
    assert _in_force(lake) == FIRST
    record_decision(lake, _decision(SECOND, week=2))
    assert _in_force(lake) == SECOND
    assert history(lake, *KEY)["version"].tolist() == [1, 1, 2]


def test_what_is_in_force_says_the_rows_it_was_chosen_on(lake: Lake) -> None:
    record_decision(lake, _decision(FIRST, week=1))
    record_decision(lake, _decision(SECOND, deploy=False, week=9))
    deployed = deployed_set(lake, *KEY)
    assert deployed is not None
    assert (deployed.version, deployed.window_end) == (1, START + timedelta(weeks=53))


def test_the_sets_in_force_of_many_are_those_of_each(lake: Lake) -> None:
    named = [instrument(), instrument(symbol="O'X"), instrument(symbol="NONE")]
    strategies = ["rsi", "macd", "volume"]
    assert deployed_sets(lake, strategies, named) == {}
    record_decision(lake, _decision(FIRST))
    record_decision(lake, _decision(SECOND, week=1))
    record_decision(lake, _decision(SECOND, symbol="O'X"))
    record_decision(lake, _decision(FIRST, symbol="O'X", timeframe="4h", week=2))
    record_decision(lake, _decision({"fast": 3.0}, strategy="macd"))
    record_decision(lake, _decision(FIRST, strategy="volume", deploy=False))
    roll_back(lake, "macd", "BTCUSDT", "1h")
    each = {(one, each.symbol): deployed_set(lake, one, each.symbol, "1h") for one in strategies for each in named}
    found = deployed_sets(lake, strategies, named)
    assert found == {key: deployed for key, deployed in each.items() if deployed is not None}
    assert set(found) == {("rsi", "BTCUSDT"), ("rsi", "O'X")}


def test_the_same_decision_again_adds_no_row(lake: Lake) -> None:
    record_decision(lake, _decision(FIRST))
    row = record_decision(lake, _decision(FIRST, deploy=False))
    assert record_decision(lake, _decision(FIRST, deploy=False))["decided_at"] == row["decided_at"]
    assert len(history(lake, *KEY)) == 2
    record_decision(lake, _decision(FIRST, deploy=False, week=1))
    assert len(history(lake, *KEY)) == 3


def test_each_roll_back_returns_to_what_was_deployed_before_and_at_last_to_nothing(lake: Lake) -> None:
    third = FIRST | {"window": 8}
    for week, candidate in enumerate((FIRST, SECOND, third)):
        record_decision(lake, _decision(candidate, week=week))
    found = []
    for _ in range(3):
        roll_back(lake, *KEY)
        found.append(_in_force(lake))
    assert found == [SECOND, FIRST, None]
    assert history(lake, *KEY)["version"].tolist() == [1, 2, 3, 4, 5, 0]
    with pytest.raises(ParameterError, match="nothing to roll back"):
        roll_back(lake, *KEY)


def test_a_restored_set_keeps_the_rows_that_it_was_chosen_on(lake: Lake) -> None:
    record_decision(lake, _decision(FIRST, week=0))
    record_decision(lake, _decision(SECOND, week=5))
    row = roll_back(lake, *KEY)
    assert (row["outcome"], row["version"], row["origin_version"]) == ("rolled_back", 3, 1)
    deployed = deployed_set(lake, *KEY)
    assert deployed is not None
    assert deployed.window_end == START + timedelta(weeks=52)


def test_after_a_roll_back_a_candidate_deploys_as_a_new_version(lake: Lake) -> None:
    record_decision(lake, _decision(FIRST))
    roll_back(lake, *KEY)
    record_decision(lake, _decision(SECOND, week=1))
    assert _in_force(lake) == SECOND
    assert history(lake, *KEY)["version"].tolist() == [1, 0, 2]


def test_what_was_rolled_back_before_does_not_come_back(lake: Lake) -> None:
    third = {"window": 21.0, "oversold": 20.0, "overbought": 80.0}
    record_decision(lake, _decision(FIRST))
    record_decision(lake, _decision(SECOND, week=1))
    roll_back(lake, *KEY)
    record_decision(lake, _decision(third, week=2))
    roll_back(lake, *KEY)
    assert _in_force(lake) == FIRST
    roll_back(lake, *KEY)
    assert _in_force(lake) is None


def test_what_was_rolled_back_is_not_deployed_again_until_something_else_was(lake: Lake) -> None:
    record_decision(lake, _decision(FIRST))
    record_decision(lake, _decision(SECOND, week=1))
    roll_back(lake, *KEY)
    row = record_decision(lake, _decision(SECOND, week=2))
    assert row["summary"] == "keep: these parameters were rolled back, they are those of version 2"
    assert _in_force(lake) == FIRST
    roll_back(lake, *KEY)
    for week, candidate in enumerate((FIRST, SECOND)):
        assert not record_decision(lake, _decision(candidate, week=week + 3))["is_deployed"]
    record_decision(lake, _decision(FIRST | {"window": 8}, week=5))
    record_decision(lake, _decision(SECOND, week=6))
    assert _in_force(lake) == SECOND


def test_nothing_to_roll_back_is_an_error_that_says_so(lake: Lake) -> None:
    with pytest.raises(ParameterError, match="no parameters of rsi on BTCUSDT 1h are deployed"):
        roll_back(lake, *KEY)


@pytest.mark.parametrize(
    "other",
    [{"strategy": "macd"}, {"symbol": "ETHUSDT"}, {"timeframe": "4h"}],
    ids=["strategy", "symbol", "timeframe"],
)
def test_strategies_instruments_and_timeframes_are_apart(lake: Lake, other: dict[str, Any]) -> None:
    record_decision(lake, _decision(FIRST))
    record_decision(lake, _decision(SECOND, **other))
    assert _in_force(lake) == FIRST
    assert len(lake.read(PARAMETERS)) == 2


def test_rows_stay_in_order_where_the_clock_goes_back(lake: Lake) -> None:
    later = START + timedelta(days=900)
    record_decision(lake, _decision(FIRST), decided_at=later)
    record_decision(lake, _decision(SECOND, week=1), decided_at=later - timedelta(hours=1))
    assert _in_force(lake) == SECOND


def test_of_those_who_decide_at_once_each_sees_what_the_one_before_has_written(lake: Lake) -> None:
    record_decision(lake, _decision(FIRST))
    start = threading.Barrier(4)

    def decide(week: int) -> None:
        own = Lake.open(lake.root)
        start.wait()
        record_decision(own, _decision(SECOND | {"window": 20 + week}, week=week))

    def withdraw() -> None:
        own = Lake.open(lake.root)
        start.wait()
        roll_back(own, *KEY)

    threads = [threading.Thread(target=decide, args=(week,)) for week in (1, 2, 3)]
    threads.append(threading.Thread(target=withdraw))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = history(lake, *KEY)
    assert len(rows) == 5
    assert rows["version"].is_unique
    deployed = rows[rows["outcome"] == "deployed"]
    assert (deployed["version"] == deployed["origin_version"]).all()


def test_every_column_of_the_table_is_described_and_written(lake: Lake) -> None:
    record_decision(lake, _decision(FIRST, deploy=False))
    assert sorted(lake.read(PARAMETERS).columns) == sorted(PARAMETERS.columns)
