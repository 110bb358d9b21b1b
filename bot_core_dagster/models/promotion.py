"""Promotion: whether a challenger replaces the model that serves an instrument.

Belongs here: the rule of CONVENTIONS 19 and its words. Not here: the figures that it looks at (`models.comparison`),
the record of decisions (`models.registry`), the test itself (`validation.loss_difference`).

Tests are made again and again, on rows that mostly have been tested before, and a challenger is promoted by any one of
them: of 14 independent tests at 5 %, two weeks of days, noise passes one or more half of the time. So the k-th test of
a symbol has the level α / (k · (k + 1)): however many there are and however they depend on each other, by Boole's
inequality noise is promoted with a probability of at most Σ α / (k · (k + 1)) = α. It is never given back. For the same
reason a test waits for a week of new rows: what is tested too early is level spent on little.

Within a test, the challengers share the level by Holm's method. A challenger has to beat both the champion and the
naive forecast: its p-value is the larger of the two, an intersection-union test that needs no further correction
(Berger 1982). What is required besides, an effect that matters and trading that is not worse net of costs, can only
make promotions rarer. Keeping the champion is the normal outcome.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import pandas as pd

from bot_core_dagster.models.comparison import Comparison, Evidence, averaged_difference, compare
from bot_core_dagster.validation.reason import Reason, unmet

RETEST_AFTER: Final = timedelta(days=7)
"""Of new rows, before a symbol is tested again."""


@dataclass(frozen=True)
class PromotionRule:
    """What a promotion asks for.

    alpha : probability, over all time, of promoting where no challenger is ever better
    min_effect : log loss, in nats a row, that has to be gained; 0.001 is what calling the side with 52.2 % is worth
    min_rows : timestamps with a direction that are needed to test at all
    """

    alpha: float = 0.05
    min_effect: float = 0.001
    min_rows: int = 500

    def level(self, n_tests_before: int) -> float:
        """Return the level of the next test of a symbol that has been tested so many times."""
        return self.alpha / ((n_tests_before + 1) * (n_tests_before + 2))


@dataclass(frozen=True)
class Promotion:
    """Whether the champion is replaced, and why.

    promoted : version of the challenger that takes over; None where the champion is kept
    n_tests : tests of the symbol over all time, this one included if it was one
    level : of this test, before Holm's method; 0 where none was made
    note : why none was made before a week had passed
    """

    champion: str
    promoted: str | None
    comparisons: tuple[Comparison, ...]
    n_tests: int
    level: float
    note: str = ""

    @property
    def is_tested(self) -> bool:
        """Whether any level was spent."""
        return self.level > 0.0

    @property
    def summary(self) -> str:
        """The decision in one line."""
        if self.promoted is not None:
            return f"promote {self.promoted} over {self.champion}: every condition is met"
        if self.note or not self.comparisons:
            return f"keep {self.champion}: {self.note or 'there is no challenger'}"
        best = min(self.comparisons, key=lambda each: each.joint_p_value)
        of_several = f"the best of {len(self.comparisons)} challengers, " * (len(self.comparisons) > 1)
        return f"keep {self.champion}: {of_several}{best.version}: {'; '.join(unmet(best.reasons))}"


def is_due(last_tested: pd.Timestamp | None, newest: pd.Timestamp) -> bool:
    """Whether a week of rows has come since the newest row of the last test; the first is always due."""
    return last_tested is None or newest - last_tested >= RETEST_AFTER


def decide_promotion(
    champion: Evidence,
    challengers: Sequence[Evidence],
    naive: Evidence,
    *,
    rule: PromotionRule,
    n_tests_before: int,
    last_tested: pd.Timestamp | None = None,
) -> Promotion:
    """Decide whether a challenger replaces the champion.

    Parameters
    ----------
    champion, naive : Evidence
        The same where nothing has been promoted.
    challengers : sequence of Evidence
        Each is compared on its own rows: those after the last label used by it, by the champion or by the naive
        forecast.
    rule : PromotionRule
    n_tests_before : int
        Tests of the symbol so far.
    last_tested : Timestamp, optional
        As-of time of the newest row of the last one.

    Returns
    -------
    Promotion
        Of several that pass, the one with the lowest log loss. Where it is too early to test again, or no challenger
        has rows enough, no level is spent.
    """
    compared = [compare(challenger, champion, naive) for challenger in challengers]
    newest = max((each.last for each in compared if each.last is not None), default=None)
    if newest is not None and not is_due(last_tested, newest):
        note = f"not tested again yet: {RETEST_AFTER.days} days of new rows are needed since {last_tested}"
        return Promotion(champion.version, None, tuple(compared), n_tests_before, 0.0, note)
    level = rule.level(n_tests_before)
    is_tested = [each.n_rows >= rule.min_rows for each in compared]
    levels = iter(
        holm_levels([one.joint_p_value for one, asks in zip(compared, is_tested, strict=True) if asks], level)
    )
    judged = tuple(
        _judged(one, champion.version, rule, next(levels) if asks else math.nan)
        for one, asks in zip(compared, is_tested, strict=True)
    )
    if not any(is_tested):
        return Promotion(champion.version, None, judged, n_tests_before, 0.0)
    passed = [one for one, each in zip(challengers, judged, strict=True) if each.is_passed]
    return Promotion(champion.version, _lowest(passed), judged, n_tests_before + 1, level)


def holm_levels(p_values: Sequence[float], level: float) -> list[float]:
    """Return the level that each p-value has to be below, by Holm's step-down method.

    After the first that fails, all larger ones fail as well: their level is 0.

    References
    ----------
    Holm, S. (1979). A Simple Sequentially Rejective Multiple Test Procedure. Scandinavian Journal of Statistics 6(2).
    """
    levels, is_open = [0.0] * len(p_values), True
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        if is_open:
            levels[place] = level / (len(p_values) - rank)
            is_open = p_values[place] < levels[place]
    return levels


def _judged(compared: Comparison, champion: str, rule: PromotionRule, level: float) -> Comparison:
    """Return the comparison with its level and what it met; one with too few rows is asked for nothing else."""
    words = f"{compared.n_rows} rows that neither has seen, {rule.min_rows} needed"
    enough = Reason("rows", compared.n_rows, rule.min_rows, compared.n_rows >= rule.min_rows, words)
    if not enough.is_met:
        return replace(compared, reasons=(enough,))
    reasons = [enough, _better("better than the champion", compared.p_value, level, compared.gain, champion)]
    if not math.isnan(compared.naive_gain):
        named = _better("better than naive", compared.naive_p_value, level, compared.naive_gain, "the naive forecast")
        reasons.append(named)
    return replace(compared, level=level, reasons=(*reasons, _effect(compared, rule), _trading(compared)))


def _better(name: str, p_value: float, level: float, gain: float, rival: str) -> Reason:
    asked = f"needed under {level:.4f}" if level > 0.0 else "not asked: a better challenger has failed (Holm)"
    words = f"it gains {gain:+.5f} nats a row over {rival} with p = {p_value:.4f}, {asked}"
    return Reason(name, p_value, level, p_value < level, words)


def _effect(compared: Comparison, rule: PromotionRule) -> Reason:
    words = f"it gains {compared.gain:.5f} nats a row, {rule.min_effect:g} needed to matter"
    return Reason("effect", compared.gain, rule.min_effect, compared.gain >= rule.min_effect, words)


def _trading(compared: Comparison) -> Reason:
    """Return whether its trading is not worse; one that never trades has what cash has, a Sharpe ratio of 0."""
    own, theirs = compared.net_sharpe, compared.champion_sharpe
    words = f"traded net of costs its Sharpe ratio is {own:.2f}, that of the champion {theirs:.2f}"
    return Reason("not worse net of costs", own, theirs, own >= theirs, words)


def _lowest(passed: Sequence[Evidence]) -> str | None:
    """Return the version with the lowest log loss on the rows that are new to all; None of none."""
    if not passed:
        return None
    after = max(each.last_used for each in passed)
    first = passed[0]
    over_first = {each.version: averaged_difference(each.losses, first.losses, after).mean() for each in passed}
    return min(over_first, key=lambda version: over_first[version])
