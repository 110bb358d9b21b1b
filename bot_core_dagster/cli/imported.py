"""An import: files to admitted bars to the lake, and the watchlist's source with them.

Belongs here: the order of these steps, so that a failure at any of them leaves what was stored. Not here: the command
(`cli.import_bars`), reading files (`market.formats`), what is refused (`market.intake`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from bot_core_dagster.cli.watchlist import change_instrument, require_editable
from bot_core_dagster.errors import FormatError, QualityError
from bot_core_dagster.lake import BARS, QUARANTINE, Lake, default_lake
from bot_core_dagster.market.bar import SIMULATED
from bot_core_dagster.market.calendars import calendar
from bot_core_dagster.market.formats import read_bars_file
from bot_core_dagster.market.intake import Admission, admit, condemned_bars
from bot_core_dagster.market.missing import find_missing
from bot_core_dagster.market.source import Fetched, Progress, joined
from bot_core_dagster.settings import Instrument, load_settings
from bot_core_dagster.timeframe import Timeframe


@dataclass(frozen=True)
class Declared:
    """What the user says of the files; what is None is detected."""

    format: str | None = None
    tz: str | None = None
    label: str | None = None
    side: str | None = None


@dataclass(frozen=True)
class Imported:
    """What became of the rows of the files.

    quarantined : rows by reason
    n_bars : admitted bars = n_new + n_corrected + n_unchanged
    n_missing : bars that the trading calendar expects between the first and the last one of the files
    notes : what was detected or declared; said : what else has changed
    """

    symbol: str
    timeframe: str
    n_files: int
    n_read: int
    n_bars: int
    n_new: int
    n_corrected: int
    n_unchanged: int
    n_duplicates: int
    n_conflicts: int
    n_missing: int
    quarantined: Mapping[str, int]
    first_open_time: datetime
    last_open_time: datetime
    price_side: str
    notes: tuple[str, ...]
    said: tuple[str, ...]


def import_files(
    files: Sequence[Path], symbol: str, timeframe: Timeframe, declared: Declared, progress: Progress
) -> Imported:
    """Read, admit and store the bars of `files`; they become one series of the instrument.

    Raises
    ------
    UnknownNameError
        If the symbol is not on the watchlist.
    SettingsError
        If real bars would replace simulated ones and the watchlist cannot be edited; nothing is stored then.
    FormatError
        If a file cannot be read, or holds another price side than the watchlist says.
    QualityError
        If no row of the files is a possible bar; they are in quarantine then.
    """
    instrument = load_settings().instrument(symbol)
    if _becomes_a_file_instrument(instrument, timeframe):
        require_editable()
    fetched = []
    for done, file in enumerate(files):
        progress(0.8 * done / len(files), f"reading {file.name}")
        fetched.append(_read(file, instrument, timeframe, declared))
    progress(0.8, "checking")
    admission = admit(joined(fetched), instrument)  # together, so that conflicts between files are seen
    progress(0.9, "storing")
    lake = default_lake(create=True)
    if len(admission.quarantined):
        lake.upsert(QUARANTINE, admission.quarantined)
        lake.withdraw_bars(condemned_bars(admission.quarantined))
    if admission.bars.empty:
        reasons = ", ".join(_by_reason(admission)) or "no rows"
        raise QualityError(f"no row of {len(files)} files is a possible bar: {reasons}; next: check the format")
    stored = _store(lake, admission.bars, instrument, timeframe)
    return _imported(len(files), admission, stored, instrument)


def _becomes_a_file_instrument(instrument: Instrument, timeframe: Timeframe) -> bool:
    """Return whether the watchlist must name files as the source once bars of this timeframe are stored."""
    return timeframe == instrument.timeframe and instrument.source == SIMULATED


def _read(file: Path, instrument: Instrument, timeframe: Timeframe, declared: Declared) -> Fetched:
    """Read one file; where it holds bid and ask, the side that the watchlist says."""

    def read(side: str | None) -> Fetched:
        return read_bars_file(
            file,
            symbol=instrument.symbol,
            timeframe=timeframe,
            format=declared.format,
            tz=declared.tz,
            label=declared.label,
            side=side,
            calendar=calendar(instrument.calendar),
        )

    fetched = read(declared.side)
    wanted = instrument.price_side
    came = fetched.bars["price_side"].iloc[0] if len(fetched.bars) else wanted
    if declared.side is None and came != wanted and wanted in ("bid", "ask") and _has_both_sides(fetched):
        fetched = read(wanted)
    sides = set(fetched.bars["price_side"].unique()) - {wanted}
    if sides:
        came, symbol = sides.pop(), instrument.symbol
        raise FormatError(
            f"{file.name} holds {came} prices, the watchlist says {wanted} for {symbol}; "
            f"next: bot-core symbols add {symbol} --replace --price-side {came}"
        )
    return fetched


def _has_both_sides(fetched: Fetched) -> bool:
    return any("bid and ask" in note for note in fetched.notes)


@dataclass(frozen=True)
class _Stored:
    """What storing changed: bars by what they met, and what a user should know beside."""

    n_new: int
    n_corrected: int
    said: tuple[str, ...]


def _store(lake: Lake, bars: pd.DataFrame, instrument: Instrument, timeframe: Timeframe) -> _Stored:
    """Store the bars (the lake closes simulated ones of their series) and let the watchlist name files from now on."""
    symbol = instrument.symbol
    n_simulated = _n_simulated(lake, symbol, timeframe)
    change = lake.upsert_bars(bars)[symbol]
    n_corrected = 0 if n_simulated else change.n_changed
    said = []
    if n_simulated:
        said.append(f"{n_simulated:,} SIMULATED bars of {symbol} are gone: real ones replace them for good")
    if timeframe != instrument.timeframe:
        said.append(
            f"stored beside the {instrument.timeframe} bars, which stay as they are; to trade these: "
            f"bot-core symbols add {symbol} --replace --timeframe {timeframe} --source file"
        )
    elif _becomes_a_file_instrument(instrument, timeframe):
        change_instrument(symbol, {"source": "file"})
        said.append(f"the watchlist's source of {symbol} is now file; it was simulated")
    return _Stored(change.n_new + change.n_changed - n_corrected, n_corrected, tuple(said))


def _n_simulated(lake: Lake, symbol: str, timeframe: Timeframe) -> int:
    """Return how many bars of the series no market made: all or none, the lake mixes them in no series."""
    if symbol not in lake.symbols(BARS):
        return 0
    quoted = symbol.replace("'", "''")
    of_series = f"symbol = '{quoted}' and timeframe = '{timeframe}' and source = '{SIMULATED}'"
    return int(lake.sql(f"select count(*) as n from bars where {of_series}")["n"][0].as_py())  # noqa: S608  quoted, read-only


def _by_reason(admission: Admission) -> dict[str, int]:
    phrases = (reason.partition(" (")[0] for reason in admission.quarantined["reason"])
    return dict(Counter(phrases).most_common())


def _imported(n_files: int, admission: Admission, stored: _Stored, instrument: Instrument) -> Imported:
    bars = admission.bars
    timeframe = Timeframe(bars["timeframe"].iloc[0])
    missing = find_missing(pd.DatetimeIndex(bars["open_time"]), timeframe, calendar(instrument.calendar))
    return Imported(
        symbol=instrument.symbol,
        timeframe=timeframe,
        n_files=n_files,
        n_read=admission.n_read,
        n_bars=len(bars),
        n_new=stored.n_new,
        n_corrected=stored.n_corrected,
        n_unchanged=len(bars) - stored.n_new - stored.n_corrected,
        n_duplicates=admission.n_duplicates,
        n_conflicts=admission.n_conflicts,
        n_missing=missing.n_bars,
        quarantined=_by_reason(admission),
        first_open_time=bars["open_time"].iloc[0].to_pydatetime(),
        last_open_time=bars["open_time"].iloc[-1].to_pydatetime(),
        price_side=bars["price_side"].iloc[0],
        notes=admission.notes,
        said=stored.said,
    )
