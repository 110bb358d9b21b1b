"""Markets and decisions for tests of the simulation: what `hypothesis` draws and what hands build.

Belongs here: strategies of hypothesis for bars, costs, rules and signals; short series with chosen prices. Not here:
tests, the smallest honest data of all rooms (`tests.builders`).
"""

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.simulation import Simulation
from bot_core_dagster.market.calendars import calendar
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.settings import Instrument
from bot_core_dagster.timeframe import Timeframe
from tests.builders import bars, instrument

FREE = {"fee_bps": 0.0, "spread_bps": 0.0, "slippage_bps": 0.0}


@dataclass(frozen=True)
class Case:
    """Bars, decisions and rules of one simulation."""

    instrument: Instrument
    history: pd.DataFrame
    signal: FloatArray1D
    rules: TradingRules

    @property
    def prepared(self) -> PreparedBars:
        """The bars, prepared."""
        return PreparedBars.of(self.history, self.instrument)


def assert_same(one: Simulation, other: Simulation) -> None:
    """Hold two simulations equal to the last bit."""
    for field in fields(Simulation):
        values, twins = getattr(one, field.name), getattr(other, field.name)
        assert values.dtype == twins.dtype, field.name
        np.testing.assert_array_equal(values, twins, err_msg=field.name)


def hand_made(prices: list[tuple[float, float, float, float]], **changed: Any) -> pd.DataFrame:
    """Return hourly bars of (open, high, low, close)."""
    columns = dict(zip(("open", "high", "low", "close"), map(list, zip(*prices, strict=True)), strict=True))
    return bars(len(prices)).assign(**columns, **changed)


def market_bars(calendar_name: str, start: str, end: str, seed: int = 0, timeframe: str = "1h") -> pd.DataFrame:
    """Return a random walk over the bars that the calendar expects in [start, end)."""
    hours, length = calendar(calendar_name), Timeframe.parse(timeframe)
    begins, ends = (pd.Timestamp(text, tz="UTC").to_pydatetime() for text in (start, end))
    opens = hours.bar_open_times(length, begins, ends)
    return bars(len(opens), seed=seed).assign(
        open_time=opens, close_time=hours.bar_close(opens, length), timeframe=timeframe
    )


def decisions(n_bars: int, seed: int) -> FloatArray1D:
    """Long and flat by turns of about ten bars."""
    switches = np.random.default_rng(seed).random(n_bars) < 0.1
    return (np.cumsum(switches) % 2).astype(np.float64)


def _distance(highest: float) -> st.SearchStrategy[float]:
    """None, one that puts levels on the coarse price grid (so that they are met exactly), or any."""
    return st.one_of(st.just(math.nan), st.sampled_from([0.02, 0.25, 0.5]), st.floats(0.001, highest))


RULES = st.builds(
    TradingRules,
    fraction=st.sampled_from([1.0, 0.5, 0.1]),
    allow_short=st.sampled_from([True, True, False]),
    stop=_distance(0.5),
    target=_distance(3.0),
    trailing_stop=_distance(0.5),
    initial_equity=st.sampled_from([1_000.0, 10_000.0]),
    lot_step=st.sampled_from([0.0, 0.0, 0.1, 1.0]),
    min_lot=st.sampled_from([0.0, 0.0, 0.0, 1.0]),
)

UNPROTECTED_SHORTS = st.builds(TradingRules, allow_short=st.just(True), lot_step=st.sampled_from([0.0, 1.0]))
"""What a rising market ruins."""

COSTS = st.fixed_dictionaries(
    {name: st.one_of(st.just(0.0), st.floats(0.0, 300.0)) for name in FREE},
    optional={
        "swap_long_bps": st.floats(-300.0, 300.0),
        "swap_short_bps": st.floats(-300.0, 300.0),
        "swap_triple_day": st.sampled_from(["wednesday", "friday"]),
        "funding_bps": st.floats(-100.0, 100.0),
        "borrow_bps_per_year": st.floats(0.0, 100_000.0),
    },
)


@st.composite
def cases(draw: st.DrawFn, rules: st.SearchStrategy[TradingRules] = RULES, trend: float = 0.0) -> Case:
    """Draw bars on a coarse price grid (equal prices and exact ties are common) or a fine one, with all there is.

    `trend` is the growth of a price from one bar to the next, as a logarithm.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_bars = draw(st.sampled_from([1, 2, 7, 8, 64, 120, int(rng.integers(1, 120))]))
    is_coarse, jump = draw(st.booleans()), draw(st.sampled_from([0.05, 0.01, 0.2]))
    prices = np.exp(np.cumsum(rng.normal(trend / 4, jump / 2, 4 * n_bars))).reshape(n_bars, 4) * 100.0
    if is_coarse:
        prices = np.maximum(np.round(prices / 8.0) * 8.0, 8.0)
    timeframe = draw(st.sampled_from(["1h", "4h", "1d"]))
    price_side = draw(st.sampled_from(["bid", "ask", "mid", "trade"]))
    share_with_spread = draw(st.sampled_from([0.0, 0.5]))
    history = bars(n_bars + 6, timeframe=timeframe).drop(index=rng.choice(n_bars + 5, 6, replace=False).tolist())
    history = history.head(n_bars).reset_index(drop=True)
    history = history.assign(
        open=prices[:, 0],
        high=prices.max(axis=1),
        low=prices.min(axis=1),
        close=prices[:, 3],
        spread=np.where(rng.random(n_bars) < share_with_spread, prices[:, 0] * rng.random(n_bars) * 0.05, np.nan),
        price_side=price_side,
    )
    traded = instrument(
        calendar=draw(st.sampled_from(["crypto", "fx"])),
        timeframe=timeframe,
        price_side=price_side,
        costs=draw(st.just(FREE) | COSTS),
    )
    density = draw(st.sampled_from([0.2, 0.8, 0.02]))
    signal = np.where(rng.random(n_bars) < density, rng.choice([1.0, 1.0, -1.0, -1.0, 0.0], n_bars), np.nan)
    return Case(traded, history, signal, draw(rules))
