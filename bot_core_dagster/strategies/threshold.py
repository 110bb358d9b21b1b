"""The plain form of a strategy: one indicator, one threshold to enter and one to leave.

Belongs here: its shape and its decisions. Not here: indicators and their parameters (`strategies.catalog`), rules over
two timeframes (`strategies.rules`), the kernels that run a grid of these without making signals (`backtest`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.features.definition import BarRun
from bot_core_dagster.features.runs import require_series, unbroken_runs
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies.parameters import ParameterSpace


@dataclass(frozen=True)
class ThresholdStrategy:
    """Enters where an indicator reaches one threshold, leaves where it reaches the other.

    name, description : as in settings and reports
    space : its parameters
    indicator_parameters : the parameters that the indicator reads; a grid computes each distinct set of them once
    enters : "below" enters at or below the enter threshold and leaves at or above the exit threshold; "above" the
        other way round
    indicator : of one run of bars and complete parameters, shape (n_bars,), NaN where undefined: no decision there
    thresholds : of complete parameters: (enter, exit)
    warm_up : of complete parameters: bars up to and including the first that has an indicator value
    """

    name: str
    description: str
    space: ParameterSpace
    indicator_parameters: tuple[str, ...]
    enters: Literal["below", "above"]
    indicator: Callable[[BarRun, Mapping[str, float]], FloatArray1D]
    thresholds: Callable[[Mapping[str, float]], tuple[float, float]]
    warm_up: Callable[[Mapping[str, float]], int]

    def warm_up_bars(self, parameters: Mapping[str, float]) -> int:
        """Return how many bars, none missing, it takes up to and including the first that it can decide at."""
        return self.warm_up(self.space.complete(parameters))

    def normal_indicator(self, run: BarRun, parameters: Mapping[str, float]) -> FloatArray1D:
        """Return the indicator of a run as the kernels compare it: low enters, high leaves, whatever `enters` says.

        Parameters
        ----------
        run : BarRun
        parameters : mapping
            Complete (`ParameterSpace.complete`): they are not checked again here.

        Raises
        ------
        ShapeError
            If the indicator gave another number of values than bars.
        """
        values = self.indicator(run, parameters)
        if values.shape != (run.n_bars,):
            raise ShapeError(
                f"{self.name}: expected one indicator value for each of {run.n_bars} bars, got shape {values.shape}; "
                "next: correct the strategy's indicator"
            )
        return -values if self.enters == "above" else values

    def normal_thresholds(self, parameters: Mapping[str, float]) -> tuple[float, float]:
        """Return (enter, exit) as `normal_indicator` is compared with them, of complete parameters."""
        enter, leave = self.thresholds(parameters)
        return (-enter, -leave) if self.enters == "above" else (enter, leave)

    def signal(self, bars: pd.DataFrame, calendar_name: str, parameters: Mapping[str, float]) -> FloatArray1D:
        """Return the decision at each bar's close; see `Strategy.signal`.

        1 at or beyond the enter threshold, which wins over the exit where both are reached; else -1 at or beyond the
        exit threshold; NaN between them and where the indicator is undefined. After missing bars the indicator starts
        again as at the beginning.
        """
        values = self.space.complete(parameters)
        require_series(bars)
        enter, leave = self.normal_thresholds(values)
        signal = np.full(len(bars), np.nan)
        for rows, run in unbroken_runs(bars, calendar_name):
            level = self.normal_indicator(run, values)
            signal[rows] = np.where(level <= enter, 1.0, np.where(level >= leave, -1.0, np.nan))
        return signal
