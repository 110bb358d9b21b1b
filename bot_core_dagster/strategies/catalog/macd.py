"""MACD: go with a momentum that gathers.

Belongs here: its parameters, thresholds and rules. Not here: the moving averages (TA-Lib), the feature columns
(`features.catalog.macd`).

The histogram is always that of prices over the average true range of 14 bars, so that one threshold fits every
instrument and year: the median of |histogram| / ATR is .13 on hours and on 4 hours of BTCUSDT and EURUSD alike.
"""

import operator
from collections.abc import Mapping
from typing import Final

import numpy as np
import talib

from bot_core_dagster.features.definition import BarRun, ratio
from bot_core_dagster.metrics.arrays import BoolArray1D, FloatArray1D
from bot_core_dagster.strategies.opinions import LONG, NEUTRAL, SHORT, Opinions, Rule, first_match, unknown
from bot_core_dagster.strategies.parameters import Constraint, Parameter, ParameterSpace
from bot_core_dagster.strategies.rules import RuleStrategy
from bot_core_dagster.strategies.threshold import ThresholdStrategy
from bot_core_dagster.strategies.two_timeframes import Indicators, TwoTimeframes, before

_GROWS: Final = 1.1
"""How much larger than one bar before the histogram must be for the weakest rule."""

_SIDES: Final = ((LONG, "bullish"), (SHORT, "bearish"))
_PARAMETERS: Final = (
    Parameter("fast", 12, 4, 20, 2, True, "bars of the fast exponential average"),
    Parameter("slow", 26, 14, 62, 4, True, "bars of the slow exponential average"),
    Parameter("signal", 9, 3, 21, 3, True, "bars of the signal line's exponential average"),
    Parameter("threshold", 0.05, 0.0, 0.5, 0.05, False, "histogram over the ATR of 14 bars that counts"),
)
_IN_ORDER: Final = (Constraint("fast < slow", ("fast", "slow"), operator.lt),)


def _histogram(run: BarRun, parameters: Mapping[str, float]) -> FloatArray1D:
    """Return the histogram over the average true range; NaN where the price never moved."""
    spans = (int(parameters[name]) for name in ("fast", "slow", "signal"))
    return ratio(talib.MACD(run.close, *spans)[2], run.atr_14)


def _warm_up(parameters: Mapping[str, float]) -> int:
    return max(int(parameters["slow"] + parameters["signal"]) - 1, 15)  # bars of an ATR of 14


def _judge(frames: TwoTimeframes, parameters: Mapping[str, float]) -> Opinions:
    def histogram_and_before(run: BarRun) -> tuple[FloatArray1D, ...]:
        histogram = _histogram(run, parameters)
        return histogram, before(histogram)

    names = ("macd_hist_per_atr", "macd_hist_per_atr_before")
    indicators = frames.of_bars(names, histogram_and_before)
    indicators |= frames.of_confirming_bars([f"confirming_{name}" for name in names], histogram_and_before)
    return first_match(rules_of(indicators, parameters, frames.confirming), indicators)


def rules_of(indicators: Indicators, parameters: Mapping[str, float], longer: str) -> list[Rule]:
    """Return the rules in their order; each short rule is the long one of the histograms turned upside down.

    Parameters
    ----------
    indicators : dict of ndarrays of shape (n_bars,)
        The histogram over the ATR, that of one bar before, and the same two of the last closed confirming bar: in that
        order.
    parameters : mapping
        Complete.
    longer : str
        The confirming timeframe, for the words.
    """
    threshold = parameters["threshold"]
    now, last, confirming, confirming_last = indicators.values()
    words = "histogram/ATR {macd_hist_per_atr:+.3f} after {macd_hist_per_atr_before:+.3f}, "
    words += f"{longer} {{confirming_macd_hist_per_atr:+.3f}}"
    bullish = _tiers(now, last, confirming, confirming_last, threshold)
    bearish = _tiers(-now, -last, -confirming, -confirming_last, threshold)
    rules = [
        Rule(direction, confidence, f"{side}: {why}; {words}", matches)
        for tiers in zip(bullish, bearish, strict=True)
        for (direction, side), (confidence, why, matches) in zip(_SIDES, tiers, strict=True)
    ]
    is_quiet = (np.abs(now) < threshold) & (np.abs(confirming) < 2.0 * threshold)
    return [
        unknown(indicators),
        *rules,
        Rule(NEUTRAL, 0.65, f"within {threshold:g} of 0, {longer} within {2 * threshold:g}; {words}", is_quiet),
        Rule(NEUTRAL, 0.45, f"no rule matches; {words}", np.ones(len(now), dtype=np.bool_)),
    ]


def _tiers(
    now: FloatArray1D, last: FloatArray1D, confirming: FloatArray1D, confirming_last: FloatArray1D, threshold: float
) -> list[tuple[float, str, BoolArray1D]]:
    """Return confidence, words and matches of the three tiers of the long side, the surest first."""
    crosses = (now > 0.0) & (last <= 0.0)
    gathers, confirming_gathers = now > last, confirming > confirming_last
    is_strong, is_confirming_strong = now > threshold, confirming > threshold
    both_gather = is_strong & gathers & is_confirming_strong & confirming_gathers
    return [
        (
            0.89,
            f"crosses its signal line, both timeframes gather and the longer is beyond {threshold:g}",
            crosses & gathers & is_confirming_strong & confirming_gathers,
        ),
        (
            0.71,
            f"crosses while the longer timeframe gathers, or both gather beyond {threshold:g}",
            (crosses & confirming_gathers) | both_gather,
        ),
        (
            0.55,
            f"gathers by over a tenth, the longer timeframe not beyond {threshold:g} against it",
            gathers & (now > 0.0) & (now > _GROWS * last) & ~(confirming < -threshold),
        ),
    ]


PLAIN: Final = ThresholdStrategy(
    name="macd",
    description="Long when the MACD histogram over the ATR closes at or above threshold, out at or below -threshold",
    space=ParameterSpace(
        _PARAMETERS,
        _IN_ORDER,
    ),
    indicator_parameters=("fast", "slow", "signal"),
    enters="above",
    indicator=_histogram,
    thresholds=lambda parameters: (parameters["threshold"], -parameters["threshold"]),
    warm_up=_warm_up,
)

RULES: Final = RuleStrategy(
    name="macd_rules",
    description="Long when the MACD crosses or gathers upwards while the longer timeframe's does; short mirrors it",
    space=ParameterSpace(
        _PARAMETERS,
        _IN_ORDER,
    ),
    judge=_judge,
    warm_up=lambda parameters: (_warm_up(parameters) + 1, _warm_up(parameters) + 1),
)
