"""The price of a simulated instrument, minute by minute.

Belongs here: weekly totals, the minutes bridged between them, highs and lows in a minute, volume, the planted edge.
Not here: the volatility they are drawn with (`volatility`), the bars made of minutes (`aggregate`), faults (`faults`).

The week's total log return is drawn first, from the week's variance; the minutes are then a Brownian bridge from the
week's start to its end. A price at any time is thus a sum over the weeks before it and the minutes of one week. Given
the volatility, log returns are N(-v/2, v) and independent: the price is a martingale. The anchor (the price on 6
January 2024) scales the whole path and leaves returns as they are.

A planted edge moves that share of the variance of an average trading hour from the martingale to a smooth stationary
noise, which wanders about zero within a day: what it will do next can be seen in what it did.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from bot_core_dagster.market.simulated.grid import (
    ANCHOR_WEEK,
    N_WEEKS,
    SLOT_MINUTES,
    WEEK_MINUTES,
    WEEKS_PER_YEAR,
    slots_of_week,
)
from bot_core_dagster.market.simulated.profile import Profile
from bot_core_dagster.market.simulated.randomness import FloatArray, stream
from bot_core_dagster.market.simulated.volatility import COMMON_NOISES, Volatility, WeekVolatility, log_volatility

EDGE_HOURS: Final = 8
"""Hours from knot to knot of the planted component of the log price."""
_TRADING_HOURS_PER_WEEK: Final = {"crypto": 168, "fx": 120, "metals": 115}
_STEPS: Final = np.arange(1, SLOT_MINUTES + 1) / SLOT_MINUTES
_CACHED_WEEKS: Final = 192


@dataclass(frozen=True)
class FactorWeek:
    """What a factor gives its instruments in one week.

    noise : standard normals of shape (WEEK_MINUTES,)
    log_volatility : ndarray of shape (WEEK_SLOTS,)
    """

    noise: FloatArray
    log_volatility: FloatArray


class Factor:
    """What the instruments of a kind have in common."""

    def __init__(self, seed: int, name: str) -> None:
        self._seed = seed
        self.name = name
        self.weekly_noise = stream(seed, name, "weeks").normals(0, N_WEEKS)
        self.week = lru_cache(maxsize=_CACHED_WEEKS)(self._week)

    def _week(self, week: int) -> FactorWeek:
        random = stream(self._seed, self.name, "minutes").block(week)
        return FactorWeek(
            noise=random.standard_normal(WEEK_MINUTES),
            log_volatility=log_volatility(self._seed, self.name, COMMON_NOISES, slots_of_week(week)),
        )


@dataclass(frozen=True)
class MinuteWeek:
    """The minutes of one week; arrays of shape (WEEK_MINUTES,).

    log_open, log_high, log_low, log_close : logarithms of prices in the quote currency
    volume : in the profile's `volume_unit`
    volatility : of its slots
    """

    log_open: FloatArray
    log_high: FloatArray
    log_low: FloatArray
    log_close: FloatArray
    volume: FloatArray
    volatility: WeekVolatility


class Path:
    """The price of one instrument over all time."""

    def __init__(self, seed: int, profile: Profile, factor: Factor, edge: float) -> None:
        self._seed = seed
        self._profile = profile
        self._factor = factor
        self._edge = edge
        self._own_weight = float(np.sqrt(1 - profile.loading**2))
        self._volatility = Volatility(seed, profile)
        own_noise = stream(seed, profile.symbol, "weeks").normals(0, N_WEEKS)
        martingale_variance = (1 - edge) * self._volatility.weekly_variance
        self._weekly_return = np.sqrt(martingale_variance) * self._mixed(factor.weekly_noise, own_noise)
        self._weekly_return -= martingale_variance / 2
        levels = np.concatenate([[0.0], np.cumsum(self._weekly_return)])
        self._log_level = np.log(profile.price) + levels - levels[ANCHOR_WEEK]

    def week(self, week: int) -> MinuteWeek:
        """Return the minutes of the week, closed ones included."""
        shared = self._factor.week(week)
        volatility = self._volatility.week(week, shared.log_volatility)
        random = stream(self._seed, self._profile.symbol, "minutes").block(week)
        noise = self._mixed(shared.noise, random.standard_normal(WEEK_MINUTES))
        path = self._bridge(week, volatility, noise)
        if self._edge > 0:
            path += self._edge_component(week)
        above, below = random.standard_exponential((2, WEEK_MINUTES))
        log_open, log_close = path[:-1], path[1:]
        log_high, log_low = _extremes(log_open, log_close, volatility, above, below)
        volume = self._volume(volatility, random.standard_normal(len(volatility.state)), above + below)
        return MinuteWeek(log_open, log_high, log_low, log_close, volume, volatility)

    def _mixed(self, factor_noise: FloatArray, own_noise: FloatArray) -> FloatArray:
        return np.asarray(self._profile.loading * factor_noise + self._own_weight * own_noise)

    def _bridge(self, week: int, volatility: WeekVolatility, noise: FloatArray) -> FloatArray:
        """Return the martingale's log price at the start of each minute and at the week's end, (WEEK_MINUTES + 1,)."""
        deviation = np.sqrt(volatility.variance * ((1 - self._edge) / SLOT_MINUTES))
        walk = np.cumsum((noise.reshape(-1, SLOT_MINUTES) * deviation[:, None]).ravel())
        elapsed = _elapsed_share(volatility.variance)
        walk += elapsed * (self._weekly_return[week] - walk[-1])
        return np.concatenate([[0.0], walk]) + float(self._log_level[week])

    def _edge_component(self, week: int) -> FloatArray:
        """Return the stationary part of the log price, (WEEK_MINUTES + 1,)."""
        minutes = np.arange(week * WEEK_MINUTES, (week + 1) * WEEK_MINUTES + 1)
        spacing = EDGE_HOURS * 60
        shared = stream(self._seed, self._factor.name, "edge").noise(minutes, spacing)
        own = stream(self._seed, self._profile.symbol, "edge").noise(minutes, spacing)
        hourly_change = np.sqrt(2 - 2 * np.cos(np.pi / 2 / EDGE_HOURS))
        hours_per_year = _TRADING_HOURS_PER_WEEK[self._profile.calendar] * WEEKS_PER_YEAR
        hourly_deviation = self._profile.volatility / np.sqrt(hours_per_year)
        return self._mixed(shared, own) * float(np.sqrt(self._edge) * hourly_deviation / hourly_change)

    def _volume(self, volatility: WeekVolatility, slot_noise: FloatArray, minute_noise: FloatArray) -> FloatArray:
        """Return the volume of each minute: lognormal over slots, larger where the range of the minute is."""
        per_minute = self._profile.volume_per_day / (24 * 60)
        slot = per_minute * volatility.state**1.3 * np.exp(0.35 * slot_noise)
        return (minute_noise.reshape(-1, SLOT_MINUTES) * (slot / 2)[:, None]).ravel()


def _elapsed_share(slot_variance: FloatArray) -> FloatArray:
    """Return the share of the week's variance that has passed by the end of each minute; the last is exactly 1."""
    through = np.cumsum(slot_variance)
    before = through - slot_variance
    share = (before[:, None] + slot_variance[:, None] * _STEPS).ravel() / through[-1]
    share[-1] = 1.0
    return np.asarray(share)


def _extremes(
    log_open: FloatArray, log_close: FloatArray, volatility: WeekVolatility, above: FloatArray, below: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the highest and lowest log price of each minute, given its ends: those of a Brownian bridge.

    `above` and `below` are standard exponentials, shape (WEEK_MINUTES,).

    References
    ----------
    Glasserman, P. (2004). Monte Carlo Methods in Financial Engineering, eq. 6.51.
    """
    change = log_close - log_open
    twice_variance = np.repeat(volatility.variance * (2 / SLOT_MINUTES), SLOT_MINUTES)
    square = change * change
    high = log_open + 0.5 * (change + np.sqrt(square + twice_variance * above))
    low = log_open + 0.5 * (change - np.sqrt(square + twice_variance * below))
    return high, low
