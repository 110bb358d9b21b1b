"""`bot-core backtest`: one strategy on one instrument, in a second.

Belongs here: the command, its JSON. Not here: what is simulated (`cli.backtested`), how it looks
(`cli.backtest_table`), storage (the assets keep backtests; this command keeps nothing).
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot_core_dagster.cli.console import emit_json, progress_bar
from bot_core_dagster.cli.guard import JsonFlag
from bot_core_dagster.cli.quick import uncollected
from bot_core_dagster.cli.strategy_options import (
    EndOption,
    ParameterOption,
    ReportOption,
    StartOption,
    StrategyArgument,
    SymbolArgument,
    TimeframeOption,
    parameters,
    window,
)

if TYPE_CHECKING:
    import pandas as pd

    from bot_core_dagster.cli.backtested import Backtested


def backtest(
    strategy: StrategyArgument,
    symbol: SymbolArgument,
    timeframe: TimeframeOption = None,
    start: StartOption = None,
    end: EndOption = None,
    param: ParameterOption = None,
    costs: Annotated[
        float | None, typer.Option(min=0, help="Show the result at this multiple of the costs too.")
    ] = None,
    allow_short: Annotated[
        bool | None,
        typer.Option("--allow-short/--long-only", help="Whether to sell short; as the settings unless said."),
    ] = None,
    fraction: Annotated[float | None, typer.Option(help="Share of the equity that an entry puts in, up to 1.")] = None,
    stop: Annotated[float | None, typer.Option(help="Stop below the entry price: 0.02 is 2 %.")] = None,
    target: Annotated[float | None, typer.Option(help="Target above the entry price: 0.04 is 4 %.")] = None,
    trailing_stop: Annotated[float | None, typer.Option(help="Stop below the best price so far.")] = None,
    report: ReportOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Simulate a strategy on the stored bars, after costs: decided at a close, filled at the next open.

    Parameters are the deployed ones, else those of the settings; --param changes them for this once.
    """
    given, asked = parameters(param or ()), window(start, end)
    with uncollected(), progress_bar(f"reading bars of {symbol}", is_quiet=as_json) as progress:
        from bot_core_dagster.cli import backtested
        from bot_core_dagster.cli.backtest_table import show
        from bot_core_dagster.cli.series import chosen, stored_series
        from bot_core_dagster.settings import load_settings

        series = stored_series(load_settings(), symbol, timeframe, asked)
        progress(0.5, f"simulating {len(series.bars):,} bars")
        selected = chosen(series, strategy, given)
        typed = {"allow_short": allow_short, "fraction": fraction, "stop": stop, "target": target}
        rules = backtested.rules_of(series, selected, typed | {"trailing_stop": trailing_stop})
        done = backtested.run(series, selected, rules, costs)
        page = backtested.write_tear_sheet(report, done, series) if report else None
    if as_json:
        emit_json(_answer(done) | {"report": page})
    else:
        show(done, page)


def _answer(done: "Backtested") -> dict[str, Any]:
    """Return what scripts read: the figures by their names, trades and the equity at day ends."""
    made = done.backtest
    days = made.daily_equity[made.daily_equity["sampling"] == made.summary.sampling]
    return {
        "strategy": made.strategy,
        "symbol": made.symbol,
        "timeframe": made.timeframe,
        "simulated": made.is_simulated,
        "parameters_used": dict(made.parameters_used),
        "parameters_from": done.chosen.origin,
        "rules": asdict(made.rules),
        **asdict(made.summary),
        "stressed": done.stressed,
        "notes": done.notes,
        "trades": _records(made.trades),
        "daily_equity": _records(days.drop(columns="sampling")),
    }


def _records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    import pandas as pd

    rows = frame.to_dict("records")
    return [{str(name): None if cell is pd.NaT else cell for name, cell in row.items()} for row in rows]
