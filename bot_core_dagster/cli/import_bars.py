"""`bot-core import`: bars from files into the lake, and what became of their rows.

Belongs here: the command and its rendering. Not here: reading files (`market.formats`), what is refused
(`market.intake`), storing and replacing simulated bars (`cli.imported`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bot_core_dagster.cli.console import bullets, console, count, emit_json, minute, progress_bar, share, table
from bot_core_dagster.cli.guard import JsonFlag
from bot_core_dagster.timeframe import Timeframe

if TYPE_CHECKING:
    from bot_core_dagster.cli.imported import Imported

_TOP_REASONS: Final = 5


def import_bars(
    files: Annotated[list[Path], typer.Argument(help="Files of bars of one instrument.", show_default=False)],
    symbol: Annotated[str, typer.Option(help="Instrument of the watchlist.", show_default=False)],
    timeframe: Annotated[Timeframe, typer.Option(help="Length of the bars.", show_default=False)],
    form: Annotated[str | None, typer.Option("--format", help="Format; detected unless said.")] = None,
    tz: Annotated[str | None, typer.Option(help="Zone of the times, e.g. UTC; detected unless said.")] = None,
    label: Annotated[str | None, typer.Option(help="Whether a time is a bar's open or close.")] = None,
    side: Annotated[str | None, typer.Option(help="Price side: bid, ask, mid or trade.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Bring bars from files into the lake; what is impossible goes to quarantine, with the reason.

    Real bars replace SIMULATED ones for good.
    """
    from bot_core_dagster.cli.imported import Declared, import_files

    declared = Declared(format=form, tz=tz, label=label, side=side)
    with progress_bar(f"importing {symbol}", is_quiet=as_json) as progress:
        imported = import_files(files, symbol, timeframe, declared, progress)
    if as_json:
        emit_json(imported)
    else:
        _show(imported)


def _show(imported: "Imported") -> None:
    screen = console()
    screen.print(bullets(imported.notes), style="dim")
    rows = [(name, text) for name, text in _figures(imported).items()]
    screen.print(table(("", f"{imported.symbol} {imported.timeframe}>"), rows))
    if imported.quarantined:
        screen.print(table(("quarantined because", "rows>"), _top(imported.quarantined)))
        screen.print('  see them: bot-core sql "select symbol, line, reason, origin from quarantine"')
    for line in imported.said:
        screen.print(line, style="bold")
    screen.print("Next: bot-core run")


def _figures(imported: "Imported") -> dict[str, str]:
    expected = imported.n_bars + imported.n_missing
    return {
        "rows read": count(imported.n_read),
        "new bars": count(imported.n_new),
        "corrected": count(imported.n_corrected),
        "unchanged": count(imported.n_unchanged),
        "quarantined": count(sum(imported.quarantined.values())),
        "duplicates dropped": count(imported.n_duplicates),
        "missing bars": f"{count(imported.n_missing)} ({share(imported.n_missing / expected)} of those expected)",
        "first bar (UTC)": minute(imported.first_open_time),
        "last bar (UTC)": minute(imported.last_open_time),
        "prices": imported.price_side,
    }


def _top(quarantined: Mapping[str, int]) -> list[tuple[str, str]]:
    ranked = sorted(quarantined.items(), key=lambda reason: -reason[1])
    rows = [(reason, count(n_rows)) for reason, n_rows in ranked[:_TOP_REASONS]]
    rest = sum(n_rows for _, n_rows in ranked[_TOP_REASONS:])
    return [*rows, ("other reasons", count(rest))] if rest else rows
