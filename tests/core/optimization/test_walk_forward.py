"""Walk-forward: each fold trades what was best before it, and the joined curve is what an account would have had."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.backtest.grid import run_grid
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.reference import simulate_reference
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.statistics import objective
from bot_core_dagster.errors import ShapeError
from bot_core_dagster.optimization.walk_forward import DESIGNS, N_FOLDS, PURGE_DAYS, Traded, folds_of, walk_forward
from bot_core_dagster.strategies.registry import strategy_named
from tests.builders import instrument
from tests.core.optimization.searched import simulated

by_design = pytest.mark.parametrize("design", DESIGNS)


def _traded(
    strategy: str = "rsi", rules: TradingRules | None = None, name: str = "sharpe_ratio", n_sets: int = 30
) -> Traded:
    tried, prepared = strategy_named(strategy), PreparedBars.of(simulated(), instrument())
    sets = tried.space.grid(n_sets)
    used = rules or TradingRules()
    statistics = run_grid(prepared, tried, sets, used)
    return Traded(simulated(), prepared, instrument(), tried, used, name, sets, statistics)


def _train_returns(traded: Traded, fold: Any) -> np.ndarray:
    first, last = traded.prepared.own_days.day_end.get_indexer(pd.Index([fold["train_start"], fold["train_end"]]))
    return traded.statistics.daily_returns()[:, first:last]


@by_design
def test_each_fold_trades_the_set_that_was_best_on_its_training_days(design: str) -> None:
    traded = _traded()
    for _, fold in walk_forward(traded, design).folds.iterrows():
        returns = _train_returns(traded, fold)
        with np.errstate(invalid="ignore"):
            sharpes = returns.mean(axis=1) / returns.std(axis=1, ddof=1)
        assert fold["trial"] == np.nanargmax(sharpes)
        assert fold["train_objective"] == pytest.approx(np.sqrt(365) * np.nanmax(sharpes))


@by_design
def test_training_ends_before_its_test_and_the_tests_follow_each_other_to_the_end(design: str) -> None:
    traded = _traded(n_sets=10)
    folds = walk_forward(traded, design).folds
    gap = (folds["test_start"] - folds["train_end"]).dt.days
    assert (gap == PURGE_DAYS).all()
    assert (folds["test_start"].iloc[1:].array == folds["test_end"].iloc[:-1].array).all()
    assert folds["test_end"].iloc[-1] == traded.prepared.own_days.day_end[-1]
    assert len(folds) == N_FOLDS


def test_anchored_training_grows_and_rolling_training_keeps_its_length() -> None:
    traded = _traded(n_sets=10)
    anchored, rolling = (walk_forward(traded, design).folds for design in DESIGNS)
    assert len(set(anchored["train_start"])) == 1
    assert anchored["train_end"].is_monotonic_increasing
    assert len(set(rolling["train_end"] - rolling["train_start"])) == 1


@by_design
@pytest.mark.parametrize(
    ("strategy", "rules"),
    [("rsi", TradingRules()), ("macd", TradingRules(allow_short=True, stop=0.03, target=0.05))],
    ids=["long, flat", "long, short, stop and target"],
)
def test_the_joined_curve_is_that_of_the_readable_engine_switching_sets(
    design: str, strategy: str, rules: TradingRules
) -> None:
    """The decisions of each fold's set, from flat at its first close, simulated by the twin."""
    traded = _traded(strategy, rules, n_sets=12)
    found = walk_forward(traded, design)
    days = traded.prepared.own_days
    signal = np.full(traded.prepared.n_bars, np.nan)
    for _, fold in found.folds.iterrows():
        own = traded.strategy.signal(traded.bars, "crypto", traded.parameter_sets[fold["trial"]])
        is_its = (traded.prepared.close_time >= fold["test_start"]) & (traded.prepared.close_time < fold["test_end"])
        signal[is_its] = own[is_its]
        first = int(np.argmax(is_its))
        signal[first] = 0.0 if np.isnan(signal[first]) else signal[first]
    n_days = len(found.returns)
    for multiplier, returns in ((1.0, found.returns), (2.0, found.double_cost_returns)):
        twin = simulate_reference(traded.prepared, signal, rules, cost_multiplier=multiplier)
        equity = twin.equity[days.last_bar[-n_days - 1 :] + 1]
        np.testing.assert_allclose(returns, equity[1:] / equity[:-1] - 1.0, rtol=1e-9, atol=1e-12)
    assert found.equity[-1] == pytest.approx(np.prod(1.0 + found.returns))
    growth = np.prod(1.0 + found.folds["test_return"].to_numpy())
    assert found.equity[-1] == pytest.approx(growth)


