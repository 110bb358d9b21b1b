"""Caveats and facts: what a headline must say beside its figures (CONVENTIONS 9), in words.

Belongs here: how the figures were made, and what they were made from. Not here: the figures on the page
(`reports.page`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot_core_dagster.portfolio.performance import TradeFigures
from bot_core_dagster.portfolio.report import PortfolioReport
from bot_core_dagster.reports.figures import day, day_end, money, percentage, ratio
from bot_core_dagster.timeframe import require_utc


@dataclass(frozen=True)
class Provenance:
    """What a page was made from.

    generated_at : aware datetime
    code_version : of Bot Core
    content_hashes : what was read -> its content hash
    """

    generated_at: datetime
    code_version: str
    content_hashes: Mapping[str, str] = field(default_factory=dict)


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
            f"Of {whole.n_periods} daily returns, annualised with P = {whole.periods_per_year}, no "
            f"risk-free rate. The {whole.confidence:.0%} interval is a stationary bootstrap: {ratio(whole.sharpe_low)} "
            f"to {ratio(whole.sharpe_high)}. {_sharpe_sense(report)}",
        ),
        (
            "Trials",
            f"N = {whole.n_trials}: the strategies ran as they are set, none was chosen here among others. "
            f"Deflated Sharpe ratio (the probability that the true one is above zero): "
            f"{percentage(whole.deflated_sharpe_ratio, signed=False, decimals=0)}.",
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


def facts(report: PortfolioReport, provenance: Provenance) -> list[tuple[str, str]]:
    """Return what the page was made from: name, value.

    Raises
    ------
    TimeError
        If `generated_at` has no zone.
    """
    month, whole = report.month, report.since_inception
    generated = require_utc(provenance.generated_at, "generated_at")
    listed = [
        (
            "Month",
            f"{_moment(month.start)} to {_moment(month.end)}, {month.n_periods} day ends"
            + ("" if report.is_complete else "; the month is not over or its last days are missing"),
        ),
        ("Since inception", f"{_moment(whole.start)} to {_moment(whole.end)}, {whole.n_periods} day ends"),
        ("Instruments", ", ".join(report.symbols)),
        ("Strategies", ", ".join(report.strategies)),
        ("Bars", f"SIMULATED: {', '.join(report.simulated_symbols)}" if report.is_simulated else "of the market"),
        ("Generated", f"{generated:%Y-%m-%d %H:%M:%S} UTC by Bot Core {provenance.code_version}"),
    ]
    absent = [f"{one.sleeve} ({one.state}, last {day(one.last_row)})" for one in report.absent]
    others = [str(one) for one in report.not_reviewed]
    listed += [("Without rows in the month", ", ".join(absent))] if absent else []
    frozen = [f"{one.sleeve} (last {day(one.last_row)})" for one in report.stopped]
    listed += [("Stopped early, frozen since", ", ".join(frozen))] if frozen else []
    listed += [("Not reviewed: no longer set", ", ".join(others))] if others else []
    return listed


def _sharpe_sense(report: PortfolioReport) -> str:
    whole = report.since_inception
    if whole.sharpe_low > 0:
        return "The interval lies above zero."
    if whole.sharpe_high < 0:
        return "The interval lies below zero: the strategies lose."
    if whole.sharpe_low <= 0 <= whole.sharpe_high:
        return "The interval holds zero: skill and luck cannot be told apart."
    return "Too few periods for an interval."


def _costs(report: PortfolioReport) -> str:
    whole = report.since_inception
    return (
        f"Since inception: without costs {percentage(whole.gross_return)}, at 1 × {percentage(whole.total_return)}, at "
        f"2 × {percentage(whole.double_cost_return)}; of a month, each is on that account's own equity at its "
        f"start. Of the closed trades: {_items(whole.trades)}. {_financing(report)}"
    )


def _financing(report: PortfolioReport) -> str:
    if not report.unknown_financing:
        return "Spot that is held without a loan pays no swap, funding or borrow."
    symbols = ", ".join(report.unknown_financing)
    return f"Swap, funding and borrow of {symbols} are unknown and in no figure."


def _items(trades: TradeFigures) -> str:
    return f"fees {money(trades.fees)}, spread {money(trades.spread_cost)}, slippage {money(trades.slippage_cost)}"


def _currencies(report: PortfolioReport) -> str:
    if len(report.quotes) == 1:
        return f"Money is in {report.quotes[0]}."
    return (
        f"Quoted in {', '.join(report.quotes)}, taken at par: a sleeve's return in its own quote currency is counted."
    )


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
