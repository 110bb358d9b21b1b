"""Caveats and facts: what a headline must say beside its figures (CONVENTIONS 9), in words.

Belongs here: how the figures were made, and what they were made from. Not here: the figures on the page
(`reports.portfolio.page`).
"""

import math

from bot_core_dagster.portfolio.report import PortfolioReport
from bot_core_dagster.reports.figures import count, counted, day, day_end, minute, money, percentage, share
from bot_core_dagster.reports.words import bootstrapped


def caveats(report: PortfolioReport) -> list[tuple[str, str]]:
    """Return what a reader must know before believing the figures: subject, sentence."""
    whole = report.since_inception
    return [
        (
            "Returns",
            f"Of marked-to-market equity at day ends ({day_end(report.window.sampling)}), never of trades; "
            "open positions are marked at the last close, not sold.",
        ),
        (
            "Sharpe ratio",
            f"Of {whole.n_periods} daily returns, annualised with P = {whole.periods_per_year}, without a risk-free "
            f"rate. {bootstrapped(whole.sharpe_low, whole.sharpe_high, whole.confidence, 'the strategies lose')}",
        ),
        (
            "Trials",
            _trials(report),
        ),
        (
            "Drawdown",
            "Over bar closes, the starting equity included. The chart shows day ends; between them it may be deeper.",
        ),
        ("Buy and hold", "The same split, each instrument bought at the first bar of its sleeve and never sold."),
        ("Costs", _costs(report)),
        (
            "Sleeves",
            f"{money(report.initial_equity)} split equally over {len(report.sleeves)}, never rebalanced; cash "
            "until a sleeve's first bar. " + _currencies(report),
        ),
    ]


def facts(report: PortfolioReport) -> list[tuple[str, str]]:
    """Return what the page was made from: name, value."""
    month, whole = report.month, report.since_inception
    listed = [
        (
            "Month",
            f"{minute(month.start)} to {minute(month.end)}, {month.n_periods} day ends"
            + ("" if report.is_complete else "; the month is not over or its last days are missing"),
        ),
        ("Since inception", f"{minute(whole.start)} to {minute(whole.end)}, {whole.n_periods} day ends"),
        ("Instruments", ", ".join(report.symbols)),
        ("Strategies", ", ".join(report.strategies)),
        ("Bars", f"SIMULATED: {', '.join(report.simulated_symbols)}" if report.is_simulated else "of the market"),
    ]
    absent = [f"{one.sleeve} ({one.state}, last {day(one.last_row)})" for one in report.absent]
    others = [str(one) for one in report.not_reviewed]
    listed += [("Without rows in the month", ", ".join(absent))] if absent else []
    frozen = [f"{one.sleeve} (last {day(one.last_row)})" for one in report.stopped]
    listed += [("Stopped early, frozen since", ", ".join(frozen))] if frozen else []
    listed += [("Not reviewed: no longer set", ", ".join(others))] if others else []
    return listed


def _trials(report: PortfolioReport) -> str:
    whole, n_deployed = report.since_inception, len(report.deployed)
    n_set = len(report.sleeves) - n_deployed
    deflated = share(whole.deflated_sharpe_ratio)
    if not n_deployed:
        return (
            f"N = 1: {counted(n_set, 'sleeve')} on the parameters of the settings, none on deployed ones; no search "
            f"chose any. Deflated Sharpe ratio (the probability that the true one is above zero): {deflated}."
        )
    return (
        f"N = {count(whole.n_trials)}: {counted(n_set, 'sleeve')} on the parameters of the settings, {n_deployed} on "
        f"deployed ones, chosen among {counted(whole.n_trials - 1, 'trial')} (summed). Deflated Sharpe ratio (the "
        f"probability that the true one is above the best of as many without skill): {deflated}."
    )


def _costs(report: PortfolioReport) -> str:
    whole = report.since_inception
    return (
        f"Since inception: without costs {percentage(whole.gross_return)}, at 1 × {percentage(whole.total_return)}, at "
        f"2 × {percentage(whole.double_cost_return)}; of a month, each is on that account's own equity at its "
        f"start. Of the closed trades: {_items(report)}. {_financing(report)}"
    )


def _financing(report: PortfolioReport) -> str:
    if not report.unknown_financing and report.since_inception.trades.financing_cost != 0.0:
        return "Financing is swap, funding and borrow, below zero where got."
    if not report.unknown_financing:
        return "Spot that is held without a loan pays no swap, funding or borrow."
    symbols = ", ".join(report.unknown_financing)
    return f"Swap, funding and borrow of {symbols} are unknown and in no figure."


def _items(report: PortfolioReport) -> str:
    trades = report.since_inception.trades
    if math.isnan(trades.financing_cost):
        financing = "financing unknown"
    else:
        financing = f"{'known ' if report.unknown_financing else ''}financing {money(trades.financing_cost)}"
    return (
        f"fees {money(trades.fees)}, spread {money(trades.spread_cost)}, slippage {money(trades.slippage_cost)}, "
        f"{financing}"
    )


def _currencies(report: PortfolioReport) -> str:
    if len(report.quotes) == 1:
        return f"Money is in {report.quotes[0]}."
    return (
        f"Quoted in {', '.join(report.quotes)}, taken at par: a sleeve's return in its own quote currency is counted."
    )
