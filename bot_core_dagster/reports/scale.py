"""Logarithmic scales: when one pays, and where its labels stand.

Belongs here: what charts and pictures of equity agree on. Not here: drawing (`reports.canvas`, `reports.chart`).
"""

import math
from typing import Final

_PAYS_FROM: Final = 3.0
"""Highest over lowest: beyond it a linear scale hides the beginning."""

_STEPS: Final = ((1.2, (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0)), (3.0, (1.0, 2.0, 5.0)))
"""Up to so many decades: labels in each of them."""

_MAX_LABELS: Final = 8


def log_scale_pays(lowest: float, highest: float) -> bool:
    """Whether curves between these values are better read on a logarithmic scale; never where one touches zero."""
    return lowest > 0.0 and highest / lowest >= _PAYS_FROM


def log_ticks(lowest: float, highest: float) -> list[float]:
    """Return the labels of a logarithmic scale from `lowest` to `highest`, both above zero: round, and not too many."""
    first, last = math.floor(math.log10(lowest)), math.ceil(math.log10(highest))
    n_decades = math.log10(highest / lowest)
    for up_to, steps in _STEPS:
        if n_decades <= up_to:
            ticks = [step * 10.0**decade for decade in range(first, last + 1) for step in steps]
            return [tick for tick in ticks if lowest <= tick <= highest]
    return [10.0**decade for decade in range(last, first - 1, -math.ceil(n_decades / _MAX_LABELS))][::-1]
