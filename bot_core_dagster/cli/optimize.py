"""`bot-core optimize`: a search for a strategy's parameters, and how much of its result to believe.

Belongs here: the command, its JSON. Not here: what is searched (`cli.optimized`), how it looks (`cli.optimize_table`).
"""

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from bot_core_dagster.cli.console import emit_json, progress_bar
from bot_core_dagster.cli.guard import JsonFlag
from bot_core_dagster.cli.quick import uncollected
from bot_core_dagster.cli.strategy_options import (
    EndOption,
    ReportOption,
    StartOption,
    StrategyArgument,
    SymbolArgument,
    TimeframeOption,
    window,
)

if TYPE_CHECKING:
    from bot_core_dagster.cli.optimized import Optimized

_TRIAL_FIGURES: Final = (
    *("objective_value", "sharpe_ratio", "sortino_ratio", "calmar_ratio", "total_return", "max_drawdown"),
    *("profit_factor", "win_rate", "n_trades"),
)


def optimize(
    strategy: StrategyArgument,
    symbol: SymbolArgument,
    timeframe: TimeframeOption = None,
    start: StartOption = None,
    end: EndOption = None,
    method: Annotated[
        Literal["grid", "random", "tpe"] | None,
        typer.Option(help="How parameter sets are chosen; the settings' unless said."),
    ] = None,
    variations: Annotated[int | None, typer.Option(min=1, help="Parameter sets at most.")] = None,
    objective: Annotated[str | None, typer.Option(help="What the winner has most of, e.g. sharpe_ratio.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of what chance decides.")] = None,
    report: ReportOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Search parameters on the newest bars, or a range; walk forward; say how much is luck, and what the gate says.

    Every trial is kept and counts for good. Nothing is put in force: the weekly search does that, past the gate.
    """
    asked = window(start, end)
    typed = {"method": method, "parameter_variations": variations, "objective": objective, "seed": seed}
    with uncollected(), progress_bar(f"reading bars of {symbol}", is_quiet=as_json) as progress:
        from bot_core_dagster.cli import optimized
        from bot_core_dagster.cli.optimize_table import show
        from bot_core_dagster.cli.series import stored_series
        from bot_core_dagster.settings import load_settings

        series = stored_series(load_settings(), symbol, timeframe, asked)
        if start is None:
            lookback = series.settings.optimization.lookback_days
            series = replace(series, bars=optimized.newest(series.bars, lookback))
        title = f"searching {strategy} on {len(series.bars):,} bars"
        done = optimized.run(series, strategy, typed, lambda percent: progress(percent / 100.0, title))
        page = optimized.write_report(report, done, series) if report else None
    if as_json:
        emit_json(_answer(done) | {"report": page})
    else:
        show(done, page)


def _answer(done: "Optimized") -> dict[str, Any]:
    """Return what scripts read: the winner in sample, the curve out of sample, the evidence, the gate."""
    from bot_core_dagster.cli.optimized import walked

    found, decision = done.found, done.decision
    return {
        **vars(found.question),
        "simulated": found.is_simulated,
        "method": found.settings.method,
        "seed": found.settings.seed,
        "rules": found.rules,
        "best_parameters": found.best_parameters,
        "best_performance": found.best_performance,
        "top_10_results": [_trial(row) for row in found.top().to_dict("records")],
        "total_variations_tested": found.n_variations,
        "new_trials": done.n_new_trials,
        **vars(found.evidence),
        "out_of_sample": {
            name: {**asdict(walked(walk, found.periods_per_year)), "folds": walk.folds.to_dict("records")}
            for name, walk in found.walk_forward.items()
        },
        "gate": {"deploy": decision.deploy, "summary": decision.summary, "reasons": decision.reasons},
        "deployed": done.deployed,
    }


def _trial(row: dict[Any, Any]) -> dict[str, Any]:
    return {"parameters": json.loads(row["parameters"]), **{name: row[name] for name in _TRIAL_FIGURES}}
