"""Tests of `backtest.engine`: money, costs, day ends, look-ahead, bad input.

Belongs here: whole backtests. Not here: the rules of a bar (`test_reference`), the kernel (`test_general_kernel`),
figures (`test_summary`), rows (`test_tables`).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from bot_core_dagster.backtest import (
    CURVES,
    Backtest,
    PreparedBars,
    TradingRules,
    backtest_strategy,
    quick_statistics,
    run_backtest,
)
from bot_core_dagster.errors import ParameterError, QualityError, ShapeError
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies import strategies, strategy_named
from tests.builders import bars, instrument
from tests.core.backtest.markets import FREE, decisions, market_bars
from tests.core.features import real_bars

LONG_AND_SHORT = TradingRules(allow_short=True, stop=0.03, target=0.06, trailing_stop=0.05)


def simulated(
    history: pd.DataFrame, signal: FloatArray1D, rules: TradingRules | None = None, **changed: Any
) -> Backtest:
    rules = rules or TradingRules()
    return run_backtest(history, signal, instrument(**changed), rules=rules, strategy="test", parameters={})


def five_bars(**changed: Any) -> pd.DataFrame:
    """Opens 100, 100, 110, 120, 120 and closes at the next open."""
    prices = {"open": [100.0, 100.0, 110.0, 120.0, 120.0], "close": [100.0, 110.0, 120.0, 120.0, 130.0]}
    return bars(5).assign(**prices, high=140.0, low=90.0, **changed)


def test_a_round_trip_by_hand() -> None:
    """Decided at the first close, bought at the second open; decided flat at the third close, sold at the fourth open.

    Fee 10 bps, spread 20 bps (half each way), slippage 10 bps: buys at 100 x 1.002, sells at 120 x .998.
    """
    costs = {"fee_bps": 10.0, "spread_bps": 20.0, "slippage_bps": 10.0}
    backtest = simulated(five_bars(), np.array([1.0, 1.0, 0.0, 0.0, 0.0]), costs=costs)
    qty = 1.0 / (100.2 * 1.001)
    end = qty * 119.76 * 0.999
    np.testing.assert_allclose(backtest.equity["equity"], [1.0, qty * 110, qty * 120, end, end], rtol=1e-12)
    np.testing.assert_array_equal(backtest.equity["position"], [0, 1, 1, 0, 0])
    (trade,) = backtest.trades.to_dict("records")
    assert trade["entry_time"] == pd.Timestamp("2024-01-01 01:00", tz="UTC")
    assert trade["exit_time"] == pd.Timestamp("2024-01-01 03:00", tz="UTC")
    assert (trade["n_bars"], trade["open"]) == (2, False)
    expected = {
        "entry_price": 100.2,
        "exit_price": 119.76,
        "qty": qty,
        "gross_profit": qty * 20,
        "fees": qty * (0.1002 + 0.11976),
        "spread_cost": qty * (0.1 + 0.12),
        "slippage_cost": qty * (0.1 + 0.12),
        "net_profit": end - 1,
        "ret": end - 1,
    }
    assert {name: trade[name] for name in expected} == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(backtest.equity["gross_equity"], [1.0, 1.1, 1.2, 1.2, 1.2], rtol=1e-12)


def test_an_open_position_is_marked_at_the_last_close_and_not_sold() -> None:
    backtest = simulated(five_bars(), np.array([0.0, 0.0, 1.0, 1.0, 1.0]), costs=FREE | {"fee_bps": 100.0})
    (trade,) = backtest.trades.to_dict("records")
    qty = 1.0 / (120.0 * 1.01)
    assert trade["open"]
    assert pd.isna(trade["exit_time"])
    assert np.isnan(trade["exit_price"])
    assert (trade["n_bars"], trade["fees"]) == (2, pytest.approx(qty * 1.2))
    assert trade["net_profit"] == pytest.approx(qty * 130 - 1)
    assert backtest.equity["equity"].iloc[-1] == pytest.approx(qty * 130)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_bars=st.integers(1, 300),
    costs=st.tuples(*[st.floats(0.0, 100.0)] * 3),
    price_side=st.sampled_from(["bid", "ask", "mid", "trade"]),
    missing=st.sets(st.integers(1, 298), max_size=10),
)
def test_equity_is_its_start_and_the_sum_of_net_profits(
    seed: int, n_bars: int, costs: tuple[float, float, float], price_side: str, missing: set[int]
) -> None:
    history = bars(300, seed=seed).drop(index=list(missing)).head(n_bars).reset_index(drop=True)
    history = history.assign(price_side=price_side)
    named = dict(zip(("fee_bps", "spread_bps", "slippage_bps"), costs, strict=True))
    backtest = simulated(history, decisions(len(history), seed), costs=named, price_side=price_side)
    trades, end = backtest.trades, backtest.equity["equity"].iloc[-1]
    assert end == pytest.approx(1.0 + trades["net_profit"].sum(), abs=1e-9)
    itemised = trades["gross_profit"] - trades["fees"] - trades["spread_cost"] - trades["slippage_cost"]
    np.testing.assert_allclose(itemised, trades["net_profit"], atol=1e-12)
    growth = np.prod(1.0 + trades["ret"])
    assert end == pytest.approx(growth, rel=1e-9)
    curves = backtest.equity
    assert (curves["gross_equity"] >= curves["equity"] - 1e-12).all()
    assert (curves["equity"] >= curves["double_cost_equity"] - 1e-12).all()
    assert trades["n_bars"].sum() == curves["position"].sum()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_bars=st.integers(2, 400))
def test_the_loop_equals_an_independent_vectorised_calculation(seed: int, n_bars: int) -> None:
    """Growth of each bar: close over last close while held, over the buy on entry, sell over last close on exit."""
    history, signal = bars(n_bars, seed=seed), decisions(n_bars, seed)
    opens, closes = history["open"].to_numpy(), history["close"].to_numpy()
    held = np.concatenate([[0.0], signal[:-1]])
    before = np.concatenate([[0.0], held[:-1]])
    last_close = np.concatenate([[np.nan], closes[:-1]])
    side = (4.0 + 0.0) / 10_000, (1.0 / 2 + 1.0) / 10_000
    growth = np.ones(n_bars)
    enters, stays, leaves = (held > before), (held == 1) & (before == 1), (held < before)
    growth[enters] = closes[enters] / (opens[enters] * (1 + side[1]) * (1 + side[0]))
    growth[stays] = closes[stays] / last_close[stays]
    growth[leaves] = opens[leaves] * (1 - side[1]) * (1 - side[0]) / last_close[leaves]
    np.testing.assert_allclose(simulated(history, signal).equity["equity"], growth.cumprod().tolist(), rtol=1e-10)


@pytest.mark.parametrize("known_bars", [1, 2, 50, 299], ids="{} bars known".format)
@pytest.mark.parametrize("rules", [TradingRules(), LONG_AND_SHORT], ids=["long", "long and short with stops"])
def test_equity_of_the_past_is_unmoved_by_the_future(known_bars: int, rules: TradingRules) -> None:
    history, signal = bars(300, seed=6), 2.0 * decisions(300, 6) - 1.0
    known = simulated(history.head(known_bars), signal[:known_bars], rules)
    whole = simulated(history, signal, rules)
    assert_frame_equal(known.equity, whole.equity.head(known_bars), check_exact=True)
    days = len(known.daily_equity)
    assert_frame_equal(known.daily_equity, whole.daily_equity.head(days), check_exact=True)


def days_of(backtest: Backtest, sampling: str = "utc") -> pd.Series:
    daily = backtest.daily_equity
    return daily[daily["sampling"] == sampling].set_index("day_end")["equity"]


@pytest.mark.parametrize("calendar_name", ["fx", "metals"])
def test_fridays_profit_is_in_the_day_ends_of_the_weekend_before_the_market_opens_again(calendar_name: str) -> None:
    """The market closes on Friday at 21:00 UTC; August begins on the Saturday, and its review runs at 04:00."""
    history = market_bars(calendar_name, "2026-07-01", "2026-08-01 04:00")
    backtest = simulated(history, np.ones(len(history)), calendar=calendar_name)
    assert history["close_time"].iloc[-1] == pd.Timestamp("2026-07-31 21:00", tz="UTC")
    known, last = days_of(backtest), backtest.equity["equity"].iloc[-1]
    assert known.index[-1] == pd.Timestamp("2026-08-02", tz="UTC")
    assert known.iloc[-2:].tolist() == [last, last]
    assert known.iloc[-3] != last
    assert days_of(backtest, "new_york").index[-1] == pd.Timestamp("2026-07-31 21:00", tz="UTC")


def test_day_ends_of_a_market_that_never_closes_end_with_its_last_bar() -> None:
    backtest = simulated(bars(60), np.ones(60))
    assert days_of(backtest).index[-1] == pd.Timestamp("2024-01-03", tz="UTC")


def test_expected_bars_that_did_not_come_leave_their_day_ends_out() -> None:
    """On a Thursday the market is open: what the equity did in the missing bars is not known."""
    history = market_bars("fx", "2026-07-27", "2026-07-30 15:00")
    backtest = simulated(history, np.ones(len(history)), calendar="fx")
    assert days_of(backtest).index[-1] == pd.Timestamp("2026-07-30", tz="UTC")


@settings(max_examples=60, deadline=None)
@given(
    calendar_name=st.sampled_from(["crypto", "fx", "metals"]),
    timeframe=st.sampled_from(["1h", "4h", "1d"]),
    seed=st.integers(0, 2**32 - 1),
    known=st.floats(0.01, 1.0),
)
def test_day_ends_known_at_any_time_stay_as_they_are(
    calendar_name: str, timeframe: str, seed: int, known: float
) -> None:
    """Over weekends, the metals' break, Christmas and New Year; and all that can be known then are there."""
    history = market_bars(calendar_name, "2025-12-10", "2026-01-20", seed, timeframe)
    n_known, signal = max(1, int(known * len(history))), decisions(len(history), seed)
    part = simulated(history.head(n_known), signal[:n_known], calendar=calendar_name)
    whole = simulated(history, signal, calendar=calendar_name)
    following = history["open_time"].iloc[n_known] if n_known < len(history) else history["close_time"].iloc[-1]
    for sampling in part.daily_equity["sampling"].unique():
        first, later = days_of(part, sampling), days_of(whole, sampling)
        assert first.equals(later.head(len(first)))
        assert len(first) >= (later.index <= following).sum()


