"""`bot-core symbols list|add|remove`: the watchlist from the terminal.

Belongs here: the three commands. Not here: editing the file (`cli.watchlist`), what a name implies (`cli.naming`).
"""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bot_core_dagster.cli.console import console, emit_json, table, verdict
from bot_core_dagster.cli.guard import JsonFlag, guarded
from bot_core_dagster.errors import SettingsError

if TYPE_CHECKING:
    from bot_core_dagster.settings import Instrument

SymbolArgument = Annotated[str, typer.Argument(help="The instrument's id, e.g. SOLUSDT.", show_default=False)]

_DEFAULTS: Final = {"timeframe": "1h", "source": "simulated"}
_NEEDED: Final = ("venue", "base", "quote", "calendar", "price_side")
_UNITS: Final = "fee and slip(page): of one side, spread: the whole; all in basis points of the notional"
_COLUMNS: Final = ("symbol", "source", "bars", "calendar", "side", "venue", "fee>", "spread>", "slip>")


def listed(as_json: JsonFlag = False) -> None:
    """Show the watchlist."""
    from bot_core_dagster.settings import load_settings

    watchlist = load_settings().watchlist
    if as_json:
        emit_json([instrument.model_dump(mode="json") for instrument in watchlist])
        return
    screen = console()
    screen.print(table(_COLUMNS, map(_row, watchlist)))
    screen.print(_UNITS, style="dim")


def add(
    symbol: SymbolArgument,
    venue: Annotated[str | None, typer.Option(help="Where it is traded.")] = None,
    timeframe: Annotated[str | None, typer.Option(help="1m 5m 15m 30m 1h 4h 1d; 1h unless said.")] = None,
    base: Annotated[str | None, typer.Option(help="Base currency.")] = None,
    quote: Annotated[str | None, typer.Option(help="Quote currency.")] = None,
    calendar: Annotated[str | None, typer.Option(help="crypto, fx or metals")] = None,
    price_side: Annotated[str | None, typer.Option(help="trade, bid, ask or mid")] = None,
    source: Annotated[str | None, typer.Option(help="simulated, file or ccxt; simulated unless said.")] = None,
    fee_bps: Annotated[float | None, typer.Option(help="Fee of one side, in basis points.")] = None,
    spread_bps: Annotated[float | None, typer.Option(help="Whole spread, in basis points.")] = None,
    slippage_bps: Annotated[float | None, typer.Option(help="Slippage of one side, in basis points.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Change what is said of one that is there.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Add an instrument; what its name implies (BTCUSDT, EURUSD, XAUUSD) need not be said."""
    from bot_core_dagster.cli.watchlist import add_instrument, change_instrument
    from bot_core_dagster.settings import load_settings

    said: dict[str, Any] = _without_none(
        venue=venue,
        timeframe=timeframe,
        base=base,
        quote=quote,
        calendar=calendar,
        price_side=price_side,
        source=source,
    )
    costs = _without_none(fee_bps=fee_bps, spread_bps=spread_bps, slippage_bps=slippage_bps)
    is_there = any(instrument.symbol == symbol for instrument in load_settings().watchlist)
    if is_there and replace:
        change_instrument(symbol, said | ({"costs": costs} if costs else {}))
        note = "changed" if said or costs else "unchanged: nothing was said of it"
    else:
        fields, note = _completed(symbol, said, costs)
        add_instrument(fields)
    _say(load_settings().instrument(symbol), note, as_json=as_json)


def remove(symbol: SymbolArgument, as_json: JsonFlag = False) -> None:
    """Take an instrument from the watchlist; its stored bars stay."""
    from bot_core_dagster.cli.watchlist import remove_instrument

    remove_instrument(symbol)
    if as_json:
        emit_json({"removed": symbol})
        return
    console().print(f"{symbol} is off the watchlist. Its stored bars stay: bot-core sql still reads them.")


def _completed(symbol: str, said: dict[str, Any], costs: dict[str, float]) -> tuple[dict[str, Any], str]:
    """Return all fields of a new instrument, and in words which of them nobody said.

    Raises
    ------
    SettingsError
        If the name does not imply what was not said.
    """
    from bot_core_dagster.cli.naming import infer_instrument

    inferred = infer_instrument(symbol)
    fields = {"symbol": symbol} | _DEFAULTS | inferred.fields | said
    fields["costs"] = inferred.fields.get("costs", {}) | costs
    missing = [name for name in _NEEDED if name not in fields]
    if missing:
        options = " ".join(f"--{name.replace('_', '-')}" for name in missing)
        raise SettingsError(
            f"the name {symbol} does not imply everything; next: bot-core symbols add {symbol} {options}"
        )
    assumed = [f"{name.replace('_', ' ')} {fields[name]}" for name in (*_NEEDED, *_DEFAULTS) if name not in said]
    assumed += [f"{name.replace('_', ' ')} {amount:g}" for name, amount in fields["costs"].items() if name not in costs]
    kind = f"taken for a {inferred.kind}: " if inferred.kind else "assumed: "
    return fields, f"added; {kind}{', '.join(assumed)}" if assumed else "added"


def _without_none(**options: Any) -> dict[str, Any]:
    return {name: came for name, came in options.items() if came is not None}


def _row(instrument: "Instrument") -> tuple[Any, ...]:
    costs = instrument.costs
    source = verdict("SIMULATED") if instrument.source == "simulated" else instrument.source
    about = (instrument.symbol, source, instrument.timeframe, instrument.calendar, instrument.price_side)
    return (*about, instrument.venue, f"{costs.fee_bps:g}", f"{costs.spread_bps:g}", f"{costs.slippage_bps:g}")


def _say(instrument: "Instrument", note: str, *, as_json: bool) -> None:
    if as_json:
        emit_json(instrument.model_dump(mode="json") | {"note": note})
        return
    screen = console()
    screen.print(f"{instrument.symbol} {note}")
    screen.print(table(_COLUMNS, [_row(instrument)]))
    screen.print(_UNITS, style="dim")
    if instrument.source == "simulated":
        screen.print(f"Its bars will be SIMULATED; for real ones: bot-core import FILE --symbol {instrument.symbol}")
    screen.print("Next: bot-core run")


app = typer.Typer()
app.command("list")(guarded(listed))
app.command("add")(guarded(add))
app.command("remove")(guarded(remove))


@app.callback(invoke_without_command=True)
def symbols(context: typer.Context) -> None:
    """List, add or remove instruments of the watchlist."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
