"""The state of volatility: how much variance each week and each 15-minute slot of it has.

Belongs here: the random fields that make volatility cluster, the hours and days of the week, the weekly total. Not
here: the returns that are drawn with it (`path`), what is typical of an instrument (`profile`).

Log volatility is a sum of independent stationary noises that forget within hours, days, weeks and months; some are
common to all instruments of a factor, so that markets are wild together. It is drawn apart from the returns: given it,
returns are independent Gaussians, which makes |r| cluster and r itself unpredictable.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from bot_core_dagster.market.simulated.grid import (
    N_WEEKS,
    WEEK_SLOTS,
    WEEKS_PER_YEAR,
    open_slots,
    slots_of_week,
    trading_share,
)
from bot_core_dagster.market.simulated.profile import Profile
from bot_core_dagster.market.simulated.randomness import BoolArray, FloatArray, IntArray, stream

_HOUR: Final = 4
_WEEK: Final = WEEK_SLOTS
COMMON_NOISES: Final = {26 * _WEEK: 0.06, 4 * _WEEK: 0.09, 48 * _HOUR: 0.12, 12 * _HOUR: 0.05, 3 * _HOUR: 0.04}
"""Slots from knot to knot of a noise: its share of the variance of log volatility."""
OWN_NOISES: Final = {13 * _WEEK: 0.03, 24 * _HOUR: 0.05, _HOUR: 0.04}
_CLOSED: Final = 0.03
"""Variance of a closed slot against an average open one: it shows as the gap over a weekend."""

# fmt: off
_HOURS: Final = {
    "crypto": (1.0, .95, .85, .8, .8, .8, .85, .95, 1.05, 1.05, 1.0, 1.0,
               1.1, 1.4, 1.7, 1.6, 1.4, 1.25, 1.15, 1.1, 1.1, 1.05, .95, .95),
    "fx": (.55, .6, .5, .45, .4, .45, .7, 1.4, 1.7, 1.5, 1.2, 1.1,
           1.5, 2.0, 2.1, 1.9, 1.4, .9, .7, .6, .45, .3, .25, .4),
    "metals": (.6, .9, .7, .6, .5, .5, .6, .9, 1.1, 1.1, 1.0, 1.0,
               1.5, 2.4, 2.3, 1.8, 1.4, 1.1, .9, .8, .5, .3, .4, .5),
}
"""Variance of each hour of the day (UTC) against the average."""
# fmt: on
_CRYPTO_WEEKEND: Final = 0.6


@dataclass(frozen=True)
class WeekVolatility:
    """One week; arrays of shape (WEEK_SLOTS,).

    variance : of the log return of each slot
    state : volatility of each slot against the instrument's own average, seasons of the day included
    is_open : slots in trading hours
    """

    variance: FloatArray
    state: FloatArray
    is_open: BoolArray


def log_volatility(seed: int, name: str, noises: dict[int, float], slots: IntArray) -> FloatArray:
    """Return the sum of the noises at the slots, less what makes its expected variance 1, shape (n_slots,)."""
    total = np.zeros(len(slots))
    for spacing, variance in noises.items():
        total += np.sqrt(variance) * stream(seed, name, "volatility", spacing).noise(slots, spacing) - variance
    return total


class Volatility:
    """The volatility of one instrument."""

    def __init__(self, seed: int, profile: Profile) -> None:
        self._seed = seed
        self._profile = profile
        self._season = _season_of_week(profile.calendar)
        self._average_week = profile.volatility**2 / WEEKS_PER_YEAR
        self.weekly_variance = self._weekly_variance()

    def week(self, week: int, common_log_volatility: FloatArray) -> WeekVolatility:
        """Return the volatility of the week; `common_log_volatility` is its factor's, shape (WEEK_SLOTS,)."""
        is_open = open_slots(self._profile.calendar, week)
        own = log_volatility(self._seed, self._profile.symbol, OWN_NOISES, slots_of_week(week))
        weight = np.exp(2 * (own + common_log_volatility)) * np.where(is_open, self._season, _CLOSED)
        variance = weight * (self.weekly_variance[week] / weight.sum())
        state = np.sqrt(variance * (WEEK_SLOTS / self._average_week))
        return WeekVolatility(variance, state, is_open)

    def _weekly_variance(self) -> FloatArray:
        middles = np.arange(N_WEEKS) * WEEK_SLOTS + WEEK_SLOTS // 2
        log_vol = log_volatility(self._seed, self._profile.factor, _slow(COMMON_NOISES), middles)
        log_vol += log_volatility(self._seed, self._profile.symbol, _slow(OWN_NOISES), middles)
        return self._average_week * trading_share(self._profile.calendar) * np.exp(2 * log_vol)


def _slow(noises: dict[int, float]) -> dict[int, float]:
    return {spacing: variance for spacing, variance in noises.items() if spacing >= WEEK_SLOTS}


def _season_of_week(calendar: str) -> FloatArray:
    slot = np.arange(WEEK_SLOTS)
    hour_of_day = (slot / _HOUR) % 24
    season = np.interp(hour_of_day, np.arange(24) + 0.5, _HOURS[calendar], period=24)
    is_weekend = slot < 48 * _HOUR
    return np.where(is_weekend & (calendar == "crypto"), _CRYPTO_WEEKEND * season, season)