@pytest.mark.parametrize("rules", [TradingRules(), LONG_AND_SHORT], ids=["long", "long and short with stops"])
@pytest.mark.parametrize("name", ["rsi", "macd", "bollinger"])
def test_a_strategy_on_real_bars_adds_up(real_data: Path, name: str, rules: TradingRules) -> None:
    backtest = backtest_strategy(real_bars.btcusdt(real_data), strategy_named(name), {}, instrument(), rules)
    assert backtest.summary.total_trades > 100
    assert backtest.equity["equity"].iloc[-1] == pytest.approx(1.0 + backtest.trades["net_profit"].sum(), abs=1e-9)
    assert not backtest.is_simulated


@pytest.mark.parametrize("rules", [TradingRules(), LONG_AND_SHORT], ids=["long", "long and short with stops"])
@pytest.mark.parametrize("name", sorted(strategies()))
def test_the_quick_statistics_are_those_of_the_backtest(name: str, rules: TradingRules) -> None:
    """Whichever kernel is the fastest; swaps are known and charged."""
    traded = instrument(calendar="fx", costs={"fee_bps": 1.0, "swap_long_bps": 0.5, "swap_short_bps": -0.2})
    history, strategy = market_bars("fx", "2024-01-02", "2024-06-01", seed=5), strategy_named(name)
    backtest = backtest_strategy(history, strategy, {}, traded, rules)
    statistics = quick_statistics(PreparedBars.of(history, traded), strategy, {}, rules)
    summary = backtest.summary
    assert statistics.final_equity[0] == pytest.approx(1.0 + summary.total_return, rel=1e-12)
    assert statistics.max_drawdown[0] == pytest.approx(summary.max_drawdown, rel=1e-9, abs=1e-14)
    assert (statistics.n_trades[0], statistics.n_winning[0]) == (summary.total_trades, summary.winning_trades)
    assert statistics.bars_held[0] == round(summary.exposure * summary.n_bars)
    np.testing.assert_allclose(statistics.daily_equity[0, 1:], days_of(backtest, "new_york"), rtol=1e-12, err_msg=name)


