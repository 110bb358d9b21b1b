"""Intake against a twin that looks at one row after the other, whatever is wrong with them."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings

from bot_core_dagster.market.bar import PRICE_COLUMNS, VALUE_COLUMNS
from bot_core_dagster.market.glitches import is_glitch
from bot_core_dagster.market.intake import CONFLICT, GLITCH, NO_TIME, UNKNOWN_YEAR, admit
from bot_core_dagster.market.source import Fetched
from tests.builders import bars
from tests.core.market.damage import damaged, faults
from tests.core.market.real_files import CRYPTO

REPEAT = "repeats an earlier row"
KEPT = ""


def own_fault(row: Mapping[Hashable, Any]) -> str:
    """Return why a row of 1h bars is refused whatever the others are; the time's fault is said first."""
    prices = [row[name] for name in PRICE_COLUMNS]
    if row["open_time"] is pd.NaT:
        return NO_TIME
    if not 1970 <= row["open_time"].year <= 2099:
        return UNKNOWN_YEAR
    if not np.isfinite(prices).all():
        return "price not finite"
    if min(prices) <= 0:
        return "price not above zero"
    if row["high"] < row["low"]:
        return "high below low"
    if row["high"] < max(prices):
        return "high below open or close"
    if row["low"] > min(prices):
        return "low above open or close"
    if row["volume"] < 0 or np.isinf(row["volume"]):
        return "volume negative or infinite"
    return "open_time off the 1h grid" if row["open_time"] != row["open_time"].floor("h") else KEPT


def fates(rows: pd.DataFrame) -> list[str]:
    """Return what becomes of each row: kept, a repeat, or why it is refused."""
    records = rows.to_dict("records")
    fate = [own_fault(row) for row in records]
    by_time: dict[pd.Timestamp, list[int]] = defaultdict(list)
    for place, row in enumerate(records):
        if fate[place] == KEPT:
            by_time[row["open_time"]].append(place)
    for places in by_time.values():
        firsts: dict[str, int] = {}
        for place in places:
            said = str([records[place][name] for name in VALUE_COLUMNS])
            fate[place] = REPEAT if firsts.setdefault(said, place) != place else KEPT
        for place in firsts.values():
            fate[place] = CONFLICT if len(firsts) > 1 else KEPT
    kept = sorted((place for place in range(len(rows)) if fate[place] == KEPT), key=lambda at: records[at]["open_time"])
    prices = np.array([[records[place][name] for name in PRICE_COLUMNS] for place in kept]).reshape(-1, 4)
    for place, is_bad in zip(kept, is_glitch(prices), strict=True):
        fate[place] = GLITCH if is_bad else KEPT
    return fate


@settings(max_examples=150, deadline=None)
@given(faults)
def test_every_row_has_the_fate_that_it_has_when_looked_at_alone(faults: list[tuple[str, int]]) -> None:
    rows = damaged(bars(60), faults)
    rows["line"] = np.arange(2, 2 + len(rows))
    fate = fates(rows)
    result = admit(Fetched(rows), CRYPTO)
    expected = rows[[one == KEPT for one in fate]].sort_values("open_time", ignore_index=True).drop(columns="line")
    pd.testing.assert_frame_equal(result.bars, expected, check_exact=True)
    refused = {int(line): one for line, one in zip(rows["line"], fate, strict=True) if one not in (KEPT, REPEAT)}
    said = result.quarantined["reason"].str.split(" (", regex=False).str[0]
    assert dict(zip(result.quarantined["line"].astype(int), said, strict=True)) == refused
    assert result.n_duplicates == Counter(fate)[REPEAT]
    assert result.n_conflicts == rows.loc[[one == CONFLICT for one in fate], "open_time"].nunique()


def test_rows_without_a_fault_are_admitted_without_a_copy() -> None:
    rows = bars(60)
    result = admit(Fetched(rows), CRYPTO)
    assert all(np.shares_memory(result.bars[name].to_numpy(), rows[name].to_numpy()) for name in VALUE_COLUMNS)
