"""The probability of backtest overfitting: how often the best in one half of the days is below the middle in the other.

Belongs here: combinatorially symmetric cross-validation of daily returns. Not here: the trials (`optimization`), the
deflated Sharpe ratio (`metrics.significance`), which judges the winner alone.

All C(S, S/2) splits of 1,000 trials are 13 million Sharpe ratios. Half of all blocks are half of the early ones
and half of the late ones, in all combinations: the sums of every subset of either are tabled once, and each split adds
two rows of the tables. What is in sample in one split is out of sample in its complement, so each is computed once.
Ratios that agree to nine decimals are ties: all trials with one trade in a half have the same, up to the last bits.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import FloatArray1D, FloatArray2D, IntArray1D
from bot_core_dagster.metrics.benchmark import beta

N_BLOCKS: Final = 16
MIN_BLOCKS: Final = 8
MAX_BLOCKS: Final = 20
"""184,756 splits; each two blocks more make nearly four times as many."""

_CHUNK: Final = 131_072
"""Sharpe ratios computed at once: what a processor's cache holds."""
_STEPS: Final = 2.0**30
"""A ratio in so many steps to one: what differs by less is a tie."""
_SAME: Final = 1e-12
"""Returns that vary by a smaller share of themselves do not vary: what is left is rounding."""


@dataclass(frozen=True, eq=False)
class PboResult:
    """What became of the best in sample, over all splits.

    pbo : share of splits where it was at or below the middle out of sample; NaN without a split that has a best
    loss_share : share of splits where its Sharpe ratio out of sample was below zero
    degradation_slope : of its Sharpe ratio out of sample on that in sample (least squares); NaN where that is constant
    n_trials, n_blocks, n_splits, n_days : trials counted, blocks, splits, days used of those given

    Of shape (n_splits,), NaN in splits where no trial has a Sharpe ratio in sample:

    logits : log(ω / (1 - ω)) of its relative rank ω out of sample
    in_sample, out_of_sample : its Sharpe ratio per day; that out of sample NaN where it did not vary
    """

    pbo: float
    loss_share: float
    degradation_slope: float
    n_trials: int
    n_blocks: int
    n_splits: int
    n_days: int
    logits: FloatArray1D
    in_sample: FloatArray1D
    out_of_sample: FloatArray1D


def pbo(daily_returns: FloatArray2D, n_blocks: int = N_BLOCKS) -> PboResult:
    """Return the probability of backtest overfitting by combinatorially symmetric cross-validation.

    Parameters
    ----------
    daily_returns : ndarray of shape (n_days, n_trials)
        Net simple returns of every trial that was tried, those that never traded too. A trial without a Sharpe ratio
        (it does not vary, or holds a NaN) ranks last, yet is counted.
    n_blocks : int
        Even, from 8 to 20: days are cut into so many even blocks, the oldest n_days mod n_blocks left out.

    Returns
    -------
    PboResult
        On pure noise `pbo` is about .5. Ties get mean ranks; of equals in sample, the first is taken.

    Raises
    ------
    ShapeError
        If there are fewer than two trials or two days a block, or the number of blocks is not one of those allowed.

    References
    ----------
    Bailey, D. H., Borwein, J., López de Prado, M., Zhu, Q. J. (2017). The Probability of Backtest Overfitting. Journal
    of Computational Finance 20(4).
    """
    _require_enough(daily_returns, n_blocks)
    n_days, n_trials = len(daily_returns) // n_blocks * n_blocks, daily_returns.shape[1]
    sums = _BlockSums.of(daily_returns[len(daily_returns) - n_days :].reshape(n_blocks, -1, n_trials))
    ranks, chosen, later = _of_the_best(sums, n_blocks, n_trials)
    relative = ranks / (n_trials + 1.0)
    logits = np.log(relative / (1.0 - relative))
    in_sample, out_of_sample = sums.sharpe(chosen), sums.sharpe(later)
    return PboResult(
        pbo=_share_below(logits, 0.0, or_equal=True),
        loss_share=_share_below(out_of_sample, 0.0, or_equal=False),
        degradation_slope=_slope(in_sample, out_of_sample),
        n_trials=n_trials,
        n_blocks=n_blocks,
        n_splits=len(logits),
        n_days=n_days,
        logits=logits,
        in_sample=in_sample,
        out_of_sample=out_of_sample,
    )


def _require_enough(daily_returns: FloatArray2D, n_blocks: int) -> None:
    if n_blocks % 2 or not MIN_BLOCKS <= n_blocks <= MAX_BLOCKS:
        raise ShapeError(f"expected an even number of blocks from {MIN_BLOCKS} to {MAX_BLOCKS}, got {n_blocks}")
    if daily_returns.ndim != 2 or daily_returns.shape[0] < 2 * n_blocks or daily_returns.shape[1] < 2:
        raise ShapeError(
            f"expected two or more trials (columns) over {2 * n_blocks} or more days (rows), got shape "
            f"{daily_returns.shape}; next: more days, or fewer blocks"
        )


