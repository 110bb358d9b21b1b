"""Trials: each is kept once, and those of one question are counted over all time."""

import importlib
import tempfile
import time
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.backtest import Trials
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.lake import Lake
from bot_core_dagster.optimization.identity import (
    SOURCES,
    Origin,
    Question,
    as_json,
    code_version,
    content_of,
    market_of,
    search_id,
    sources_hash,
    trial_ids,
)
from bot_core_dagster.optimization.trials import TRIALS, count_trials, record_trials, trials_of_each, trials_so_far
from bot_core_dagster.settings import OptimizationSettings
from bot_core_dagster.strategies.registry import strategies, strategy_named
from bot_core_dagster.strategies.threshold import ThresholdStrategy
from tests.builders import bars, instrument

START = datetime(2024, 1, 1, tzinfo=UTC)
QUESTION = Question("rsi", "BTCUSDT", "1h", "sharpe_ratio", START, START + timedelta(days=365))
ORIGIN = Origin(TradingRules(), "a" * 64, "b" * 16, market_of(instrument()))
SETS = [{"window": 5 * step, "oversold": 30.0, "overbought": 70.0} for step in range(1, 6)]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


def _question(**changed: Any) -> Question:
    return Question(**(vars(QUESTION) | changed))


def _rows(question: Question = QUESTION, origin: Origin = ORIGIN, n_sets: int = len(SETS)) -> pd.DataFrame:
    """Return rows of TRIALS with figures that tell their order."""
    ids = trial_ids(question, origin, SETS[:n_sets])
    times = {
        name: pd.DatetimeIndex([moment]).as_unit("us").repeat(n_sets)
        for name, moment in (("window_start", question.start), ("window_end", question.end))
    }
    texts = {"symbol": question.symbol, "strategy": question.strategy, "timeframe": question.timeframe}
    figures = {name: np.arange(n_sets, dtype=np.float64) for name in TRIALS.columns}
    made_of = {name: getattr(origin, name) for name in ("content_hash", "code_version", "market")}
    tried = {"rules": origin.rules_json(), "parameters": [as_json(each) for each in SETS[:n_sets]]}
    whole = figures | {"trial_id": ids, "objective": question.objective} | texts | times | made_of | tried
    return pd.DataFrame(whole)[list(TRIALS.columns)]


def test_the_same_trials_again_are_no_new_ones(lake: Lake) -> None:
    first = record_trials(lake, _rows())
    again = record_trials(lake, _rows())
    assert first["BTCUSDT"].n_new == len(SETS)
    assert again == {}
    assert count_trials(lake, QUESTION) == len(SETS)


def test_a_recorded_trial_is_never_changed(lake: Lake) -> None:
    record_trials(lake, _rows())
    record_trials(lake, _rows().assign(objective_value=99.0))
    assert lake.read(TRIALS)["objective_value"].max() < 99.0


def test_trials_of_this_search_count_once_whether_they_are_stored_or_not(lake: Lake) -> None:
    ids = trial_ids(QUESTION, ORIGIN, SETS)
    assert count_trials(None, QUESTION, ids) == len(SETS)
    record_trials(lake, _rows(n_sets=3))
    assert count_trials(lake, QUESTION, ids) == len(SETS)
    assert count_trials(lake, QUESTION, ids[:1]) == 3


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ({"start": START + timedelta(days=7), "end": START + timedelta(days=372)}, True),
        ({"start": START + timedelta(days=365), "end": START + timedelta(days=730)}, False),
        ({"start": START - timedelta(days=365), "end": START}, False),
        ({"start": START - timedelta(days=365), "end": START + timedelta(hours=1)}, True),
        ({"objective": "calmar_ratio"}, False),
        ({"timeframe": "4h"}, False),
        ({"symbol": "ETHUSDT"}, False),
        ({"strategy": "macd"}, False),
        ({"symbol": "O'X"}, False),
    ],
    ids=[
        "a week later",
        "the window after",
        "the window before",
        "one hour in common",
        "objective",
        "timeframe",
        "symbol",
        "strategy",
        "quoted symbol",
    ],
)
def test_a_trial_counts_for_the_questions_whose_window_overlaps(
    lake: Lake, changed: dict[str, Any], counts: bool
) -> None:
    other = _question(**changed)
    record_trials(lake, _rows(other))
    record_trials(lake, _rows(n_sets=2))
    assert count_trials(lake, other) == len(SETS) + 2 * counts
    assert count_trials(lake, QUESTION) == 2 + len(SETS) * counts


