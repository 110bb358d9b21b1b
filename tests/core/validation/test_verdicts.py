"""Verdicts on a backtest: each can fail, and says what it rests on."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.backtest import TradingRules, backtest_strategy
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies import ParameterSpace, SignalStrategy, Strategy, strategy_named
from bot_core_dagster.validation import VERDICTS, backtest_verdicts
from tests import builders


def free(name: str, decide: object) -> SignalStrategy:
    """Return a strategy of one function."""
    return SignalStrategy(name, name, ParameterSpace(()), decide, lambda _: 1)  # type: ignore[arg-type]


def clairvoyant(bars: pd.DataFrame, _: str, __: Mapping[str, float]) -> FloatArray1D:
    """Buy before the bars that rise."""
    change: FloatArray1D = (bars["close"].shift(-1) - bars["close"]).to_numpy(dtype=np.float64)
    return np.sign(change)


def idle(bars: pd.DataFrame, _: str, __: Mapping[str, float]) -> FloatArray1D:
    """Do nothing."""
    return np.zeros(len(bars))


@pytest.mark.parametrize(
    ("strategy", "failed"),
    [
        pytest.param(strategy_named("rsi"), set(), id="rsi"),
        pytest.param(free("clairvoyant", clairvoyant), {"no_look_ahead"}, id="looks ahead"),
        pytest.param(free("idle", idle), {"enough_trades", "finite_statistics"}, id="never trades"),
    ],
)
def test_each_verdict_fails_where_it_should(strategy: Strategy, failed: set[str]) -> None:
    bars, instrument = builders.bars(4_000), builders.instrument()
    backtest = backtest_strategy(bars, strategy, {}, instrument, TradingRules())
    verdicts = backtest_verdicts(backtest, bars, strategy, instrument.calendar, min_trades=10)
    assert [one.name for one in verdicts] == list(VERDICTS)
    assert {one.name for one in verdicts if not one.is_passed} == failed
    assert [one.name for one in verdicts if one.is_broken] == [name for name in failed if name == "no_look_ahead"]


def skipping(bars: pd.DataFrame, _: str, __: Mapping[str, float]) -> FloatArray1D:
    """Trade RSI, but leave out the entries that lose on the next bar."""
    signal = strategy_named("rsi").signal(bars, "crypto", {})
    falls = (bars["close"].shift(-1) < bars["close"]).to_numpy()
    return np.where((signal == 1.0) & falls, np.nan, signal)


@pytest.mark.parametrize("seed", range(6))
def test_a_strategy_that_skips_its_losing_entries_is_found_out(seed: int) -> None:
    bars, instrument, cheat = builders.bars(3_000, seed=seed), builders.instrument(), free("skipping", skipping)
    backtest = backtest_strategy(bars, cheat, {}, instrument, TradingRules())
    verdicts = backtest_verdicts(backtest, bars, cheat, instrument.calendar, min_trades=1)
    assert [one.name for one in verdicts if one.is_broken] == ["no_look_ahead"]


def test_a_verdict_says_what_it_rests_on() -> None:
    bars, instrument = builders.bars(4_000), builders.instrument()
    backtest = backtest_strategy(bars, strategy_named("rsi"), {}, instrument, TradingRules())
    verdicts = {
        one.name: one
        for one in backtest_verdicts(backtest, bars, strategy_named("rsi"), instrument.calendar, min_trades=10_000)
    }
    assert not verdicts["enough_trades"].is_passed
    assert verdicts["enough_trades"].detail == f"{backtest.summary.total_trades} closed trades, 10000 needed"
    assert "no look-ahead in 1 of 1 columns at 100 cuts of 2000 bars" in verdicts["no_look_ahead"].detail
