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

from bot_core_dagster.cli.watchlist import change_instrument
from bot_core_dagster.errors import FormatError, QualityError
from bot_core_dagster.lake import QUARANTINE, Lake, SeriesChange, default_lake
from bot_core_dagster.market.bar import SIMULATED
from bot_core_dagster.market.calendars import calendar
from bot_core_dagster.market.formats import read_bars_file
from bot_core_dagster.market.intake import Admission, admit
from bot_core_dagster.market.missing import find_missing
from bot_core_dagster.market.source import Fetched, Progress
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
    FormatError
        If a file cannot be read, or holds another price side than the watchlist says.
    QualityError
        If no row of the files is a possible bar; they are in quarantine then.
    """
    instrument = load_settings().instrument(symbol)
    fetched = []
    for done, file in enumerate(files):
        progress(0.8 * done / len(files), f"reading {file.name}")
        fetched.append(_read(file, instrument, timeframe, declared))
    progress(0.8, "checking")
    admission = admit(_joined(fetched), instrument)
    progress(0.9, "storing")
    lake = default_lake(create=True)
    if len(admission.quarantined):
        lake.upsert(QUARANTINE, admission.quarantined)
    if admission.bars.empty:
        reasons = ", ".join(_by_reason(admission)) or "no rows"
        raise QualityError(f"no row of {len(files)} files is a possible bar: {reasons}; next: check the format")
    change, said = _store(lake, admission.bars, instrument, timeframe)
    return _imported(len(files), admission, change, instrument, said)


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
    if declared.side is None and _has_both_sides(fetched) and wanted in ("bid", "ask"):
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


def _joined(fetched: Sequence[Fetched]) -> Fetched:
    """Return the rows of all files as those of one source, so that conflicts between files are seen."""
    quarantined = [one.quarantined for one in fetched if one.quarantined is not None and len(one.quarantined)]
    return Fetched(
        bars=pd.concat([one.bars for one in fetched], ignore_index=True),
        quarantined=pd.concat(quarantined, ignore_index=True) if quarantined else None,
        notes=tuple(dict.fromkeys(note for one in fetched for note in one.notes)),
    )


def _store(
    lake: Lake, bars: pd.DataFrame, instrument: Instrument, timeframe: Timeframe
) -> tuple[SeriesChange, tuple[str, ...]]:
    """Store the bars (the lake closes simulated ones of their series) and let the watchlist name files from now on."""
    symbol = instrument.symbol
    if timeframe != instrument.timeframe:
        return lake.upsert_bars(bars)[symbol], (
            f"stored beside the {instrument.timeframe} bars, which stay as they are; to trade these: "
            f"bot-core symbols add {symbol} --replace --timeframe {timeframe} --source file",
        )
    change = lake.upsert_bars(bars)[symbol]
    said: tuple[str, ...] = ()
    if change.n_removed:
        said = (f"{change.n_removed:,} SIMULATED bars of {symbol} are gone: real ones replace them for good",)
    if instrument.source == SIMULATED:
        change_instrument(symbol, {"source": "file"})
        said = (*said, f"the watchlist's source of {symbol} is now file; it was simulated")
    return change, said


def _by_reason(admission: Admission) -> dict[str, int]:
    phrases = (reason.partition(" (")[0] for reason in admission.quarantined["reason"])
    return dict(Counter(phrases).most_common())


def _imported(
    n_files: int, admission: Admission, change: SeriesChange, instrument: Instrument, said: tuple[str, ...]
) -> Imported:
    bars = admission.bars
    timeframe = Timeframe(bars["timeframe"].iloc[0])
    missing = find_missing(pd.DatetimeIndex(bars["open_time"]), timeframe, calendar(instrument.calendar))
    return Imported(
        symbol=instrument.symbol,
        timeframe=timeframe,
        n_files=n_files,
        n_read=admission.n_read,
        n_bars=len(bars),
        n_new=change.n_new,
        n_corrected=change.n_changed,
        n_unchanged=len(bars) - change.n_new - change.n_changed,
        n_duplicates=admission.n_duplicates,
        n_conflicts=admission.n_conflicts,
        n_missing=missing.n_bars,
        quarantined=_by_reason(admission),
        first_open_time=bars["open_time"].iloc[0].to_pydatetime(),
        last_open_time=bars["open_time"].iloc[-1].to_pydatetime(),
        price_side=bars["price_side"].iloc[0],
        notes=admission.notes,
        said=said,
    )
