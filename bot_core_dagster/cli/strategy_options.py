"""What the commands about strategies take: their options, and how a typed text becomes a value.

Belongs here: options that several commands share, NAME=NUMBER, dates. Not here: the parameters that a strategy lists in
its help (`cli.strategy_help`), what is read and computed for the options (`cli.series`, `cli.backtested`).
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from bot_core_dagster.lake.times import utc_range
from bot_core_dagster.timeframe import Timeframe

StrategyArgument = Annotated[str, typer.Argument(help="Strategy, e.g. rsi.", show_default=False)]
SymbolArgument = Annotated[str, typer.Argument(help="Instrument of the watchlist.", show_default=False)]
TimeframeOption = Annotated[
    Timeframe | None,
    typer.Option(help="Length of the bars, made of shorter ones if need be; the instrument's unless said."),
]
StartOption = Annotated[str | None, typer.Option(help="First open: 2025-01-31 (00:00 UTC) or a time with its zone.")]
EndOption = Annotated[str | None, typer.Option(help="Where the range ends, the same way; not included.")]
ReportOption = Annotated[Path | None, typer.Option(help="HTML page to write.", dir_okay=False)]
ParameterOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=NUMBER", help="A parameter; say it again for each.", show_default=False),
]

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def window(start: str | None, end: str | None) -> tuple[datetime | None, datetime | None]:
    """Return the range that was typed, in UTC; None is open.

    Raises
    ------
    TimeError
        If one is no time, has no zone and is no date, or the range ends before it starts.
    """
    return utc_range(_moment(start), _moment(end))


def parameters(typed: Sequence[str]) -> dict[str, float]:
    """Return the parameters of several NAME=NUMBER; which there are is for the strategy to say.

    Raises
    ------
    typer.BadParameter
        If one is of another form, or a name comes twice.
    """
    given: dict[str, float] = {}
    for each in typed:
        name, equals, number = (part.strip() for part in each.partition("="))
        try:
            value = float(number)
        except ValueError:
            equals = ""
        if not (name and equals):
            raise typer.BadParameter(f"expected NAME=NUMBER, got {each!r}", param_hint="--param")
        if name in given:
            raise typer.BadParameter(f"expected {name} once, got it twice", param_hint="--param")
        given[name] = value
    return given


def _moment(typed: str | None) -> str | datetime | None:
    """Return a date as its first instant in UTC; anything else is read as it is."""
    if typed is None or not _DAY.fullmatch(typed):
        return typed
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=UTC)
    except ValueError:
        return typed
