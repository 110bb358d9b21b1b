"""Validation: how much of a result is skill.

Belongs here: tests of overfitting, of differences, of look-ahead, and the folds that keep training from testing. Not
here: figures of one curve (`metrics`), simulation (`backtest`), the search for parameters (`optimization`).
"""

from bot_core_dagster.metrics import (
    Interval,
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    probabilistic_sharpe_ratio,
    sharpe_interval,
)
from bot_core_dagster.validation.folds import Fold, SampleFold, purged_splits, walk_forward_splits
from bot_core_dagster.validation.look_ahead import LookAheadReport, check_look_ahead
from bot_core_dagster.validation.loss_difference import DieboldMariano, diebold_mariano
from bot_core_dagster.validation.neighbourhood import neighbourhood_stability
from bot_core_dagster.validation.overfitting import PboResult, pbo
from bot_core_dagster.validation.recomputation import load_function
from bot_core_dagster.validation.sharpe_difference import p_value_of_better, sharpe_difference_interval
from bot_core_dagster.validation.spa import spa_test
from bot_core_dagster.validation.stress import StressedResult, cost_stress
from bot_core_dagster.validation.verdicts import NO_LOOK_AHEAD, VERDICTS, Verdict, backtest_verdicts

__all__ = [
    "NO_LOOK_AHEAD",
    "VERDICTS",
    "DieboldMariano",
    "Fold",
    "Interval",
    "LookAheadReport",
    "PboResult",
    "SampleFold",
    "StressedResult",
    "Verdict",
    "backtest_verdicts",
    "check_look_ahead",
    "cost_stress",
    "deflated_sharpe_ratio",
    "diebold_mariano",
    "expected_maximum_sharpe",
    "load_function",
    "neighbourhood_stability",
    "p_value_of_better",
    "pbo",
    "probabilistic_sharpe_ratio",
    "purged_splits",
    "sharpe_difference_interval",
    "sharpe_interval",
    "spa_test",
    "walk_forward_splits",
]
