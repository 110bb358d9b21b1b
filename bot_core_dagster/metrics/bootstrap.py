"""The stationary bootstrap: which periods each resample is made of.

Belongs here: drawing the indices. Not here: how long blocks should be (`metrics.block_length`), what is computed on
the resamples (`metrics.interval`, `validation.sharpe_difference`, `validation.spa`).
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import IntArray2D

N_RESAMPLES: Final = 1_000
_CHUNK: Final = 32_768
"""Indices drawn at once: what a processor's cache holds, and all that memory has to."""


def stationary_resamples(
    n_periods: int, *, block_length: float, seed: int, n_resamples: int = N_RESAMPLES
) -> Iterator[IntArray2D]:
    """Yield the periods that each resample takes, some resamples at a time.

    A block begins at a random period and goes on, around the end to the beginning, with a probability of
    1 - 1 / block_length after each period.

    Parameters
    ----------
    n_periods : int
        Of the series, and of each resample.
    block_length : float
        Expected length of a block in periods, 1 or more.
    seed : int
        The same seed, lengths and number give the same resamples.
    n_resamples : int

    Yields
    ------
    int64 ndarray of shape (n_some, n_periods)
        Indices from 0 to n_periods - 1; n_resamples rows in all.

    Raises
    ------
    ShapeError
        If there is no period, no resample, or the block length is below 1 or NaN.

    References
    ----------
    Politis, D. N., Romano, J. P. (1994). The Stationary Bootstrap. JASA 89(428).
    """
    if n_periods < 1 or n_resamples < 1 or not block_length >= 1.0:
        raise ShapeError(
            "expected one or more periods and resamples and blocks of one or more periods, got "
            f"{n_periods} periods, {n_resamples} resamples, block length {block_length:g}; next: give a longer history"
        )
    rng = np.random.default_rng(seed)
    n_at_once = max(_CHUNK // n_periods, 1)
    for done in range(0, n_resamples, n_at_once):
        yield _draw(rng, min(n_at_once, n_resamples - done), n_periods, 1.0 / block_length)


def _draw(rng: np.random.Generator, n_resamples: int, n_periods: int, chance_of_end: float) -> IntArray2D:
    begins = rng.random((n_resamples, n_periods)) < chance_of_end
    begins[:, 0] = True
    places = np.flatnonzero(begins)
    n_places = n_resamples * n_periods
    firsts = rng.integers(0, n_periods, len(places))
    drawn = np.repeat(firsts - places, np.diff(places, append=n_places)) + np.arange(n_places)
    drawn -= n_periods * (drawn >= n_periods)
    return drawn.reshape(n_resamples, n_periods)
