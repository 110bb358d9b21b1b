"""Figures as a reader sees them: money, percentages, ratios, counts, times.

Belongs here: number to text. Not here: the numbers (`portfolio`, `backtest`, `optimization`), where the text stands
(the pages). An undefined figure is "n/a", an unknown cost says so where it stands.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from bot_core_dagster.metrics import Sampling

UNDEFINED: Final = "n/a"
"""What stands for nan: undefined is not zero."""

_HOURS_A_DAY: Final = 24
_SMALLEST_P: Final = 0.001


def money(amount: float, *, signed: bool = False) -> str:
    """Return an amount with two decimals and thousands separators; `signed` shows the plus as well."""
    return _minus(f"{amount:{'+' if signed else ''},.2f}", amount)


def percentage(fraction: float, *, signed: bool = True, decimals: int = 2) -> str:
    """Return a fraction as a percentage, 0.0123 as +1.23 % with a space that does not break."""
    return _minus(f"{100 * fraction:{'+' if signed else ''},.{decimals}f}\u00a0%", fraction)


def share(fraction: float) -> str:
    """Return a share as a whole percentage without a sign, 0.5 as 50 %."""
    return percentage(fraction, signed=False, decimals=0)


def ratio(number: float, *, signed: bool = False, decimals: int = 2) -> str:
    """Return a dimensionless figure with two decimals; losses of models need four."""
    return _minus(f"{number:{'+' if signed else ''}.{decimals}f}", number)


def p_value(probability: float) -> str:
    """Return a p-value with what it is: "p = 0.012", "p < 0.001"."""
    if probability < _SMALLEST_P:
        return f"p < {_SMALLEST_P:g}"
    return f"p = {ratio(probability, decimals=3)}"


def count(number: float) -> str:
    """Return a whole number with thousands separators."""
    return UNDEFINED if math.isnan(number) else _minus(f"{number:,.0f}", number)


def price(level: float) -> str:
    """Return a price with six significant digits, more where its whole part has more: 1.08214, 64,250.1."""
    if math.isnan(level) or level == 0.0:
        return UNDEFINED if math.isnan(level) else "0"
    decimals = max(5 - math.floor(math.log10(abs(level))), 0)
    return _minus(f"{level:,.{decimals}f}", level)


def duration(hours: float) -> str:
    """Return a length of time in the unit that it fills: minutes, hours or days."""
    if hours < 1.0:
        return f"{60 * hours:.0f}\u00a0min"
    if hours < 2 * _HOURS_A_DAY:
        return f"{hours:.1f}\u00a0h"
    return UNDEFINED if math.isnan(hours) else f"{hours / _HOURS_A_DAY:,.1f}\u00a0days"


def parameters(values: Mapping[str, float]) -> str:
    """Return parameters in their own order: "window 14, oversold 30"."""
    return ", ".join(f"{name} {_minus(f'{number:g}', number)}" for name, number in values.items()) or "none"


def counted(number: int, noun: str) -> str:
    """Return a count with its noun, in the plural where it is not one: "1 trade", "1,234 trades"."""
    return f"{count(number)} {noun}{'s' * (number != 1)}"


def day(moment: datetime | None) -> str:
    """Return the date of a day end in its own zone, or "never"."""
    return "never" if moment is None else f"{moment:%Y-%m-%d}"


def minute(moment: datetime) -> str:
    """Return a moment to the minute, with its zone."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def day_end(sampling: Sampling) -> str:
    """Return when the days of a sampling end, e.g. 17:00 New York."""
    return f"{sampling.ends_at_hour:02d}:00 {sampling.zone.rpartition('/')[2].replace('_', ' ')}"


def tone(figure: float) -> str:
    """Return "gain", "loss" or "flat": the CSS class of a figure's colour."""
    if math.isnan(figure) or figure == 0:
        return "flat"
    return "gain" if figure > 0 else "loss"


def _minus(text: str, figure: float) -> str:
    """Return `text` with a true minus sign; none, and no plus, before a figure that is rounded to zero."""
    if math.isnan(figure):
        return UNDEFINED
    return text.replace("-", "−") if any(digit in text for digit in "123456789") else text.lstrip("+-")
