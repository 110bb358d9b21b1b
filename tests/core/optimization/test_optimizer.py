"""The optimisation: every trial equals the backtest of its set, and the evidence is of the right returns."""

import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster import metrics, validation
from bot_core_dagster.backtest.engine import backtest_strategy
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.errors import BotCoreError, ParameterError, QualityError, ShapeError, UnknownNameError
from bot_core_dagster.lake import Lake
from bot_core_dagster.optimization import TRIALS, Optimization, count_trials, optimize_strategy, record_trials
from bot_core_dagster.optimization.evidence import blocks_for
from bot_core_dagster.optimization.search import METHODS
from bot_core_dagster.settings import OptimizationSettings
from bot_core_dagster.strategies.registry import strategy_named
from bot_core_dagster.strategies.strategy import Strategy
from bot_core_dagster.strategies.threshold import ThresholdStrategy
from tests.builders import bars, instrument
from tests.core.optimization.searched import searched, settings, simulated

STOPS = TradingRules(allow_short=True, stop=0.02, target=0.04, fraction=0.5)
FIGURES = ("sharpe_ratio", "sortino_ratio", "calmar_ratio", "total_return", "max_drawdown", "profit_factor", "win_rate")


def _optimized(frame: pd.DataFrame, strategy: str = "rsi", lake: Lake | None = None, **changed: Any) -> Optimization:
    return optimize_strategy(
        frame, strategy_named(strategy), instrument(), rules=TradingRules(), settings=settings(**changed), lake=lake
    )


@pytest.mark.parametrize(
    ("strategy", "rules"),
    [("rsi", TradingRules()), ("macd", STOPS), ("rsi_rules", TradingRules())],
    ids=["thresholds", "with stops and shorts", "two timeframes"],
)
def test_the_figures_of_each_trial_are_those_of_its_backtest(strategy: str, rules: TradingRules) -> None:
    one = searched(strategy=strategy, rules=rules)
    trials = one.found.trials
    for place in range(0, len(trials), 13):
        parameters = one.found.parameter_sets[place]
        summary = backtest_strategy(one.bars, one.strategy, parameters, one.instrument, rules).summary
        expected = [getattr(summary, name) for name in FIGURES] + [summary.total_trades]
        row = trials.iloc[place]
        np.testing.assert_allclose([row[name] for name in (*FIGURES, "n_trades")], expected, rtol=1e-9, atol=1e-12)


def test_the_winner_has_the_highest_objective_of_the_trials_with_enough_trades() -> None:
    found = searched().found
    top, trials = found.top(), found.trials
    has_enough = trials["n_trades"] >= found.settings.min_trades
    assert 10 < has_enough.sum() < len(trials)
    assert found.best_performance == np.nanmax(trials.loc[has_enough, "objective_value"])
    assert top["objective_value"].is_monotonic_decreasing
    assert len(top) == 10
    assert top["trial_id"].iloc[0] == found.trials["trial_id"].iloc[found.best]
    assert found.best_parameters == dict(found.parameter_sets[found.best])


@pytest.mark.parametrize("min_trades", [60, 10_000], ids=["of some", "of none"])
def test_sets_with_few_trades_win_only_where_none_has_enough(min_trades: int) -> None:
    found = _optimized(simulated(), min_trades=min_trades)
    is_best = found.trials["objective_value"] == np.nanmax(found.trials["objective_value"])
    has_enough = found.trials["n_trades"] >= min_trades
    assert not has_enough[is_best].any()
    assert found.best == is_best.argmax() if min_trades == 10_000 else has_enough.iloc[found.best]
    assert found.top()["trial_id"].iloc[0] == found.trials["trial_id"].iloc[found.best]


def test_the_ranking_has_every_trial_once_those_without_an_objective_last() -> None:
    found = searched(edge=0.0).found
    values = found.trials["objective_value"].to_numpy()[found.ranking()]
    assert sorted(found.ranking()) == list(range(found.n_variations))
    assert found.ranking()[0] == found.best
    assert np.isnan(values).any()
    assert not np.isnan(values[: np.isfinite(values).sum()]).any()


@pytest.mark.parametrize("objective", ["sharpe_ratio", "profit_factor"], ids=["of days", "of trades"])
def test_what_the_estimator_learns_from_is_over_before_the_first_test_begins(objective: str) -> None:
    """Its sets follow from what it is told: they are the same ones in the same order whatever comes later."""
    asked: dict[str, Any] = {"method": "tpe", "parameter_variations": 60, "objective": objective}
    found = _optimized(simulated(), **asked)
    test_start = found.headline.folds["test_start"].iloc[0]
    for since, is_seen in ((test_start, False), (test_start - timedelta(days=10), True)):
        again = _optimized(_mirrored(simulated(), since), **asked)
        assert (again.parameter_sets != found.parameter_sets) == is_seen
        assert not again.trials["objective_value"].equals(found.trials["objective_value"])


