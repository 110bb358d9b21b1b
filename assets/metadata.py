"""Metadata of materialisations: what the UI shows of a result.

Belongs here: turning pictures and figures into Dagster metadata. Not here: the figures and the drawings themselves
(the core).
"""

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import dagster as dg
import numpy as np

from bot_core_dagster.backtest import Backtest
from bot_core_dagster.features import Column
from bot_core_dagster.lake import Lake
from bot_core_dagster.lineage import outcomes_of
from bot_core_dagster.market.bar import SIMULATED
from bot_core_dagster.optimization import Decision, Optimization
from bot_core_dagster.portfolio import Performance, PortfolioReport
from bot_core_dagster.reports import Provenance, Sheet, report_file
from bot_core_dagster.settings import Instrument
from bot_core_dagster.strategies.analysis import MarketAnalysis

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


def shown(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata as it is read in the UI: the headline first, numbers of six digits."""
    first = {name: metadata[name] for name in ("headline",) if name in metadata}
    return {
        name: float(f"{entry:.6g}") if isinstance(entry, float) else entry
        for name, entry in (first | dict(metadata)).items()
    }


def source_of(instrument: Instrument) -> str:
    """Return where the instrument's bars come from, as the UI shows it."""
    return instrument.source.upper() if instrument.source == SIMULATED else instrument.source


def picture(png: bytes, title: str) -> dg.MarkdownMetadataValue:
    """Return a PNG as metadata that the UI shows as a picture."""
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")


def page_file(context: dg.AssetExecutionContext, symbol: str) -> Path:
    """Return where the page of an asset's symbol is kept."""
    return report_file(f"{context.asset_key.to_user_string()}_{symbol}")


def sheet_metadata(sheet: Sheet) -> dict[str, Any]:
    """Return the pictures of a result, and where its page is."""
    pictures = {one.name: picture(one.png, one.title) for one in sheet.pictures}
    return {**pictures, "report": dg.MetadataValue.path(str(sheet.page))}


def provenances(context: dg.AssetExecutionContext, lake: Lake) -> Callable[[str], Provenance]:
    """Return what gives what a symbol's page is made from: the outcomes of all that came before, the code's version."""
    upstream = sorted(key.to_user_string() for key in context.assets_def.asset_deps[context.asset_key])
    version = (context.assets_def.code_versions_by_key or {}).get(context.asset_key) or ""
    read: dict[str, dict[str, str]] = {}
    for one in outcomes_of(lake, upstream):
        if one.is_made:
            read.setdefault(one.symbol, {})[f"{one.asset} {one.symbol}"] = one.content_hash
    return lambda symbol: Provenance(datetime.now(UTC), version, read.get(symbol, {}))


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


def optimization_metadata(found: Optimization) -> dict[str, Any]:
    """Return the headline of a search with its caveats (CONVENTIONS 9); undefined figures are left out."""
    evidence, walk = found.evidence, found.headline
    figures = {
        "total_variations_tested": found.n_variations,
        "n_trials": evidence.n_trials,
        "deflated_sharpe_ratio": evidence.deflated_sharpe_ratio,
        "pbo": evidence.pbo,
        "best_performance_in_sample": found.best_performance,
        "out_of_sample_sharpe": found.sharpe_ratio,
        "out_of_sample_return": float(walk.equity[-1] - 1.0),
        "out_of_sample_double_cost_return": float(np.prod(1.0 + walk.double_cost_returns) - 1.0),
        "out_of_sample_buy_and_hold_return": float(np.prod(1.0 + walk.buy_and_hold_returns) - 1.0),
        "out_of_sample_deflated_sharpe": evidence.out_of_sample_deflated_sharpe,
        "out_of_sample_trades": walk.n_trades,
        "spa_cash": evidence.spa_cash,
        "spa_buy_and_hold": evidence.spa_buy_and_hold,
    }
    best = ", ".join(f"{name} {value:g}" for name, value in found.best_parameters.items())
    return {
        "headline": f"{'SIMULATED: ' * found.is_simulated}out of sample {figures['out_of_sample_return']:+.1%} net "
        f"({figures['out_of_sample_double_cost_return']:+.1%} at twice the costs, buy and hold "
        f"{figures['out_of_sample_buy_and_hold_return']:+.1%}), "
        f"Sharpe {found.sharpe_ratio:.2f} [{evidence.sharpe.low:.2f}, {evidence.sharpe.high:.2f}], {walk.n_trades} "
        f"trades, n = {len(walk.returns)}, P = {found.periods_per_year}; in sample the best of "
        f"{found.n_variations} has {found.question.objective} {found.best_performance:.2f} ({best}), deflated "
        f"{evidence.deflated_sharpe_ratio:.2f} of {evidence.n_trials} trials, overfitting {evidence.pbo:.0%}",
        "bars": _provenance(is_simulated=found.is_simulated),
        "financing": _financing([] if found.is_financing_known else [found.question.symbol]),
        "best_parameters": dict(found.best_parameters),
        **_defined(figures),
    }


def decision_metadata(decision: Decision, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was decided, what is in force, and every reason as a table."""
    columns = ["condition", "met", "in words"]
    rows = [[one.name, ("yes" if one.is_met else "no") * one.is_asked, one.words] for one in decision.reasons]
    return {
        "headline": f"{'SIMULATED: ' * decision.is_simulated}{decision.summary}",
        "reasons": dg.MetadataValue.md(_markdown_table(columns, rows)),
        "version": int(row["version"]),
        "in_force": str(row["parameters"] or "those of the settings"),
        "candidate": dict(decision.candidate),
        "deployed": decision.deploy,
        **_defined({"n_trials": decision.n_trials, "deflated_sharpe_ratio": decision.deflated_sharpe_ratio}),
    }


def analysis_metadata(analysis: MarketAnalysis) -> dict[str, Any]:
    """Return the signal with its reasons, and every strategy's opinion as a table."""
    columns = ["strategy", "direction", "confidence", "reasoning"]
    rows = [[one.strategy, one.direction, _share(one.rule_confidence), one.reasoning] for one in analysis.opinions]
    return {
        "headline": f"{'SIMULATED: ' * analysis.is_simulated}{analysis.signal} at {analysis.price:g}: "
        f"{analysis.reasoning}",
        "opinions": dg.MetadataValue.md(_markdown_table(columns, rows)),
        "known_at": str(analysis.known_at),
        **_defined({"rule_confidence": analysis.rule_confidence, "price": analysis.price}),
    }


def _share(fraction: float) -> str:
    return "none" if math.isnan(fraction) else f"{fraction:.0%}"


def _markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


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
        return "charged as the settings say; spot held without a loan costs nothing"
    return f"UNKNOWN and in no figure: swap, funding and borrow of {', '.join(unknown)}"


def _provenance(*, is_simulated: bool) -> str:
    return "SIMULATED: no market made them" if is_simulated else "of the market"
