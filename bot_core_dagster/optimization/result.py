"""The result of an optimisation: its trials, its winner, and how much of both to believe.

Belongs here: the shape that is recorded, judged and reported. Not here: how it comes about (`optimization.optimizer`,
`optimization.evidence`), what is decided on it (`optimization.gate`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster import metrics
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.simulation import IntArray1D
from bot_core_dagster.features.definition import FloatArray2D
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.optimization.identity import Origin, Question
from bot_core_dagster.optimization.walk_forward import DESIGNS, WalkForward
from bot_core_dagster.settings import OptimizationSettings
from bot_core_dagster.validation import StressedResult

N_TOP: Final = 10


@dataclass(frozen=True)
class Evidence:
    """How much of the winner and of the joined curve to believe. NaN is undefined.

    n_trials : distinct trials of the question over all time
    deflated_sharpe_ratio : of the in-sample winner, for `n_trials` trials
    pbo : probability of backtest overfitting; pbo_blocks: the blocks it is of, 0 where there are too few days or trials
    spa_cash : p-value that no trial beats cash in sample
    spa_buy_and_hold : p-value that no design's joined curve beats buy and hold of equal exposure
    neighbourhood : mean objective of the winner's tried neighbours over its own
    winner_stress : the winner's figures in sample at once and twice the costs
    sharpe : interval of the annualised Sharpe ratio of the joined curve
    out_of_sample_deflated_sharpe : of the joined curve, for as many trials as designs
    """

    n_trials: int
    deflated_sharpe_ratio: float
    pbo: float
    pbo_blocks: int
    spa_cash: float
    spa_buy_and_hold: float
    neighbourhood: float
    winner_stress: tuple[StressedResult, ...]
    sharpe: metrics.Interval
    out_of_sample_deflated_sharpe: float


@dataclass(frozen=True, eq=False)
class Optimization:
    """One search over one strategy, instrument and range of bars.

    question, origin : what was asked, and of what the answer is made
    settings : OptimizationSettings
    trials : DataFrame of shape (n_sets, 24), the columns of `trials.TRIALS`, in the order tried
    parameter_sets : of each trial
    daily_returns : ndarray of shape (n_sets, n_days), in sample, net of costs
    day_end : DatetimeIndex of shape (n_days,)
    buy_and_hold_returns : ndarray of shape (n_days,), bought at the first open of a whole day, at cost, and held
    best : place of the winner: the highest objective of the sets with `min_trades` closed trades, else of all; the
        first on ties
    walk_forward : by design; the first of `walk_forward.DESIGNS` is the headline
    sampling, periods_per_year : of the days
    is_simulated : whether any bar was made by the simulated source
    is_financing_known : whether the settings say what holding costs, in each direction that is traded
    """

    question: Question
    origin: Origin
    settings: OptimizationSettings
    trials: pd.DataFrame
    parameter_sets: Sequence[Mapping[str, float]]
    daily_returns: FloatArray2D
    day_end: pd.DatetimeIndex
    buy_and_hold_returns: FloatArray1D
    best: int
    walk_forward: Mapping[str, WalkForward]
    evidence: Evidence
    sampling: str
    periods_per_year: int
    is_simulated: bool
    is_financing_known: bool

    @property
    def rules(self) -> TradingRules:
        """The trading rules of every trial."""
        return self.origin.rules

    @property
    def best_parameters(self) -> dict[str, float]:
        """The parameters of the winner."""
        return dict(self.parameter_sets[self.best])

    @property
    def best_performance(self) -> float:
        """The winner's objective in sample: the best of many, and so too good."""
        return float(self.trials["objective_value"].iloc[self.best])

    @property
    def best_returns(self) -> FloatArray1D:
        """The winner's daily returns in sample, shape (n_days,)."""
        best: FloatArray1D = self.daily_returns[self.best]
        return best

    @property
    def n_variations(self) -> int:
        """Parameter sets tried in this search."""
        return len(self.parameter_sets)

    @property
    def headline(self) -> WalkForward:
        """The joined out-of-sample curve that stands for the search."""
        return self.walk_forward[DESIGNS[0]]

    @property
    def sharpe_ratio(self) -> float:
        """Annualised Sharpe ratio of the headline."""
        return metrics.sharpe_ratio(self.headline.returns, periods_per_year=self.periods_per_year)

    def ranking(self) -> IntArray1D:
        """Return the places of the trials, the winner's first: few trades come late, no objective comes last."""
        values = self.trials["objective_value"].to_numpy()
        has_few = self.trials["n_trades"].to_numpy() < self.settings.min_trades
        return np.lexsort((-values, has_few, np.isnan(values)))

    def top(self, n: int = N_TOP) -> pd.DataFrame:
        """Return the first `n` trials of the ranking, the winner first."""
        return self.trials.iloc[self.ranking()[:n]].reset_index(drop=True)
