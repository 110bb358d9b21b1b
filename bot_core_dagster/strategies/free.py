"""The free form of a strategy: any function of bars and parameters.

Belongs here: its shape, and the refusal of a signal that is none. Not here: what has one indicator and two thresholds
(`strategies.threshold`: much faster in grids), rules with a confidence (`strategies.rules`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.features.runs import require_series
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies.parameters import ParameterSpace


@dataclass(frozen=True)
class SignalStrategy:
    """A strategy that a function decides.

    name, description : as in settings and reports
    space : its parameters
    decide : of bars, the trading calendar's name and complete parameters: the signal, shape (n_bars,), in which the
        value of bar t reads bars 0..t alone (`Strategy.signal`)
    warm_up : of complete parameters: bars up to and including the first that it can decide at
    """

    name: str
    description: str
    space: ParameterSpace
    decide: Callable[[pd.DataFrame, str, Mapping[str, float]], FloatArray1D]
    warm_up: Callable[[Mapping[str, float]], int]

    def warm_up_bars(self, parameters: Mapping[str, float]) -> int:
        """Return how many bars, none missing, it takes up to and including the first that it can decide at."""
        return self.warm_up(self.space.complete(parameters))

    def signal(self, bars: pd.DataFrame, calendar_name: str, parameters: Mapping[str, float]) -> FloatArray1D:
        """Return the decision at each bar's close; see `Strategy.signal`.

        Raises
        ------
        ShapeError
            Also if the function gave another number of values than bars, or one that is neither 1, 0, -1 nor NaN.
        """
        values = self.space.complete(parameters)
        require_series(bars)
        signal = np.asarray(self.decide(bars, calendar_name, values), dtype=np.float64)
        if signal.shape != (len(bars),) or not (np.isin(signal, (-1.0, 0.0, 1.0)) | np.isnan(signal)).all():
            raise ShapeError(
                f"{self.name}: expected 1, 0, -1 or NaN for each of {len(bars)} bars, got shape {signal.shape} with "
                f"values like {signal.ravel()[:3]}; next: correct the strategy's function"
            )
        return signal
