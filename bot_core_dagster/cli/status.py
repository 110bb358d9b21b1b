"""`bot-core status`: what is stored of each instrument, how fresh it is, and what was made of it.

Belongs here: the command, its figures and its rendering. Not here: the verdict on bars (`market.quality`), the health
of the installation (`cli.doctor`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bot_core_dagster.cli.console import NOT_AVAILABLE, STYLES, console, count, emit_json, minute, table, verdict
from bot_core_dagster.cli.guard import JsonFlag

if TYPE_CHECKING:
    from rich.text import Text

    from bot_core_dagster.lake import Lake
    from bot_core_dagster.settings import Instrument, Settings

SIMULATED: Final = "simulated"
"""As `market.bar.SIMULATED`, without its import of pandas."""

_COLUMNS: Final = ("symbol", "source", "stored bars>", "first", "last (UTC)", "age>", "quality")
_BARS_SQL: Final = """select symbol, timeframe, count(*) as n_bars, min(open_time) as first, max(open_time) as last,
    count(*) filter (source = 'simulated') as n_simulated from bars group by all"""
_QUALITY_SQL: Final = "select symbol, timeframe, verdict, summary from bar_quality"
_MADE_SQL: Final = """select asset, count(*) filter (is_made) as n_made, count(*) filter (not is_made) as n_failed,
    max(made_at) as last from outcomes group by asset order by last"""


@dataclass(frozen=True)
class SymbolStatus:
    """What is stored of one instrument on its own timeframe; times are bar opens, None where there are no bars.

    n_simulated : stored bars that no market made
    age_bars : closed bars expected since the last one
    verdict, summary : of the last quality check, "" where there was none
    """

    symbol: str
    source: str
    timeframe: str
    n_bars: int
    n_simulated: int
    first_open_time: datetime | None
    last_open_time: datetime | None
    age_bars: int | None
    verdict: str
    summary: str


@dataclass(frozen=True)
class AssetStatus:
    """The last outcome of one asset over its symbols."""

    asset: str
    n_made: int
    n_failed: int
    last_at: datetime


def status(as_json: JsonFlag = False) -> None:
    """Show what is stored of each instrument, how fresh it is and what was made of it."""
    from bot_core_dagster.lake import default_lake
    from bot_core_dagster.settings import load_settings, state_home

    settings = load_settings()
    lake = default_lake(create=True)
    symbols = symbol_statuses(settings, lake, datetime.now(UTC))
    assets = asset_statuses(lake)
    if as_json:
        emit_json({"home": state_home(), "symbols": symbols, "assets": assets})
    else:
        _show(state_home(), symbols, assets)


def symbol_statuses(settings: "Settings", lake: "Lake", now: datetime) -> list[SymbolStatus]:
    """Return the status of each instrument of the watchlist, in its order."""
    stored = _by_series(lake, "bars", _BARS_SQL)
    judged = _by_series(lake, "bar_quality", _QUALITY_SQL)
    return [
        _symbol_status(
            instrument,
            stored.get((instrument.symbol, instrument.timeframe), {}),
            judged.get((instrument.symbol, instrument.timeframe), {}),
            now,
        )
        for instrument in settings.watchlist
    ]


def asset_statuses(lake: "Lake") -> list[AssetStatus]:
    """Return the last outcome of each asset, in the order in which they are made."""
    if not _holds(lake, "outcomes"):
        return []
    rows = lake.sql(_MADE_SQL).to_pylist()
    return [AssetStatus(row["asset"], row["n_made"], row["n_failed"], row["last"]) for row in rows]


def _holds(lake: "Lake", table_name: str) -> bool:
    return any(table.name == table_name for table in lake.tables())


def _by_series(lake: "Lake", table_name: str, query: str) -> dict[tuple[str, str], dict[str, Any]]:
    if not _holds(lake, table_name):
        return {}
    return {(row["symbol"], row["timeframe"]): row for row in lake.sql(query).to_pylist()}


def _symbol_status(
    instrument: "Instrument", stored: dict[str, Any], judged: dict[str, Any], now: datetime
) -> SymbolStatus:
    last = stored.get("last")
    return SymbolStatus(
        symbol=instrument.symbol,
        source=instrument.source,
        timeframe=instrument.timeframe,
        n_bars=stored.get("n_bars", 0),
        n_simulated=stored.get("n_simulated", 0),
        first_open_time=stored.get("first"),
        last_open_time=last,
        age_bars=_age(instrument, last, now) if last else None,
        verdict=judged.get("verdict", ""),
        summary=judged.get("summary", ""),
    )


def _age(instrument: "Instrument", last: datetime, now: datetime) -> int:
    """Return how many bars have closed since the last stored one, by the trading calendar."""
    from bot_core_dagster.market.calendars import calendar

    own = calendar(instrument.calendar)
    newest = own.last_closed_open(now, instrument.timeframe).to_pydatetime()
    return len(own.bar_open_times(instrument.timeframe, last, newest)) if newest > last else 0


def _show(home: Path, symbols: list[SymbolStatus], assets: list[AssetStatus]) -> None:
    screen = console()
    screen.print(table(_COLUMNS, map(_row, symbols), title="Watchlist"))
    for symbol in symbols:
        if symbol.verdict not in ("", "pass"):
            screen.print(f"  {symbol.symbol}  {symbol.summary}", style=STYLES[symbol.verdict])
    rows = [(one.asset, count(one.n_made), count(one.n_failed), minute(one.last_at)) for one in assets]
    if rows:
        screen.print()
        screen.print(table(("asset", "symbols made>", "failed>", "last (UTC)"), rows, title="Last results"))
    screen.print(f"stored in {home}", style="dim", soft_wrap=True)
    if not any(symbol.n_bars for symbol in symbols):
        screen.print("No bars yet. Next: bot-core run")


def _row(symbol: SymbolStatus) -> "tuple[str | Text, ...]":
    is_simulated = symbol.n_simulated > 0 or (symbol.source == SIMULATED and not symbol.n_bars)
    source: str | Text = verdict("SIMULATED") if is_simulated else symbol.source
    return (
        symbol.symbol,
        source,
        f"{count(symbol.n_bars)} × {symbol.timeframe}",
        f"{symbol.first_open_time:%Y-%m-%d}" if symbol.first_open_time else NOT_AVAILABLE,
        minute(symbol.last_open_time),
        NOT_AVAILABLE if symbol.age_bars is None else f"{count(symbol.age_bars)} bars",
        verdict(symbol.verdict or NOT_AVAILABLE),
    )
