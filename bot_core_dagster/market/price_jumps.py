"""Price jumps: bars whose return is far outside what their neighbourhood does.

Belongs here: how a jump is told from a lively market. Not here: prices that are wrong by a power of ten
(`market.glitches`), the verdict (`market.quality`). A jump is improbable, not impossible: it is flagged and kept.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

_BLOCK_BARS: Final = 120
_SIGMA_PER_MEDIAN: Final = 1.4826
"""A normal variable's standard deviation over the median of its absolute value: 1 / Φ⁻¹(3/4)."""

FloatArray = npt.NDArray[np.float64]


def is_price_jump(close: FloatArray, follows_missing: npt.NDArray[np.bool_], sigmas: float) -> npt.NDArray[np.bool_]:
    """Return whether each bar's log return is beyond `sigmas` robust standard deviations of its surroundings.

    The scale is a median of absolute returns, so that the jump itself does not raise it; the greatest of that of the
    block of 120 bars, its two neighbours and the whole series, so that a market in turmoil (volatility clusters) is not
    all jumps and a sleeping one's first move is none.

    Parameters
    ----------
    close : ndarray of shape (n_bars,)
        Positive and finite, ascending in time.
    follows_missing : ndarray of bool, shape (n_bars,)
        Returns over missing bars are no one-bar returns: never a jump.
    sigmas : float

    Returns
    -------
    ndarray of bool, shape (n_bars,)
        False for the first bar, and everywhere if prices hardly ever move.
    """
    jumps = np.zeros(len(close), dtype=bool)
    judged = np.flatnonzero(~follows_missing[1:]) + 1
    moves = np.abs(np.log(close[judged] / close[judged - 1]))
    if len(moves) == 0 or not moves.any():
        return jumps
    jumps[judged] = moves > sigmas * _SIGMA_PER_MEDIAN * _local_scale(moves)
    return jumps


def _local_scale(moves: FloatArray) -> FloatArray:
    """Return for each absolute return (n,) the median around it, that of the returns that are not zero at least."""
    overall = float(np.median(moves[moves > 0]))
    n_blocks = max(1, len(moves) // _BLOCK_BARS)
    whole = moves[: n_blocks * _BLOCK_BARS].reshape(n_blocks, -1)
    padded = np.concatenate([[0.0], np.median(whole, axis=1), [0.0]])
    greatest = np.maximum.reduce([padded[:-2], padded[1:-1], padded[2:]])
    block = np.minimum(np.arange(len(moves)) // _BLOCK_BARS, n_blocks - 1)
    return np.asarray(np.maximum(greatest[block], overall))
