"""Ensembles: what the five strategies of rules think together.

Belongs here: the weighted average and the consensus of their opinions. Not here: those opinions (the other files here).

A member without an opinion (a venue without volume, an indicator that warms up) has no vote; three members must have
one, or the ensemble has none either. Members take their default parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot_core_dagster.features.definition import FloatArray2D, ratio
from bot_core_dagster.strategies.catalog import bollinger, macd, rsi, stochastic, volume
from bot_core_dagster.strategies.opinions import LONG, NEUTRAL, SHORT, Opinions, Rule, first_match
from bot_core_dagster.strategies.parameters import ParameterSpace
from bot_core_dagster.strategies.rules import RuleStrategy
from bot_core_dagster.strategies.two_timeframes import Indicators, TwoTimeframes

MEMBERS: Final = (rsi.RULES, macd.RULES, bollinger.RULES, volume.RULES, stochastic.RULES)
QUORUM: Final = 3
"""Members that must have an opinion, and that must agree for a consensus."""

_SHOWN: Final = ", ".join(f"{member.name} {{{member.name}:+.2f}}" for member in MEMBERS)


@dataclass(frozen=True, eq=False)
class _Votes:
    """The members' opinions, arrays of shape (n_members, n_bars): confidence is 0 where a member has none."""

    has_opinion: NDArray[np.bool_]
    direction: FloatArray2D
    confidence: FloatArray2D

    @classmethod
    def of(cls, frames: TwoTimeframes) -> "_Votes":
        opinions = [member.opinions_on(frames, {}) for member in MEMBERS]
        confidence = np.array([each.rule_confidence for each in opinions])
        has_opinion = ~np.isnan(confidence)
        direction = np.array([each.direction for each in opinions], dtype=np.float64)
        return cls(has_opinion, direction, np.where(has_opinion, confidence, 0.0))

    @property
    def no_quorum(self) -> Rule:
        """The rule before all others: no opinion where too few members have one."""
        words = f"no opinion: fewer than {QUORUM} strategies have one"
        return Rule(NEUTRAL, np.nan, words, self.has_opinion.sum(axis=0) < QUORUM)

    def indicators(self) -> Indicators:
        """Return each member's direction times its confidence, NaN where it has no opinion."""
        signed = np.where(self.has_opinion, self.direction * self.confidence, np.nan)
        return dict(zip((member.name for member in MEMBERS), signed, strict=True))

    def takes(self, side: int) -> NDArray[np.bool_]:
        """Return who is on a side."""
        is_on_side: NDArray[np.bool_] = self.has_opinion & (self.direction == side)
        return is_on_side


def _weighted_average(frames: TwoTimeframes, _: Mapping[str, float]) -> Opinions:
    """Average the members' directions with their confidences as weights; the average is how sure it is."""
    votes = _Votes.of(frames)
    weight = votes.confidence.sum(axis=0)
    average = ratio((votes.direction * votes.confidence).sum(axis=0), weight)
    neutral_share = ratio(np.where(votes.takes(NEUTRAL), votes.confidence, 0.0).sum(axis=0), weight)
    words = f"average direction {{average_direction:+.2f}}, weighted by confidence: {_SHOWN}"
    rules = [
        votes.no_quorum,
        Rule(LONG, average, words, average > 0.0),
        Rule(SHORT, -average, words, average < 0.0),
        Rule(NEUTRAL, neutral_share, words, np.ones(len(average), dtype=np.bool_)),
    ]
    return first_match(rules, votes.indicators() | {"average_direction": average})


def _consensus(frames: TwoTimeframes, _: Mapping[str, float]) -> Opinions:
    """Take the side on which enough members agree, less sure the fewer they are."""
    votes = _Votes.of(frames)
    rules = [votes.no_quorum]
    for side, name in ((LONG, "long"), (SHORT, "short"), (NEUTRAL, "neutral")):
        takes = votes.takes(side)
        n_agreeing = takes.sum(axis=0).astype(np.float64)
        mean = ratio(np.where(takes, votes.confidence, 0.0).sum(axis=0), n_agreeing)
        confidence = mean * (0.7 + 0.3 * n_agreeing / len(MEMBERS))
        rules.append(Rule(side, confidence, f"{QUORUM} or more are {name}: {_SHOWN}", n_agreeing >= QUORUM))
    rules.append(Rule(NEUTRAL, 0.45, f"no {QUORUM} agree: {_SHOWN}", np.ones_like(rules[0].matches)))
    return first_match(rules, votes.indicators())


def _warm_up(_: Mapping[str, float]) -> tuple[int, int]:
    n_bars = sorted(member.warm_up_bars({}) for member in MEMBERS)
    return n_bars[QUORUM - 1], 0


WEIGHTED_AVERAGE: Final = RuleStrategy(
    name="weighted_average",
    description="The average direction of the five strategies of rules, weighted by how sure each is",
    space=ParameterSpace(()),
    judge=_weighted_average,
    warm_up=_warm_up,
)

CONSENSUS: Final = RuleStrategy(
    name="consensus",
    description="What at least three of the five strategies of rules agree on",
    space=ParameterSpace(()),
    judge=_consensus,
    warm_up=_warm_up,
)
