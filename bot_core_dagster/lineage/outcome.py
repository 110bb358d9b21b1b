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
        "content_hash": "sha256 of those rows; equals Dagster's data version.",
        "inputs": "JSON: upstream asset -> content hash that was read.",
        "code_version": "Version of the code that made it.",
        "run_id": "Dagster run.",
        "made_at": "When (UTC).",
    },
)


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
    code_version: str = ""

    def as_row(self) -> dict[str, Any]:
        """Return the table's row."""
        return vars(self) | {"inputs": json.dumps(self.inputs, sort_keys=True)}


def record_outcomes(lake: Lake, outcomes: Iterable[Outcome]) -> None:
    """Write the outcomes in one commit; each replaces the one before it of its asset and symbol."""
    rows = [outcome.as_row() for outcome in outcomes]
    if rows:
        frame = pd.DataFrame(rows)
        frame["made_at"] = pd.to_datetime(frame["made_at"], utc=True).astype("datetime64[us, UTC]")
        lake.upsert(OUTCOMES, frame)


def outcomes_of(lake: Lake, assets: Sequence[str], symbols: Sequence[str] | None = None) -> list[Outcome]:
    """Return the latest outcomes of `assets`, for `symbols` or for all."""
    frame = lake.read(OUTCOMES, symbols=symbols)
    if frame.empty:
        return []
    chosen = frame[frame["asset"].isin(list(assets))].sort_values(["asset", "symbol"])
    rows: list[dict[str, Any]] = chosen[list(OUTCOMES.columns)].to_dict("records")  # type: ignore[assignment]
    return [Outcome(**(row | {"inputs": json.loads(row["inputs"])})) for row in rows]


def assets_behind(
    lake: Lake, assets: Sequence[str], *, of: str, versions: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Return, for each symbol, those of `assets` whose latest outcome read another version of `of`.

    Parameters
    ----------
    versions : symbol -> content hash that `of` has now
    """
    read = {(one.asset, one.symbol): one.inputs.get(of) for one in outcomes_of(lake, assets, list(versions))}
    behind = {
        symbol: tuple(asset for asset in assets if read.get((asset, symbol)) != version)
        for symbol, version in versions.items()
    }
    return {symbol: names for symbol, names in behind.items() if names}


def content_hashes_of(lake: Lake, assets: Sequence[str]) -> dict[str, str]:
    """Return "asset symbol" -> content hash of the latest good outcome of each symbol, as a report shows them."""
    return {f"{one.asset} {one.symbol}": one.content_hash for one in outcomes_of(lake, assets) if one.is_made}