def test_buy_and_hold_is_bought_at_the_second_open_at_cost() -> None:
    backtest = simulated(five_bars(), np.zeros(5), costs=FREE | {"fee_bps": 100.0})
    np.testing.assert_allclose(backtest.equity["buy_and_hold"].iloc[-1], 1.3 / 1.01)


@pytest.mark.parametrize("name", sorted(strategies()))
@pytest.mark.parametrize("n_bars", [1, 2], ids="{} bars".format)
def test_a_strategy_that_never_warms_up_never_trades(n_bars: int, name: str) -> None:
    backtest = backtest_strategy(bars(n_bars), strategy_named(name), {}, instrument(), TradingRules())
    assert backtest.trades.empty
    assert backtest.fills().empty
    assert (backtest.equity[list(CURVES)[:3]] == 1.0).all(axis=None)


def test_a_strategy_is_backtested_with_defaults_where_nothing_is_given_and_knows_its_parameters() -> None:
    rsi = strategy_named("rsi")
    backtest = backtest_strategy(bars(100), rsi, {"window": 7}, instrument(), TradingRules())
    assert backtest.parameters_used == rsi.space.defaults() | {"window": 7}
    with pytest.raises(ParameterError, match=r"windw.*window"):
        backtest_strategy(bars(100), rsi, {"windw": 7}, instrument(), TradingRules())


