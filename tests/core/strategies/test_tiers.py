"""Tests of each rule of the two-timeframe strategies on values chosen by hand.

Belongs here: a table of values and what SPEC says of them, the edges of every rule included. Not here: indicators,
whole histories (`test_rules`).
"""

from collections.abc import Callable

import numpy as np
import pytest

from bot_core_dagster.strategies.catalog import bollinger, ensembles, macd, rsi, stochastic, volume
from bot_core_dagster.strategies.opinions import Opinions, Rule, first_match
from bot_core_dagster.strategies.oscillator import Oscillator
from bot_core_dagster.strategies.two_timeframes import Indicators, TwoTimeframes
from tests.builders import bars

LONG, SHORT, NEUTRAL = 1, -1, 0
NAN = np.nan

Case = tuple[tuple[float, ...], tuple[int, float]]

RSI = Oscillator("RSI", "rsi", lambda run, _: run.close)
OSCILLATOR_NAMES = ("rsi", "rsi_before", "confirming_rsi")
RSI_CASES: dict[str, Case] = {
    "very low, not falling, low": ((20, 20, 30), (LONG, 0.87)),
    "very low and rising, just not low": ((19, 15, 30.1), (LONG, 0.73)),
    "very low but falling": ((19, 20, 25), (NEUTRAL, 0.45)),
    "low and rising": ((30, 29, 49.9), (LONG, 0.73)),
    "low, unmoved": ((30, 30, 40), (NEUTRAL, 0.45)),
    "low and rising against the confirmation": ((30, 29, 50), (NEUTRAL, 0.45)),
    "lowish and rising": ((49.9, 49, 49.9), (LONG, 0.51)),
    "just over low and rising": ((30.1, 29, 40), (LONG, 0.51)),
    "at 50 and rising": ((50, 49, 40), (NEUTRAL, 0.65)),
    "lowish and falling": ((45, 46, 45), (NEUTRAL, 0.65)),
    "very high, not rising, high": ((80, 80, 70), (SHORT, 0.87)),
    "very high and falling, just not high": ((81, 85, 69.9), (SHORT, 0.73)),
    "very high but rising": ((81, 80, 75), (NEUTRAL, 0.45)),
    "high and falling": ((70, 71, 50.1), (SHORT, 0.73)),
    "high, unmoved": ((70, 70, 60), (NEUTRAL, 0.45)),
    "high and falling against the confirmation": ((70, 71, 50), (NEUTRAL, 0.45)),
    "highish and falling": ((50.1, 51, 50.1), (SHORT, 0.51)),
    "just under high and falling": ((69.9, 71, 60), (SHORT, 0.51)),
    "calm": ((59.9, 58, 64.9), (NEUTRAL, 0.65)),
    "calm, confirmation not": ((59.9, 58, 65), (NEUTRAL, 0.45)),
    "not calm": ((60, 58, 64), (NEUTRAL, 0.45)),
    "no level": ((NAN, 20, 20), (NEUTRAL, NAN)),
    "no level before": ((20, NAN, 20), (NEUTRAL, NAN)),
    "no confirmation": ((20, 20, NAN), (NEUTRAL, NAN)),
}
STOCHASTIC_CASES: dict[str, Case] = {
    "very low": ((10, 9, 15), (LONG, 0.87)),
    "low": ((15, 14, 49), (LONG, 0.73)),
    "lowish": ((16, 14, 49), (LONG, 0.51)),
    "very high": ((90, 91, 85), (SHORT, 0.87)),
    "high": ((85, 86, 51), (SHORT, 0.73)),
    "highish": ((84, 86, 51), (SHORT, 0.51)),
    "calm": ((50, 50, 50), (NEUTRAL, 0.65)),
}
MACD_NAMES = ("macd_hist_per_atr", "before", "confirming", "confirming_before")
MACD_CASES: dict[str, Case] = {  # threshold 0.05
    "bullish cross, strong and gathering confirmation": ((0.01, 0.0, 0.06, 0.05), (LONG, 0.89)),
    "bullish cross, confirmation at the threshold": ((0.01, -0.01, 0.05, 0.04), (LONG, 0.71)),
    "bullish cross, gathering below zero": ((0.01, -0.01, -0.2, -0.3), (LONG, 0.71)),
    "bullish cross, confirmation easing": ((0.01, -0.01, 0.04, 0.05), (LONG, 0.55)),
    "both strong and gathering": ((0.06, 0.055, 0.06, 0.05), (LONG, 0.71)),
    "strong, confirmation easing, up a tenth": ((0.061, 0.055, 0.06, 0.07), (LONG, 0.55)),
    "strong, confirmation easing, not up a tenth": ((0.06, 0.055, 0.06, 0.07), (NEUTRAL, 0.45)),
    "gathers against a confirmation beyond": ((0.02, 0.01, -0.11, -0.1), (NEUTRAL, 0.45)),
    "gathers, confirmation just at the threshold against it": ((0.02, 0.01, -0.05, -0.04), (LONG, 0.55)),
    "bearish cross, strong and gathering confirmation": ((-0.01, 0.0, -0.06, -0.05), (SHORT, 0.89)),
    "bearish cross, confirmation at the threshold": ((-0.01, 0.01, -0.05, -0.04), (SHORT, 0.71)),
    "bearish cross, confirmation easing": ((-0.01, 0.01, -0.04, -0.05), (SHORT, 0.55)),
    "both strong and gathering downwards": ((-0.06, -0.055, -0.06, -0.05), (SHORT, 0.71)),
    "downwards by a tenth": ((-0.061, -0.055, -0.06, -0.07), (SHORT, 0.55)),
    "downwards against a confirmation beyond": ((-0.02, -0.01, 0.11, 0.1), (NEUTRAL, 0.45)),
    "quiet": ((0.02, 0.03, 0.09, 0.1), (NEUTRAL, 0.65)),
    "quiet, confirmation not": ((0.02, 0.03, 0.1, 0.11), (NEUTRAL, 0.45)),
    "no histogram before": ((0.02, NAN, 0.1, 0.11), (NEUTRAL, NAN)),
}
BOLLINGER_NAMES = ("bollinger_position", "width", "width_before", "confirming", "confirming_width", "middle", "close")
BOLLINGER_CASES: dict[str, Case] = {  # squeeze 0.02
    "breaks up out of a squeeze": ((1.01, 0.0199, 0.018, 0.51, 0.1, 90, 100), (LONG, 0.87)),
    "breaks up out of the longer squeeze": ((1.01, 0.2, 0.1, 0.51, 0.019, 90, 100), (LONG, 0.87)),
    "breaks down out of a squeeze": ((-0.01, 0.0199, 0.018, 0.49, 0.1, 110, 100), (SHORT, 0.87)),
    "no squeeze: rides the upper band": ((1.01, 0.2, 0.1, 0.61, 0.1, 90, 100), (LONG, 0.69)),
    "no squeeze: rides the lower band": ((-0.01, 0.2, 0.1, 0.39, 0.1, 110, 100), (SHORT, 0.69)),
    "at the upper band, breaks a squeeze no further": ((1.0, 0.0199, 0.018, 0.61, 0.1, 90, 100), (LONG, 0.69)),
    "at the lower band": ((0.1, 0.1, 0.1, 0.29, 0.1, 110, 100), (LONG, 0.73)),
    "at the lower band that widens just so": ((0.1, 0.105, 0.1, 0.29, 0.1, 110, 100), (LONG, 0.73)),
    "at the upper band": ((0.9, 0.1, 0.1, 0.71, 0.1, 90, 100), (SHORT, 0.73)),
    "at the upper band, confirmation not": ((0.9, 0.1, 0.1, 0.7, 0.1, 90, 100), (NEUTRAL, 0.45)),
    "low, over the longer middle": ((0.24, 0.1, 0.1, 0.6, 0.1, 99, 100), (LONG, 0.58)),
    "low, at the longer middle": ((0.24, 0.1, 0.1, 0.6, 0.1, 100, 100), (NEUTRAL, 0.45)),
    "high, under the longer middle": ((0.76, 0.1, 0.1, 0.4, 0.1, 101, 100), (SHORT, 0.58)),
    "at .25": ((0.25, 0.1, 0.1, 0.6, 0.1, 99, 100), (NEUTRAL, 0.45)),
    "both squeeze": ((0.3, 0.019, 0.019, 0.5, 0.019, 100, 100), (NEUTRAL, 0.65)),
    "one squeezes": ((0.3, 0.019, 0.019, 0.5, 0.02, 100, 100), (NEUTRAL, 0.45)),
    "the middle of bands that contract": ((0.5, 0.094, 0.1, 0.5, 0.1, 100, 100), (NEUTRAL, 0.65)),
    "the middle of bands that do not": ((0.5, 0.095, 0.1, 0.5, 0.1, 100, 100), (NEUTRAL, 0.45)),
    "no range": ((NAN, 0.0, 0.1, 0.5, 0.1, 100, 100), (NEUTRAL, NAN)),
}
VOLUME_NAMES = ("average_volume", "volume_ratio", "bull_share", "poc", "volume", "close")
VOLUME_CASES: dict[str, Case] = {  # spike 2
    "spike of buyers over the POC": ((10, 2.0, 0.7, 100, 20, 110), (LONG, 0.91)),
    "spike of buyers at the POC": ((10, 2.0, 0.7, 100, 20, 100), (LONG, 0.71)),
    "spike of sellers under the POC": ((10, 2.0, 0.3, 100, 20, 90), (SHORT, 0.91)),
    "spike of sellers over the POC": ((10, 2.0, 0.3, 100, 20, 110), (SHORT, 0.71)),
    "1.5 x with buyers": ((10, 1.5, 0.6, 100, 15, 90), (LONG, 0.71)),
    "1.5 x with sellers": ((10, 1.5, 0.4, 100, 15, 110), (SHORT, 0.71)),
    "buyers just over the POC": ((10, 1.0, 0.65, 100, 10, 102), (LONG, 0.71)),
    "buyers over 2 % over the POC": ((10, 1.0, 0.65, 100, 10, 102.1), (NEUTRAL, 0.45)),
    "buyers just under the POC": ((10, 1.0, 0.65, 100, 10, 99), (NEUTRAL, 0.45)),
    "sellers just under the POC": ((10, 1.0, 0.35, 100, 10, 98), (SHORT, 0.71)),
    "more buyers": ((10, 1.21, 0.55, 100, 12.1, 90), (LONG, 0.51)),
    "more buyers, 1.2 x": ((10, 1.2, 0.55, 100, 12, 90), (NEUTRAL, 0.45)),
    "more sellers": ((10, 1.21, 0.45, 100, 12.1, 110), (SHORT, 0.51)),
    "balanced": ((10, 1.9, 0.5, 100, 19, 110), (NEUTRAL, 0.45)),
    "quiet": ((10, 0.79, 0.5, 100, 7.9, 100), (NEUTRAL, 0.65)),
    "no volume on average": ((0, NAN, NAN, NAN, 0, 100), (NEUTRAL, NAN)),
    "unknown volume": ((NAN, NAN, NAN, NAN, NAN, 100), (NEUTRAL, NAN)),
    "no profile yet": ((10, 2.0, 0.7, NAN, 20, 110), (NEUTRAL, NAN)),
}


