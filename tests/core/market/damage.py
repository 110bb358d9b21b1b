"""Damage: faults that rows of any source may have, planted in good bars.

Belongs here: strategies for hypothesis and what each fault does. Not here: what becomes of the rows (the tests of
`market.intake`).
"""

from typing import Any, Final

import numpy as np
import pandas as pd
from hypothesis import strategies as st

_CELLS: Final[dict[str, tuple[str, Any]]] = {
    "nan": ("close", np.nan),
    "inf": ("high", np.inf),
    "zero": ("low", 0.0),
    "high": ("high", 1e-9),
    "volume": ("volume", -1.0),
    "time": ("open_time", pd.NaT),
    "old": ("open_time", pd.Timestamp("1969-12-31", tz="UTC")),
    "off grid": ("open_time", pd.Timestamp("2024-01-02T03:07", tz="UTC")),
}
"""Faults that put another value into one cell: its column, and the value."""

faults: Final = st.lists(
    st.tuples(
        st.sampled_from([*_CELLS, "duplicate", "conflict", "x1000", "swap", "gap"]),
        st.integers(0, 59),
    ),
    max_size=25,
)
"""Names of faults and the places where they are planted."""


def damaged(rows: pd.DataFrame, faults: list[tuple[str, int]]) -> pd.DataFrame:
    """Return a copy of the rows with the faults, one after the other; "swap" puts the rows before a place last."""
    rows = rows.copy()
    for fault, place in faults:
        row = place % len(rows)
        if fault in ("duplicate", "conflict"):
            again = rows.iloc[[row]].assign(volume=rows["volume"].iloc[row] + (fault == "conflict"))
            rows = pd.concat([rows, again], ignore_index=True)
        elif fault == "swap":
            rows = pd.concat([rows.iloc[row:], rows.iloc[:row]], ignore_index=True)
        elif fault == "gap":
            rows = rows.drop(index=row).reset_index(drop=True)
        elif fault == "x1000":
            rows.loc[row, "high"] = 1_000 * rows["high"].iloc[row]
        else:
            column, cell = _CELLS[fault]
            rows.loc[row, column] = cell
    return rows