def _mirrored(frame: pd.DataFrame, since: pd.Timestamp) -> pd.DataFrame:
    """Return bars that fall where they rose, from a moment on."""
    first = int((frame["open_time"] >= since).to_numpy().argmax())
    changed = frame.copy()
    for name, mirrored in (("open", "open"), ("close", "close"), ("high", "low"), ("low", "high")):
        changed.loc[first:, name] = frame["close"].iloc[first - 1] ** 2 / frame.loc[first:, mirrored]
    return changed


@pytest.mark.parametrize(
    ("costs", "allow_short", "is_known"),
    [({}, False, True), ({}, True, False), ({"borrow_bps_per_year": 300.0}, True, True)],
    ids=["long only", "shorts without a borrow", "shorts with a borrow"],
)
def test_holding_costs_matter_for_the_directions_that_are_traded(
    costs: dict[str, float], allow_short: bool, is_known: bool
) -> None:
    found = optimize_strategy(
        simulated(),
        strategy_named("rsi"),
        instrument(costs=costs),
        rules=TradingRules(allow_short=allow_short),
        settings=settings(parameter_variations=10),
    )
    assert found.is_financing_known == is_known


def test_the_in_sample_returns_are_the_days_of_the_whole_window() -> None:
    one = searched()
    assert one.found.daily_returns.shape == (one.found.n_variations, len(one.found.day_end))
    growth = np.prod(1.0 + one.found.daily_returns, axis=1) - 1.0
    np.testing.assert_allclose(growth, one.found.trials["total_return"], rtol=1e-9, atol=1e-12)


def test_the_evidence_is_what_the_tests_give_for_these_returns() -> None:
    found = searched().found
    evidence, returns = found.evidence, found.daily_returns
    assert evidence.pbo == validation.pbo(returns.T, n_blocks=16).pbo
    assert evidence.spa_cash == validation.spa_test(returns.T, np.zeros(returns.shape[1]), seed=0)
    with np.errstate(invalid="ignore"):
        sharpes = returns.mean(axis=1) / returns.std(axis=1, ddof=1)
    expected = metrics.deflated_sharpe_ratio(
        returns[found.best], n_trials=found.n_variations, trial_variance=float(np.nanvar(sharpes, ddof=1))
    )
    assert evidence.deflated_sharpe_ratio == pytest.approx(expected)
    assert evidence.n_trials == found.n_variations
    assert evidence.sharpe == metrics.sharpe_interval(found.headline.returns, periods_per_year=365, seed=0)
    assert evidence.sharpe.low < found.sharpe_ratio < evidence.sharpe.high
    assert evidence.out_of_sample_deflated_sharpe == metrics.deflated_sharpe_ratio(found.headline.returns, n_trials=2)


def test_the_winner_is_stressed_at_once_and_twice_the_costs() -> None:
    one = searched()
    summary = backtest_strategy(
        one.bars, one.strategy, one.found.best_parameters, one.instrument, TradingRules()
    ).summary
    once, twice = one.found.evidence.winner_stress
    assert (once.total_return, twice.total_return) == pytest.approx((summary.total_return, summary.double_cost_return))
    assert twice.total_return < once.total_return


def test_in_a_market_that_only_rises_trials_beat_cash_and_the_joined_curve_does_not_beat_holding() -> None:
    rising = simulated(0.0).copy()
    drift = np.exp(np.linspace(0.0, 3.0, len(rising)))
    for name in ("open", "high", "low", "close"):
        rising[name] *= drift
    evidence = _optimized(rising).evidence
    assert evidence.spa_cash < 0.05 < evidence.spa_buy_and_hold


def test_a_planted_edge_beats_holding_at_equal_exposure() -> None:
    assert searched(edge=1.0).found.evidence.spa_buy_and_hold < 0.05


