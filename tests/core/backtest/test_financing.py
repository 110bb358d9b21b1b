"""Tests of `backtest.financing`: when swap, funding and borrow fall due.

Belongs here: shares of the notional, by bar. Not here: who pays them within a simulation (`test_reference`).
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.backtest.financing import Carry, Known, carry_of, known_financing
from bot_core_dagster.market.trading_hours import microseconds
from bot_core_dagster.settings import Costs
from tests.builders import instrument
from tests.core.backtest.markets import market_bars


def carry(opens: pd.DatetimeIndex, **costs: Any) -> Carry:
    return carry_of(microseconds(opens), Costs(**costs))


def charged(opens: pd.DatetimeIndex, shares: "np.ndarray[Any, np.dtype[np.float64]]") -> dict[str, float]:
    """Return the bars into which something is carried, in New York, with what it costs in basis points."""
    local = opens.tz_convert("America/New_York")
    return {f"{local[bar]:%a %H:%M}": round(float(shares[bar] * 1e4), 9) for bar in np.flatnonzero(shares).tolist()}


@pytest.mark.parametrize("month", ["2024-01-07", "2024-07-07"], ids=["winter", "summer"])
def test_swap_falls_due_at_17_new_york_and_three_times_on_the_triple_day(month: str) -> None:
    """Friday's is carried over the weekend into the first bar of Sunday evening: seven nights a week."""
    opens = pd.DatetimeIndex(market_bars("fx", month, str(pd.Timestamp(month) + pd.Timedelta(days=8)))["open_time"])
    shares = carry(opens, swap_long_bps=0.5, swap_short_bps=-0.25)
    nights = {"Mon 17:00": 1, "Tue 17:00": 1, "Wed 17:00": 3, "Thu 17:00": 1, "Sun 17:00": 1}
    assert charged(opens, shares.long) == {when: 0.5 * n for when, n in nights.items()}
    assert charged(opens, shares.short) == {when: -0.25 * n for when, n in nights.items()}


def test_metals_pay_at_the_first_bar_after_their_break() -> None:
    """No bar opens from 17:00 to 18:00 New York."""
    opens = pd.DatetimeIndex(market_bars("metals", "2024-01-08", "2024-01-10")["open_time"])
    assert charged(opens, carry(opens, swap_long_bps=1.0).long) == {"Mon 18:00": 1.0, "Tue 18:00": 1.0}


def test_the_triple_day_is_the_instruments_own() -> None:
    opens = pd.date_range("2024-01-08", "2024-01-13", freq="h", tz="UTC")
    shares = carry(opens, swap_short_bps=1.0, swap_triple_day="friday").short
    assert charged(opens, shares)["Fri 17:00"] == 3.0
    assert charged(opens, shares)["Wed 17:00"] == 1.0


def test_all_nights_between_two_bars_are_charged_at_once() -> None:
    """From Tuesday to the Tuesday after, over missing bars: seven nights."""
    opens = pd.DatetimeIndex(["2024-01-09 12:00Z", "2024-01-16 12:00Z"])
    np.testing.assert_allclose(carry(opens, swap_long_bps=1.0).long, [0.0, 7e-4])


def test_funding_falls_due_every_eight_hours_utc_and_shorts_get_it() -> None:
    opens = pd.date_range("2024-01-01 01:00", periods=24, freq="h", tz="UTC")
    shares = carry(opens, funding_bps=1.0)
    np.testing.assert_array_equal(np.flatnonzero(shares.long), [7, 15, 23])
    np.testing.assert_allclose(shares.long[[7, 15, 23]], 1e-4)
    np.testing.assert_array_equal(shares.short, -shares.long)


def test_a_daily_bar_carries_three_fundings() -> None:
    opens = pd.date_range("2024-01-01", periods=3, freq="D", tz="UTC")
    np.testing.assert_allclose(carry(opens, funding_bps=1.0).long, [0.0, 3e-4, 3e-4])


def test_borrow_falls_due_all_the_time_and_is_paid_by_shorts_alone() -> None:
    opens = pd.date_range("2024-01-01", periods=366, freq="D", tz="UTC")
    shares = carry(opens, borrow_bps_per_year=365.25)
    assert shares.short.sum() == pytest.approx(0.0365)
    np.testing.assert_array_equal(shares.long, np.zeros(366))


@pytest.mark.parametrize(
    ("changed", "costs", "known"),
    [
        ({}, {}, Known(True, False)),
        ({}, {"borrow_bps_per_year": 0.0}, Known(True, True)),
        ({"symbol": "BTC/USDT:USDT"}, {}, Known(False, False)),
        ({"symbol": "BTC/USDT:USDT"}, {"funding_bps": 0.0}, Known(True, True)),
        ({"calendar": "fx"}, {}, Known(False, False)),
        ({"calendar": "fx"}, {"swap_long_bps": 0.0}, Known(True, False)),
        ({"calendar": "metals"}, {"swap_short_bps": -1.0}, Known(False, True)),
    ],
    ids=[
        *("spot", "spot with borrow", "perpetual", "perpetual with funding", "fx", "fx with a long swap"),
        "metals with a short swap",
    ],
)
def test_a_cost_that_is_not_set_is_unknown_and_zero_is_known(
    changed: dict[str, Any], costs: dict[str, float], known: Known
) -> None:
    assert known_financing(instrument(**changed, costs=costs)) == known


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(st.integers(1, 5 * 24 * 60), max_size=40),
    start=st.datetimes(pd.Timestamp("2020-01-01"), pd.Timestamp("2026-01-01")),
    cut=st.integers(0, 40),
)
def test_a_carry_does_not_depend_on_other_bars(steps: list[int], start: Any, cut: int) -> None:
    """What is left out between two bars is carried by the later one; what comes later moves nothing."""
    minutes = pd.Timestamp(start, tz="UTC").floor("min") + pd.to_timedelta(np.cumsum([0, *steps]), unit="min")
    opens = pd.DatetimeIndex(minutes)
    costs: dict[str, Any] = {
        "swap_long_bps": 0.7,
        "swap_short_bps": 0.3,
        "funding_bps": 0.2,
        "borrow_bps_per_year": 100.0,
    }
    whole, known, ends = carry(opens, **costs), carry(opens[: cut + 1], **costs), carry(opens[[0, -1]], **costs)
    for side in ("long", "short"):
        np.testing.assert_array_equal(getattr(known, side), getattr(whole, side)[: cut + 1])
        assert getattr(whole, side).sum() == pytest.approx(getattr(ends, side)[1:].sum(), abs=1e-12) or len(opens) == 1