@by_design
def test_days_after_a_fold_do_not_change_what_it_traded(design: str) -> None:
    traded = _traded()
    whole = walk_forward(traded, design)
    places = slice(0, 100)
    changed = traded.statistics.daily_equity.copy()
    changed[:, 101:] *= np.linspace(0.5, 2.0, len(changed))[:, None]
    other = walk_forward(replace(traded, statistics=replace(traded.statistics, daily_equity=changed)), design)
    before = whole.folds["train_end"] <= traded.prepared.own_days.day_end[places.stop]
    assert before.sum() >= 2
    assert whole.folds["trial"][before].tolist() == other.folds["trial"][before].tolist()


@pytest.mark.parametrize("name", ["profit_factor", "win_rate", "sharpe_ratio", "total_return", "sortino_ratio"])
def test_a_fold_chooses_as_a_search_that_ends_with_its_training_would(name: str) -> None:
    """A Calmar ratio is not among these: a fold's drawdown is that of day ends, a whole search's of bar closes."""
    traded = _traded(name=name, n_sets=12)
    first = walk_forward(traded, "anchored").folds.iloc[0]
    part = PreparedBars.of(traded.bars[traded.bars["close_time"] <= first["train_end"]], instrument())
    values = objective(name, run_grid(part, traded.strategy, traded.parameter_sets, traded.rules), part)
    assert first["train_objective"] == pytest.approx(np.nanmax(values))
    assert first["trial"] == np.nanargmax(values)


def test_a_fold_without_a_single_defined_objective_stays_flat() -> None:
    traded = _traded()
    quiet = replace(traded.statistics, daily_equity=np.ones_like(traded.statistics.daily_equity))
    found = walk_forward(replace(traded, statistics=quiet), "anchored")
    assert (found.folds["trial"] == -1).all()
    assert not found.returns.any()
    assert found.n_trades == 0


def test_buy_and_hold_is_bought_at_the_first_open_out_of_sample() -> None:
    traded = _traded(n_sets=5)
    found = walk_forward(traded, "anchored")
    prepared = traded.prepared
    first = int(np.argmax(prepared.open_time >= found.folds["test_start"].iloc[0]))
    paid = (prepared.open[first] + prepared.ask_offset[first]) * (1.0 + 1e-4) * (1.0 + 4e-4)
    assert np.prod(1.0 + found.buy_and_hold_returns) == pytest.approx(prepared.close[-1] / paid, rel=1e-6)


@pytest.mark.parametrize("n_days", [1, 50, 99], ids="{} days".format)
def test_fewer_days_than_folds_need_are_refused(n_days: int) -> None:
    with pytest.raises(ShapeError, match=f"expected 100 or more days for 6 walk-forward folds, got {n_days}"):
        folds_of(n_days, is_anchored=True)


def _lengths(slices: Sequence[slice]) -> list[int]:
    return [each.stop - each.start for each in slices]


def test_the_folds_of_a_year_test_four_fifths_of_it() -> None:
    folds = folds_of(365, is_anchored=True)
    assert sum(_lengths([fold.test for fold in folds])) == 292
    assert min(_lengths([fold.train for fold in folds])) == 72


@pytest.mark.parametrize("fraction", [1.0, 0.25], ids="{:g} of the equity".format)
def test_equal_exposure_is_the_share_of_the_equity_that_was_in_position(fraction: float) -> None:
    found = walk_forward(_traded(rules=TradingRules(fraction=fraction), n_sets=8), "anchored")
    of_all = walk_forward(_traded(n_sets=8), "anchored")
    assert found.folds["trial"].tolist() == of_all.folds["trial"].tolist()
    assert found.exposure == pytest.approx(fraction * of_all.exposure)
    np.testing.assert_allclose(found.equal_exposure_returns, found.exposure * found.buy_and_hold_returns)
