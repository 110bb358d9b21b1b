"""Volume: go with the side on which a burst of volume trades.

Belongs here: its parameters, thresholds and rules. Not here: sums and the volume profile (`strategies.volume_windows`),
the feature columns (`features.catalog.volume`).

Reads one timeframe: volume confirms itself. Where the venue gives no volume, or none was traded, there is no opinion.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import talib

from bot_core_dagster.features.definition import BarRun, ratio
from bot_core_dagster.features.runs import stretches_with_volume
from bot_core_dagster.metrics.arrays import BoolArray1D, FloatArray1D
from bot_core_dagster.strategies.opinions import LONG, NEUTRAL, SHORT, Opinions, Rule, first_match, unknown
from bot_core_dagster.strategies.parameters import Parameter, ParameterSpace
from bot_core_dagster.strategies.rules import RuleStrategy
from bot_core_dagster.strategies.threshold import ThresholdStrategy
from bot_core_dagster.strategies.two_timeframes import Indicators, TwoTimeframes, before
from bot_core_dagster.strategies.volume_windows import point_of_control, window_sum

PROFILE_BARS: Final = 100
PROFILE_BINS: Final = 20
_NEAR_POC: Final = 0.02
"""How far from the point of control, as a share of it, a price is still near it."""

_WINDOW: Final = Parameter("window", 20, 10, 60, 5, True, "bars of the volume's average, this one included")


def _signed_ratio(run: BarRun, parameters: Mapping[str, float]) -> FloatArray1D:
    """Return volume over its average, positive on an up close and negative on a down close; NaN without volume."""
    signed = np.full(run.n_bars, np.nan)
    for rows in stretches_with_volume(run):
        volume = run.volume[rows]
        average = talib.SMA(volume, int(parameters["window"]))
        signed[rows] = np.sign(run.close[rows] - before(run.close[rows])) * ratio(volume, average)
    return signed


def _judge(frames: TwoTimeframes, parameters: Mapping[str, float]) -> Opinions:
    memory = 1 + max(PROFILE_BARS, int(parameters["window"]), int(parameters["look_back"]))

    def of_bars(run: BarRun) -> tuple[FloatArray1D, ...]:
        table = np.full((4, run.n_bars), np.nan)
        for rows in stretches_with_volume(run):
            if frames.newest is not None:  # no bar before these has a part in what is asked
                rows = slice(max(rows.start, rows.stop - frames.newest - memory), rows.stop)
            table[:, rows] = _measures(run.part(rows), parameters)
        return tuple(table)

    indicators = frames.of_bars(("average_volume", "volume_ratio", "bull_share", "poc"), of_bars)
    indicators |= {"volume": frames.bars["volume"].to_numpy(dtype=np.float64), "close": frames.close}
    return first_match(rules_of(indicators, parameters), indicators)


def _measures(run: BarRun, parameters: Mapping[str, float]) -> tuple[FloatArray1D, ...]:
    """Return average volume, volume over it, share of recent volume on up closes, and the point of control."""
    look_back = int(parameters["look_back"])
    average = window_sum(run.volume, int(parameters["window"])) / parameters["window"]
    last = before(run.close)
    up_volume = np.where(np.isnan(last), np.nan, np.where(run.close > last, run.volume, 0.0))
    bull = ratio(window_sum(up_volume, look_back), window_sum(run.volume, look_back))
    typical = (run.high + run.low + run.close) / 3.0
    return average, ratio(run.volume, average), bull, point_of_control(typical, run.volume, PROFILE_BARS, PROFILE_BINS)


def rules_of(indicators: Indicators, parameters: Mapping[str, float]) -> list[Rule]:
    """Return the rules in their order: one table.

    Parameters
    ----------
    indicators : dict of ndarrays of shape (n_bars,)
        Average volume, the volume over it, share of the last bars' volume on up closes, point of control, volume and
        close: in that order.
    parameters : mapping
        Complete.
    """
    spike, look_back = parameters["spike"], parameters["look_back"]
    average, times, bull, poc, volume, close = indicators.values()
    shown = f"volume {{volume_ratio:.2f}} x its average, {{bull_share:.0%}} of {look_back:g} bars' on up closes, "
    shown += "close {close:.6g}, point of control {poc:.6g}"
    above, below = close > poc, close < poc
    near = np.abs(close - poc) <= _NEAR_POC * poc
    spikes = times >= spike
    buyers = ((times >= 1.5) & (bull >= 0.6)) | (near & (bull >= 0.65) & above)
    sellers = ((times >= 1.5) & (bull <= 0.4)) | (near & (bull <= 0.35) & below)
    table: list[tuple[int, float, str, BoolArray1D]] = [
        (LONG, 0.91, f"buyers' spike of {spike:g} x or more over the POC", spikes & (bull >= 0.7) & above),
        (SHORT, 0.91, f"sellers' spike of {spike:g} x or more under the POC", spikes & (bull <= 0.3) & below),
        (LONG, 0.71, "buyers with 1.5 x volume, or close over the POC", buyers),
        (SHORT, 0.71, "sellers with 1.5 x volume, or close under the POC", sellers),
        (LONG, 0.51, "more buyers with 1.2 x volume", (bull >= 0.55) & (times > 1.2)),
        (SHORT, 0.51, "more sellers with 1.2 x volume", (bull <= 0.45) & (times > 1.2)),
        (NEUTRAL, 0.65, "quiet: volume under 0.8 x its average", times < 0.8),
        (NEUTRAL, 0.45, "no rule matches", np.ones(len(close), dtype=np.bool_)),
    ]
    rules = [Rule(direction, confidence, f"{why}: {shown}", matches) for direction, confidence, why, matches in table]
    has_none = np.isnan(volume) | (average == 0.0)
    return [Rule(NEUTRAL, np.nan, "no opinion: no volume", has_none), unknown(indicators), *rules]


PLAIN: Final = ThresholdStrategy(
    name="volume",
    description="Long when an up close trades spike times the average volume, out when a down close trades exit_spike",
    space=ParameterSpace(
        (
            _WINDOW,
            Parameter("spike", 2.0, 1.0, 4.0, 0.25, False, "volume over its average, on an up close, to enter at"),
            Parameter("exit_spike", 2.0, 1.0, 4.0, 0.25, False, "the same on a down close, to leave at"),
        )
    ),
    indicator_parameters=("window",),
    enters="above",
    indicator=_signed_ratio,
    thresholds=lambda parameters: (parameters["spike"], -parameters["exit_spike"]),
    warm_up=lambda parameters: int(parameters["window"]),
)

RULES: Final = RuleStrategy(
    name="volume_rules",
    description="Long when volume bursts on up closes over the point of control; short on down closes under it",
    space=ParameterSpace(
        (
            _WINDOW,
            Parameter("spike", 2.0, 1.5, 4.0, 0.25, False, "volume over its average that counts as a spike"),
            Parameter("look_back", 10, 5, 40, 5, True, "bars whose volume is split into up and down closes"),
        )
    ),
    judge=_judge,
    warm_up=lambda parameters: (max(PROFILE_BARS, int(parameters["window"]), int(parameters["look_back"]) + 1), 0),
)
