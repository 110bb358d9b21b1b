"""The bar: the one shape that market data has everywhere in Bot Core.

Belongs here: the columns of a bar frame and what they mean. Not here: who makes bars (`market.source`), which bars are
believed (`market.intake`, `market.quality`), where they are kept (`lake`).
"""

from typing import Final

import pandas as pd

PRICE_COLUMNS: Final = ("open", "high", "low", "close")
VALUE_COLUMNS: Final = (*PRICE_COLUMNS, "volume", "spread")

BAR_COLUMNS: Final = (
    "symbol",
    "timeframe",
    "open_time",
    "close_time",
    *VALUE_COLUMNS,
    "price_side",
    "volume_unit",
    "source",
)
"""A bar frame holds exactly these, with a RangeIndex.

symbol, timeframe : str
open_time, close_time : datetime64[us, UTC]; the bar is [open_time, close_time)
open, high, low, close : float64, price in the quote currency
volume : float64 in `volume_unit`, NaN where the venue gives none
spread : float64, ask minus bid in price units at the bar's open, NaN where unknown
price_side : str, one of PRICE_SIDES
volume_unit : str, one of VOLUME_UNITS
source : str, what made the bar: "simulated", "file:<name>", "ccxt:<exchange>"
"""

PRICE_SIDES: Final = ("bid", "ask", "mid", "trade")
VOLUME_UNITS: Final = ("base", "quote", "ticks", "none")
SIMULATED: Final = "simulated"
"""The value of `source` for bars that no market made; everything derived from them says SIMULATED."""

QUARANTINE_COLUMNS: Final = (*BAR_COLUMNS, "reason", "line", "origin")
"""A quarantined row: the columns of a bar (nullable: what could be read), why it was refused, its line in the file
(NaN where it did not come from one; the first data row's real line number) and what it came from."""


def empty_bars() -> pd.DataFrame:
    """Return a bar frame with no rows and the right types."""
    text = pd.Series(dtype="object")
    time = pd.Series(dtype="datetime64[us, UTC]")
    price = pd.Series(dtype="float64")
    columns = {name: price if name in VALUE_COLUMNS else text for name in BAR_COLUMNS}
    return pd.DataFrame(columns | {"open_time": time, "close_time": time})[list(BAR_COLUMNS)]
