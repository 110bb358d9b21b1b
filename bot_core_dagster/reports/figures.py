"""Figures as a reader sees them: money, percentages, ratios, dates.

Belongs here: number to text. Not here: the numbers (`portfolio`), where the text stands (`reports.page`).
"""

import math
from datetime import datetime
from typing import Final

from bot_core_dagster.metrics import Sampling

UNDEFINED: Final = "n/a"
"""What stands for nan: undefined is not zero."""


def money(amount: float, *, signed: bool = False) -> str:
    """Return an amount with two decimals and thousands separators; `signed` shows the plus as well."""
    return _minus(f"{amount:{'+' if signed else ''},.2f}", amount)


def percentage(fraction: float, *, signed: bool = True, decimals: int = 2) -> str:
    """Return a fraction as a percentage, 0.0123 as +1.23 % with a space that does not break."""
    return _minus(f"{100 * fraction:{'+' if signed else ''},.{decimals}f}\u00a0%", fraction)


def ratio(number: float) -> str:
    """Return a dimensionless figure with two decimals."""
    return _minus(f"{number:.2f}", number)


def day(moment: datetime | None) -> str:
    """Return the date of a day end in its own zone, or "never"."""
    return "never" if moment is None else f"{moment:%Y-%m-%d}"


def day_end(sampling: Sampling) -> str:
    """Return when the days of a sampling end, e.g. 17:00 New York."""
    return f"{sampling.ends_at_hour:02d}:00 {sampling.zone.rpartition('/')[2].replace('_', ' ')}"


def tone(figure: float) -> str:
    """Return "gain", "loss" or "flat": the CSS class of a figure's colour."""
    if math.isnan(figure) or figure == 0:
        return "flat"
    return "gain" if figure > 0 else "loss"


def _minus(text: str, figure: float) -> str:
    return UNDEFINED if math.isnan(figure) else text.replace("-", "−")
