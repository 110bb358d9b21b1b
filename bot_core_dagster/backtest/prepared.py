"""Prepared bars: everything that a simulation reads of bars and instrument, as contiguous arrays.

Belongs here: prices, offsets to ask and bid, rates, carry, runs, day ends. Not here: the rules that read them
(`backtest.reference`), when financing falls due (`backtest.financing`), indicators (`features`).

Prepared once and shared by every simulation on the same bars. Who pays the spread follows from the declared price side:
a bid is what a seller gets, so only buys pay it; an ask mirrors that; around a mid each side pays half; a trade print
may be either, so it is taken as a mid.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.backtest.financing import Known, carry_of, known_financing
from bot_core_dagster.backtest.simulation import IntArray1D
from bot_core_dagster.errors import QualityError, ShapeError
from bot_core_dagster.features.definition import BarRun
from bot_core_dagster.features.runs import require_series, starts_a_run
from bot_core_dagster.market.calendars import calendar
from bot_core_dagster.market.trading_hours import microseconds
from bot_core_dagster.metrics import NEW_YORK, UTC_DAYS, Sampling, day_ends
from bot_core_dagster.metrics.arrays import BoolArray1D, FloatArray1D
from bot_core_dagster.settings import Costs, Instrument
from bot_core_dagster.timeframe import Timeframe

SPREAD_SHARE: Final = {"bid": (1.0, 0.0), "ask": (0.0, 1.0), "mid": (0.5, 0.5), "trade": (0.5, 0.5)}
"""Share of the spread between a price of that side and the ask, and the bid."""

_LONGEST_CLOSURE: Final = pd.Timedelta(days=14)


@dataclass(frozen=True, eq=False)
class DaySamples:
    """Where equity is sampled: the day ends, and the last bar closed by each.

    name, periods_per_year : of the `metrics.Sampling`
    day_end : DatetimeIndex of shape (n_days + 1,); the first is the one at or before the first bar
    last_bar : int64 ndarray of shape (n_days + 1,), ascending; -1 before the first bar has closed
    """

    name: str
    periods_per_year: int
    day_end: pd.DatetimeIndex
    last_bar: IntArray1D

    @property
    def n_days(self) -> int:
        """Whole days after the first day end."""
        return len(self.last_bar) - 1


@dataclass(frozen=True, eq=False)
class PreparedBars:
    """Bars and costs of one instrument, as C-contiguous arrays of shape (n_bars,) unless they say otherwise.

    symbol, timeframe, calendar_name : what they are of
    open, high, low, close : price of the declared side, finite and positive
    volume : in the venue's unit, NaN where unknown
    open_time_us, close_time_us : microseconds since 1970-01-01 UTC
    runs : the rows of each run of consecutive bars
    may_enter : False on the bar after missing bars
    ask_offset, bid_offset : what is added to a price for the ask, and taken from it for the bid, in price units
    slippage_rate, fee_rate : scalars, fractions of the price and of the notional
    carry_long, carry_short : share of the notional at the last close, charged on a position carried into the bar
    has_carry : whether any of these shares may be other than zero
    is_financing_known : whether these shares are all there is, for longs and for shorts
    day_ends : samplings of the equity; the last one is that of the instrument's own figures
    frame : the bar frame itself, for strategies that read it
    """

    symbol: str
    timeframe: str
    calendar_name: str
    open: FloatArray1D
    high: FloatArray1D
    low: FloatArray1D
    close: FloatArray1D
    volume: FloatArray1D
    open_time_us: IntArray1D
    close_time_us: IntArray1D
    runs: tuple[slice, ...]
    may_enter: BoolArray1D
    ask_offset: FloatArray1D
    bid_offset: FloatArray1D
    slippage_rate: float
    fee_rate: float
    carry_long: FloatArray1D
    carry_short: FloatArray1D
    has_carry: bool
    is_financing_known: Known
    day_ends: tuple[DaySamples, ...]
    frame: pd.DataFrame

    @classmethod
    def of(cls, bars: pd.DataFrame, instrument: Instrument) -> "PreparedBars":
        """Prepare the bars of an instrument.

        Parameters
        ----------
        bars : bar frame
            Closed bars of the instrument, ascending; of one price side.
        instrument : Instrument
            Its costs and trading calendar.

        Raises
        ------
        ShapeError
            If there is no bar, or `bars` mixes instruments or price sides, is of another instrument, or does not
            ascend.
        QualityError
            If a price is not finite and positive, or a spread is negative or as wide as the price.
        """
        _require_bars_of(bars, instrument)
        columns = {name: _contiguous(bars[name]) for name in ("open", "high", "low", "close", "volume")}
        opens = microseconds(pd.DatetimeIndex(bars["open_time"]))
        starts = starts_a_run(bars, instrument.calendar)
        bounds = [0, *np.flatnonzero(starts).tolist(), len(bars)]
        spread = _spread(bars, columns["open"], instrument.costs)
        to_ask, to_bid = SPREAD_SHARE[bars["price_side"].iloc[0]]
        carry = carry_of(opens, instrument.costs)
        prepared = cls(
            symbol=instrument.symbol,
            timeframe=str(bars["timeframe"].iloc[0]),
            calendar_name=instrument.calendar,
            **columns,
            open_time_us=opens,
            close_time_us=microseconds(pd.DatetimeIndex(bars["close_time"])),
            runs=tuple(slice(start, stop) for start, stop in pairwise(bounds)),
            may_enter=~starts,
            ask_offset=spread * to_ask,
            bid_offset=spread * to_bid,
            slippage_rate=instrument.costs.slippage_bps / 10_000,
            fee_rate=instrument.costs.fee_bps / 10_000,
            carry_long=carry.long,
            carry_short=carry.short,
            has_carry=bool(carry.long.any() or carry.short.any()),
            is_financing_known=known_financing(instrument),
            day_ends=_day_samples(bars, instrument),
            frame=bars,
        )
        return prepared._with_sales_above_zero()

    @property
    def n_bars(self) -> int:
        """Number of bars."""
        return len(self.close)

    @property
    def own_days(self) -> DaySamples:
        """The sampling that the instrument's own figures are of."""
        return self.day_ends[-1]

    @cached_property
    def open_time(self) -> pd.DatetimeIndex:
        """When each bar opens, datetime64[us, UTC]."""
        return pd.DatetimeIndex(self.open_time_us.view("M8[us]"), tz="UTC")

    @cached_property
    def close_time(self) -> pd.DatetimeIndex:
        """When each bar closes, datetime64[us, UTC]."""
        return pd.DatetimeIndex(self.close_time_us.view("M8[us]"), tz="UTC")

    def run(self, rows: slice) -> BarRun:
        """Return the bars of one of `runs`, as features take them."""
        prices = (self.open[rows], self.high[rows], self.low[rows], self.close[rows])
        return BarRun(*prices, self.volume[rows], self.open_time_us[rows])

    def costs(self, multiplier: float) -> "PreparedBars":
        """Return these bars at `multiplier` times the costs: 0 for gross, 1 as set, 2 for the stress.

        Fee, spread, slippage and what is paid of the carry are scaled; carry that is got stays as it is.

        Raises
        ------
        QualityError
            If a spread becomes as wide as the price.
        """
        if multiplier == 1.0:
            return self
        scaled = replace(
            self,
            ask_offset=self.ask_offset * multiplier,
            bid_offset=self.bid_offset * multiplier,
            slippage_rate=self.slippage_rate * multiplier,
            fee_rate=self.fee_rate * multiplier,
            carry_long=_scaled_where_paid(self.carry_long, multiplier),
            carry_short=_scaled_where_paid(self.carry_short, multiplier),
        )
        return scaled._with_sales_above_zero()

    def _with_sales_above_zero(self) -> "PreparedBars":
        spread = self.ask_offset + self.bid_offset
        is_bad = (spread < 0.0) | ~(self.open - self.bid_offset - self.open * self.slippage_rate > 0.0)
        if is_bad.any():
            place = int(np.argmax(is_bad))
            raise QualityError(
                f"expected a spread from zero to below the price, got {spread[place]:g} on an open of "
                f"{self.open[place]:g} at {self.open_time[place].isoformat()}; next: correct the spread of these bars"
            )
        return self


