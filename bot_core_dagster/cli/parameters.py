"""`bot-core parameters show|rollback`: what is in force, since when and why; and the way back.

Belongs here: the two commands. Not here: the record of decisions (`optimization.parameters`), how one is taken
(`optimization.gate`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bot_core_dagster.cli.console import console, emit_json, minute, table, verdict
from bot_core_dagster.cli.guard import JsonFlag, guarded
from bot_core_dagster.cli.strategy_options import StrategyArgument, SymbolArgument

if TYPE_CHECKING:
    from bot_core_dagster.settings import Instrument, Settings

_COLUMNS: Final = ("strategy", "on", "version>", "in force", "last decision (UTC)")
_HISTORY_COLUMNS: Final = ("decided (UTC)", "strategy", "symbol", "outcome", "version>", "why")


def show(
    strategy: Annotated[str | None, typer.Argument(help="All that are traded unless said.", show_default=False)] = None,
    symbol: Annotated[str | None, typer.Argument(help="The watchlist unless said.", show_default=False)] = None,
    history: Annotated[bool, typer.Option("--history", help="Show every decision, the oldest first.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show which parameters are in force on each instrument: deployed past the gate, else those of the settings."""
    from bot_core_dagster.settings import load_settings

    settings = load_settings()
    rows = list(_decisions(settings, strategy, symbol) if history else _in_force(settings, strategy, symbol))
    if as_json:
        emit_json(rows)
        return
    screen = console()
    if not history:
        screen.print(table(_COLUMNS, _grouped(rows)))
        screen.print("Version 0 are the settings' parameters; why: bot-core parameters show --history", style="dim")
    elif rows:
        screen.print(table(_HISTORY_COLUMNS, map(_history_row, rows)))
    else:
        screen.print("No decision yet. Next: bot-core run")


def rollback(strategy: StrategyArgument, symbol: SymbolArgument, as_json: JsonFlag = False) -> None:
    """Put in force again what was deployed before, or the settings' parameters where nothing was."""
    from bot_core_dagster.lake import default_lake
    from bot_core_dagster.optimization import roll_back
    from bot_core_dagster.settings import load_settings
    from bot_core_dagster.strategies import strategy_named

    instrument = load_settings().instrument(symbol)
    row = _plain(roll_back(default_lake(), strategy_named(strategy).name, symbol, instrument.timeframe))
    if as_json:
        emit_json(row)
        return
    screen = console()
    screen.print(f"{strategy} on {symbol} {instrument.timeframe}: {row['summary']}")
    if row["parameters"]:
        screen.print(f"in force: {_said(row['parameters'])}")
    screen.print("Next: bot-core run, which backtests and reviews it; the next search may deploy again")


def _asked(settings: "Settings", strategy: str | None, symbol: str | None) -> "Iterator[tuple[str, Instrument]]":
    """Yield the strategies and instruments that were typed, or all that are traded."""
    from bot_core_dagster.strategies import enabled_strategies, strategy_named

    named = [strategy_named(strategy)] if strategy else enabled_strategies(settings.strategies)
    instruments = [settings.instrument(symbol)] if symbol else settings.watchlist
    for one in named:
        for instrument in instruments:
            yield one.name, instrument


def _in_force(settings: "Settings", strategy: str | None, symbol: str | None) -> Iterator[dict[str, Any]]:
    from bot_core_dagster.lake import default_lake
    from bot_core_dagster.optimization import history
    from bot_core_dagster.strategies import settings_of, strategy_named

    lake = default_lake()
    for name, instrument in _asked(settings, strategy, symbol):
        past = history(lake, name, instrument.symbol, instrument.timeframe)
        last = _plain(past.iloc[-1].to_dict()) if len(past) else {}
        section = settings_of(name, settings.strategies)
        yield {
            "strategy": name,
            "symbol": instrument.symbol,
            "timeframe": instrument.timeframe,
            "version": last.get("version", 0),
            "parameters": last.get("parameters") or strategy_named(name).space.complete(section.parameters),
            "decided_at": last.get("decided_at"),
            "outcome": last.get("outcome"),
            "summary": last.get("summary"),
        }


def _decisions(settings: "Settings", strategy: str | None, symbol: str | None) -> Iterator[dict[str, Any]]:
    from bot_core_dagster.lake import default_lake
    from bot_core_dagster.optimization import history

    lake = default_lake()
    for name, instrument in _asked(settings, strategy, symbol):
        for row in history(lake, name, instrument.symbol, instrument.timeframe).to_dict("records"):
            yield _plain(row)


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row of the table with its JSON columns read, parameters in the strategy's order, and numbers as such."""
    from bot_core_dagster.strategies import strategy_named

    names = strategy_named(row["strategy"]).space.names
    texts = {name: json.loads(row[name]) if row[name] else None for name in ("parameters", "candidate", "reasons")}
    for column in ("parameters", "candidate"):
        values = texts[column] or {}
        texts[column] = {name: values[name] for name in names if name in values} or None
    counts = {name: int(row[name]) for name in ("version", "origin_version", "n_trials")}
    flags = {name: bool(row[name]) for name in ("is_deployed", "simulated")}
    return {**row, **texts, **counts, **flags}


def _grouped(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """Yield a line for the instruments on which the same parameters of a strategy are in force."""
    alike: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        key = (row["strategy"], row["timeframe"], row["version"], _said(row["parameters"]), row["outcome"])
        alike.setdefault(key, []).append(row)
    for (strategy, timeframe, version, said, outcome), group in alike.items():
        times = [row["decided_at"] for row in group if row["decided_at"]]
        last = f"{outcome.replace('_', ' ')} {minute(max(times))}" if outcome else "none"
        symbols = ", ".join(row["symbol"] for row in group)
        yield strategy, f"{symbols} {timeframe}", str(version), said, last


def _history_row(row: Mapping[str, Any]) -> tuple[Any, ...]:
    outcome = verdict(row["outcome"].replace("_", " "))
    about = (minute(row["decided_at"]), row["strategy"], f"{row['symbol']} {row['timeframe']}")
    proposed = f" ({_said(row['candidate'])})" if row["candidate"] else ""
    return (*about, outcome, str(row["version"]), f"{row['summary']}{proposed}")


def _said(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in values.items())


app = typer.Typer()
app.command("show")(guarded(show))
app.command("rollback")(guarded(rollback))


@app.callback(invoke_without_command=True)
def parameters(context: typer.Context) -> None:
    """Show the parameters in force, or go back to those before."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
