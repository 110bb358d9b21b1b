"""The tables of market nouns: bars, what was refused of them, and the verdict on them.

Belongs here: tables whose rows come from `market`. Not here: tables of other rooms, which stand next to their noun.
The names of columns are repeated from `market.bar` (a test compares them), so that SQL starts without pandas.
"""

from typing import Final

from bot_core_dagster.lake.table import MONTH, Table

_BAR_COLUMNS: Final = {
    "symbol": "the instrument's id",
    "timeframe": "nominal length of a bar, e.g. 1h",
    "open_time": "UTC; the bar is [open_time, close_time)",
    "close_time": "UTC, exclusive",
    "open": "first price, in the quote currency",
    "high": "highest price, in the quote currency",
    "low": "lowest price, in the quote currency",
    "close": "last price, in the quote currency",
    "volume": "traded volume in volume_unit; null where the venue gives none",
    "spread": "ask minus bid at the bar's open, in price units; null where unknown",
    "price_side": "bid, ask, mid or trade",
    "volume_unit": "base, quote, ticks or none",
    "source": "what made the bar: simulated, file:<name>, ccxt:<exchange>",
}

BARS: Final = Table(
    name="bars",
    key=("symbol", "timeframe", "open_time"),
    partition_by=("symbol", "timeframe", MONTH),
    point_in_time=True,
    description="Every version of every bar, with when it was known.",
    columns=_BAR_COLUMNS
    | {
        "recorded_at": "UTC; when this version became known",
        "superseded_at": "UTC; when a correction replaced it; null while it is current",
    },
)

_QUARANTINE_COLUMNS: Final = _BAR_COLUMNS | {
    "reason": "why the row was refused",
    "line": "its line in the file; null where it did not come from one",
    "origin": "the file or feed that it came from",
}

QUARANTINE: Final = Table(
    name="quarantine",
    key=tuple(_QUARANTINE_COLUMNS),
    partition_by=("symbol", "timeframe"),
    description="Rows that were refused as bars; the same refusal is kept once.",
    columns=_QUARANTINE_COLUMNS,
)

BAR_QUALITY: Final = Table(
    name="bar_quality",
    key=("symbol", "timeframe"),
    partition_by=("symbol",),
    description="The last verdict on the bars of each symbol.",
    columns={
        "symbol": "the instrument's id",
        "timeframe": "nominal length of the judged bars",
        "simulated": "whether no market made the judged bars; what rests on them is SIMULATED",
        "verdict": "pass, warn or fail; a failed symbol stops its own downstream",
        "summary": "the verdict and what it rests on, in one line",
        "n_bars": "bars judged",
        "first_open_time": "UTC",
        "last_open_time": "UTC",
        "n_missing": "bars that the trading calendar expects between first and last, and that are not there",
        "missing_share": "fraction of the expected bars",
        "n_missing_stretches": "stretches of missing bars",
        "longest_missing_bars": "bars in the longest stretch",
        "n_jumps": "bars flagged as improbable price jumps; they are kept",
        "zero_volume_share": "fraction of the bars of known volume",
        "stale_bars": "closed bars expected since the last one",
        "checks": "JSON: every check with its severity, result, count and detail",
    },
)