@pytest.mark.parametrize(
    "changed",
    [
        {"rules": TradingRules(stop=0.05)},
        {"content_hash": "c" * 64},
        {"code_version": "d" * 16},
        {"market": market_of(instrument(costs={"fee_bps": 20.0}))},
    ],
    ids=["rules", "rows", "code", "costs"],
)
def test_other_rules_rows_code_or_costs_make_other_trials_and_another_search(
    lake: Lake, changed: dict[str, Any]
) -> None:
    other, asked = replace(ORIGIN, **changed), OptimizationSettings()
    record_trials(lake, _rows())
    record_trials(lake, _rows(origin=other))
    assert count_trials(lake, QUESTION) == 2 * len(SETS)
    assert trials_so_far(lake, "rsi", instrument()).n == 2 * len(SETS)
    assert search_id(QUESTION, other, asked) != search_id(QUESTION, ORIGIN, asked)


def test_another_question_or_other_settings_are_another_search() -> None:
    asked = OptimizationSettings()
    searches = [
        search_id(QUESTION, ORIGIN, asked),
        search_id(_question(objective="calmar_ratio"), ORIGIN, asked),
        search_id(QUESTION, ORIGIN, asked.model_copy(update={"seed": 1})),
    ]
    assert len(set(searches)) == len(searches)
    assert searches[0] == search_id(_question(), replace(ORIGIN), OptimizationSettings())


@pytest.mark.parametrize(
    "changed",
    [
        {"costs": {"slippage_bps": 7.0}},
        {"costs": {"borrow_bps_per_year": 7.0}},
        {"calendar": "fx"},
        {"price_side": "bid"},
        {"lot_step": 0.1},
        {"min_lot": 0.1},
    ],
    ids=["slippage", "borrow", "calendar", "price side", "lot step", "least lot"],
)
def test_what_decides_a_result_on_an_instrument_is_part_of_its_market(changed: dict[str, Any]) -> None:
    assert market_of(instrument(**changed)) != market_of(instrument()) == market_of(instrument(venue="elsewhere"))


def test_a_whole_number_is_the_same_parameter_as_int_and_as_float() -> None:
    assert trial_ids(QUESTION, ORIGIN, [{"window": 14}]) == trial_ids(QUESTION, ORIGIN, [{"window": 14.0}])
    assert trial_ids(QUESTION, ORIGIN, [{"window": 14}]) != trial_ids(QUESTION, ORIGIN, [{"window": 14.5}])


def test_every_strategy_has_a_code_version_of_its_own() -> None:
    versions = {name: code_version(strategy) for name, strategy in strategies().items()}
    assert len(set(versions.values())) == len(versions)
    assert versions == {name: code_version(strategy_named(name)) for name in versions}


def test_the_code_version_is_of_all_that_decides_a_trial() -> None:
    """The kernels, the indicators and the strategies; a file anywhere in them counts."""
    names = {f"{folder.name}/{file.relative_to(folder).as_posix()}" for folder in SOURCES for file in folder.rglob("*")}
    assert {"backtest/general_kernel.py", "features/catalog/bollinger.py", "strategies/threshold.py"} <= names


def test_sources_are_told_apart_by_a_file_its_place_and_its_content_alone(tmp_path: Path) -> None:
    def version(files: dict[str, str]) -> str:
        folder = Path(tempfile.mkdtemp(dir=tmp_path)) / "backtest"
        for name, code in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(code, encoding="utf-8")
        return sources_hash([folder])

    base = version({"kernel.py": "a = 1", "deep/fees.py": "b = 1"})
    assert base == version({"kernel.py": "a = 1", "deep/fees.py": "b = 1", "__pycache__/kernel.pyc": "x"})
    others = [
        version({"kernel.py": "a = 2", "deep/fees.py": "b = 1"}),
        version({"kernel.py": "a = 1", "deep/fees.py": "b = 2"}),
        version({"kernel.py": "a = 1", "fees.py": "b = 1"}),
        version({"kernel.py": "a = 1"}),
    ]
    assert len({base, *others}) == 5


