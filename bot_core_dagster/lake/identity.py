"""The content hash of a symbol, from the names of its files or from rows in hand.

Belongs here: what a data version is made of. Not here: hashing rows (`lake.content`).
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from bot_core_dagster.lake.chunk import chunks_of
from bot_core_dagster.lake.content import tree_hash
from bot_core_dagster.lake.data_file import series_content
from bot_core_dagster.lake.keys import Series
from bot_core_dagster.lake.log import DataFile
from bot_core_dagster.lake.rows import rows_of_frame
from bot_core_dagster.lake.table import Table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def symbol_content(files: Iterable[DataFile]) -> str:
    """Return the content hash of one symbol's files; that of no rows where there are none."""
    by_series: dict[Series, list[DataFile]] = defaultdict(list)
    for file in files:
        if file.n_current:
            by_series[file.series].append(file)
    return tree_hash("symbol", {json.dumps(series): series_content(group) for series, group in by_series.items()})


def frame_content(frame: "pd.DataFrame", table: Table, stored: "pa.Schema | None") -> dict[str, str]:
    """Return the content hash of each symbol in a frame of current rows: what an audit compares with a data version.

    Reads no file: rows that were read `as_of` a time hash to the data version of that time.
    """
    rows = rows_of_frame(frame, table, stored)
    files: dict[str, list[DataFile]] = defaultdict(list)
    for chunk in chunks_of(rows, np.ones(len(rows), dtype=np.bool_), table, {}):
        facts = (chunk.series, chunk.period, chunk.content, "", 0, len(chunk.rows), chunk.n_current)
        files[chunk.series[0]].append(DataFile("", *facts))
    return {symbol: symbol_content(group) for symbol, group in files.items()}
