"""How a search for parameters looks on a terminal: out of sample first, then what was found, then what to believe.

Belongs here: which figure stands where. Not here: the figures (`optimization`), the page (`reports.optimization`).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from bot_core_dagster.cli.console import (
    bullets,
    console,
    count,
    minute,
    ratio,
    share,
    shown_path,
    simulated_banner,
    table,
    verdict,
)
from bot_core_dagster.cli.optimized import Optimized, WalkedFigures, walked
from bot_core_dagster.optimization import Decision, Optimization
from bot_core_dagster.reports.words import sharpe_sense, traded_how

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_FIGURES: Final = ("return", "Sharpe", "drawdown", "factor", "trades")


def show(done: Optimized, page: Path | None) -> None:
    """Print a search: the walk-forward, its folds, the best trials, how much luck explains, and the gate."""
    screen, found = console(), done.found
    if found.is_simulated:
        screen.print(simulated_banner(), "no market made these bars")
    _show_subject(screen, found)
    screen.print(_out_of_sample(found))
    screen.print(f"{_interval(found)} {sharpe_sense(found.evidence.sharpe.low, found.evidence.sharpe.high)}")
    screen.print(_folds(found))
    screen.print(_best(found))
    screen.print(bullets(_evidence(found)))
    _show_gate(screen, done)
    said = f"{count(done.n_new_trials)} new" if done.n_new_trials else "none of them new"
    screen.print(f"\n{count(found.n_variations)} trials recorded, {said}.", style="dim")
    if page:
        screen.print(f"report  {shown_path(page)}", soft_wrap=True)


def _show_subject(screen: "Console", found: Optimization) -> None:
    asked, settings = found.question, found.settings
    screen.print(f"{asked.strategy} on {asked.symbol} {asked.timeframe}", style="bold")
    screen.print(f"{minute(asked.start)} … {minute(asked.end)} UTC, {count(len(found.day_end))} days")
    screen.print(
        f"{count(found.n_variations)} parameter sets by {asked.objective}: {settings.method}, seed {settings.seed}; "
        f"{traded_how(found.rules)}",
        soft_wrap=True,
    )


def _out_of_sample(found: Optimization) -> "Table":
    """Return the joined curves of the designs, side by side; the first one is the headline."""
    designs = {name: walked(walk, found.periods_per_year) for name, walk in found.walk_forward.items()}
    columns = [_walked_figures(figures) for figures in designs.values()]
    rows = [(name, *(column[name] for column in columns)) for name in columns[0]]
    return table(("walk-forward, out of sample", *(f"{name}>" for name in designs)), rows)


def _walked_figures(figures: WalkedFigures) -> dict[str, str]:
    return {
        "return, net": share(figures.net_return, signed=True),
        "  at twice the costs": share(figures.double_cost_return, signed=True),
        "  buy and hold": share(figures.buy_and_hold_return, signed=True),
        "Sharpe ratio": ratio(figures.sharpe_ratio),
        "drawdown at day ends": share(figures.max_drawdown_at_day_ends),
        "closed trades": count(figures.total_trades),
        "mean position": share(figures.mean_position),
        "days": f"n {count(figures.n_periods)}, P {figures.periods_per_year}",
    }


def _interval(found: Optimization) -> str:
    interval = found.evidence.sharpe
    return f"Sharpe ratio, {interval.confidence:.0%}: {ratio(interval.low)} … {ratio(interval.high)}."


def _folds(found: Optimization) -> "Table":
    """Return what each fold of the headline chose on the days before, and what that earned."""
    names = list(found.best_parameters)
    rows = []
    for fold in found.headline.folds.to_dict("records"):
        chosen = found.parameter_sets[fold["trial"]] if fold["trial"] >= 0 else {}
        days = f"{fold['test_start']:%Y-%m-%d} … {fold['test_end']:%Y-%m-%d}"
        figures = (ratio(fold["train_objective"]), share(fold["test_return"], signed=True))
        rows.append((days, *(_number(chosen.get(name)) for name in names), *figures))
    title = f"Chosen on the days before ({found.headline.design})"
    return table(("traded", *(f"{name}>" for name in names), "then>", "return>"), rows, title=title)


def _best(found: Optimization) -> "Table":
    """Return the best trials in sample, the winner first."""
    names, rows = list(found.best_parameters), []
    for row in found.top().to_dict("records"):
        values = json.loads(row["parameters"])
        rows.append((*(_number(values[name]) for name in names), *_trial_figures(row)))
    objective = found.question.objective
    columns = (*(f"{name}>" for name in names), *(() if objective == "sharpe_ratio" else (f"{objective}>",)))
    title = f"Best {len(rows)} of {count(found.n_variations)} in sample: too good, as the best of many are"
    return table((*columns, *(f"{name}>" for name in _FIGURES)), rows, title=title)


def _trial_figures(row: Mapping[Any, Any]) -> tuple[str, ...]:
    objective = () if row["objective"] == "sharpe_ratio" else (ratio(row["objective_value"]),)
    return (
        *objective,
        share(row["total_return"], signed=True),
        ratio(row["sharpe_ratio"]),
        share(row["max_drawdown"]),
        ratio(row["profit_factor"]),
        count(row["n_trades"]),
    )


def _evidence(found: Optimization) -> list[str]:
    evidence = found.evidence
    blocks = f"{evidence.pbo_blocks} blocks" if evidence.pbo_blocks else "too few days or trials"
    costs = [f"{share(one.total_return, signed=True)} at {one.multiplier:g} ×" for one in evidence.winner_stress]
    return [
        f"deflated Sharpe of the winner: {ratio(evidence.deflated_sharpe_ratio)} of {count(evidence.n_trials)} trials "
        "of this question, over all time",
        f"probability of overfitting: {share(evidence.pbo)} ({blocks}); noise has about 50 %",
        f"p that no set beats cash {ratio(evidence.spa_cash)}, nor buy and hold of its exposure "
        f"{ratio(evidence.spa_buy_and_hold)}",
        f"the winner's neighbours keep {share(evidence.neighbourhood)} of its objective; costs: {', '.join(costs)}",
    ]


def _show_gate(screen: "Console", done: Optimized) -> None:
    decision, name = done.decision, done.found.question.strategy
    force = f"version {done.deployed.version}" if done.deployed else "the settings' parameters"
    screen.print(Text("\nThe gate would "), verdict("DEPLOY" if decision.deploy else "KEEP"), sep="", end="")
    screen.print(f" the winner over {force}" if decision.deploy else f" {force}")
    screen.print(table(("asked", "is", "because"), _reasons(decision)))
    if decision.deploy:
        screen.print(f"To put it in force now: {name}_optimization, {name}_parameters in the UI (bot-core up)")


def _reasons(decision: Decision) -> list[tuple[Any, ...]]:
    return [
        (reason.name, verdict("pass" if reason.is_met else "fail"), reason.words)
        for reason in decision.reasons
        if reason.is_asked
    ]


def _number(value: float | None) -> str:
    return "flat" if value is None else f"{value:g}"
