"""Financing: what it costs to carry a position from one bar into the next.

Belongs here: swap, funding and borrow as shares of the notional. Not here: fees, spread and slippage of fills
(`backtest.prepared`), when it is charged within a bar (`backtest.reference`).

A charge that falls due at T is paid by a position that is held at T: opened before T and carried to T or beyond. A bar
that opens at T is after it. So the carry into bar t is all that falls due after the open of bar t-1 and up to the open
of bar t, weekends and missing bars included. A charge inside of a bar is not paid by a position that leaves in it.

Swap falls due at 17:00 New York from Monday to Friday, on the instrument's triple day three times (for the weekend);
holidays, which brokers count differently, move nothing. Funding falls due at 00:00, 08:00 and 16:00 UTC, paid by longs
and got by shorts where it is positive. Borrow falls due all the time. What is unknown is charged as zero and named
unknown.
"""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from bot_core_dagster.backtest.simulation import IntArray1D
from bot_core_dagster.market.trading_hours import microseconds
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.metrics.equity import DAYS_PER_YEAR
from bot_core_dagster.metrics.sampling import NEW_YORK
from bot_core_dagster.settings import Costs, Instrument

_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday")
_DAY_US: Final = 86_400_000_000
_FUNDING_US: Final = 8 * 3_600_000_000


class Known(NamedTuple):
    """Whether the financing of long and of short positions is known."""

    long: bool
    short: bool


class Carry(NamedTuple):
    """Share of the notional at the last close that a position carried into each bar is charged, shape (n_bars,)."""

    long: FloatArray1D
    short: FloatArray1D


def known_financing(instrument: Instrument) -> Known:
    """Return for which directions the settings say what holding costs.

    FX and metals need the swap of that direction, a perpetual (its symbol contains ":") needs the funding, spot crypto
    needs the borrow for shorts and nothing for longs.
    """
    costs = instrument.costs
    if instrument.calendar != "crypto":
        return Known(costs.swap_long_bps is not None, costs.swap_short_bps is not None)
    if ":" in instrument.symbol:
        return Known(costs.funding_bps is not None, costs.funding_bps is not None)
    return Known(True, costs.borrow_bps_per_year is not None)


def carry_of(open_time_us: IntArray1D, costs: Costs) -> Carry:
    """Return what carrying a position into each bar costs, as shares of its notional; negative is got.

    Parameters
    ----------
    open_time_us : int ndarray of shape (n_bars,)
        Microseconds since 1970-01-01 UTC, ascending.
    costs : Costs
        All of it that is not None is charged.

    Returns
    -------
    Carry
        Zero at the first bar: nothing is carried into it.
    """
    long, short = np.zeros(len(open_time_us)), np.zeros(len(open_time_us))
    if costs.swap_long_bps or costs.swap_short_bps:
        nights = np.diff(_nights_until(open_time_us, costs.swap_triple_day))
        long[1:] += nights * ((costs.swap_long_bps or 0.0) / 10_000)
        short[1:] += nights * ((costs.swap_short_bps or 0.0) / 10_000)
    if costs.funding_bps:
        times = np.diff(open_time_us // _FUNDING_US) * (costs.funding_bps / 10_000)
        long[1:] += times
        short[1:] -= times
    if costs.borrow_bps_per_year:
        years = np.diff(open_time_us) / (_DAY_US * DAYS_PER_YEAR)
        short[1:] += years * (costs.borrow_bps_per_year / 10_000)
    return Carry(long, short)


def _nights_until(open_time_us: IntArray1D, triple_day: str) -> FloatArray1D:
    """Return the nights charged at or before each open since some week before the first, shape (n_bars,)."""
    if len(open_time_us) == 0:
        return np.zeros(0)
    first, last = (pd.Timestamp(int(edge), unit="us", tz=NEW_YORK.zone) for edge in open_time_us[[0, -1]])
    local_days = pd.date_range(first.tz_localize(None).normalize(), last.tz_localize(None).normalize(), freq="B")
    due = (local_days + pd.Timedelta(hours=NEW_YORK.ends_at_hour)).tz_localize(NEW_YORK.zone)
    nights = np.where(local_days.dayofweek == _WEEKDAYS.index(triple_day), 3.0, 1.0)
    charged = np.concatenate([[0.0], nights.cumsum()])
    upto: FloatArray1D = charged[microseconds(due).searchsorted(open_time_us, side="right")]
    return upto
