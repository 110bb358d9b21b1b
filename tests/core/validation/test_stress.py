"""Tests of `validation.stress`.

Belongs here: one signal at several costs. Not here: the costs themselves (`tests/core/backtest`).
"""

import math

import numpy as np
import pytest

from bot_core_dagster import metrics
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.reference import simulate_reference
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.validation import cost_stress
from tests.builders import bars, instrument

PREPARED = PreparedBars.of(bars(24 * 40), instrument())
SIGNAL = np.where(np.arange(24 * 40) % 20 == 0, 1.0, np.where(np.arange(24 * 40) % 20 == 10, 0.0, np.nan))


def test_the_figures_are_those_of_the_readable_engine_at_each_cost() -> None:
    stressed = cost_stress(PREPARED, SIGNAL, TradingRules(), multipliers=(0.0, 1.0, 3.0))
    assert [result.multiplier for result in stressed] == [0.0, 1.0, 3.0]
    days = PREPARED.own_days
    for result in stressed:
        equity = simulate_reference(PREPARED, SIGNAL, TradingRules(), cost_multiplier=result.multiplier).equity
        returns = metrics.simple_returns(equity[days.last_bar + 1])
        assert result.total_return == pytest.approx(equity[-1] - 1.0, abs=1e-12)
        assert result.sharpe_ratio == pytest.approx(metrics.sharpe_ratio(returns, periods_per_year=365), rel=1e-9)
        assert result.max_drawdown == pytest.approx(metrics.maximum_drawdown(equity), abs=1e-12)


def test_each_round_trip_costs_its_spread_fee_and_slippage_once_more_at_twice_the_costs() -> None:
    """48 round trips of 2 x (4 + .5 + 1) bps: a factor of about (1 - .0011)^48 between one and two times."""
    once, twice = cost_stress(PREPARED, SIGNAL, TradingRules())
    assert (1 + twice.total_return) / (1 + once.total_return) == pytest.approx((1 - 0.0011) ** 48, abs=1e-3)
    assert twice.sharpe_ratio < once.sharpe_ratio


def test_what_never_trades_costs_nothing_and_has_no_sharpe_ratio() -> None:
    for result in cost_stress(PREPARED, np.full(PREPARED.n_bars, np.nan), TradingRules()):
        assert result.total_return == 0.0
        assert math.isnan(result.sharpe_ratio)
