"""Deployed parameters: every decision ever taken, as rows that are only added; the last one that deployed is in force.

What a row says follows from the rows before it, so that the lake is held from reading them to adding it.

Belongs here: the table, what is in force, the way back. Not here: how it is decided (`optimization.gate`), parameters
that the settings name (`strategies.registry`), which hold where nothing is deployed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pandas as pd

from bot_core_dagster.errors import ParameterError
from bot_core_dagster.lake.lake import Lake
from bot_core_dagster.lake.table import Table
from bot_core_dagster.optimization.decision import Decision, DeployedParameters
from bot_core_dagster.optimization.identity import as_json
from bot_core_dagster.settings import Instrument
from bot_core_dagster.validation.reason import Reason

DEPLOYED: Final = "deployed"
KEPT: Final = "kept"
ROLLED_BACK: Final = "rolled_back"

PARAMETERS: Final = Table(
    name="parameters",
    key=("symbol", "strategy", "timeframe", "decided_at"),
    partition_by=("symbol", "strategy"),
    description="Every decision on the parameters of a strategy; the last row that deployed is in force",
    columns={
        "symbol": "Instrument",
        "strategy": "What decides",
        "timeframe": "Length of the bars",
        "decided_at": "UTC",
        "outcome": "deployed, kept or rolled_back",
        "is_deployed": "Whether this row put something in force: deployed or rolled_back",
        "version": "In force from this row on; 0: nothing is, the settings' parameters hold",
        "origin_version": "Version as which these parameters were first deployed; 0 where nothing is in force",
        "parameters": "In force from this row on, JSON; null where nothing is",
        "candidate": "Proposed, JSON; null for a roll-back",
        "summary": "The decision in one line",
        "reasons": "JSON: name, value, limit, is_met, words",
        "objective": "What the candidate was chosen by",
        "window_start": "Open of the first bar that the candidate, or what a roll-back restored, was chosen on, UTC",
        "window_end": "Close of the last of these bars, UTC",
        "content_hash": "sha256 of these bars",
        "code_version": "Hash of the strategy's sources",
        "n_trials": "Distinct trials of the question over all time",
        "deflated_sharpe_ratio": "Of the in-sample winner",
        "simulated": "Whether any of these bars was made by the simulated source",
    },
)

_STATE: Final = ("version", "origin_version", "parameters")
_SAME: Final = ("candidate", "content_hash", "code_version", "reasons", "objective")
"""A decision that is equal in these to the last one is the same decision."""


def deployed_parameters(lake: Lake, strategy: str, symbol: str, timeframe: str) -> dict[str, float] | None:
    """Return the parameters in force; None where nothing was deployed, or all of it was rolled back."""
    deployed = deployed_set(lake, strategy, symbol, timeframe)
    return None if deployed is None else dict(deployed.parameters)


def deployed_set(lake: Lake, strategy: str, symbol: str, timeframe: str) -> DeployedParameters | None:
    """Return what is in force with the rows that it was chosen on; None where nothing is."""
    row = _last_deployment(history(lake, strategy, symbol, timeframe))
    return None if row is None or row["version"] == 0 else _as_deployed(row)


def deployed_sets(
    lake: Lake, strategies: Sequence[str], instruments: Sequence[Instrument]
) -> dict[tuple[str, str], DeployedParameters]:
    """Return what is in force of each (strategy, symbol), read at once; a pair of which nothing is does not appear."""
    rows = lake.read(PARAMETERS, [one.symbol for one in instruments])
    last = {
        (str(strategy), str(symbol), str(timeframe)): _last_deployment(past.sort_values("decided_at"))
        for (strategy, symbol, timeframe), past in rows.groupby(["strategy", "symbol", "timeframe"], observed=True)
    }
    found = {
        (strategy, one.symbol): last.get((strategy, one.symbol, str(one.timeframe)))
        for strategy in strategies
        for one in instruments
    }
    return {key: _as_deployed(row) for key, row in found.items() if row is not None and row["version"] != 0}


def history(lake: Lake, strategy: str, symbol: str, timeframe: str) -> pd.DataFrame:
    """Return the rows of `PARAMETERS` of one strategy, instrument and timeframe, oldest first."""
    rows = lake.read(PARAMETERS, [symbol])
    is_asked = (rows["strategy"] == strategy) & (rows["timeframe"] == timeframe)
    return rows[is_asked].sort_values("decided_at", ignore_index=True)


def record_decision(lake: Lake, decision: Decision, decided_at: datetime | None = None) -> dict[str, Any]:
    """Add the row of a decision, and return it; the same decision on the same bars again adds none.

    Parameters that were rolled back since the last deployment are not put in force again, whatever the gate says of
    them: who rolled them back knew more.

    Parameters
    ----------
    lake : Lake
    decision : Decision
    decided_at : datetime with a zone, optional
        Now by default; never at or before the last row's.
    """
    with lake.locked():
        past = history(lake, decision.strategy, decision.symbol, decision.timeframe)
        return _recorded(lake, past, _without_the_rolled_back(decision, past), decided_at)


def roll_back(
    lake: Lake, strategy: str, symbol: str, timeframe: str, decided_at: datetime | None = None
) -> dict[str, Any]:
    """Put in force again what was in force before what is, and return the row that says so.

    What had been rolled back by then does not come back. Before the first deployment stands nothing: the settings'
    parameters hold then.

    Raises
    ------
    ParameterError
        If nothing is in force.
    """
    with lake.locked():
        past = history(lake, strategy, symbol, timeframe)
        return _append(lake, past, _row_of_the_way_back(past, (strategy, symbol, timeframe)), decided_at)


def _recorded(lake: Lake, past: pd.DataFrame, decision: Decision, decided_at: datetime | None) -> dict[str, Any]:
    row = _row_of(decision)
    if not decision.deploy and len(past) and all(past[name].iloc[-1] == row[name] for name in _SAME):
        return dict(past.iloc[-1])
    if decision.deploy:
        version = _last_version(past) + 1
        row |= {"version": version, "origin_version": version, "parameters": row["candidate"]}
    else:
        row |= _in_force(past)
    return _append(lake, past, row, decided_at)


def _row_of_the_way_back(past: pd.DataFrame, key: tuple[str, str, str]) -> dict[str, Any]:
    """Return the row that puts in force again what was deployed before what is in force."""
    current = _last_deployment(past)
    if current is None or current["version"] == 0:
        raise ParameterError(
            f"nothing to roll back: no parameters of {key[0]} on {key[1]} {key[2]} are deployed; "
            "next: bot-core parameters show"
        )
    is_its_own = (past["outcome"] == DEPLOYED) & (past["version"] == current["origin_version"])
    before = _last_deployment(past[past["decided_at"] < past.loc[is_its_own, "decided_at"].iloc[0]])
    is_nothing = before is None or before["version"] == 0
    restored = current | {"origin_version": 0, "parameters": None} if before is None or is_nothing else before
    return restored | {
        "outcome": ROLLED_BACK,
        "is_deployed": True,
        "version": _last_version(past) + 1 if restored["origin_version"] else 0,
        "candidate": None,
        "summary": f"rolled back from version {current['version']} to {_named(restored['origin_version'])}",
        "reasons": json.dumps([]),
    }


def _append(lake: Lake, past: pd.DataFrame, row: Mapping[str, Any], decided_at: datetime | None) -> dict[str, Any]:
    now = pd.Timestamp(decided_at or datetime.now(UTC))
    after_last = past["decided_at"].iloc[-1] + timedelta(microseconds=1) if len(past) else now
    whole = dict(row) | {"decided_at": max(now, after_last)}
    frame = pd.DataFrame([whole])[list(PARAMETERS.columns)]
    times = {name: frame[name].dt.as_unit("us") for name in ("decided_at", "window_start", "window_end")}
    lake.upsert(PARAMETERS, frame.assign(**times))
    return whole


def _without_the_rolled_back(decision: Decision, past: pd.DataFrame) -> Decision:
    """Return the decision, turned into keeping where it would deploy what was rolled back since the last deployment."""
    chain = past[past["is_deployed"].astype(bool)]
    since = int((chain["outcome"] == DEPLOYED).to_numpy().nonzero()[0].max(initial=0))
    withdrawn = chain.iloc[since:-1]
    same = withdrawn[withdrawn["parameters"] == as_json(decision.candidate)]
    if not decision.deploy or same.empty:
        return decision
    words = f"these parameters were rolled back, they are those of version {same['version'].iloc[-1]}"
    reason = Reason("rolled back", 1.0, 0.0, False, words)
    return replace(decision, deploy=False, reasons=(*decision.reasons, reason))


def _row_of(decision: Decision) -> dict[str, Any]:
    """Return the columns of a decision that do not depend on the rows before it."""
    return {
        "symbol": decision.symbol,
        "strategy": decision.strategy,
        "timeframe": decision.timeframe,
        "outcome": DEPLOYED if decision.deploy else KEPT,
        "is_deployed": decision.deploy,
        "candidate": as_json(decision.candidate),
        "summary": decision.summary,
        "reasons": json.dumps([json.loads(as_json(asdict(reason))) for reason in decision.reasons]),
        "objective": decision.objective,
        "window_start": decision.window_start,
        "window_end": decision.window_end,
        "content_hash": decision.content_hash,
        "code_version": decision.code_version,
        "n_trials": decision.n_trials,
        "deflated_sharpe_ratio": decision.deflated_sharpe_ratio,
        "simulated": decision.is_simulated,
    }


def _in_force(past: pd.DataFrame) -> dict[str, Any]:
    """Return what is in force after these rows: version, origin_version, parameters."""
    last = _last_deployment(past)
    return (
        {"version": 0, "origin_version": 0, "parameters": None}
        if last is None
        else {name: last[name] for name in _STATE}
    )


def _last_deployment(past: pd.DataFrame) -> dict[str, Any] | None:
    rows = past[past["is_deployed"].astype(bool)]
    return dict(rows.iloc[-1]) if len(rows) else None


def _last_version(past: pd.DataFrame) -> int:
    return int(past["version"].max()) if len(past) else 0


def _as_deployed(row: Mapping[str, Any]) -> DeployedParameters:
    return DeployedParameters(
        strategy=str(row["strategy"]),
        symbol=str(row["symbol"]),
        timeframe=str(row["timeframe"]),
        version=int(row["version"]),
        parameters=json.loads(row["parameters"]),
        decided_at=row["decided_at"].to_pydatetime(),
        window_start=row["window_start"].to_pydatetime(),
        window_end=row["window_end"].to_pydatetime(),
        content_hash=str(row["content_hash"]),
        code_version=str(row["code_version"]),
        n_trials=int(row["n_trials"]),
    )


def _named(version: int) -> str:
    return f"version {version}" if version else "the settings' parameters"
