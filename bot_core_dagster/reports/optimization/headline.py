"""The headline of an optimisation, which never stands without its caveats (CONVENTIONS 9), in words.

Belongs here: titles, lead, caveats and facts of a search. Not here: where they stand (`page`, the pictures).
"""

import math

import numpy as np

from bot_core_dagster.metrics import sampling_of
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.optimization.result import Optimization
from bot_core_dagster.reports.figures import count, counted, day_end, minute, parameters, percentage, ratio, share
from bot_core_dagster.reports.words import bootstrapped, made_or_lost, traded_how

PBO_SENSE = "how often the best in sample is below the median out of it; pure noise has about 50\u00a0%"


def title(optimization: Optimization) -> str:
    """Return what was searched: "rsi on BTCUSDT 1h"."""
    asked = optimization.question
    return f"{asked.strategy} on {asked.symbol} {asked.timeframe}"


def marked(optimization: Optimization, text: str) -> str:
    """Return the text, SIMULATED first where it is so."""
    return f"{'SIMULATED: ' if optimization.is_simulated else ''}{text}"


def objective_name(optimization: Optimization) -> str:
    """Return the objective as a reader calls it: "Sharpe ratio"."""
    words = optimization.question.objective.replace("_", " ")
    return f"{words[0].upper()}{words[1:]}"


def objective_figure(optimization: Optimization, worth: float) -> str:
    """Return a value of the objective: a percentage where it is a share, else a ratio."""
    is_share = optimization.question.objective in ("total_return", "win_rate")
    return percentage(worth, decimals=1) if is_share else ratio(worth)


def lead(optimization: Optimization) -> str:
    """Return the result as a sentence: what the search would have earned, not what its winner shows."""
    walked = optimization.headline
    result = f"{title(optimization)} {made_or_lost(growth(walked.returns))} after costs"
    held = percentage(growth(walked.buy_and_hold_returns))
    return (
        f"Chosen anew {len(walked.folds)} times among {counted(optimization.n_variations, 'parameter set')} and traded "
        f"on days that the choice had not seen, {result}; buying and holding: {held}."
    )


def out_of_sample(optimization: Optimization) -> str:
    """Return the joined curve's Sharpe ratio with its interval and what it is of."""
    interval = optimization.evidence.sharpe
    return (
        f"Out of sample: Sharpe {ratio(optimization.sharpe_ratio)} [{ratio(interval.low)}, {ratio(interval.high)}], "
        f"n = {count(len(optimization.headline.returns))} days, P = {optimization.periods_per_year}"
    )


def overfitting(optimization: Optimization) -> str:
    """Return what speaks for luck: the deflated Sharpe ratio of the winner, and the probability of overfitting."""
    evidence = optimization.evidence
    return (
        f"In sample: deflated Sharpe {ratio(evidence.deflated_sharpe_ratio)} of {counted(evidence.n_trials, 'trial')}, "
        f"PBO {pbo(optimization)}"
    )


def pbo(optimization: Optimization) -> str:
    """Return the probability of overfitting, or why there is none."""
    evidence = optimization.evidence
    if math.isnan(evidence.pbo):
        return "n/a (too few days or trials)"
    return f"{share(evidence.pbo)} ({evidence.pbo_blocks} blocks)"


def growth(returns: FloatArray1D) -> float:
    """Return the compound return of all periods."""
    return float(np.prod(1.0 + returns) - 1.0)


def caveats(optimization: Optimization) -> list[tuple[str, str]]:
    """Return what a reader must know before believing the figures: subject, sentence."""
    evidence, interval = optimization.evidence, optimization.evidence.sharpe
    ends = day_end(sampling_of(optimization.sampling))
    return [
        (
            "Out of sample",
            "Each fold's parameters were the best of its training days, which end before its test days; the test days, "
            "joined, are the headline. Every switch is paid for. The winner over all days is the best of many, and so "
            "too good.",
        ),
        (
            "Sharpe ratio",
            f"Of daily returns of marked-to-market equity ({ends}), annualised with "
            f"P = {optimization.periods_per_year}, without a risk-free rate. "
            f"{bootstrapped(interval.low, interval.high, interval.confidence)}",
        ),
        (
            "Trials",
            f"N = {count(evidence.n_trials)}: distinct parameter sets ever tried for this question on "
            "overlapping days. The deflated Sharpe ratio is the probability that the winner is better than the best "
            "of N without skill. "
            f"The joined curve is one of {counted(len(optimization.walk_forward), 'design')}: deflated for these it is "
            f"{share(evidence.out_of_sample_deflated_sharpe)}.",
        ),
        ("PBO", f"The probability of backtest overfitting: {PBO_SENSE}."),
        (
            "SPA",
            "Hansen's test of superior predictive ability: the p-value that no parameter set at all beats the "
            "benchmark. Below 5\u00a0% luck alone is an unlikely explanation.",
        ),
        (
            "Heat map",
            "Each cell is the best objective over the parameters that it does not show: the cells are optimistic, "
            "and a plateau says more than a peak.",
        ),
        ("Buy and hold", "All of the equity bought at the first open of the same days, at cost, and never sold."),
        ("Costs", _costs(optimization)),
    ]


def facts(optimization: Optimization) -> list[tuple[str, str]]:
    """Return what the page was made from: name, value."""
    asked, origin, settings = optimization.question, optimization.origin, optimization.settings
    return [
        ("Strategy", asked.strategy),
        ("Traded", traded_how(optimization.rules)),
        ("Instrument", f"{asked.symbol}, bars of {asked.timeframe}"),
        ("Range", f"{minute(asked.start)} to {minute(asked.end)}, {counted(len(optimization.day_end), 'whole day')}"),
        (
            "Search",
            f"{settings.method}, {counted(optimization.n_variations, 'parameter set')}, by {asked.objective}, "
            f"seed {settings.seed}",
        ),
        ("Winner in sample", parameters(optimization.best_parameters)),
        ("Bars", "SIMULATED" if optimization.is_simulated else "of the market"),
        ("Content of the bars", origin.content_hash),
        ("Code of the strategy", origin.code_version),
    ]


def _costs(optimization: Optimization) -> str:
    walked = optimization.headline
    winner = [f"{percentage(one.total_return)} at {one.multiplier:g} ×" for one in optimization.evidence.winner_stress]
    return (
        f"The joined curve: {percentage(growth(walked.returns))} at 1 ×, "
        f"{percentage(growth(walked.double_cost_returns))} at 2 ×. The winner in sample: {', '.join(winner)}."
    )
