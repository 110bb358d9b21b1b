"""The registry: rows are only added, the last that put something in force holds, there is a way back."""

import json
import math
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.errors import LakeConflictError, ModelError, UnknownNameError
from bot_core_dagster.lake import Lake
from bot_core_dagster.models.card import ModelCard
from bot_core_dagster.models.decision import Candidate, ModelDecision
from bot_core_dagster.models.registry import (
    champion_of,
    champions_of,
    decisions,
    models_of,
    past_tests,
    promote_by_hand,
    record_decision,
    record_model,
    roll_back,
    versions_to_keep,
    withdrawn_versions,
)
from bot_core_dagster.models.registry_tables import MODEL_DECISIONS, MODELS
from bot_core_dagster.validation.reason import Reason
from tests.core.models.cards import card

KEY = ("BTCUSDT", "1h")
START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake.open(tmp_path / "lake", create=True)
    for version in ("a", "b", "c"):
        record_model(made, card(version=version, model_type="lstm" if version == "b" else "boosting"))
    return made


def _decision(
    lake: Lake, promoted: str | None, *, week: int = 0, level: float = 0.025, **changed: Any
) -> ModelDecision:
    """Return a decision that is taken of what is in force now."""
    champion = champion_of(lake, *KEY)
    spoken_of = promoted or "c"
    reason = Reason("effect", 0.002 if promoted else math.nan, 0.001, promoted is not None, "in words")
    fields: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "timeframe": "1h",
        "champion": champion.version if champion else "",
        "promoted": promoted,
        "candidates": (Candidate(spoken_of, "boosting", (reason,), {"gain": 0.002, "p_value": math.nan}),),
        "summary": f"promote {promoted}" if promoted else "keep",
        "window_start": START + timedelta(weeks=week),
        "window_end": START + timedelta(weeks=52 + week),
        "n_tests_before": past_tests(lake, *KEY).n_tests,
        "level": level,
        "content_hash": f"{week:064}",
        "code_version": "c" * 16,
        "is_simulated": True,
    }
    return ModelDecision(**(fields | changed))


def _decide(lake: Lake, promoted: str | None, **changed: Any) -> dict[str, Any]:
    return record_decision(lake, _decision(lake, promoted, **changed))


def _in_force(lake: Lake) -> str | None:
    champion = champion_of(lake, *KEY)
    return None if champion is None else champion.version


def test_a_trained_model_is_a_row_with_its_card(lake: Lake) -> None:
    row = record_model(lake, card(version="d"), dagster_run_id="run", mlflow_run_id="page")
    assert (row["dagster_run_id"], row["mlflow_run_id"], row["log_loss"]) == ("run", "page", 0.69)
    assert math.isnan(row["net_sharpe"])
    models = models_of(lake, "BTCUSDT")
    assert ModelCard.from_json(models.loc[models["version"] == "d", "card"].iloc[0]).version == "d"
    assert sorted(models.columns) == sorted(MODELS.columns)


def test_a_version_that_is_recorded_keeps_its_row(lake: Lake) -> None:
    first = record_model(lake, card(version="d"), mlflow_run_id="first")
    again = record_model(lake, card(version="d", trained_at=START), mlflow_run_id="second")
    assert again["mlflow_run_id"] == first["mlflow_run_id"] == "first"
    assert len(models_of(lake, "BTCUSDT")) == 4


def test_models_are_listed_by_symbol_and_timeframe_oldest_first(lake: Lake) -> None:
    record_model(lake, card(version="old", trained_at=START - timedelta(days=900)))
    record_model(lake, card(version="4h", timeframe="4h"))
    record_model(lake, card(version="eth", symbol="ETH/USDT:USDT"))
    assert models_of(lake, *KEY)["version"].tolist() == ["old", "a", "c", "b"]
    assert models_of(lake, "ETH/USDT:USDT")["version"].tolist() == ["eth"]
    assert models_of(lake, "nothing").empty


