"""Format `parquet`: bar frames of Bot Core, and any Parquet table with a time, open, high, low and close.

Belongs here: reading a table within limits, its time column. Not here: the lake's own tables, which nobody imports.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.bar import BAR_COLUMNS, PRICE_COLUMNS
from bot_core_dagster.market.formats.file_format import FileFormat
from bot_core_dagster.market.formats.header_csv import TIMES
from bot_core_dagster.market.formats.payload import MAX_BYTES, Payload
from bot_core_dagster.market.formats.raw_bars import VALUES, Fact, RawBars, Request, unread_rows
from bot_core_dagster.market.formats.time_text import EARLIEST, LATEST, epoch_times

MAGIC: Final = b"PAR1"
_BAR_FACTS: Final = ("price_side", "volume_unit")


def _is_it(payload: Payload) -> bool:
    return payload.content.startswith(MAGIC)


def _parse(payload: Payload, request: Request) -> RawBars:
    frame = _frame(payload)
    names = {str(column).lower(): column for column in frame.columns}
    time_name = next((name for name in (*TIMES, "__index_level_0__") if name in names), None)
    missing = [name for name in PRICE_COLUMNS if name not in names]
    if missing or time_name is None:
        wanted = ", ".join([*missing, *([] if time_name else ["a time (open_time, timestamp, datetime, date …)"])])
        raise FormatError(f"{payload.name}: the Parquet table has no {wanted}; its columns: {', '.join(names)}")
    line = np.arange(1, len(frame) + 1, dtype="int64")
    facts: dict[str, Fact | None] = {"label": _label(time_name)}
    if set(BAR_COLUMNS) <= set(names):
        keep = _of_the_series(payload.name, frame, request)
        frame, line = frame[keep], line[keep]
        facts |= _bar_facts(payload.name, frame)
    time, is_utc, note = _times(payload.name, frame[names[time_name]])
    values = pd.DataFrame({name: _numbers(payload.name, frame, names, name) for name in VALUES})
    good = (time >= EARLIEST) & (time <= LATEST)
    return RawBars(
        time=time[good],
        is_utc=is_utc,
        values=values[good].reset_index(drop=True),
        line=line[good],
        unread=unread_rows(line[~good], ["not a time"] * int((~good).sum())),
        label=facts["label"],
        side=facts.get("price_side"),
        volume_unit=facts.get("volume_unit", None if "volume" in names else Fact("none", "no volume", is_evident=True)),
        notes=(note, "line numbers are positions in the table"),
    )


def _frame(payload: Payload) -> pd.DataFrame:
    try:
        file = pq.ParquetFile(pa.BufferReader(payload.content))
        groups = (file.metadata.row_group(place) for place in range(file.metadata.num_row_groups))
        n_bytes = sum(group.total_byte_size for group in groups)
        if n_bytes > MAX_BYTES:
            raise FormatError(f"{payload.name}: unpacks to {n_bytes:,} bytes, over {MAX_BYTES:,}; split it")
        wanted = {*BAR_COLUMNS, *TIMES, *VALUES, "__index_level_0__"}
        columns = [name for name in file.schema_arrow.names if name.lower() in wanted]
        frame: pd.DataFrame = file.read(columns=columns).to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError) as error:
        raise FormatError(f"{payload.name}: the Parquet file is truncated or damaged: {error}") from None
    if frame.empty:
        raise FormatError(f"{payload.name}: the Parquet table has no rows or none of the columns of bars")
    return frame


def _of_the_series(name: str, frame: pd.DataFrame, request: Request) -> npt.NDArray[np.bool_]:
    """Return which rows of a bar frame are of the symbol and timeframe asked for."""
    keep = ((frame["symbol"] == request.symbol) & (frame["timeframe"] == request.timeframe)).to_numpy(dtype=bool)
    if not keep.any():
        there = frame[["symbol", "timeframe"]].drop_duplicates().head(5).agg(" ".join, axis=1)
        raise FormatError(f"{name}: no bars of {request.symbol} {request.timeframe}; there are {', '.join(there)}")
    return keep


def _bar_facts(name: str, frame: pd.DataFrame) -> dict[str, Fact | None]:
    facts: dict[str, Fact | None] = {}
    for column in _BAR_FACTS:
        values = frame[column].unique()
        if len(values) > 1:
            raise FormatError(
                f"{name}: column {column} has {', '.join(map(str, values[:5]))}; expected one in a series"
            )
        facts[column] = Fact(str(values[0]), f"column {column}", is_evident=True)
    return facts


def _label(time_name: str) -> Fact | None:
    kind = time_name.split("_")[0].split(" ")[0]
    return Fact(kind, f"column {time_name}", is_evident=True) if kind in ("open", "close") else None


def _times(name: str, column: "pd.Series[pd.Timestamp]") -> tuple[npt.NDArray[np.datetime64], bool, str]:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        times = pd.DatetimeIndex(column).tz_convert("UTC").tz_localize(None)
        return times.as_unit("us").to_numpy(), True, f"times with the zone {column.dtype.tz}"
    if pd.api.types.is_datetime64_dtype(column):
        return column.to_numpy().astype("M8[us]"), False, "times without a zone"
    parsed = epoch_times(column.to_numpy(dtype="int64")) if pd.api.types.is_integer_dtype(column) else None
    if parsed is None:
        raise FormatError(f"{name}: column {column.name} of type {column.dtype} is no time; expected timestamps")
    return parsed[0], True, parsed[1]


def _numbers(name: str, frame: pd.DataFrame, names: dict[str, str], value: str) -> npt.NDArray[np.float64]:
    if value not in names:
        return np.full(len(frame), np.nan)
    column = frame[names[value]]
    if not pd.api.types.is_numeric_dtype(column):
        raise FormatError(f"{name}: column {names[value]} has type {column.dtype}; expected numbers")
    return column.to_numpy(dtype="float64", na_value=np.nan)


FORMAT: Final = FileFormat("parquet", "a table with a time, open, high, low and close", _is_it, _parse)
