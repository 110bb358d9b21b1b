"""Stochastic oscillator: buy where the close stands at the foot of its range.

Belongs here: its parameters, thresholds and rules. Not here: the indicator (`features.catalog.stochastic`), the rules
that every oscillator from 0 to 100 shares (`strategies.oscillator`).
"""

import operator
from collections.abc import Mapping
from typing import Final

from bot_core_dagster.features.catalog.stochastic import slow_stochastic
from bot_core_dagster.features.definition import BarRun
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies.oscillator import IN_ORDER, Oscillator
from bot_core_dagster.strategies.parameters import Constraint, Parameter, ParameterSpace
from bot_core_dagster.strategies.rules import RuleStrategy
from bot_core_dagster.strategies.threshold import ThresholdStrategy

_WINDOWS: Final = (
    Parameter("k_window", 14, 5, 50, 3, True, "bars of the range"),
    Parameter("d_window", 3, 2, 6, 1, True, "bars of each of the two averages that make %D"),
)


def _slow_d(run: BarRun, parameters: Mapping[str, float]) -> FloatArray1D:
    return slow_stochastic(run, int(parameters["k_window"]), int(parameters["d_window"]))[1]


def _warm_up(parameters: Mapping[str, float]) -> int:
    return int(parameters["k_window"] + 2 * (parameters["d_window"] - 1))


PLAIN: Final = ThresholdStrategy(
    name="stochastic",
    description="Long when the slow %D closes at or below oversold, out when it closes at or above overbought",
    space=ParameterSpace(
        (
            *_WINDOWS,
            Parameter("oversold", 15.0, 5.0, 50.0, 5.0, False, "slow %D at or below which it enters"),
            Parameter("overbought", 85.0, 50.0, 95.0, 5.0, False, "slow %D at or above which it leaves"),
        ),
        (Constraint("oversold < overbought", ("oversold", "overbought"), operator.lt),),
    ),
    indicator_parameters=("k_window", "d_window"),
    enters="below",
    indicator=_slow_d,
    thresholds=lambda parameters: (parameters["oversold"], parameters["overbought"]),
    warm_up=_warm_up,
)

RULES: Final = RuleStrategy(
    name="stochastic_rules",
    description="Long when a low slow %D turns up while the longer timeframe's is low too; short the other way round",
    space=ParameterSpace(
        (
            *_WINDOWS,
            Parameter("oversold", 15.0, 10.0, 45.0, 5.0, False, "slow %D that counts as low"),
            Parameter("overbought", 85.0, 55.0, 90.0, 5.0, False, "slow %D that counts as high"),
            Parameter("extreme_oversold", 10.0, 5.0, 40.0, 5.0, False, "slow %D that counts as very low"),
            Parameter("extreme_overbought", 90.0, 60.0, 95.0, 5.0, False, "slow %D that counts as very high"),
        ),
        IN_ORDER,
    ),
    judge=Oscillator("%D", "stochastic_d", _slow_d).judge,
    warm_up=lambda parameters: (_warm_up(parameters) + 1, _warm_up(parameters)),
)