def test_nothing_is_in_force_before_the_first_promotion(lake: Lake) -> None:
    assert champion_of(lake, *KEY) is None
    row = _decide(lake, None)
    assert (row["outcome"], row["champion_version"], row["champion_model_type"]) == ("kept", "", "naive")
    assert champion_of(lake, *KEY) is None


def test_a_promoted_model_is_in_force_until_the_next_one(lake: Lake) -> None:
    promoted_at = _decide(lake, "a")["decided_at"]
    _decide(lake, None, week=1)
    champion = champion_of(lake, *KEY)
    assert champion is not None
    assert (champion.version, champion.model_type, champion.term) == ("a", "boosting", 1)
    assert (champion.since, champion.outcome) == (promoted_at, "promoted")
    _decide(lake, "b", week=2)
    champion = champion_of(lake, *KEY)
    assert champion is not None
    assert (champion.version, champion.model_type, champion.term) == ("b", "lstm", 2)


def test_every_number_of_a_decision_is_kept(lake: Lake) -> None:
    _decide(lake, "a")
    rows = decisions(lake, *KEY)
    assert sorted(rows.columns) == sorted(MODEL_DECISIONS.columns)
    (candidate,) = json.loads(rows["candidates"].iloc[0])
    assert candidate == {
        "version": "a",
        "model_type": "boosting",
        "reasons": [{"name": "effect", "value": 0.002, "limit": 0.001, "is_met": True, "words": "in words"}],
        "figures": {"gain": 0.002, "p_value": None},
    }
    assert rows["window_end"].iloc[0] == START + timedelta(weeks=52)


def test_tests_are_counted_and_their_levels_added_also_through_what_is_no_test(lake: Lake) -> None:
    assert past_tests(lake, *KEY).n_tests == 0
    assert past_tests(lake, *KEY).until is None
    _decide(lake, None, level=0.025)
    _decide(lake, None, level=0.0, week=1, window_end=None, window_start=None)
    _decide(lake, "a", level=0.05 / 6, week=2)
    promote_by_hand(lake, *KEY, "b", "because")
    roll_back(lake, *KEY)
    spent = past_tests(lake, *KEY)
    assert (spent.n_tests, spent.until) == (2, START + timedelta(weeks=54))
    assert spent.alpha_spent == pytest.approx(0.025 + 0.05 / 6)


def test_the_same_decision_again_adds_no_row(lake: Lake) -> None:
    kept = _decision(lake, None)
    first = record_decision(lake, kept)
    assert record_decision(lake, kept)["decided_at"] == first["decided_at"]
    promoting = _decision(lake, "a", week=1)
    first = record_decision(lake, promoting)
    assert record_decision(lake, promoting)["decided_at"] == first["decided_at"]
    assert (len(decisions(lake, *KEY)), past_tests(lake, *KEY).n_tests) == (2, 2)
    _decide(lake, None, week=2)
    assert len(decisions(lake, *KEY)) == 3


@pytest.mark.parametrize("changed", [{"champion": "b"}, {"n_tests_before": 7}], ids=["champion", "tests"])
def test_a_decision_of_the_past_is_refused_and_leaves_nothing(lake: Lake, changed: dict[str, Any]) -> None:
    _decide(lake, "a")
    with pytest.raises(LakeConflictError, match="next: decide again"):
        _decide(lake, "c", week=1, **changed)
    assert len(decisions(lake, *KEY)) == 1


def test_what_is_no_model_of_the_symbol_is_not_promoted(lake: Lake) -> None:
    record_model(lake, card(version="4h", timeframe="4h"))
    for version in ("nothing", "4h"):
        with pytest.raises(UnknownNameError, match=r"there: a \(boosting\), c \(boosting\), b \(lstm\)"):
            _decide(lake, version)
        with pytest.raises(UnknownNameError, match=f"has version {version}"):
            promote_by_hand(lake, *KEY, version, "because")
    with pytest.raises(UnknownNameError, match="there: none"):
        promote_by_hand(lake, "ETHUSDT", "1h", "a", "because")
    assert decisions(lake, *KEY).empty


