"""Metadata of materialisations: what the UI shows of a result.

Belongs here: turning pictures and figures into Dagster metadata. Not here: the figures and the drawings themselves
(the core).
"""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import dagster as dg

from bot_core_dagster.backtest import Backtest
from bot_core_dagster.features import Column
from bot_core_dagster.market.bar import SIMULATED
from bot_core_dagster.portfolio import Performance, PortfolioReport
from bot_core_dagster.settings import Instrument

_BACKTEST_FIGURES: Final = (
    "total_return",
    "sharpe_ratio",
    "sharpe_low",
    "sharpe_high",
    "deflated_sharpe_ratio",
    "n_trials",
    "max_drawdown",
    "total_trades",
    "win_rate",
    "profit_factor",
    "buy_and_hold_return",
    "gross_return",
    "double_cost_return",
    "n_periods",
    "periods_per_year",
)


def source_of(instrument: Instrument) -> str:
    """Return where the instrument's bars come from, as the UI shows it."""
    return instrument.source.upper() if instrument.source == SIMULATED else instrument.source


def picture(png: bytes, title: str) -> dg.MarkdownMetadataValue:
    """Return a PNG as metadata that the UI shows as a picture."""
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")


def column_schema(columns: Sequence[Column]) -> dg.TableSchema:
    """Return the described columns of the features table."""
    described = [dg.TableColumn(one.name, "float64", f"{one.description} (unit: {one.unit})") for one in columns]
    return dg.TableSchema(described)


def backtest_metadata(backtest: Backtest) -> dict[str, Any]:
    """Return the headline of a backtest with its caveats (CONVENTIONS 9); undefined figures are left out."""
    summary = asdict(backtest.summary)
    return {
        "headline": _sentence(summary, is_simulated=backtest.is_simulated),
        "bars": _provenance(is_simulated=backtest.is_simulated),
        "financing": _financing([backtest.symbol] if math.isnan(backtest.summary.financing_cost) else []),
        **_defined({name: summary[name] for name in _BACKTEST_FIGURES}),
    }


def portfolio_metadata(report: PortfolioReport) -> dict[str, Any]:
    """Return the month's headline with its caveats, and the recommendations."""
    sentence = _sentence(_headline(report.month), is_simulated=report.is_simulated)
    month = _defined(_headline(report.month))
    whole = _defined({f"{name}_since_inception": value for name, value in _headline(report.since_inception).items()})
    advice = "\n".join(f"- {recommendation.text}" for recommendation in report.recommendations)
    return {
        "headline": f"{report.window.title}: {sentence}",
        "bars": _provenance(is_simulated=report.is_simulated),
        "financing": _financing(report.unknown_financing),
        "outcome": report.outcome,
        "recommendations": dg.MetadataValue.md(advice or "none"),
        **month,
        **whole,
    }


def _sentence(figures: Mapping[str, Any], *, is_simulated: bool) -> str:
    n_trials = figures["n_trials"]
    return (
        f"{'SIMULATED: ' * is_simulated}{figures['total_return']:+.1%} net "
        f"({figures['gross_return']:+.1%} before costs, {figures['double_cost_return']:+.1%} at twice the costs, "
        f"buy and hold {figures['buy_and_hold_return']:+.1%}); Sharpe {figures['sharpe_ratio']:.2f} "
        f"[{figures['sharpe_low']:.2f}, {figures['sharpe_high']:.2f}], "
        f"deflated {figures['deflated_sharpe_ratio']:.2f} of {n_trials} trial{'s' * (n_trials != 1)}, "
        f"max drawdown over bar closes {figures['max_drawdown']:.1%}; "
        f"{figures['total_trades']} trades, n = {figures['n_periods']}, P = {figures['periods_per_year']}"
    )


def _headline(figures: Performance) -> dict[str, float]:
    return {
        "total_return": figures.total_return,
        "sharpe_ratio": figures.sharpe_ratio,
        "sharpe_low": figures.sharpe_low,
        "sharpe_high": figures.sharpe_high,
        "deflated_sharpe_ratio": figures.deflated_sharpe_ratio,
        "n_trials": figures.n_trials,
        "max_drawdown": figures.max_drawdown,
        "total_trades": figures.trades.n_closed,
        "buy_and_hold_return": figures.buy_and_hold_return,
        "gross_return": figures.gross_return,
        "double_cost_return": figures.double_cost_return,
        "n_periods": figures.n_periods,
        "periods_per_year": figures.periods_per_year,
    }


def _defined(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in figures.items() if not (isinstance(value, float) and math.isnan(value))}


def _financing(unknown: Sequence[str]) -> str:
    if not unknown:
        return "spot held without a loan: no swap, funding or borrow"
    return f"UNKNOWN and in no figure: swap, funding and borrow of {', '.join(unknown)}"


def _provenance(*, is_simulated: bool) -> str:
    return "SIMULATED: no market made them" if is_simulated else "of the market"
