"""`bot-core run`: one cycle of the main job, and what came of it.

Belongs here: the command and its rendering. Not here: executing the Dagster jobs (`cli.cycle`), the shapes of the
answer (`cli.cycle_result`).
"""

import math
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bot_core_dagster.cli.console import (
    bullets,
    console,
    count,
    emit_json,
    minute,
    progress_bar,
    ratio,
    seconds,
    share,
    shown_path,
    simulated_banner,
    table,
)
from bot_core_dagster.cli.guard import FAILED, JsonFlag, say_error
from bot_core_dagster.cli.quick import collect_less, uncollected

if TYPE_CHECKING:
    from rich.console import Console

    from bot_core_dagster.cli.cycle_result import CycleResult, Failed, ForecastLine, Headline


_FORECAST_COLUMNS: Final = (
    "forecast of",
    "known until (UTC)",
    "price>",
    "in 24 bars>",
    "90 % between>",
    "P(up) next>",
    "by",
)
_BUILT_COLUMNS: Final = ("asset", "built>", "up to date>", "failed", "rows>", "time>")


def run(
    month: Annotated[
        str | None, typer.Option(help="Month of the review, e.g. 2024-05; the newest unless said.", show_default=False)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Bring everything up to date: bars, quality, features, backtests, models, forecasts and the month's review.

    Run again, it brings only what is new. A symbol that fails stops its own results and nothing else (exit code 1).
    """
    from bot_core_dagster.cli.home import prepare_dagster_home
    from bot_core_dagster.settings import load_settings

    settings = load_settings()
    prepare_dagster_home()
    with uncollected():
        from bot_core_dagster.cli.cycle import run_cycle
    collect_less()
    with progress_bar("starting Dagster", is_quiet=as_json) as progress:
        result = run_cycle(settings, month=month, on_progress=progress)
    if as_json:
        emit_json(result)
    else:
        show(result)
    if result.failed:
        symbols = sorted({failure.partition or failure.asset for failure in result.failed})
        say_error(f"{', '.join(symbols)} failed, the others are built; {result.failed[0].reason}")
        raise typer.Exit(FAILED)


def show(result: "CycleResult") -> None:
    """Print a cycle: what was built, what failed, the headlines, where to look."""
    screen = console()
    screen.print(table(_BUILT_COLUMNS, _asset_rows(result), title="Built"))
    if result.failed:
        columns = ("failed", "first in", "why")
        screen.print(table(columns, _failure_rows(result), title="Failed; everything else is built"))
    if result.headlines:
        _show_headlines(screen, result)
    if result.forecasts:
        screen.print(table(_FORECAST_COLUMNS, map(_forecast_row, result.forecasts), title="Forecasts"))
    if result.shorter_training:
        screen.print(f"Models: {result.shorter_training}.", style="dim")
    if result.recommendations:
        screen.print("Recommendations", style="bold")
        screen.print(bullets(result.recommendations))
    ending = "Done, with failures," if result.failed else "Done"
    screen.print(f"\n{ending} in {seconds(result.seconds)}. Where to look:", style="bold")
    if result.report:
        screen.print(f"  report         {shown_path(result.report)}", soft_wrap=True)
    screen.print("  web interface  bot-core up   (or: make up)")
    screen.print('  data           bot-core status,  bot-core sql "select * from bars limit 5"')


def _forecast_row(one: "ForecastLine") -> tuple[str, ...]:
    from bot_core_dagster.reports.figures import price

    between = f"{price(one.lower)} … {price(one.upper)}"
    simulated = "SIMULATED " if one.simulated else ""
    told = (minute(one.as_of), price(one.close), price(one.predicted_price), between, f"{one.probability_up:.3f}")
    return (f"{simulated}{one.symbol}", *told, one.model)


def _asset_rows(result: "CycleResult") -> list[tuple[str, ...]]:
    """Return a row an asset, in the order in which they were made."""
    names = dict.fromkeys([*(built.asset for built in result.built), *(failure.asset for failure in result.failed)])
    return [_asset_row(name, result) for name in names]


def _asset_row(name: str, result: "CycleResult") -> tuple[str, ...]:
    parts = [built for built in result.built if built.asset == name]
    n_new = sum(part.status == "built" for part in parts)
    failed = sorted(failure.partition or "all" for failure in result.failed if failure.asset == name)
    duration = math.fsum(part.seconds for part in parts if not math.isnan(part.seconds))
    n_rows = sum(part.rows for part in parts)
    return name, count(n_new), count(len(parts) - n_new), ", ".join(failed) or "-", count(n_rows), seconds(duration)


def _failure_rows(result: "CycleResult") -> list[tuple[str, ...]]:
    """Return the first failure of each symbol; what follows from it is in the table of assets."""
    first: dict[str, Failed] = {}
    for failure in result.failed:
        first.setdefault(failure.partition, failure)
    return [(partition or "all", failure.asset, failure.reason) for partition, failure in first.items()]


def _show_headlines(screen: "Console", result: "CycleResult") -> None:
    headlines = result.headlines
    if result.simulated_symbols:
        screen.print(simulated_banner(), f"no market made the bars of {', '.join(result.simulated_symbols)}")
    columns = ("portfolio, net of costs", *(f"{headline.period}>" for headline in headlines))
    figures = [_figures(headline) for headline in headlines]
    rows = [(name, *(column[name] for column in figures)) for name in figures[0]]
    screen.print(table(columns, rows, title="Headline"))
    if result.unknown_financing:
        symbols = ", ".join(result.unknown_financing)
        screen.print(f"Swap, funding and borrow of {symbols}: unknown, in no figure above.", soft_wrap=True)


def _figures(headline: "Headline") -> dict[str, str]:
    """Return the figures that are never shown without one another."""
    interval = f"{ratio(headline.sharpe_low)} … {ratio(headline.sharpe_high)}"
    trials = f"of {headline.n_trials} trial{'s' * (headline.n_trials != 1)}"
    return {
        "period (UTC)": f"{headline.start:%Y-%m-%d} … {headline.end:%Y-%m-%d}",
        "return": share(headline.net_return, signed=True),
        "  at twice the costs": share(headline.double_cost_return, signed=True),
        "  before costs": share(headline.gross_return, signed=True),
        "  buy and hold": share(headline.buy_and_hold_return, signed=True),
        "maximum drawdown, bar closes": share(headline.max_drawdown),
        "Sharpe ratio": ratio(headline.sharpe_ratio),
        f"  {headline.confidence:.0%} interval": interval,
        "  deflated": f"{ratio(headline.deflated_sharpe_ratio)} {trials}",
        "days": f"n {count(headline.n_periods)}, P {headline.periods_per_year}",
        "closed trades": count(headline.n_trades),
    }