def test_each_roll_back_returns_to_what_was_promoted_before_and_at_last_to_naive(lake: Lake) -> None:
    _decide(lake, "a")
    _decide(lake, "b", week=1)
    promote_by_hand(lake, *KEY, "c", "it looks better")
    found = []
    for _ in range(3):
        roll_back(lake, *KEY)
        found.append(_in_force(lake))
    assert found == ["b", "a", None]
    rows = decisions(lake, *KEY)
    assert rows["outcome"].tolist() == ["promoted", "promoted", "promoted_by_hand", *["rolled_back"] * 3]
    assert rows["term"].tolist() == [1, 2, 3, 4, 5, 0]
    assert rows["summary"].tolist()[2:] == [
        "promoted by hand: it looks better",
        "rolled back from boosting c to lstm b",
        "rolled back from lstm b to boosting a",
        "rolled back from boosting a to the naive forecast",
    ]
    with pytest.raises(ModelError, match="nothing to roll back: no model of BTCUSDT 1h is in force"):
        roll_back(lake, *KEY)


def test_a_model_that_was_promoted_twice_is_rolled_back_to_what_stood_between(lake: Lake) -> None:
    for version in ("a", "b", "a"):
        promote_by_hand(lake, *KEY, version, "because")
    found = []
    for _ in range(3):
        roll_back(lake, *KEY)
        found.append(_in_force(lake))
    assert found == ["b", "a", None]


def test_a_roll_back_does_not_restore_what_was_rolled_back_before(lake: Lake) -> None:
    _decide(lake, "a")
    roll_back(lake, *KEY)
    _decide(lake, "b", week=1)
    roll_back(lake, *KEY)
    assert _in_force(lake) is None


def test_what_was_rolled_back_is_promoted_again_by_a_person_only(lake: Lake) -> None:
    _decide(lake, "a")
    _decide(lake, "b", week=1)
    roll_back(lake, *KEY)
    assert withdrawn_versions(lake, *KEY) == {"b"}
    row = _decide(lake, "b", week=2)
    assert row["outcome"] == "kept"
    assert row["summary"] == "keep a: b was rolled back; only a person may promote it again"
    assert json.loads(row["candidates"])[0]["reasons"][-1]["name"] == "rolled back"
    assert (_in_force(lake), past_tests(lake, *KEY).n_tests) == ("a", 3)
    _decide(lake, "c", week=3)
    assert _decide(lake, "b", week=4)["outcome"] == "kept"
    promote_by_hand(lake, *KEY, "b", "looked into it")
    assert (_in_force(lake), withdrawn_versions(lake, *KEY)) == ("b", frozenset())


def test_a_promotion_by_hand_needs_a_reason_and_something_to_change(lake: Lake) -> None:
    with pytest.raises(ModelError, match="recorded with its reason"):
        promote_by_hand(lake, *KEY, "a", "  ")
    promote_by_hand(lake, *KEY, "a", "because")
    with pytest.raises(ModelError, match="a serves BTCUSDT 1h already"):
        promote_by_hand(lake, *KEY, "a", "because")
    assert decisions(lake, *KEY)["content_hash"].tolist() == ["a" * 64]


def test_symbols_and_timeframes_are_apart(lake: Lake) -> None:
    record_model(lake, card(version="4h", timeframe="4h"))
    record_model(lake, card(version="odd", symbol="A%B/O'X:.."))
    promote_by_hand(lake, *KEY, "a", "because")
    promote_by_hand(lake, "BTCUSDT", "4h", "4h", "because")
    promote_by_hand(lake, "A%B/O'X:..", "1h", "odd", "because")
    assert _in_force(lake) == "a"
    for odd in (champion_of(lake, "A%B/O'X:..", "1h"), champions_of(lake, {"A%B/O'X:..": "1h"})["A%B/O'X:.."]):
        assert odd is not None
        assert odd.version == "odd"


