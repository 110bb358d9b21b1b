"""Sentences over figures."""

import math

import pytest

from bot_core_dagster.backtest import TradingRules
from bot_core_dagster.reports.words import bootstrapped, made_or_lost, sharpe_sense, traded_how


@pytest.mark.parametrize(
    ("low", "high", "part"),
    [
        (0.1, 2.0, "above zero"),
        (-2.0, -0.1, "below zero: the strategy loses"),
        (-1.0, 1.0, "skill and luck cannot be told apart"),
        (0.0, 1.0, "skill and luck cannot be told apart"),
        (math.nan, math.nan, "Too few periods"),
    ],
    ids=["above", "below", "around", "from zero", "undefined"],
)
def test_an_interval_says_what_it_means(low: float, high: float, part: str) -> None:
    assert part in sharpe_sense(low, high)
    assert part in bootstrapped(low, high, 0.95)


@pytest.mark.parametrize(
    ("total", "expected"),
    [(0.031, "made 3.10\u00a0%"), (-0.031, "lost 3.10\u00a0%"), (0.0, "made 0.00\u00a0%")],
    ids=str,
)
def test_a_result_is_a_verb(total: float, expected: str) -> None:
    assert made_or_lost(total) == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (TradingRules(), "long or flat with all of the equity, no stop, no target"),
        (
            TradingRules(allow_short=True, fraction=0.5),
            "long and short with 50\u00a0% of the equity, no stop, no target",
        ),
        (
            TradingRules(stop=0.02, target=0.055, trailing_stop=0.03),
            "long or flat with all of the equity, stop 2\u00a0%, target 5.5\u00a0%, trailing stop 3\u00a0%",
        ),
    ],
    ids=["plain", "short by half", "with stops"],
)
def test_rules_are_said_in_words(rules: TradingRules, expected: str) -> None:
    assert traded_how(rules) == expected