@pytest.mark.parametrize("volume", [0.0, np.nan], ids=["zero volume", "unknown volume"])
@pytest.mark.parametrize("name", ["rsi", "macd", "bollinger", "stochastic", "volume", "volume_rules"])
def test_without_volume_only_the_strategies_on_volume_do_not_trade(name: str, volume: float) -> None:
    history = bars(2_000).assign(volume=volume)
    backtest = backtest_strategy(history, strategy_named(name), {}, instrument(), LONG_AND_SHORT)
    assert backtest.trades.empty == name.startswith("volume")
    assert np.isfinite(backtest.equity[list(CURVES)]).all(axis=None)


def test_what_only_loses_is_reported_and_not_refused() -> None:
    """A price that falls by a tenth a bar: no win, no gains, every figure that needs them NaN or zero."""
    close = 100.0 * 0.9 ** np.arange(1, 101)
    history = bars(100).assign(open=close / 0.9, high=close / 0.9, low=close, close=close)
    signal = np.where(np.arange(100) % 2 == 0, 1.0, 0.0)
    summary = simulated(history, signal).summary
    assert (summary.winning_trades, summary.losing_trades) == (0, 49)
    assert (summary.win_rate, summary.profit_factor) == (0.0, 0.0)
    assert summary.total_return < -0.9
    assert summary.cagr < -0.9


def test_a_market_that_ruins_leaves_an_equity_of_zero_and_undefined_ratios() -> None:
    """Sold short while prices double: nothing is left, and no return follows from nothing."""
    history = bars(100).assign(open=100.0, high=1_000.0, low=90.0, close=[100.0] * 50 + [400.0] * 50)
    backtest = simulated(history, np.full(100, -1.0), TradingRules(allow_short=True))
    assert backtest.equity["equity"].iloc[-1] == 0.0
    assert backtest.summary.max_drawdown == -1.0
    assert backtest.summary.total_return == -1.0
    assert np.isnan(backtest.summary.sharpe_ratio)
    assert backtest.trades["exit_reason"].tolist() == ["ruin"]


@pytest.mark.parametrize(
    ("spoil", "signal", "error", "says"),
    [
        (lambda frame: frame.head(0), np.zeros(0), ShapeError, "BTCUSDT: expected bars to backtest, got none"),
        (lambda frame: frame, np.zeros(4), ShapeError, "one decision for each of 5 bars"),
        (lambda frame: frame, np.full(5, 0.5), ShapeError, r"got 0\.5"),
        (lambda frame: frame.assign(open=np.nan), np.zeros(5), QualityError, "finite positive prices"),
    ],
    ids=["no bars", "too few decisions", "half a position", "nan price"],
)
def test_bad_input_is_refused(
    spoil: Callable[[pd.DataFrame], pd.DataFrame], signal: FloatArray1D, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        simulated(spoil(five_bars()), signal)
