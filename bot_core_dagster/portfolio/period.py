"""The reviewed month: when it opens and closes, and how its days are sampled.

Belongs here: the boundaries of a month under each sampling. Not here: the day ends themselves (`metrics` samples them,
`backtest` stores them), what was earned in between (`portfolio.performance`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bot_core_dagster.errors import SettingsError, TimeError
from bot_core_dagster.metrics import NEW_YORK, UTC_DAYS, Sampling, day_ends
from bot_core_dagster.settings import Instrument


@dataclass(frozen=True)
class MonthWindow:
    """A month's day ends: those with opens < day_end <= closes, both UTC.

    The day that ends at `opens` is the last one of the month before; its equity is what the month starts from.
    """

    month: str
    sampling: Sampling
    opens: pd.Timestamp
    closes: pd.Timestamp

    @property
    def title(self) -> str:
        """The month in words, e.g. June 2024."""
        return pd.Period(self.month, freq="M").strftime("%B %Y")

    def is_over_at(self, day_end: pd.Timestamp) -> bool:
        """Whether no further day end of the month follows `day_end` (in New York a weekend has none)."""
        return bool(day_ends(day_end, self.closes, self.sampling)[-1] <= day_end)


def portfolio_sampling(instruments: Sequence[Instrument]) -> Sampling:
    """Return the New York days where every instrument is FX or metals, else the UTC days (CONVENTIONS 1).

    Raises
    ------
    SettingsError
        If there is no instrument.
    """
    if not instruments:
        raise SettingsError("a portfolio needs at least one instrument, got none; next: bot-core symbols add BTCUSDT")
    return UTC_DAYS if any(instrument.calendar == "crypto" for instrument in instruments) else NEW_YORK


def month_window(month: str, sampling: Sampling) -> MonthWindow:
    """Return the window of `month` ("YYYY-MM"): 00:00 UTC to 00:00 UTC, or 17:00 to 17:00 New York on the last days.

    Raises
    ------
    TimeError
        If `month` is not of the form YYYY-MM.
    """
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise TimeError(f"expected a month as YYYY-MM, got {month!r}; next: give one like 2024-06")
    first = pd.Timestamp(f"{month}-01")
    after = first + pd.DateOffset(months=1)
    return MonthWindow(month, sampling, _boundary(first, sampling), _boundary(after, sampling))


def _boundary(first_of_month: pd.Timestamp, sampling: Sampling) -> pd.Timestamp:
    hours_before_midnight = (24 - sampling.ends_at_hour) % 24
    day_end = first_of_month - pd.Timedelta(hours=hours_before_midnight)
    return day_end.tz_localize(sampling.zone).tz_convert("UTC")
