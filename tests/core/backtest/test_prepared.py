"""Tests of `backtest.prepared`: arrays of bars and costs, and what is refused.

Belongs here: offsets, scaling of costs, runs, day ends, bad bars. Not here: financing (`test_financing`), simulations.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.errors import QualityError, ShapeError
from tests.builders import bars, instrument
from tests.core.backtest.markets import FREE


def prepared(history: pd.DataFrame, **changed: Any) -> PreparedBars:
    return PreparedBars.of(history, instrument(**changed))


def test_every_array_is_contiguous_and_of_the_number_of_bars() -> None:
    ready = prepared(bars(50))
    arrays = {name: value for name, value in vars(ready).items() if isinstance(value, np.ndarray)}
    assert len(arrays) == 12
    assert all(value.shape == (50,) and value.flags.c_contiguous for value in arrays.values())


@pytest.mark.parametrize(
    ("price_side", "to_ask", "to_bid"),
    [("bid", 2.0, 0.0), ("ask", 0.0, 2.0), ("mid", 1.0, 1.0), ("trade", 1.0, 1.0)],
)
def test_who_pays_the_spread_follows_from_the_price_side(price_side: str, to_ask: float, to_bid: float) -> None:
    ready = prepared(bars(3).assign(price_side=price_side, spread=2.0), price_side=price_side)
    np.testing.assert_array_equal(ready.ask_offset, np.full(3, to_ask))
    np.testing.assert_array_equal(ready.bid_offset, np.full(3, to_bid))


def test_a_bar_without_its_own_spread_takes_the_one_of_the_settings() -> None:
    history = bars(3).assign(spread=[np.nan, 3.0, np.nan], price_side="bid", open=100.0, low=90.0, high=110.0)
    ready = prepared(history, costs=FREE | {"spread_bps": 100.0}, price_side="bid")
    np.testing.assert_allclose(ready.ask_offset, [1.0, 3.0, 1.0])
    np.testing.assert_allclose(ready.costs(2.0).ask_offset, [2.0, 6.0, 2.0])


def test_costs_are_scaled_but_what_is_got_is_not() -> None:
    costs = {"fee_bps": 4.0, "spread_bps": 2.0, "slippage_bps": 1.0, "funding_bps": 1.0}
    ready = prepared(bars(20), costs=costs)
    double, none = ready.costs(2.0), ready.costs(0.0)
    assert ready.costs(1.0) is ready
    assert (double.fee_rate, double.slippage_rate) == (2 * ready.fee_rate, 2 * ready.slippage_rate)
    assert (none.fee_rate, none.slippage_rate, none.ask_offset.sum(), none.carry_long.sum()) == (0.0, 0.0, 0.0, 0.0)
    np.testing.assert_array_equal(double.carry_long, 2 * ready.carry_long)
    np.testing.assert_array_equal(double.carry_short, ready.carry_short)
    np.testing.assert_array_equal(none.carry_short, ready.carry_short)


def test_missing_bars_cut_runs_and_forbid_the_entry_after_them() -> None:
    ready = prepared(bars(40).drop(index=[10, 20]).reset_index(drop=True))
    assert ready.runs == (slice(0, 10), slice(10, 19), slice(19, 38))
    np.testing.assert_array_equal(np.flatnonzero(~ready.may_enter), [10, 19])
    run = ready.run(ready.runs[1])
    np.testing.assert_array_equal(run.close, ready.close[10:19])
    assert run.n_bars == 9


def test_day_ends_name_the_last_bar_that_closed_by_them() -> None:
    """From 22:00: two hours to the first midnight, a day without its last six hours, and a whole one."""
    history = bars(60, start=pd.Timestamp("2024-01-01 22:00", tz="UTC").to_pydatetime())
    history = history.drop(index=range(20, 26)).reset_index(drop=True)
    days = prepared(history).own_days
    assert (days.name, days.periods_per_year, days.n_days) == ("utc", 365, 3)
    np.testing.assert_array_equal(days.last_bar, [-1, 1, 19, 43])
    closes = history["close_time"]
    assert (closes[days.last_bar[1:]].to_numpy() <= days.day_end[1:].to_numpy()).all()
    assert (closes[days.last_bar[1:] + 1].to_numpy() > days.day_end[1:].to_numpy()).all()


@pytest.mark.parametrize(("calendar", "names"), [("crypto", ["utc"]), ("fx", ["utc", "new_york"])])
def test_the_last_sampling_is_the_instruments_own(calendar: str, names: list[str]) -> None:
    ready = prepared(bars(60), calendar=calendar)
    assert [days.name for days in ready.day_ends] == names
    assert ready.own_days is ready.day_ends[-1]


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (lambda frame: frame.head(0), ShapeError, "BTCUSDT: expected bars to backtest, got none"),
        (lambda frame: frame.assign(symbol="ETHUSDT"), ShapeError, "got those of ETHUSDT"),
        (lambda frame: frame.assign(symbol=list("aabbb")), ShapeError, "one symbol"),
        (lambda frame: frame.assign(close=[1.0, 1.0, np.nan, 1.0, 1.0]), QualityError, "finite positive prices, got 1"),
        (lambda frame: frame.assign(open=np.inf), QualityError, "finite positive prices"),
        (lambda frame: frame.assign(low=0.0), QualityError, "finite positive prices"),
        (lambda frame: frame.assign(price_side=list("bbaab")), ShapeError, "one price side, got b, a"),
        (lambda frame: frame.assign(spread=-1.0), QualityError, "got -1 on an open of 100"),
        (lambda frame: frame.assign(spread=300.0), QualityError, "got 300 on an open of 100"),
        (lambda frame: frame.iloc[::-1], ShapeError, "ascend"),
    ],
    ids=[
        *("no bars", "other symbol", "two symbols", "nan price", "infinite price", "zero price", "two price sides"),
        *("negative spread", "absurd spread", "backwards"),
    ],
)
def test_bad_bars_are_refused(spoil: Callable[[pd.DataFrame], pd.DataFrame], error: type[Exception], says: str) -> None:
    history = bars(5).assign(open=100.0, close=100.0, high=140.0, low=90.0)
    with pytest.raises(error, match=says):
        prepared(spoil(history))


def test_a_spread_that_doubled_leaves_nothing_of_a_sale_is_refused() -> None:
    ready = prepared(bars(5).assign(open=100.0, high=140.0, low=90.0, spread=110.0))
    with pytest.raises(QualityError, match="got 220 on an open of 100"):
        ready.costs(2.0)


def test_volume_that_is_zero_or_unknown_is_no_fault() -> None:
    ready = prepared(bars(5).assign(volume=[0.0, 0.0, np.nan, np.nan, 1.0]))
    assert ready.n_bars == 5
