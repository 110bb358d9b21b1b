"""Opinions: what a strategy of rules thinks at each bar's close, how sure it is, and why.

Belongs here: the arrays, the sentence of one bar, the first of several rules that matches. Not here: the rules
(`strategies.catalog`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bot_core_dagster.metrics.arrays import BoolArray1D, FloatArray1D

LONG: Final = 1
SHORT: Final = -1
NEUTRAL: Final = 0

ACTS_FROM: Final = 0.65
"""The confidence from which an opinion is acted on."""

_UNKNOWN: Final = "no opinion: an indicator is undefined (few bars since the start or missing bars, or a flat price)"

Int8Array1D: TypeAlias = NDArray[np.int8]
Int16Array1D: TypeAlias = NDArray[np.int16]


@dataclass(frozen=True)
class Rule:
    """One rule with the bars it matches.

    direction : 1 long, -1 short, 0 neutral
    confidence : in [0, 1]; of shape (n_bars,) where it is not the same for all; NaN for no opinion
    words : why, with the names of indicators to fill in: "RSI {rsi:.1f} <= 30"
    matches : bool of shape (n_bars,)
    """

    direction: int
    confidence: float | FloatArray1D
    words: str
    matches: BoolArray1D


@dataclass(frozen=True)
class Opinions:
    """What a strategy thinks at each bar's close, arrays of shape (n_bars,).

    direction : 1 long, -1 short, 0 neutral or unknown
    rule_confidence : in [0, 1]; NaN where an indicator is undefined: no opinion, not a neutral one
    rule : place of the rule that matched in `reasons`
    reasons : each rule in words, with the names of indicators to fill in; `reason` fills them in
    indicators : the values that the rules read, by name, as known at each close
    """

    direction: Int8Array1D
    rule_confidence: FloatArray1D
    rule: Int16Array1D
    reasons: tuple[str, ...]
    indicators: Mapping[str, FloatArray1D]

    def reason(self, place: int) -> str:
        """Return why, in words with the values of bar `place` (negative: from the end)."""
        values = {name: float(array[place]) for name, array in self.indicators.items()}
        words: str = self.reasons[self.rule[place]]
        return words.format(**values)

    def signal(self, min_confidence: float = ACTS_FROM) -> FloatArray1D:
        """Return 1 and -1 where the opinion is at least so sure, NaN (keep what is held) elsewhere."""
        acts = (self.direction != NEUTRAL) & (self.rule_confidence >= min_confidence)
        return np.where(acts, self.direction, np.nan)


def unknown(indicators: Mapping[str, FloatArray1D]) -> Rule:
    """Return the rule that comes before all others: no opinion where an indicator is undefined."""
    is_known = np.logical_and.reduce([np.isfinite(values) for values in indicators.values()])
    return Rule(NEUTRAL, np.nan, _UNKNOWN, ~is_known)


def first_match(rules: Sequence[Rule], indicators: Mapping[str, FloatArray1D]) -> Opinions:
    """Return the opinions by the first rule that matches each bar.

    Parameters
    ----------
    rules : sequence of Rule
        In the order they are tried; the last one matches wherever no other does.
    indicators : mapping of str to ndarray of shape (n_bars,)
        The values that the rules' words name.
    """
    n_bars = len(rules[0].matches)
    direction = np.full(n_bars, rules[-1].direction, dtype=np.int8)
    confidence = np.empty(n_bars)
    confidence[:] = rules[-1].confidence
    place = np.full(n_bars, len(rules) - 1, dtype=np.int16)
    for index in range(len(rules) - 2, -1, -1):
        rule = rules[index]
        np.putmask(direction, rule.matches, np.int8(rule.direction))
        np.copyto(confidence, rule.confidence, where=rule.matches)
        np.putmask(place, rule.matches, np.int16(index))
    return Opinions(direction, confidence, place, tuple(rule.words for rule in rules), indicators)
