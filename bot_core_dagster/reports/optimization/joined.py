"""A walk-forward as it is shown: its curves, and each fold with what was chosen on it.

Belongs here: which curves under which names, folds with their parameters. Not here: drawing (`folds_picture`,
`charts`), the walk-forward (`optimization.walk_forward`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.optimization.result import Optimization
from bot_core_dagster.reports.optimization.headline import objective_figure


@dataclass(frozen=True, eq=False)
class JoinedCurve:
    """Equity at day ends, from 1 on: time and equity of shape (n_days + 1,)."""

    name: str
    time: pd.DatetimeIndex
    equity: FloatArray1D


@dataclass(frozen=True, eq=False)
class FoldRow:
    """One fold.

    train, test : DatetimeIndex of shape (2,), from when to when
    chosen : the parameters, None where no set was worth anything
    train_worth : their objective in training, as text
    """

    train: pd.DatetimeIndex
    test: pd.DatetimeIndex
    chosen: Mapping[str, float] | None
    train_worth: str
    test_return: float


def joined_curves(optimization: Optimization) -> list[JoinedCurve]:
    """Return buy and hold, the curve at twice the costs, those of the other designs, and the headline's, drawn last."""
    walked = optimization.headline
    named = [("Buy and hold", walked.design, walked.buy_and_hold_returns)]
    named += [("At 2 × costs", walked.design, walked.double_cost_returns)]
    named += [
        (f"{name.capitalize()} folds", name, other.returns)
        for name, other in optimization.walk_forward.items()
        if name != walked.design
    ]
    named += [("Out of sample", walked.design, walked.returns)]
    return [
        JoinedCurve(name, _time(optimization, design), np.concatenate([[1.0], np.cumprod(1.0 + returns)]))
        for name, design, returns in named
    ]


def fold_rows(optimization: Optimization, design: str) -> list[FoldRow]:
    """Return the folds of a design in their order."""
    return [
        FoldRow(
            train=pd.DatetimeIndex([fold["train_start"], fold["train_end"]]),
            test=pd.DatetimeIndex([fold["test_start"], fold["test_end"]]),
            chosen=optimization.parameter_sets[fold["trial"]] if fold["trial"] >= 0 else None,
            train_worth=objective_figure(optimization, fold["train_objective"]),
            test_return=fold["test_return"],
        )
        for fold in optimization.walk_forward[design].folds.to_dict("records")
    ]


def _time(optimization: Optimization, design: str) -> pd.DatetimeIndex:
    """Return when the first test begins, then each day's end."""
    walked = optimization.walk_forward[design]
    return pd.DatetimeIndex([walked.folds["test_start"].iloc[0], *walked.day_end])
