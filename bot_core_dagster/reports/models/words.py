"""Words that several pictures of models say: whether a loss beats the base rate, and that bars are simulated.

Belongs here: sentences over the figures of models. Not here: number to text (`reports.figures`), sentences of other
results (`reports.words`).
"""

import math
from typing import Final

from bot_core_dagster.reports.figures import ratio

LOSS_DECIMALS: Final = 4
"""Hourly direction sits near the base rate: with two decimals every model is alike."""


def loss(nats: float, *, signed: bool = False) -> str:
    """Return a log loss or a Brier score with as many decimals as it needs."""
    return ratio(nats, signed=signed, decimals=LOSS_DECIMALS)


def marked(title: str, *, is_simulated: bool) -> str:
    """Return the title, SIMULATED first where it is so."""
    return f"SIMULATED: {title}" if is_simulated else title


def against_base_rate(log_loss: float, base_rate: float) -> str:
    """Return by how much a log loss beats that of the base rate, or how it does not."""
    gain = base_rate - log_loss
    if math.isnan(gain):
        return "not comparable with the base rate"
    if gain == 0.0:
        return "as good as the base rate"
    return f"{loss(abs(gain))} {'better' if gain > 0.0 else 'worse'} than the base rate"
