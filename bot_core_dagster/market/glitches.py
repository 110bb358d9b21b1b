"""Price glitches: a decimal point that slipped, and slipped back.

Belongs here: how a glitch is told from a crash. Not here: what is done about it (`market.intake` quarantines it,
`market.quality` fails a series that holds one), ordinary price jumps (`market.quality`).

A jump alone condemns nothing: real crashes are data. A glitch is a price that is 10, 100 or 1000 times what it was
before and is again within three bars, or that fraction of it. Every price of the bars on both sides takes part, so that
neighbours which are themselves partly wrong do not hide it; the first and last bar of a series are never condemned.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from bot_core_dagster.market.bar import PRICE_COLUMNS

_SIDE_BARS: Final = 3
"""Bars looked at on each side, and the most that may be wrong in a row."""
_NEIGHBOURS: Final = np.arange(1, _SIDE_BARS + 1)
_SUSPICIOUS_RATIO: Final = 5.0
"""No price within two bars of another is looked at unless they differ by more than this."""
_TOLERANCE: Final = float(np.log10(1.2))
"""How near to a power of ten, and how near to each other both sides must be (log10)."""
_POWERS: Final = np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


def is_glitch(prices: FloatArray) -> BoolArray:
    """Return whether each bar holds a price condemned by immediate reversal.

    Parameters
    ----------
    prices : ndarray of shape (n_bars, 4)
        Open, high, low and close of possible bars (`market.schema.ROW_RULES`), ascending in time, without duplicates.

    Returns
    -------
    ndarray of bool, shape (n_bars,)
        What remains holds no further glitch: the search is repeated without the bars already condemned.
    """
    condemned = np.zeros(len(prices), dtype=bool)
    while True:
        kept = np.flatnonzero(~condemned)
        found = kept[_glitches_among(prices if len(kept) == len(prices) else prices[kept])]
        if len(found) == 0:
            return condemned
        condemned[found] = True


def _glitches_among(prices: FloatArray) -> npt.NDArray[np.int64]:
    """Return the rows whose neighbours on both sides agree that one of their prices is a power of ten off."""
    rows = _suspicious(prices)
    before, after = (_level(prices, rows[:, None] + side * _NEIGHBOURS) for side in (-1, 1))
    shift = np.log10(prices[rows]) - ((before + after) / 2)[:, None]
    is_power_of_ten = np.abs(shift[:, :, None] - _POWERS) <= _TOLERANCE
    is_condemned = is_power_of_ten.any(axis=(1, 2)) & (np.abs(before - after) <= _TOLERANCE)
    return np.asarray(rows[is_condemned])


def _suspicious(prices: FloatArray) -> npt.NDArray[np.int64]:
    """Return the rows, the first and the last excepted, that are near a price which is far from its neighbours."""
    high, low = prices[:, 1], prices[:, 2]
    is_far = np.maximum(high[1:], high[:-1]) > _SUSPICIOUS_RATIO * np.minimum(low[1:], low[:-1])
    around = np.flatnonzero(is_far)[:, None] + np.arange(1 - _SIDE_BARS, 1 + _SIDE_BARS)
    return np.unique(around[(around > 0) & (around < len(prices) - 1)])


def _level(prices: FloatArray, neighbours: npt.NDArray[np.int64]) -> FloatArray:
    """Return the median log10 price (n_rows,) over the four prices of the neighbours (n_rows, 3), the ends repeated."""
    near = np.log10(prices[np.clip(neighbours, 0, len(prices) - 1)])
    return np.asarray(np.median(near.reshape(-1, _SIDE_BARS * len(PRICE_COLUMNS)), axis=1))
