"""The unit of a volume, told by bars with one price.

Belongs here: the evidence. Not here: what a format documents of its volume (one file per format).

Trades come in round quantities. A bar with one price P has a volume in the base currency that is round itself, or one
in the quote currency that is P times a round quantity, which by chance next to never happens.
"""

from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.market.formats.raw_bars import Fact

_STEP: Final = 1e-4
"""The finest quantity that tells: finer ones divide any volume."""
_TOLERANCE: Final = 1e-5
_MIN_BARS: Final = 3
_MIN_PRICE: Final = 100.0
"""A round base volume is P times a round quantity in one of P cases."""


def volume_unit_of(values: pd.DataFrame) -> Fact | None:
    """Return "quote" where the volumes of all bars with one price are that price times a round quantity, else None.

    Parameters
    ----------
    values : DataFrame
        With open, high, low, close and volume.
    """
    close = values["close"].to_numpy()
    is_flat = ((values["high"] == values["low"]) & (values["volume"] > 0)).to_numpy() & (close >= _MIN_PRICE)
    steps = values["volume"].to_numpy()[is_flat] / close[is_flat] / _STEP
    if len(np.unique(close[is_flat])) < _MIN_BARS or np.any(np.abs(steps - np.round(steps)) > _TOLERANCE):
        return None
    return Fact("quote", f"in all {is_flat.sum()} bars with one price, volume / price is a round quantity")