def test_the_champions_of_many_symbols_are_those_of_each(lake: Lake) -> None:
    timeframes = {"BTCUSDT": "4h", "ETHUSDT": "1h", "EURUSD": "1h", "XAUUSD": "1h"}
    for symbol in ("ETHUSDT", "EURUSD"):
        record_model(lake, card(version=symbol, symbol=symbol))
        promote_by_hand(lake, symbol, "1h", symbol, "because")
    promote_by_hand(lake, *KEY, "a", "because")
    roll_back(lake, "EURUSD", "1h")
    found = champions_of(lake, timeframes)
    assert set(found) == {"ETHUSDT"}  # another timeframe, promoted, rolled back, never decided on
    assert found["ETHUSDT"] == champion_of(lake, "ETHUSDT", "1h")


def test_rows_stay_in_order_where_the_clock_goes_back(lake: Lake) -> None:
    later = START + timedelta(days=900)
    promote_by_hand(lake, *KEY, "a", "because", decided_at=later)
    promote_by_hand(lake, *KEY, "b", "because", decided_at=later - timedelta(hours=1))
    assert _in_force(lake) == "b"


def test_of_those_who_record_at_once_nobody_is_lost(lake: Lake) -> None:
    """A promotion by hand never fails; a decision may find that it is of the past, and is taken again."""
    start = threading.Barrier(6)
    failed: list[Exception] = []

    def run(work: Callable[[Lake], None]) -> None:
        start.wait()
        try:
            work(Lake.open(lake.root))
        except Exception as error:  # noqa: BLE001 - reported by the test
            failed.append(error)

    def decide(own: Lake, week: int) -> None:
        while True:
            try:
                _decide(own, None, week=week)
            except LakeConflictError:
                continue
            return

    def promote(own: Lake, version: str) -> None:
        promote_by_hand(own, *KEY, version, "because")

    def train(own: Lake, version: str) -> None:
        record_model(own, card(version=version))

    works: list[Callable[[Lake], None]] = [partial(decide, week=week) for week in (1, 2)]
    works += [partial(train, version=version) for version in ("e", "f", "g")]
    works.append(partial(promote, version="a"))
    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(models_of(lake, "BTCUSDT")["version"]) == ["a", "b", "c", "e", "f", "g"]
    assert sorted(decisions(lake, *KEY)["outcome"]) == ["kept", "kept", "promoted_by_hand"]
    assert (_in_force(lake), past_tests(lake, *KEY).n_tests) == ("a", 2)


_STEPS = st.lists(st.sampled_from(["a", "b", "c", "hand a", "hand b", "hand c", "back", "keep"]), max_size=10)


@settings(max_examples=12, deadline=None)
@given(steps=_STEPS)
def test_whatever_happens_the_registry_is_a_stack_of_promotions(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """Against a list: promotions push, a roll-back pops, and what was popped waits for a person."""
    lake = Lake.open(tmp_path_factory.mktemp("stack"), create=True)
    for version in ("a", "b", "c"):
        record_model(lake, card(version=version))
    stack: list[str] = []
    withdrawn: set[str] = set()
    for week, step in enumerate(steps):
        version = step[-1]
        if step == "back" and stack:
            withdrawn.add(stack.pop())
            roll_back(lake, *KEY)
        elif step.startswith("hand") and stack[-1:] != [version]:
            stack.append(version)
            withdrawn.discard(version)
            promote_by_hand(lake, *KEY, version, "because")
        elif step in ("a", "b", "c") and stack[-1:] != [version]:
            stack += [] if version in withdrawn else [version]
            _decide(lake, version, week=week)
        elif step == "keep":
            _decide(lake, None, week=week)
        assert _in_force(lake) == (stack[-1] if stack else None)
        assert withdrawn_versions(lake, *KEY) == withdrawn


def test_files_are_kept_of_the_newest_of_each_kind_of_all_that_served_and_of_young_ones(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "other", create=True)
    assert versions_to_keep(lake, START) == set()
    days = [START + timedelta(days=day) for day in range(4)]
    for day, version in zip(days, ("a", "b", "c", "d"), strict=True):
        record_model(lake, card(version=version, trained_at=day))
    promote_by_hand(lake, *KEY, "a", "a test")
    roll_back(lake, *KEY)
    assert versions_to_keep(lake, days[2]) == {"a", "c", "d"}
    assert versions_to_keep(lake, days[3] + timedelta(days=1)) == {"a", "d"}
