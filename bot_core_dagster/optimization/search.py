"""The search: which parameter sets are tried.

Belongs here: the methods of choosing what to try next. Not here: what a set is worth (`optimization.objective`), which
of the tried sets wins (`optimization.optimizer`), the space itself (`strategies.parameters`).

A method returns distinct sets of the space's grid. "grid" spreads them evenly, "random" draws them with equal chances,
"tpe" asks optuna's tree-structured Parzen estimator (Bergstra and others 2011) in batches, so that a batch shares its
indicators; it may find fewer than were asked for. A space with no more sets is tried whole. Optuna is imported on use,
since that takes a while.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from bot_core_dagster.errors import UnknownNameError
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.settings import OptimizationSettings
from bot_core_dagster.strategies.parameters import ParameterSpace

if TYPE_CHECKING:
    import optuna

ParameterSet: TypeAlias = dict[str, float]
Evaluate: TypeAlias = Callable[[Sequence[Mapping[str, float]]], FloatArray1D]
"""Objective of each set, shape (n_sets,), higher is better, NaN where it is undefined."""
Progress: TypeAlias = Callable[[float], None]
"""Told the share that is done, in percent from 0 to 100."""

TPE_BATCH: Final = 20
_STARTUP_SHARE: Final = 4
"""The estimator first draws a quarter of the variations at random: before that it has nothing to go by."""
_PATIENCE: Final = 3
"""The estimator repeats itself where it is sure: it is asked for this many times the variations at most."""


def search(
    space: ParameterSpace, settings: OptimizationSettings, evaluate: Evaluate, progress: Progress
) -> list[ParameterSet]:
    """Return the distinct parameter sets that the method of `settings` tries, at most `parameter_variations` of them.

    Parameters
    ----------
    space : ParameterSpace
        Searched on the grid of its parameters' steps.
    settings : OptimizationSettings
        method, parameter_variations, seed.
    evaluate : callable
        Gives the objective of sets; only methods that learn call it.
    progress : callable
        Told how far a method that learns is.

    Raises
    ------
    UnknownNameError
        If there is no such method; the message lists those there are.
    """
    if settings.method not in METHODS:
        raise UnknownNameError(f"unknown method {settings.method!r}; there are {', '.join(METHODS)}")
    return METHODS[settings.method](space, settings, evaluate, progress)


def _grid(space: ParameterSpace, settings: OptimizationSettings, _: Evaluate, __: Progress) -> list[ParameterSet]:
    return space.grid(settings.parameter_variations)


def _random(space: ParameterSpace, settings: OptimizationSettings, _: Evaluate, __: Progress) -> list[ParameterSet]:
    return space.sample(settings.parameter_variations, np.random.default_rng(settings.seed))


def _tpe(
    space: ParameterSpace, settings: OptimizationSettings, evaluate: Evaluate, progress: Progress
) -> list[ParameterSet]:
    import optuna

    wanted = settings.parameter_variations
    if wanted >= space.n_combinations():
        return space.grid(wanted)
    sampler = optuna.samplers.TPESampler(seed=settings.seed % 2**32, n_startup_trials=max(wanted // _STARTUP_SHARE, 1))
    quiet = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        dialogue = _Dialogue(space, optuna.create_study(direction="maximize", sampler=sampler))
        for _ in range(0, _PATIENCE * wanted, TPE_BATCH):
            dialogue.ask_and_tell(evaluate, min(TPE_BATCH, wanted - len(dialogue.known)))
            progress(100.0 * len(dialogue.known) / wanted)
            if len(dialogue.known) >= wanted:
                break
    finally:
        optuna.logging.set_verbosity(quiet)
    return [dict(zip(space.names, values, strict=True)) for values in dialogue.known]


@dataclass
class _Dialogue:
    """A study that is asked for a batch of sets and told what they are worth, and what is known from it so far."""

    space: ParameterSpace
    study: "optuna.Study"
    known: dict[tuple[float, ...], float] = field(default_factory=dict)

    def ask_and_tell(self, evaluate: Evaluate, n_sets: int) -> None:
        """Ask for a batch, evaluate what is new in it, and tell all of it; a set that breaks a constraint fails."""
        asked = [self._ask() for _ in range(n_sets)]
        allowed = {values for _, values in asked if self._is_allowed(values)}
        new = [
            values for values in dict.fromkeys(values for _, values in asked) if values in allowed - self.known.keys()
        ]
        if new:
            objective = evaluate([dict(zip(self.space.names, values, strict=True)) for values in new])
            self.known |= dict(zip(new, objective.tolist(), strict=True))
        for trial, values in asked:
            self._tell(trial, self.known.get(values, np.nan))

    def _ask(self) -> "tuple[optuna.Trial, tuple[float, ...]]":
        trial = self.study.ask()
        axes = {parameter.name: parameter.values() for parameter in self.space.parameters}
        return trial, tuple(axis[trial.suggest_int(name, 0, len(axis) - 1)] for name, axis in axes.items())

    def _is_allowed(self, values: tuple[float, ...]) -> bool:
        named = dict(zip(self.space.names, values, strict=True))
        return all(constraint.is_met(named) for constraint in self.space.constraints)

    def _tell(self, trial: "optuna.Trial", objective: float) -> None:
        import optuna

        if np.isnan(objective):
            self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            self.study.tell(trial, objective)


METHODS: Final = {"grid": _grid, "random": _random, "tpe": _tpe}
