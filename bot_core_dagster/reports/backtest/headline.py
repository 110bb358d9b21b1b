"""The headline of a backtest, which never stands without its caveats (CONVENTIONS 9), in words.

Belongs here: title, lead and caveats of a backtest. Not here: the figures one by one
(`reports.backtest.figures_table`), where the words stand (`page`, the pictures).
"""

import math

from bot_core_dagster.backtest.result import Backtest
from bot_core_dagster.backtest.summary import Summary
from bot_core_dagster.metrics import sampling_of
from bot_core_dagster.reports.figures import count, counted, day_end, minute, parameters, percentage, ratio, share
from bot_core_dagster.reports.words import bootstrapped, made_or_lost, sharpe_sense, traded_how


def title(backtest: Backtest) -> str:
    """Return what was traded, with which parameters: "rsi on BTCUSDT 1h"."""
    return f"{backtest.strategy} on {backtest.symbol} {backtest.timeframe}"


def result(backtest: Backtest) -> str:
    """Return the result in one line, SIMULATED first where it is so."""
    figures = backtest.summary
    start = "SIMULATED: " if backtest.is_simulated else ""
    return (
        f"{start}{title(backtest)}: {percentage(figures.total_return)} net, "
        f"buy and hold {percentage(figures.buy_and_hold_return)}"
    )


def lead(backtest: Backtest) -> str:
    """Return the result as a sentence."""
    figures = backtest.summary
    held = percentage(figures.buy_and_hold_return)
    return f"{title(backtest)} {made_or_lost(figures.total_return)} after costs; buying and holding: {held}."


def caption(backtest: Backtest) -> str:
    """Return the three lines under the result in a picture: how sure, at what costs, how traded."""
    figures = backtest.summary
    unknown = "" if is_financing_known(figures) else ", financing UNKNOWN"
    return "\n".join(
        [
            f"{sharpe_with_interval(figures)}, {deflated(figures)}. "
            f"{sharpe_sense(figures.sharpe_low, figures.sharpe_high)}",
            f"Costs: none {percentage(figures.gross_return)}, 1 × {percentage(figures.total_return)}, "
            f"2 × {percentage(figures.double_cost_return)}{unknown}. Max drawdown {percentage(figures.max_drawdown)}. "
            f"{counted(figures.total_trades, 'closed trade')}, "
            f"won {share(figures.win_rate)}; in position {share(figures.exposure)} of bars",
            f"{parameters(backtest.parameters_used)}; {traded_how(backtest.rules)}",
        ]
    )


def sharpe_with_interval(figures: Summary) -> str:
    """Return the Sharpe ratio with its interval and what it is of."""
    return (
        f"Sharpe {ratio(figures.sharpe_ratio)} [{ratio(figures.sharpe_low)}, {ratio(figures.sharpe_high)}], "
        f"n = {count(figures.n_periods)} days, P = {figures.periods_per_year}"
    )


def deflated(figures: Summary) -> str:
    """Return the deflated Sharpe ratio with the number of trials that it is deflated for."""
    return f"deflated {ratio(figures.deflated_sharpe_ratio)} of {counted(figures.n_trials, 'trial')}"


def is_financing_known(figures: Summary) -> bool:
    """Whether swap, funding and borrow of what was traded are in the figures."""
    return not math.isnan(figures.financing_cost)


def caveats(backtest: Backtest) -> list[tuple[str, str]]:
    """Return what a reader must know before believing the figures: subject, sentence."""
    figures = backtest.summary
    ends = day_end(sampling_of(figures.sampling))
    return [
        (
            "Returns",
            f"Of marked-to-market equity at day ends ({ends}), never of trades. A position that is open at the end is "
            "marked at the last close, not sold.",
        ),
        (
            "Sharpe ratio",
            f"Of {count(figures.n_periods)} daily returns, annualised with P = {figures.periods_per_year}, without a "
            f"risk-free rate. {bootstrapped(figures.sharpe_low, figures.sharpe_high, figures.sharpe_confidence)}",
        ),
        ("Trials", _trials(figures)),
        (
            "Execution",
            "Decided at a bar's close, filled at the next bar's open with half the spread and slippage. At the open "
            "signals go first, then stops and targets that the open has passed; inside a bar a stop goes before a "
            "target. No entry on the bar after missing bars.",
        ),
        ("Drawdown", "Over bar closes, the starting equity included; inside a bar it may have been deeper."),
        ("Buy and hold", "All of the equity bought at the second bar's open, at cost, and never sold."),
        ("Costs", _costs(figures)),
        (
            "Curves",
            "Where there are more bars than pixels, each stretch of bars is drawn by its first bar and the lowest and "
            "the highest of every curve: no extreme is left out.",
        ),
        ("Money", "Fractions and multiples of the starting equity."),
    ]


def facts(backtest: Backtest) -> list[tuple[str, str]]:
    """Return what the page was made from: name, value."""
    figures = backtest.summary
    return [
        ("Strategy", backtest.strategy),
        ("Parameters", parameters(backtest.parameters_used)),
        ("Traded", traded_how(backtest.rules)),
        ("Instrument", f"{backtest.symbol}, bars of {backtest.timeframe}"),
        ("Range", f"{minute(figures.start)} to {minute(figures.end)}, {counted(figures.n_bars, 'bar')}"),
        ("Bars", "SIMULATED" if backtest.is_simulated else "of the market"),
    ]


def _trials(figures: Summary) -> str:
    chosen = (
        "the parameters were given, nothing was chosen among others here."
        if figures.n_trials == 1
        else "the parameters are the best of as many that were tried on this question."
    )
    return (
        f"N = {count(figures.n_trials)}: {chosen} Deflated Sharpe ratio (the probability that the true one is above "
        f"what the best of N without skill shows): {share(figures.deflated_sharpe_ratio)}."
    )


def _costs(figures: Summary) -> str:
    known = (
        "Swap, funding and borrow are in the figures."
        if is_financing_known(figures)
        else "Swap, funding and borrow are UNKNOWN and in no figure."
    )
    return (
        f"Without costs {percentage(figures.gross_return)}, at 1 × {percentage(figures.total_return)}, at 2 × "
        f"{percentage(figures.double_cost_return)}. {known}"
    )
