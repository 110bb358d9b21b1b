"""RSI: buy what was sold too far.

Belongs here: its parameters, thresholds and rules. Not here: the indicator (`features.catalog.rsi`, for searches over
long series `strategies.rsi_loop`), the rules that every oscillator from 0 to 100 shares (`strategies.oscillator`).
"""

import operator
from collections.abc import Mapping
from typing import Final

from bot_core_dagster.features.catalog.rsi import wilder_rsi
from bot_core_dagster.features.definition import BarRun
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies.oscillator import IN_ORDER, Oscillator
from bot_core_dagster.strategies.parameters import Constraint, Parameter, ParameterSpace
from bot_core_dagster.strategies.rsi_loop import relative_strength_index
from bot_core_dagster.strategies.rules import RuleStrategy
from bot_core_dagster.strategies.threshold import ThresholdStrategy

_WINDOW: Final = Parameter("window", 14, 2, 50, 3, True, "Wilder's smoothing length in bars")


def _index(run: BarRun, parameters: Mapping[str, float]) -> FloatArray1D:
    return wilder_rsi(run.close, int(parameters["window"]))


def _index_of_long_series(run: BarRun, parameters: Mapping[str, float]) -> FloatArray1D:
    return relative_strength_index(run.close, int(parameters["window"]))


def _warm_up(parameters: Mapping[str, float]) -> int:
    return int(parameters["window"]) + 1


PLAIN: Final = ThresholdStrategy(
    name="rsi",
    description="Long when the RSI closes at or below oversold, out when it closes at or above overbought",
    space=ParameterSpace(
        (
            _WINDOW,
            Parameter("oversold", 30.0, 5.0, 50.0, 5.0, False, "RSI at or below which it enters"),
            Parameter("overbought", 70.0, 50.0, 95.0, 5.0, False, "RSI at or above which it leaves"),
        ),
        (Constraint("oversold < overbought", ("oversold", "overbought"), operator.lt),),
    ),
    indicator_parameters=("window",),
    enters="below",
    indicator=_index_of_long_series,
    thresholds=lambda parameters: (parameters["oversold"], parameters["overbought"]),
    warm_up=_warm_up,
)

RULES: Final = RuleStrategy(
    name="rsi_rules",
    description="Long when a low RSI turns up while the longer timeframe's is low too; short the other way round",
    space=ParameterSpace(
        (
            _WINDOW,
            Parameter("oversold", 30.0, 10.0, 45.0, 5.0, False, "RSI that counts as low"),
            Parameter("overbought", 70.0, 55.0, 90.0, 5.0, False, "RSI that counts as high"),
            Parameter("extreme_oversold", 20.0, 5.0, 40.0, 5.0, False, "RSI that counts as very low"),
            Parameter("extreme_overbought", 80.0, 60.0, 95.0, 5.0, False, "RSI that counts as very high"),
        ),
        IN_ORDER,
    ),
    judge=Oscillator("RSI", "rsi", _index).judge,
    warm_up=lambda parameters: (_warm_up(parameters) + 1, _warm_up(parameters)),
)