def test_a_strategy_of_ones_own_file_has_the_version_of_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "from bot_core_dagster.strategies.threshold import ThresholdStrategy\n"
        "class Mine(ThresholdStrategy):\n"
        "    pass\n"
    )
    rsi = strategy_named("rsi")
    assert isinstance(rsi, ThresholdStrategy)
    versions = []
    for place, text in enumerate((code, code, code + "# other\n")):
        file = tmp_path / f"mine_{place}.py"
        file.write_text(text, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        mine = importlib.import_module(file.stem).Mine
        versions.append(code_version(mine(**{each.name: getattr(rsi, each.name) for each in fields(rsi)})))
    assert versions[0] == versions[1]
    assert len({code_version(rsi), *versions}) == 3


def test_the_content_hash_of_bars_is_that_of_the_lake_that_holds_them(lake: Lake) -> None:
    frame = bars(50)
    lake.upsert_bars(frame)
    assert content_of(frame) == lake.series_of(["BTCUSDT"], "1h")["BTCUSDT"].content_hash
    assert content_of(frame) != content_of(frame.head(49))


def test_a_backtest_is_deflated_for_all_trials_of_its_strategy_on_its_instrument(lake: Lake) -> None:
    assert trials_so_far(lake, "rsi", instrument()) == Trials(n=1, variance=0.0)
    record_trials(lake, _rows())
    assert trials_so_far(lake, "macd", instrument()) == Trials(n=1, variance=0.0)
    later = replace(ORIGIN, content_hash="c" * 64)
    record_trials(lake, _rows(_question(end=QUESTION.end + timedelta(days=900)), later))
    found = trials_so_far(lake, "rsi", instrument())
    sharpes = 2 * _rows()["sharpe_ratio"].tolist()
    assert found.n == 2 * len(SETS)
    assert found.variance == pytest.approx(np.var(sharpes, ddof=1) / 365)


def test_a_set_tried_for_two_objectives_is_one_trial_of_a_backtest(lake: Lake) -> None:
    record_trials(lake, _rows())
    once = trials_so_far(lake, "rsi", instrument())
    record_trials(lake, _rows(_question(objective="calmar_ratio")))
    assert len(lake.read(TRIALS)) == 2 * len(SETS)
    assert trials_so_far(lake, "rsi", instrument()) == once
    assert once.n == len(SETS)
    assert once.variance == pytest.approx(np.var(_rows()["sharpe_ratio"], ddof=1) / 365)


@pytest.mark.parametrize("window", [None, (QUESTION.start, QUESTION.end), (QUESTION.end, QUESTION.end + timedelta(1))])
def test_the_trials_of_many_instruments_are_those_of_each(lake: Lake, window: tuple[datetime, datetime] | None) -> None:
    named = [instrument(), instrument(timeframe="4h"), instrument(symbol="O'X")]
    assert trials_of_each(lake, "rsi", []) == {}
    assert trials_of_each(lake, "rsi", named[1:]) == {one.symbol: Trials() for one in named[1:]}
    record_trials(lake, _rows())
    record_trials(lake, _rows(_question(symbol="O'X"), replace(ORIGIN, content_hash="d" * 64)).head(3))
    assert trials_of_each(lake, "rsi", []) == {}
    for asked in (named[:1] + named[2:], named[1:]):
        found = trials_of_each(lake, "rsi", asked, window)
        assert found == {one.symbol: trials_so_far(lake, "rsi", one, window) for one in asked}
    assert found["O'X"].n == (1 if window and window[0] == QUESTION.end else 3)
    assert found["BTCUSDT"].n == 1


@pytest.mark.slow
def test_a_table_of_a_million_trials_stays_usable(lake: Lake) -> None:
    """Ten monthly searches of 100,000 variations: the next one writes and counts within seconds."""
    now = datetime.now(UTC)
    for month in range(10, 0, -1):
        question = _question(start=now - timedelta(days=365 + 31 * month), end=now - timedelta(days=31 * month))
        frame = _rows(question, n_sets=1).loc[np.zeros(100_000, dtype=int)].reset_index(drop=True)
        ids = trial_ids(question, ORIGIN, [{"window": place} for place in range(100_000)])
        record_trials(lake, frame.assign(trial_id=ids))
    begin = time.perf_counter()
    question = _question(start=now - timedelta(days=365), end=now)
    record_trials(lake, _rows(question))
    assert count_trials(lake, question) == 1_000_000 + len(SETS)
    assert time.perf_counter() - begin < 10.0
