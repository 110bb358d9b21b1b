"""What a strategy is.

Belongs here: the protocol. Not here: a strategy (a file each in `strategies.catalog`), the list of them
(`strategies.registry`), how one is made of thresholds (`strategies.threshold`), of rules
(`strategies.rules`) or of any function (`strategies.free`).
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import pandas as pd

from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies.parameters import ParameterSpace


@runtime_checkable
class Strategy(Protocol):
    """Decides at the close of each bar what to hold from the next bar's open on.

    What it decides at bar t is a function of bars 0..t alone.
    """

    @property
    def name(self) -> str:
        """Its name in settings, tables and reports."""
        ...

    @property
    def description(self) -> str:
        """What it does, in words a user reads."""
        ...

    @property
    def space(self) -> ParameterSpace:
        """Its parameters and what they may be."""
        ...

    def warm_up_bars(self, parameters: Mapping[str, float]) -> int:
        """Return how many bars, none missing, it takes up to and including the first that it can decide at.

        Fewer of them give no decision at all; in markets that close, those of a longer timeframe may take a few less.
        """
        ...

    def signal(self, bars: pd.DataFrame, calendar_name: str, parameters: Mapping[str, float]) -> FloatArray1D:
        """Return the decision at each bar's close.

        Parameters
        ----------
        bars : bar frame
            Of one instrument, ascending.
        calendar_name : str
            The instrument's trading calendar: says which bars are missing.
        parameters : mapping
            Of the strategy's space; what is not given takes its default.

        Returns
        -------
        ndarray of shape (n_bars,)
            1 long, -1 short (flat where shorts are not allowed), 0 flat, NaN: keep what is held.

        Raises
        ------
        ParameterError
            If a parameter is unknown, out of its range or breaks a constraint.
        ShapeError
            If `bars` mixes instruments or does not ascend.
        QualityError
            If a price is not finite and positive.
        """
        ...
