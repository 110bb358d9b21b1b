"""Raw bars: what every format gives, before zone and label are settled.

Belongs here: the shape between the formats and `reading`. Not here: how a format is parsed (one file per format), what
the times mean (`clock`).
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

VALUES: Final = ("open", "high", "low", "close", "volume", "spread")


@dataclass(frozen=True)
class Fact:
    """Something that the format or the file says about its bars.

    value : a zone, "open" or "close", a price side, or a volume unit
    why : completes "bid: …"
    is_evident : True where this very file shows it, so that a declaration of something else is an error; False where
        it is the format's convention, which a declaration overrides
    """

    value: str
    why: str
    is_evident: bool = False


@dataclass(frozen=True)
class RawBars:
    """The rows of a file that could be read, in its order.

    time : datetime64[us] of shape (n_rows,): UTC where `is_utc`, else the wall clock of an unsettled zone
    values : frame of shape (n_rows, 6), float64 VALUES; NaN where the format has none
    line : int64 of shape (n_rows,), the row's line in the file from 1 (for JSON and Parquet its position from 1)
    unread : frame with `line` and `reason` of rows that could not be read
    refused : object of shape (n_rows,), why a row is no bar though its time is evidence of the file's clock, ""
        elsewhere; None where no row is
    zone, label, side, volume_unit : what is known of them, None where nothing is
    notes : what else a user should know
    """

    time: npt.NDArray[np.datetime64]
    is_utc: bool
    values: pd.DataFrame
    line: npt.NDArray[np.int64]
    unread: pd.DataFrame
    zone: Fact | None = None
    label: Fact | None = None
    side: Fact | None = None
    volume_unit: Fact | None = None
    refused: npt.NDArray[np.object_] | None = None
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Request:
    """What the caller declared, for formats that need it to parse.

    columns : order of the columns of a headerless file, None where not declared
    side : "bid", "ask", "mid", "trade" or None
    symbol : the instrument's id
    timeframe : the nominal length of a bar, e.g. "1h"
    """

    columns: tuple[str, ...] | None
    side: str | None
    symbol: str
    timeframe: str


def unread_rows(line: npt.NDArray[np.int64], reason: "list[str] | pd.Series[str]") -> pd.DataFrame:
    """Return the frame of rows that could not be read."""
    return pd.DataFrame({"line": np.asarray(line, dtype="int64"), "reason": pd.Series(list(reason), dtype="object")})


def where_kept(values: pd.DataFrame, keep: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Return the rows to keep, numbered from 0: the frame itself where that is all of them."""
    return values if keep.all() else values[keep].reset_index(drop=True)


def joined(*frames: pd.DataFrame) -> pd.DataFrame:
    """Return the unread rows of all frames, by line."""
    filled = [frame for frame in frames if len(frame)]
    if not filled:
        return unread_rows(np.empty(0, dtype="int64"), [])
    return pd.concat(filled, ignore_index=True).sort_values("line", kind="stable", ignore_index=True)
