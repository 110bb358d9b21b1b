"""Optimisation: the search for parameters, how much of its result to believe, and what is put in force.

Belongs here: search, trials, walk-forward, the gate, deployed parameters. Not here: the simulation of a grid
(`backtest`), statistical tests (`validation`), what parameters a strategy has (`strategies`).
"""

from bot_core_dagster.optimization.decision import Decision, DeployedParameters
from bot_core_dagster.optimization.gate import decide
from bot_core_dagster.optimization.identity import Origin, Question, code_version, content_of
from bot_core_dagster.optimization.optimizer import optimize_strategy
from bot_core_dagster.optimization.parameters import (
    PARAMETERS,
    deployed_parameters,
    deployed_set,
    deployed_sets,
    history,
    record_decision,
    roll_back,
)
from bot_core_dagster.optimization.record import (
    OPTIMIZATIONS,
    OUT_OF_SAMPLE,
    Candidate,
    optimization_rows,
    out_of_sample_rows,
    stored_candidate,
)
from bot_core_dagster.optimization.result import Evidence, Optimization
from bot_core_dagster.optimization.trials import TRIALS, count_trials, record_trials, trials_of_each, trials_so_far
from bot_core_dagster.optimization.walk_forward import WalkForward
from bot_core_dagster.validation.reason import Reason

__all__ = [
    "OPTIMIZATIONS",
    "OUT_OF_SAMPLE",
    "PARAMETERS",
    "TRIALS",
    "Candidate",
    "Decision",
    "DeployedParameters",
    "Evidence",
    "Optimization",
    "Origin",
    "Question",
    "Reason",
    "WalkForward",
    "code_version",
    "content_of",
    "count_trials",
    "decide",
    "deployed_parameters",
    "deployed_set",
    "deployed_sets",
    "history",
    "optimization_rows",
    "optimize_strategy",
    "out_of_sample_rows",
    "record_decision",
    "record_trials",
    "roll_back",
    "stored_candidate",
    "trials_of_each",
    "trials_so_far",
]
