"""Bollinger bands: buy what fell out of a band that holds, go with a band that breaks.

Belongs here: its parameters, thresholds and rules. Not here: average and deviation (`features.catalog.bollinger`).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from bot_core_dagster.features.catalog.bollinger import middle_and_deviation
from bot_core_dagster.features.definition import BarRun, ratio
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies.opinions import LONG, NEUTRAL, SHORT, Opinions, Rule, first_match, unknown
from bot_core_dagster.strategies.parameters import Constraint, Parameter, ParameterSpace
from bot_core_dagster.strategies.rules import RuleStrategy
from bot_core_dagster.strategies.threshold import ThresholdStrategy
from bot_core_dagster.strategies.two_timeframes import Indicators, TwoTimeframes, before

_WIDENS: Final = 1.05
_NARROWS: Final = 0.95
"""The bands expand or contract where their width is beyond these shares of the width one bar before."""

_WINDOW: Final = Parameter("window", 20, 10, 60, 5, True, "bars of average and deviation")


def _deviations(run: BarRun, parameters: Mapping[str, float]) -> FloatArray1D:
    """Return how many population deviations the close is from its average; NaN where the price did not move."""
    middle, deviation = middle_and_deviation(run.close, int(parameters["window"]))
    return ratio(run.close - middle, deviation)


def _bands(run: BarRun, parameters: Mapping[str, float]) -> tuple[FloatArray1D, FloatArray1D, FloatArray1D]:
    """Return position (0 at the lower band, 1 at the upper), width over the middle, and the middle."""
    middle, deviation = middle_and_deviation(run.close, int(parameters["window"]))
    width = 2.0 * parameters["deviations"] * deviation
    return 0.5 + ratio(run.close - middle, width), width / middle, middle


def _judge(frames: TwoTimeframes, parameters: Mapping[str, float]) -> Opinions:
    def of_bars(run: BarRun) -> tuple[FloatArray1D, ...]:
        position, width, _ = _bands(run, parameters)
        return position, width, before(width)

    indicators = frames.of_bars(("bollinger_position", "bollinger_width", "bollinger_width_before"), of_bars)
    names = ("confirming_bollinger_position", "confirming_bollinger_width", "confirming_bollinger_middle")
    indicators |= frames.of_confirming_bars(names, lambda run: _bands(run, parameters))
    indicators["close"] = frames.close
    return first_match(rules_of(indicators, parameters, frames.confirming), indicators)


def rules_of(indicators: Indicators, parameters: Mapping[str, float], longer: str) -> list[Rule]:
    """Return the rules in their order: one table.

    Parameters
    ----------
    indicators : dict of ndarrays of shape (n_bars,)
        Position and width of the bands, the width one bar before; position, width and middle of the last closed
        confirming bar; the close: in that order.
    parameters : mapping
        Complete.
    longer : str
        The confirming timeframe, for the words.
    """
    squeeze = parameters["squeeze"]
    position, width, width_before, confirming, confirming_width, confirming_middle, close = indicators.values()
    expands, contracts = width > _WIDENS * width_before, width < _NARROWS * width_before
    is_narrow, is_confirming_narrow = width < squeeze, confirming_width < squeeze
    breaks = (is_narrow | is_confirming_narrow) & expands
    shown = (
        f"position {{bollinger_position:.2f}}, width {{bollinger_width:.4f}}; close {{close:.6g}}; {longer} position "
    )
    shown += "{confirming_bollinger_position:.2f}, width {confirming_bollinger_width:.4f}, middle "
    shown += "{confirming_bollinger_middle:.6g}"
    table = [
        (LONG, 0.87, "breaks a squeeze over the upper band", breaks & (position > 1.0) & (confirming > 0.5)),
        (SHORT, 0.87, "breaks a squeeze under the lower band", breaks & (position < 0.0) & (confirming < 0.5)),
        (LONG, 0.73, "at the lower band, which holds", ~expands & (position <= 0.1) & (confirming < 0.3)),
        (SHORT, 0.73, "at the upper band, which holds", ~expands & (position >= 0.9) & (confirming > 0.7)),
        (LONG, 0.69, "rides the upper band", expands & (position > 0.8) & (confirming > 0.6)),
        (SHORT, 0.69, "rides the lower band", expands & (position < 0.2) & (confirming < 0.4)),
        (LONG, 0.58, f"low, but over the {longer} middle", (position < 0.25) & (close > confirming_middle)),
        (SHORT, 0.58, f"high, but under the {longer} middle", (position > 0.75) & (close < confirming_middle)),
        (
            NEUTRAL,
            0.65,
            "both timeframes squeeze, or the middle of bands that contract",
            (is_narrow & is_confirming_narrow) | ((position > 0.4) & (position < 0.6) & contracts),
        ),
        (NEUTRAL, 0.45, "no rule matches", np.ones(len(close), dtype=np.bool_)),
    ]
    rules = [Rule(direction, confidence, f"{why}: {shown}", matches) for direction, confidence, why, matches in table]
    return [unknown(indicators), *rules]


PLAIN: Final = ThresholdStrategy(
    name="bollinger",
    description="Long when the close is deviations or more under its average, out at exit_deviations from it",
    space=ParameterSpace(
        (
            _WINDOW,
            Parameter("deviations", 2.0, 1.0, 3.0, 0.25, False, "population deviations under the average to enter at"),
            Parameter("exit_deviations", 0.0, -1.0, 2.5, 0.5, False, "deviations over the average to leave at"),
        ),
        (
            Constraint(
                "-deviations < exit_deviations",
                ("deviations", "exit_deviations"),
                lambda deviations, exit_deviations: -deviations < exit_deviations,
            ),
        ),
    ),
    indicator_parameters=("window",),
    enters="below",
    indicator=_deviations,
    thresholds=lambda parameters: (-parameters["deviations"], parameters["exit_deviations"]),
    warm_up=lambda parameters: int(parameters["window"]),
)

RULES: Final = RuleStrategy(
    name="bollinger_rules",
    description="Long at a lower band that holds or beyond an upper band that breaks; short the other way round",
    space=ParameterSpace(
        (
            _WINDOW,
            Parameter("deviations", 2.0, 1.0, 3.0, 0.25, False, "population deviations from the average to a band"),
            Parameter("squeeze", 0.02, 0.005, 0.08, 0.005, False, "width over the middle under which bands squeeze"),
        )
    ),
    judge=_judge,
    warm_up=lambda parameters: (int(parameters["window"]) + 1, int(parameters["window"])),
)
