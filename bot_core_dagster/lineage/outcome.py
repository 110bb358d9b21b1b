"""The outcome of one asset for one symbol: made or not, why not, from which inputs.

Belongs here: the record and its table. It is the truth about which symbols an asset's downstream may use. Not here: the
verdict on bars (`market.quality`), the events shown in the UI (`assets`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pandas as pd

from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake import Lake
from bot_core_dagster.lake.table import Table

OUTCOMES: Final = Table(
    name="outcomes",
    key=("symbol", "asset"),
    partition_by=("symbol",),
    description="The latest outcome of each asset for each symbol: made or not, why not, from which inputs.",
    columns={
        "asset": "Asset key.",
        "symbol": "Instrument.",
        "is_made": "False where the symbol failed; its downstream then skips it.",
        "reason": "Why it failed; empty where it was made.",
        "n_rows": "Rows that the asset now holds for the symbol.",
        "content_hash": "sha256 of those rows, or of what counts of them; equals Dagster's data version.",
        "inputs": "JSON: upstream asset -> content hash that was read.",
        "failed_checks": "JSON: check that failed -> why, also of a symbol that was made.",
        "code_version": "Version of the code that made it.",
        "run_id": "Dagster run.",
        "made_at": "When (UTC).",
    },
)

_JSON: Final = ("inputs", "failed_checks")


@dataclass(frozen=True)
class Outcome:
    """What became of one symbol in one asset; the fields are the columns of `OUTCOMES`."""

    asset: str
    symbol: str
    run_id: str
    made_at: datetime
    is_made: bool = True
    reason: str = ""
    n_rows: int = 0
    content_hash: str = ""
    inputs: dict[str, str] = field(default_factory=dict)
    failed_checks: dict[str, str] = field(default_factory=dict)
    code_version: str = ""

    def as_row(self) -> dict[str, Any]:
        """Return the table's row."""
        return vars(self) | {name: json.dumps(getattr(self, name), sort_keys=True) for name in _JSON}


def record_outcomes(lake: Lake, outcomes: Iterable[Outcome]) -> None:
    """Write the outcomes in one commit; each replaces the one before it of its asset and symbol."""
    rows = [outcome.as_row() for outcome in outcomes]
    if rows:
        frame = pd.DataFrame(rows)
        frame["made_at"] = pd.to_datetime(frame["made_at"], utc=True).astype("datetime64[us, UTC]")
        lake.upsert(OUTCOMES, frame)


def outcomes_of(lake: Lake, assets: Sequence[str], symbols: Sequence[str] | None = None) -> list[Outcome]:
    """Return the latest outcomes of `assets`, for `symbols` or for all.

    Raises
    ------
    LakeError
        If the table is of an older checkout: a column is not there, or was not there when a row was written.
    """
    frame = lake.read(OUTCOMES, symbols=symbols)
    if frame.empty:
        return []
    _require_todays_layout(lake, frame)
    chosen = frame[frame["asset"].isin(list(assets))].sort_values(["asset", "symbol"])
    rows: list[dict[str, Any]] = chosen[list(OUTCOMES.columns)].to_dict("records")  # type: ignore[assignment]
    return [Outcome(**(row | {name: json.loads(row[name]) for name in _JSON})) for row in rows]


def _require_todays_layout(lake: Lake, frame: pd.DataFrame) -> None:
    missing = [name for name in OUTCOMES.columns if name not in frame.columns or frame[name].isna().any()]
    if missing:
        raise LakeError(
            f"table {OUTCOMES.name} is of an older layout: expected rows with {', '.join(missing)}, got rows without; "
            f"next: rm -r {lake.root / OUTCOMES.name}, then bot-core run, which computes it again (CHANGELOG.md, "
            "Coming from an older checkout)"
        )


def assets_behind(
    lake: Lake, wanted: Mapping[tuple[str, str], Mapping[str, str]], *, retry_failed: bool = False
) -> dict[str, tuple[str, ...]]:
    """Return, for each symbol, the assets whose latest outcome read other versions than they would now.

    Parameters
    ----------
    wanted : (asset, symbol) -> input -> version that it has now; inputs that are not named here do not matter
    retry_failed : whether an asset that failed on these very versions is behind too
    """
    assets, symbols = {asset for asset, _ in wanted}, {symbol for _, symbol in wanted}
    latest = {(one.asset, one.symbol): one for one in outcomes_of(lake, sorted(assets), sorted(symbols))}
    behind: dict[str, tuple[str, ...]] = {}
    for (asset, symbol), versions in wanted.items():
        last = latest.get((asset, symbol))
        has_read = last is not None and all(last.inputs.get(name) == version for name, version in versions.items())
        if last is None or not has_read or (retry_failed and not last.is_made):
            behind[symbol] = (*behind.get(symbol, ()), asset)
    return behind


def content_hashes_of(lake: Lake, assets: Sequence[str]) -> dict[str, str]:
    """Return "asset symbol" -> content hash of the latest good outcome of each symbol, as a report shows them."""
    return {f"{one.asset} {one.symbol}": one.content_hash for one in outcomes_of(lake, assets) if one.is_made}
