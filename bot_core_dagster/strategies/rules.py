"""The form of a strategy that says how sure it is and why: rules over the bars and a longer timeframe.

Belongs here: its shape. Not here: the rules (`strategies.catalog`), the bars of both timeframes
(`strategies.two_timeframes`), the first of several rules that matches (`strategies.opinions`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies.opinions import Opinions
from bot_core_dagster.strategies.parameters import ParameterSpace
from bot_core_dagster.strategies.two_timeframes import CONFIRMATION_RATIO, TwoTimeframes


@dataclass(frozen=True)
class RuleStrategy:
    """A strategy whose decisions are the confident ones of its opinions.

    name, description : as in settings and reports
    space : its parameters
    judge : of prepared bars and complete parameters, its opinions
    warm_up : of complete parameters: bars, and bars of the confirming timeframe, up to and including the first at which
        every indicator is defined; 0 for a timeframe that it does not read
    """

    name: str
    description: str
    space: ParameterSpace
    judge: Callable[[TwoTimeframes, Mapping[str, float]], Opinions]
    warm_up: Callable[[Mapping[str, float]], tuple[int, int]]

    def warm_up_bars(self, parameters: Mapping[str, float]) -> int:
        """Return how many bars it takes up to and including the first that it can have an opinion at.

        Of a market that never closes, with a confirming timeframe four times as long whose first bar is whole after
        one bar.
        """
        n_bars, n_confirming = self.warm_up(self.space.complete(parameters))
        return max(n_bars, (n_confirming - 1) * CONFIRMATION_RATIO + 1)

    def opinions(self, bars: pd.DataFrame, calendar_name: str, parameters: Mapping[str, float]) -> Opinions:
        """Return its opinion at each bar's close.

        Parameters
        ----------
        bars : bar frame
            Of one instrument, ascending.
        calendar_name : str
            The instrument's trading calendar.
        parameters : mapping
            Of the strategy's space; what is not given takes its default.

        Raises
        ------
        ParameterError
            If a parameter is unknown, out of its range or breaks a constraint, or no timeframe confirms that of `bars`.
        ShapeError
            If `bars` mixes instruments or does not ascend.
        QualityError
            If a price is not finite and positive.
        """
        return self.opinions_on(TwoTimeframes(bars, calendar_name), parameters)

    def opinions_on(self, frames: TwoTimeframes, parameters: Mapping[str, float]) -> Opinions:
        """Return its opinion at each bar's close of prepared bars, which several strategies may share."""
        values = self.space.complete(parameters)
        key = (self.name, *values.values())
        return frames.remembered(key, lambda: self.judge(frames, values))

    def signal(self, bars: pd.DataFrame, calendar_name: str, parameters: Mapping[str, float]) -> FloatArray1D:
        """Return 1 and -1 where its opinion is confident, NaN (keep what is held) elsewhere; see `Strategy.signal`."""
        return self.opinions(bars, calendar_name, parameters).signal()