@dataclass(frozen=True, eq=False)
class _BlockSums:
    """Sums of returns and of their squares over every subset of the early and of the late blocks.

    early, late, early_squares, late_squares : ndarray of shape (2 ** (n_blocks / 2), n_trials), by bit mask of blocks
    n_half : days in sample, and as many out of sample
    """

    early: FloatArray2D
    late: FloatArray2D
    early_squares: FloatArray2D
    late_squares: FloatArray2D
    n_half: int

    @classmethod
    def of(cls, blocks: NDArray[np.float64]) -> "_BlockSums":
        """Return the tables of blocks of shape (n_blocks, days a block, n_trials)."""
        half = len(blocks) // 2
        sums, squares = blocks.sum(axis=1), np.square(blocks).sum(axis=1)
        return cls(
            early=_subset_sums(sums[:half]),
            late=_subset_sums(sums[half:]),
            early_squares=_subset_sums(squares[:half]),
            late_squares=_subset_sums(squares[half:]),
            n_half=half * blocks.shape[1],
        )

    def scores(self, early: IntArray1D, late: IntArray1D) -> FloatArray2D:
        """Return Σr / √Σr² of each split and trial, which grows with the Sharpe ratio, as a whole number of steps.

        Of shape (n_splits, n_trials); -inf where there is no ratio.
        """
        squares = self.early_squares[early]
        squares += self.late_squares[late]
        found = self.early[early]
        found += self.late[late]
        with np.errstate(divide="ignore", invalid="ignore"):
            found /= np.sqrt(squares, out=squares)
        np.square(found, out=squares)
        found *= _STEPS
        np.rint(found, out=found)
        found[~(squares < self.n_half * (1.0 - _SAME))] = -np.inf
        return found

    def sharpe(self, scores: FloatArray1D) -> FloatArray1D:
        """Return the Sharpe ratios per day (ddof 1) that scores stand for, NaN for -inf."""
        known = np.where(np.isinf(scores), np.nan, scores / _STEPS)
        n_half = self.n_half
        ratios: FloatArray1D = known * np.sqrt((n_half - 1.0) / (1.0 - known**2 / n_half)) / n_half
        return ratios


def _subset_sums(blocks: FloatArray2D) -> FloatArray2D:
    """Return the sum of every subset of blocks, shape (2 ** n_blocks, n_trials): bit b of the row says if b is in."""
    sums = np.zeros((1, blocks.shape[1]))
    for block in blocks:
        sums = np.concatenate([sums, sums + block])
    return sums


def _of_the_best(sums: _BlockSums, n_blocks: int, n_trials: int) -> tuple[FloatArray1D, FloatArray1D, FloatArray1D]:
    """Return the rank out of sample and both scores of each split's best: the splits, then their complements."""
    masks = np.array([1 + sum(1 << block for block in others) for others in _others(n_blocks)])
    all_early = (1 << n_blocks // 2) - 1
    early, late = masks & all_early, masks >> n_blocks // 2
    n_splits = len(masks)
    found = np.empty((3, 2 * n_splits))
    for start in range(0, n_splits, max(_CHUNK // n_trials, 1)):
        rows = slice(start, min(start + max(_CHUNK // n_trials, 1), n_splits))
        here = sums.scores(early[rows], late[rows])
        there = sums.scores(all_early ^ early[rows], all_early ^ late[rows])
        found[:, rows] = _ranked(here, there)
        found[:, n_splits + rows.start : n_splits + rows.stop] = _ranked(there, here)
    ranks, chosen, later = found
    return ranks, chosen, later


def _others(n_blocks: int) -> Iterator[tuple[int, ...]]:
    """Yield which blocks are in sample beside block 0; each split without it is the complement of one with it."""
    return combinations(range(1, n_blocks), n_blocks // 2 - 1)


def _ranked(in_sample: FloatArray2D, out_of_sample: FloatArray2D) -> FloatArray2D:
    """Return rank out of sample, score in sample and score out of sample of each split's best, shape (3, n_splits)."""
    best = in_sample.argmax(axis=1)
    place = np.arange(len(best))
    chosen, later = in_sample[place, best], out_of_sample[place, best]
    n_worse = np.count_nonzero(out_of_sample < later[:, None], axis=1)
    n_equal = np.count_nonzero(out_of_sample == later[:, None], axis=1)
    ranks = n_worse + (n_equal + 1) / 2.0
    ranks[np.isinf(chosen)] = np.nan
    return np.stack([ranks, chosen, np.where(np.isinf(chosen), -np.inf, later)])


def _share_below(values: FloatArray1D, limit: float, *, or_equal: bool) -> float:
    known = values[~np.isnan(values)]
    is_below = known <= limit if or_equal else known < limit
    return float(is_below.mean()) if len(known) else math.nan


def _slope(in_sample: FloatArray1D, out_of_sample: FloatArray1D) -> float:
    known = ~np.isnan(in_sample) & ~np.isnan(out_of_sample)
    return beta(out_of_sample[known], in_sample[known])
