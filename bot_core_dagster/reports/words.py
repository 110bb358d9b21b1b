"""Sentences that several results need: what an interval means, what holding costs, how a signal was traded.

Belongs here: words over figures that more than one page or picture says. Not here: number to text
(`reports.figures`), the words of one kind of result (its package).
"""

import math

from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.reports.figures import percentage, ratio, share


def sharpe_sense(low: float, high: float, who: str = "the strategy loses") -> str:
    """Return what the interval of a Sharpe ratio says."""
    if low > 0:
        return "The interval lies above zero."
    if high < 0:
        return f"The interval lies below zero: {who}."
    if math.isnan(low) or math.isnan(high):
        return "Too few periods for an interval."
    return "The interval holds zero: skill and luck cannot be told apart."


def bootstrapped(low: float, high: float, confidence: float, who: str = "the strategy loses") -> str:
    """Return the interval of a Sharpe ratio, how it was made, and what it says."""
    return (
        f"The {share(confidence)} interval is a stationary bootstrap: {ratio(low)} to {ratio(high)}. "
        f"{sharpe_sense(low, high, who)}"
    )


def made_or_lost(total: float) -> str:
    """Return a return as a verb with its size: "made 3.10 %", "lost 3.10 %"."""
    return f"{'made' if total >= 0 else 'lost'} {percentage(abs(total), signed=False)}"


def traded_how(rules: TradingRules) -> str:
    """Return how a signal became positions: "long and short with 50 % of the equity, stop 2 %"."""
    directions = "long and short" if rules.allow_short else "long or flat"
    part = "all" if rules.fraction == 1.0 else f"{100.0 * rules.fraction:g}\u00a0%"
    distances = {"stop": rules.stop, "target": rules.target, "trailing stop": rules.trailing_stop}
    given = [f"{name} {100.0 * distance:g}\u00a0%" for name, distance in distances.items() if not math.isnan(distance)]
    return ", ".join([f"{directions} with {part} of the equity", *(given or ["no stop, no target"])])