def samplings_of(instrument: Instrument) -> tuple[Sampling, ...]:
    """Return how its equity is sampled: UTC days for mixed portfolios, and last the sampling of its own figures."""
    return (UTC_DAYS,) if instrument.calendar == "crypto" else (UTC_DAYS, NEW_YORK)


def _require_bars_of(bars: pd.DataFrame, instrument: Instrument) -> None:
    require_series(bars)
    if len(bars) == 0:
        raise ShapeError(f"{instrument.symbol}: expected bars to backtest, got none; next: collect or import some")
    if bars["symbol"].iloc[0] != instrument.symbol:
        raise ShapeError(
            f"expected bars of {instrument.symbol}, got those of {bars['symbol'].iloc[0]}; next: give its own"
        )
    sides = pd.unique(bars["price_side"])
    if len(sides) != 1:
        raise ShapeError(
            f"{instrument.symbol}: expected bars of one price side, got {', '.join(sides)}; next: import them apart"
        )


def _contiguous(column: pd.Series) -> FloatArray1D:
    return np.ascontiguousarray(column.to_numpy(dtype=np.float64))


def _spread(bars: pd.DataFrame, opens: FloatArray1D, costs: Costs) -> FloatArray1D:
    """Return ask minus bid of each bar: its own where it is known, else that of the settings."""
    own = _contiguous(bars["spread"])
    return np.where(np.isfinite(own), own, opens * (costs.spread_bps / 10_000))


def _scaled_where_paid(carry: FloatArray1D, multiplier: float) -> FloatArray1D:
    return np.where(carry > 0.0, carry * multiplier, carry)


def _day_samples(bars: pd.DataFrame, instrument: Instrument) -> tuple[DaySamples, ...]:
    closes, until = pd.DatetimeIndex(bars["close_time"]), _closed_until(bars, instrument)
    samples = []
    for sampling in samplings_of(instrument):
        ends = day_ends(bars["open_time"].iloc[0], until, sampling)
        last_bar = np.asarray(closes.searchsorted(ends, side="right"), dtype=np.int64) - 1
        samples.append(DaySamples(sampling.name, sampling.periods_per_year, ends, last_bar))
    return tuple(samples)


def _closed_until(bars: pd.DataFrame, instrument: Instrument) -> pd.Timestamp:
    """Return when the next bar is expected to open: equity cannot move before, over a weekend or a holiday."""
    timeframe = Timeframe.parse(str(bars["timeframe"].iloc[0]))
    grid = calendar(instrument.calendar).with_grid_of(pd.DatetimeIndex(bars["open_time"]), timeframe)
    last_close = bars["close_time"].iloc[-1]
    expected = grid.bar_open_times(timeframe, last_close, last_close + _LONGEST_CLOSURE)
    return expected[0] if len(expected) else last_close
