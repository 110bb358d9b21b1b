"""Bars out of simulated minutes.

Belongs here: first, highest, lowest, last and sum over the open minutes of each bar, and rounding. Not here: the
minutes (`path`), which bars there are (`market.calendars`), the resampling of bars that exist (`market.resample`).

Bars of every timeframe are made of the same minutes, so a 1h bar equals its sixty 1m bars resampled.
"""

import numpy as np

from bot_core_dagster.market.simulated.grid import SLOT_MINUTES, WEEK_MINUTES
from bot_core_dagster.market.simulated.path import MinuteWeek
from bot_core_dagster.market.simulated.profile import Profile
from bot_core_dagster.market.simulated.randomness import FloatArray, IntArray


def bars_of_week(minutes: MinuteWeek, profile: Profile, first: IntArray, after: IntArray) -> dict[str, FloatArray]:
    """Return open, high, low, close, volume and spread of the bars that open in the week.

    Parameters
    ----------
    minutes : MinuteWeek
    profile : Profile
    first, after : ndarray of shape (n_bars,)
        First minute of each bar in the week, and the one after its last; ascending, at least one of them open. Minutes
        beyond the week's end are left out: only bars of closed markets reach there.

    Returns
    -------
    dict of ndarray of shape (n_bars,)
    """
    opens = np.flatnonzero(np.repeat(minutes.volatility.is_open, SLOT_MINUTES))
    start = np.searchsorted(opens, first)
    end = np.searchsorted(opens, np.minimum(after, WEEK_MINUTES))
    edges = np.column_stack([start, end]).ravel()

    def over(function: np.ufunc, minute_values: FloatArray) -> FloatArray:
        padded = np.append(minute_values[opens], 0.0)
        reduced: FloatArray = function.reduceat(padded, edges)[::2]
        return reduced

    step = _volume_step(profile)
    open_ = np.exp(minutes.log_open[opens[start]])
    state = minutes.volatility.state[opens[start] // SLOT_MINUTES]
    return {
        "open": _rounded(open_, profile),
        "high": _rounded(np.exp(over(np.maximum, minutes.log_high)), profile),
        "low": _rounded(np.exp(over(np.minimum, minutes.log_low)), profile),
        "close": _rounded(np.exp(minutes.log_close[opens[end - 1]]), profile),
        "volume": np.round(over(np.add, np.ceil(minutes.volume / step)) * step, 3),
        "spread": _rounded(open_ * (profile.spread_bps / 10_000) * np.clip(np.sqrt(state), 0.5, 5.0), profile),
    }


def _rounded(prices: FloatArray, profile: Profile) -> FloatArray:
    """Return prices on the tick, at least one tick."""
    return np.maximum(np.round(prices, profile.decimals), 10.0**-profile.decimals)


def _volume_step(profile: Profile) -> float:
    """Return one tick, or a thousandth of the base currency."""
    return 1.0 if profile.volume_unit == "ticks" else 0.001
