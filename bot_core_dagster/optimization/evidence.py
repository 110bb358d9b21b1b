"""The evidence: how much of a search's winner and of its joined curve to believe.

Belongs here: which returns each test is given, and when one has too little to go by. Not here: the tests themselves
(`metrics`, `validation`), what is decided on them (`optimization.gate`).
"""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from bot_core_dagster import metrics
from bot_core_dagster.features.definition import FloatArray2D
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.optimization.result import Evidence
from bot_core_dagster.optimization.walk_forward import DESIGNS, Traded, WalkForward
from bot_core_dagster.settings import OptimizationSettings
from bot_core_dagster.validation import cost_stress, neighbourhood_stability, pbo, spa_test
from bot_core_dagster.validation.overfitting import MIN_BLOCKS, N_BLOCKS

MIN_BLOCK_DAYS: Final = 5
"""Of the probability of overfitting: a Sharpe ratio of half the blocks needs some days."""


def evidence_of(
    traded: Traded,
    values: FloatArray1D,
    best: int,
    walks: Mapping[str, WalkForward],
    settings: OptimizationSettings,
    n_trials: int,
) -> Evidence:
    """Return the evidence for a winner.

    Parameters
    ----------
    traded : Traded
    values : ndarray of shape (n_sets,)
        Objective of each set, NaN where undefined.
    best : int
        Place of the winner.
    walks : mapping of design to WalkForward
    settings : OptimizationSettings
    n_trials : int
        Distinct trials of the question over all time.
    """
    samples = traded.prepared.own_days
    returns, periods = traded.statistics.daily_returns(), samples.periods_per_year
    headline = walks[DESIGNS[0]].returns
    over_holding = np.column_stack([walk.returns - walk.equal_exposure_returns for walk in walks.values()])
    signal = traded.strategy.signal(traded.bars, traded.prepared.calendar_name, traded.parameter_sets[best])
    n_blocks = blocks_for(samples.n_days) if len(returns) > 1 else 0
    return Evidence(
        n_trials=n_trials,
        deflated_sharpe_ratio=metrics.deflated_sharpe_ratio(
            returns[best], n_trials=n_trials, trial_variance=_variance_of_sharpes(returns)
        ),
        pbo=pbo(returns.T, n_blocks=n_blocks).pbo if n_blocks else math.nan,
        pbo_blocks=n_blocks,
        spa_cash=spa_test(returns.T, np.zeros(samples.n_days), seed=settings.seed),
        spa_buy_and_hold=spa_test(over_holding, np.zeros(len(headline)), seed=settings.seed),
        neighbourhood=neighbourhood_stability(traded.strategy.space, traded.parameter_sets, values, best),
        winner_stress=cost_stress(traded.prepared, signal, traded.rules),
        sharpe=metrics.sharpe_interval(
            headline, periods_per_year=periods, confidence=settings.confidence, seed=settings.seed
        ),
        out_of_sample_deflated_sharpe=metrics.deflated_sharpe_ratio(headline, n_trials=len(walks)),
    )


def blocks_for(n_days: int) -> int:
    """Return into how many blocks so many days are cut: 16, fewer where days are few, 0 under 8 blocks of 5 days."""
    n_blocks = min(N_BLOCKS, n_days // MIN_BLOCK_DAYS // 2 * 2)
    return n_blocks if n_blocks >= MIN_BLOCKS else 0


def _variance_of_sharpes(returns: FloatArray2D) -> float:
    """Return the variance of the sets' Sharpe ratios per day; 0 where fewer than two have one."""
    deviation = returns.std(axis=1, ddof=1)
    does_vary = deviation > 0.0
    sharpes = returns[does_vary].mean(axis=1) / deviation[does_vary]
    return float(sharpes.var(ddof=1)) if len(sharpes) > 1 else 0.0