def test_trials_that_the_lake_holds_count_for_the_deflated_ratio_once(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    first = _optimized(simulated(), lake=lake)
    record_trials(lake, first.trials)
    again = _optimized(simulated(), lake=lake)
    assert again.evidence.n_trials == first.evidence.n_trials == first.n_variations
    record_trials(lake, again.trials)
    assert len(lake.read(TRIALS)) == first.n_variations
    week_later = _optimized(simulated().iloc[168:].reset_index(drop=True), lake=lake)
    assert week_later.evidence.n_trials == 2 * first.n_variations
    assert week_later.evidence.deflated_sharpe_ratio <= 1.0
    assert count_trials(lake, week_later.question) == first.n_variations


def test_the_same_search_again_is_the_same_to_the_last_bit() -> None:
    first, again = searched().found, _optimized(simulated())
    pd.testing.assert_frame_equal(first.trials, again.trials, check_exact=True)
    assert first.evidence == again.evidence


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_gives_trials_and_tells_its_progress_to_the_end(method: str) -> None:
    told: list[float] = []
    found = optimize_strategy(
        simulated(),
        strategy_named("rsi"),
        instrument(),
        rules=TradingRules(),
        settings=settings(method=method, parameter_variations=30),
        progress=told.append,
    )
    assert 0 < found.n_variations <= 30
    assert found.trials["trial_id"].is_unique
    assert told == sorted(told)
    assert (told[0] >= 0.0, told[-1]) == (True, 100.0)


@pytest.mark.parametrize("strategy", ["rsi", "macd", "bollinger", "volume", "stochastic"])
def test_every_plain_strategy_can_be_searched(strategy: str) -> None:
    found = searched(strategy=strategy).found
    assert math.isfinite(found.best_performance)
    assert list(found.walk_forward) == ["anchored", "rolling"]


def test_what_simulated_bars_gave_says_so() -> None:
    assert searched().found.is_simulated
    assert searched().found.trials["simulated"].all()
    assert not _optimized(bars(24 * 120)).is_simulated


@pytest.mark.parametrize(
    ("n_days", "n_blocks"), [(365, 16), (80, 16), (79, 14), (40, 8), (39, 0), (0, 0)], ids="{}".format
)
def test_there_are_fewer_blocks_where_days_are_few(n_days: int, n_blocks: int) -> None:
    assert blocks_for(n_days) == n_blocks


def _flat() -> pd.DataFrame:
    frame = bars(24 * 120)
    return frame.assign(**dict.fromkeys(("open", "high", "low", "close"), 100.0))


@pytest.mark.parametrize(
    ("frame", "error", "words"),
    [
        (bars(24 * 120).head(0), ShapeError, "expected bars to backtest, got none"),
        (bars(24 * 30), ShapeError, "expected 100 or more days for 6 walk-forward folds, got 30"),
        (bars(24 * 120, symbol="ETHUSDT"), ShapeError, "expected bars of BTCUSDT, got those of ETHUSDT"),
        (bars(24 * 120).assign(close=np.nan), QualityError, "expected finite positive prices"),
        (_flat(), ParameterError, r"sharpe_ratio is undefined for all \d+ parameter sets, 0 trades in all"),
    ],
    ids=["no bars", "too few days", "another instrument", "NaN prices", "no trades"],
)
def test_bars_that_cannot_be_searched_are_refused(frame: pd.DataFrame, error: type[BotCoreError], words: str) -> None:
    with pytest.raises(error, match=words):
        _optimized(frame)


def test_an_unknown_objective_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown objective 'luck'; there are sharpe_ratio"):
        _optimized(simulated(), objective="luck")


@pytest.mark.parametrize("method", sorted(METHODS))
def test_ten_million_sets_are_refused_with_what_they_would_cost(method: str) -> None:
    huge = OptimizationSettings.model_construct(
        **(settings(method=method).model_dump() | {"parameter_variations": 10_000_000})
    )
    fine = _with_steps(strategy_named("rsi"), 0.25)
    assert fine.space.n_combinations() > 500_000
    frame = bars(24 * 365)
    most = 2**28 // (8 * PreparedBars.of(frame, instrument()).own_days.n_days)
    with pytest.raises(ParameterError, match=f"MiB, expected at most 256 MiB, which is {most:,} sets"):
        optimize_strategy(frame, fine, instrument(), rules=TradingRules(), settings=huge)


def _with_steps(strategy: Strategy, step: float) -> ThresholdStrategy:
    """Return a plain strategy whose parameters that are no whole numbers have finer steps."""
    assert isinstance(strategy, ThresholdStrategy)
    finer = tuple(each if each.is_integer else replace(each, step=step) for each in strategy.space.parameters)
    return replace(strategy, space=replace(strategy.space, parameters=finer))


def test_a_window_says_its_first_open_and_last_close() -> None:
    one = searched()
    assert one.found.question.start == one.bars["open_time"].iloc[0]
    assert one.found.question.end == one.bars["close_time"].iloc[-1]
    assert one.found.day_end[-1] <= one.found.question.end + timedelta(days=1)
