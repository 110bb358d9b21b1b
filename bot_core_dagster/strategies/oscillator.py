"""Rules that every oscillator from 0 to 100 shares: bought when low and turning up, sold when high and turning down.

Belongs here: these rules and their parameters' constraints. Not here: the oscillators (`strategies.catalog.rsi`,
`strategies.catalog.stochastic`), the rules of other strategies (a file each in `strategies.catalog`).
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from bot_core_dagster.features.definition import BarRun
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies.opinions import LONG, NEUTRAL, SHORT, Opinions, Rule, first_match, unknown
from bot_core_dagster.strategies.parameters import Constraint
from bot_core_dagster.strategies.two_timeframes import Indicators, TwoTimeframes, before

IN_ORDER: Final = (
    Constraint("extreme_oversold <= oversold", ("extreme_oversold", "oversold"), operator.le),
    Constraint("oversold < overbought", ("oversold", "overbought"), operator.lt),
    Constraint("overbought <= extreme_overbought", ("overbought", "extreme_overbought"), operator.le),
)
_MIDDLE: Final = 50.0


@dataclass(frozen=True)
class Oscillator:
    """An oscillator of one run of bars.

    label : what a reader calls it: "RSI"
    key : its name among the indicators
    level : of a run and complete parameters, shape (n_bars,), 0 to 100, NaN where undefined
    """

    label: str
    key: str
    level: Callable[[BarRun, Mapping[str, float]], FloatArray1D]

    def judge(self, frames: TwoTimeframes, parameters: Mapping[str, float]) -> Opinions:
        """Return the opinions at each bar's close; the parameters are the four levels and the oscillator's own."""

        def level_and_before(run: BarRun) -> tuple[FloatArray1D, ...]:
            level = self.level(run, parameters)
            return level, before(level)

        indicators = frames.of_bars((self.key, f"{self.key}_before"), level_and_before)
        indicators |= frames.of_confirming_bars((f"confirming_{self.key}",), lambda run: (self.level(run, parameters),))
        return first_match(self.rules_of(indicators, parameters, frames.confirming), indicators)

    def rules_of(self, indicators: Indicators, parameters: Mapping[str, float], longer: str) -> list[Rule]:
        """Return the rules in their order.

        Parameters
        ----------
        indicators : dict of ndarrays of shape (n_bars,)
            The level, the level one bar before and that of the last closed confirming bar, in that order.
        parameters : mapping
            Complete.
        longer : str
            The confirming timeframe, for the words.
        """
        level, _, confirming = indicators.values()
        words = f"{self.label} {{{self.key}:.1f}}"
        longer_words = f"{longer} {self.label} {{confirming_{self.key}:.1f}}"
        is_calm = (np.abs(level - _MIDDLE) < 10.0) & (np.abs(confirming - _MIDDLE) < 15.0)
        return [
            unknown(indicators),
            *_sides(indicators, parameters, words, longer_words),
            Rule(NEUTRAL, 0.65, f"{words} within 10 of 50 and {longer_words} within 15", is_calm),
            Rule(NEUTRAL, 0.45, f"no rule matches {words} and {longer_words}", np.ones(len(level), dtype=np.bool_)),
        ]


def _sides(indicators: Indicators, parameters: Mapping[str, float], words: str, longer_words: str) -> list[Rule]:
    """Return the rules that take a side, the surest first: one table."""
    level, last, confirming = indicators.values()
    oversold, overbought = parameters["oversold"], parameters["overbought"]
    very_low, very_high = parameters["extreme_oversold"], parameters["extreme_overbought"]
    turns_up, turns_down = (level > last) & (confirming < _MIDDLE), (level < last) & (confirming > _MIDDLE)
    is_very_low = (level <= very_low) & (level >= last) & (confirming <= oversold)
    is_very_high = (level >= very_high) & (level <= last) & (confirming >= overbought)
    is_lowish, is_highish = (level > oversold) & (level < _MIDDLE), (level > _MIDDLE) & (level < overbought)
    below, above = f"rising; {longer_words} < 50", f"falling; {longer_words} > 50"
    table = [
        (LONG, 0.87, f"<= {very_low:g} and not falling; {longer_words} <= {oversold:g}", is_very_low),
        (SHORT, 0.87, f">= {very_high:g} and not rising; {longer_words} >= {overbought:g}", is_very_high),
        (LONG, 0.73, f"<= {oversold:g} and {below}", (level <= oversold) & turns_up),
        (SHORT, 0.73, f">= {overbought:g} and {above}", (level >= overbought) & turns_down),
        (LONG, 0.51, f"between {oversold:g} and 50 and {below}", is_lowish & turns_up),
        (SHORT, 0.51, f"between 50 and {overbought:g} and {above}", is_highish & turns_down),
    ]
    return [Rule(direction, confidence, f"{words} {why}", matches) for direction, confidence, why, matches in table]
