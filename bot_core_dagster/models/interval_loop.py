"""The loop of adaptive intervals, compiled, beside a twin that can be read.

Belongs here: one horizon's rows in order of time. Not here: scores and bounds (`models.intervals`, which imports this
module on use: numba takes a while to load).

The level is kept within 0 and 1, and the rank within the scores that there are: beyond the largest score nothing is
known, and an infinite interval helps nobody.
"""

import math
from bisect import insort
from typing import TypeAlias

import numpy as np

from bot_core_dagster.backtest.compiling import compiled
from bot_core_dagster.metrics.arrays import FloatArray1D, IntArray1D

Rates: TypeAlias = tuple[int, int, float, float]
"""Scores looked at, scores needed, learning rate, share of misses aimed at."""


@compiled
def _replace(ordered: FloatArray1D, old: float, new: float) -> None:
    """Put a new score in the place of an old one and keep the order: what lies between the two moves by one."""
    place, last = int(np.searchsorted(ordered, old)), len(ordered) - 1
    while place < last and ordered[place + 1] < new:
        ordered[place] = ordered[place + 1]
        place += 1
    while place > 0 and ordered[place - 1] > new:
        ordered[place] = ordered[place - 1]
        place -= 1
    ordered[place] = new


@compiled
def pass_rows(
    scores: FloatArray1D,
    rows: IntArray1D,
    horizon: int,
    rates: Rates,
    widening: FloatArray1D,
    level: FloatArray1D,
) -> None:
    """Fill widening and level of each row from the scores of rows that lie `horizon` bars back or more.

    A score above what its own interval was widened by was a miss.
    """
    n_scores, needed, rate, aimed = rates
    ordered, queue = np.empty(n_scores), np.empty(n_scores)
    n_known, oldest, following, now = 0, 0, 0, aimed
    for row in range(len(rows)):
        while following < row and rows[following] + horizon <= rows[row]:
            score = scores[following]
            if not np.isnan(score):
                if n_known == n_scores:
                    _replace(ordered, queue[oldest], score)
                    queue[oldest] = score
                    oldest = (oldest + 1) % n_scores
                else:
                    ordered[n_known] = np.inf
                    _replace(ordered[: n_known + 1], np.inf, score)
                    queue[n_known] = score
                    n_known += 1
                is_miss = 1.0 if score > widening[following] else 0.0
                now = min(max(now + rate * (aimed - is_miss), 0.0), 1.0)
            following += 1
        level[row] = now
        widening[row] = 0.0
        if n_known >= needed:
            rank = int(math.ceil((1.0 - now) * (n_known + 1)))  # noqa: RUF046  (a float to numba)
            widening[row] = ordered[min(max(rank, 1), n_known) - 1]


def pass_rows_readably(
    scores: FloatArray1D, rows: IntArray1D, horizon: int, rates: Rates
) -> tuple[FloatArray1D, FloatArray1D]:
    """Return widening and level as `pass_rows` fills them."""
    n_scores, needed, rate, aimed = rates
    widening, level = np.zeros(len(rows)), np.zeros(len(rows))
    known: list[float] = []
    now, learned_from = aimed, 0
    for row in range(len(rows)):
        came = [old for old in range(learned_from, row) if rows[old] + horizon <= rows[row]]
        for old in came:
            learned_from = old + 1
            if math.isfinite(scores[old]):
                known.append(float(scores[old]))
                now = min(max(now + rate * (aimed - float(scores[old] > widening[old])), 0.0), 1.0)
        latest: list[float] = []
        for score in known[-n_scores:]:
            insort(latest, score)
        level[row] = now
        if len(latest) >= needed:
            rank = min(max(math.ceil((1.0 - now) * (len(latest) + 1)), 1), len(latest))
            widening[row] = latest[rank - 1]
    return widening, level