def named(names: tuple[str, ...], values: tuple[float, ...]) -> Indicators:
    return {name: np.array([float(each)]) for name, each in zip(names, values, strict=True)}


def verdict(rules: list[Rule], indicators: Indicators) -> tuple[int, float]:
    opinions = first_match(rules, indicators)
    return int(opinions.direction[0]), float(opinions.rule_confidence[0])


def cases(table: dict[str, Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("values", "expected"), table.values(), ids=table)


@cases(RSI_CASES)
def test_rsi(values: tuple[float, ...], expected: tuple[int, float]) -> None:
    indicators = named(OSCILLATOR_NAMES, values)
    assert verdict(RSI.rules_of(indicators, rsi.RULES.space.defaults(), "4h"), indicators) == pytest.approx(
        expected, nan_ok=True
    )


@cases(STOCHASTIC_CASES)
def test_stochastic(values: tuple[float, ...], expected: tuple[int, float]) -> None:
    indicators = named(OSCILLATOR_NAMES, values)
    assert verdict(RSI.rules_of(indicators, stochastic.RULES.space.defaults(), "4h"), indicators) == expected


@cases(MACD_CASES)
def test_macd(values: tuple[float, ...], expected: tuple[int, float]) -> None:
    indicators = named(MACD_NAMES, values)
    came = verdict(macd.rules_of(indicators, {"threshold": 0.05}, "4h"), indicators)
    assert came == pytest.approx(expected, nan_ok=True)


@cases(BOLLINGER_CASES)
def test_bollinger(values: tuple[float, ...], expected: tuple[int, float]) -> None:
    indicators = named(BOLLINGER_NAMES, values)
    came = verdict(bollinger.rules_of(indicators, {"squeeze": 0.02}, "4h"), indicators)
    assert came == pytest.approx(expected, nan_ok=True)


@cases(VOLUME_CASES)
def test_volume(values: tuple[float, ...], expected: tuple[int, float]) -> None:
    indicators = named(VOLUME_NAMES, values)
    came = verdict(volume.rules_of(indicators, {"spike": 2.0, "look_back": 10}), indicators)
    assert came == pytest.approx(expected, nan_ok=True)


def test_the_defaults_are_those_of_the_specification() -> None:
    assert rsi.RULES.space.defaults() == {
        "window": 14,
        "oversold": 30,
        "overbought": 70,
        "extreme_oversold": 20,
        "extreme_overbought": 80,
    }
    assert macd.RULES.space.defaults() == {"fast": 12, "slow": 26, "signal": 9, "threshold": 0.05}
    assert bollinger.RULES.space.defaults() == {"window": 20, "deviations": 2, "squeeze": 0.02}
    assert volume.RULES.space.defaults() == {"window": 20, "spike": 2, "look_back": 10}
    assert (volume.PROFILE_BARS, volume.PROFILE_BINS) == (100, 20)
    assert stochastic.RULES.space.defaults() == {
        "k_window": 14,
        "d_window": 3,
        "oversold": 15,
        "overbought": 85,
        "extreme_oversold": 10,
        "extreme_overbought": 90,
    }


ENSEMBLE_CASES: dict[str, tuple[list[tuple[int, float]], tuple[int, float], tuple[int, float]]] = {
    # members                                                          weighted average    consensus
    "all long": ([(LONG, 0.8)] * 5, (LONG, 1.0), (LONG, 0.8)),
    "three long, two neutral": (
        [(LONG, 0.9)] * 3 + [(NEUTRAL, 0.45)] * 2,
        (LONG, 2.7 / 3.6),
        (LONG, 0.9 * 0.88),
    ),
    "four short, one long": (
        [(SHORT, 0.7)] * 4 + [(LONG, 0.7)],
        (SHORT, 0.6),
        (SHORT, 0.7 * 0.94),
    ),
    "two against two": (
        [(LONG, 0.7)] * 2 + [(SHORT, 0.7)] * 2 + [(NEUTRAL, 0.7)],
        (NEUTRAL, 0.2),
        (NEUTRAL, 0.45),
    ),
    "the surer side weighs more": (
        [(LONG, 0.9)] * 2 + [(SHORT, 0.5)] * 2 + [(NEUTRAL, 0.6)],
        (LONG, 0.8 / 3.4),
        (NEUTRAL, 0.45),
    ),
    "all neutral": ([(NEUTRAL, 0.65)] * 5, (NEUTRAL, 1.0), (NEUTRAL, 0.65)),
    "three have an opinion": (
        [(SHORT, 0.8)] * 3 + [(NEUTRAL, NAN)] * 2,
        (SHORT, 1.0),
        (SHORT, 0.8 * 0.88),
    ),
    "two have an opinion": ([(LONG, 0.9)] * 2 + [(NEUTRAL, NAN)] * 3, (NEUTRAL, NAN), (NEUTRAL, NAN)),
}


@pytest.mark.parametrize(("members", "average", "consensus"), ENSEMBLE_CASES.values(), ids=ENSEMBLE_CASES)
def test_ensembles(members: list[tuple[int, float]], average: tuple[int, float], consensus: tuple[int, float]) -> None:
    frames = remembering(members)
    for ensemble, expected in ((ensembles.WEIGHTED_AVERAGE, average), (ensembles.CONSENSUS, consensus)):
        opinions = ensemble.opinions_on(frames, {})
        came = int(opinions.direction[0]), float(opinions.rule_confidence[0])
        assert came == pytest.approx(expected, nan_ok=True)


def remembering(members: list[tuple[int, float]]) -> TwoTimeframes:
    """Return one bar on which the members are remembered to have said this."""
    frames = TwoTimeframes(bars(1), "crypto")
    for member, (direction, confidence) in zip(ensembles.MEMBERS, members, strict=True):
        said = Opinions(
            np.array([direction], dtype=np.int8), np.array([confidence]), np.zeros(1, dtype=np.int16), ("",), {}
        )
        frames.remembered((member.name, *member.space.defaults().values()), saying(said))
    return frames


def saying(opinions: Opinions) -> Callable[[], Opinions]:
    return lambda: opinions
