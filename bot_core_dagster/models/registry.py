"""The registry of models: what was trained, and which of it serves, as rows that are only added.

The last row of the decisions that put something in force says what is. What a row says follows from the rows before
it, so that the lake is held from reading them to adding it. MLflow shows what stands here.

Belongs here: both tables, what is in force, the ways forward and back. Not here: files (`models.store`), how it is
decided (`models.promotion`), what rows say together (`models.decision_rows`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pandas as pd

from bot_core_dagster.errors import LakeConflictError, ModelError, UnknownNameError
from bot_core_dagster.lake.lake import Lake
from bot_core_dagster.models.card import ModelCard
from bot_core_dagster.models.decision import Champion, ModelDecision, PastTests
from bot_core_dagster.models.decision_rows import (
    KEPT,
    PROMOTED_BY_HAND,
    ROLLED_BACK,
    SAME,
    STATE,
    decision_row,
    last_in_force,
    last_term,
    named_state,
    row_by_hand,
    spent_after,
    state_before,
    state_in_force,
    withdrawn_in,
    without_the_withdrawn,
)
from bot_core_dagster.models.registry_tables import HEADLINE, MODEL_DECISIONS, MODELS

_TIMES: Final = ("decided_at", "window_start", "window_end", "tested_until")


def model_row(card: ModelCard, *, dagster_run_id: str = "", mlflow_run_id: str = "") -> pd.DataFrame:
    """Return the row of `MODELS` of a trained model."""
    metrics = {name: float(card.metrics.get(name, float("nan"))) for name in HEADLINE}
    row = {
        "symbol": card.symbol,
        "model_type": card.model_type,
        "version": card.version,
        "timeframe": card.timeframe,
        "trained_at": pd.Timestamp(card.trained_at),
        "as_of": pd.Timestamp(card.as_of),
        "used_until": pd.Timestamp(card.used_until),
        **metrics,
        "content_hash": card.bars_content_hash,
        "code_version": card.code_version,
        "card": card.to_json(),
        "dagster_run_id": dagster_run_id,
        "mlflow_run_id": mlflow_run_id,
        "simulated": card.simulated,
    }
    frame = pd.DataFrame([row])[list(MODELS.columns)]
    return frame.assign(**{name: frame[name].dt.as_unit("us") for name in ("trained_at", "as_of", "used_until")})


def record_model(lake: Lake, card: ModelCard, *, dagster_run_id: str = "", mlflow_run_id: str = "") -> dict[str, Any]:
    """Add the row of a trained model, and return it; of a version that is there, return the row that is."""
    with lake.locked():
        past = lake.read(MODELS, [card.symbol])
        there = past[(past["model_type"] == card.model_type) & (past["version"] == card.version)]
        if len(there):
            return dict(there.iloc[0])
        row = model_row(card, dagster_run_id=dagster_run_id, mlflow_run_id=mlflow_run_id)
        lake.upsert(MODELS, row)
        return dict(row.iloc[0])


def models_of(lake: Lake, symbol: str, timeframe: str | None = None) -> pd.DataFrame:
    """Return the rows of `MODELS` of a symbol, the newest last; of one timeframe if asked."""
    rows = lake.read(MODELS, [symbol])
    kept = rows if timeframe is None else rows[rows["timeframe"] == timeframe]
    return kept.sort_values(["trained_at", "model_type", "version"], ignore_index=True)


def decisions(lake: Lake, symbol: str, timeframe: str) -> pd.DataFrame:
    """Return the rows of `MODEL_DECISIONS` of a symbol and timeframe, oldest first."""
    rows = lake.read(MODEL_DECISIONS, [symbol])
    return rows[rows["timeframe"] == timeframe].sort_values("decided_at", ignore_index=True)


def champion_of(lake: Lake, symbol: str, timeframe: str) -> Champion | None:
    """Return the model in force; None where nothing was promoted, or all of it rolled back: the naive forecast is."""
    return champions_of(lake, {symbol: timeframe}).get(symbol)


def champions_of(lake: Lake, timeframes: Mapping[str, str]) -> dict[str, Champion]:
    """Return the model in force of each symbol, asked about on one timeframe; absent where the naive forecast is."""
    rows = lake.read(MODEL_DECISIONS, list(timeframes)).sort_values("decided_at", ignore_index=True)
    own = rows[rows["timeframe"] == rows["symbol"].map(timeframes)]
    in_force = (last_in_force(past) for _, past in own.groupby("symbol"))
    return {row["symbol"]: _champion(row) for row in in_force if row is not None and row["champion_version"]}


def _champion(row: Mapping[str, Any]) -> Champion:
    return Champion(
        symbol=str(row["symbol"]),
        timeframe=str(row["timeframe"]),
        model_type=str(row["champion_model_type"]),
        version=str(row["champion_version"]),
        since=row["decided_at"].to_pydatetime(),
        term=int(row["term"]),
        outcome=str(row["outcome"]),
    )


def past_tests(lake: Lake, symbol: str, timeframe: str) -> PastTests:
    """Return how often a symbol and timeframe has been tested, and what that has cost."""
    spent = spent_after(decisions(lake, symbol, timeframe))
    until = spent["tested_until"]
    return PastTests(spent["n_tests"], spent["alpha_spent"], None if pd.isna(until) else until.to_pydatetime())


def withdrawn_versions(lake: Lake, symbol: str, timeframe: str) -> frozenset[str]:
    """Return the versions that were rolled back and not promoted by hand since: they are not promoted by a test."""
    return withdrawn_in(decisions(lake, symbol, timeframe))


def versions_to_keep(lake: Lake, trained_since: datetime) -> set[str]:
    """Return the versions whose files are needed: the newest of each kind, all that ever served, and young ones."""
    models, decided = lake.read(MODELS), lake.read(MODEL_DECISIONS)
    newest = models.sort_values("trained_at").groupby(["symbol", "timeframe", "model_type"]).tail(1)
    young = models[models["trained_at"] >= pd.Timestamp(trained_since)] if len(models) else models
    return {*newest["version"], *young["version"], *decided["champion_version"]} - {""}


def record_decision(lake: Lake, decision: ModelDecision, decided_at: datetime | None = None) -> dict[str, Any]:
    """Add the row of a decision, and return it; the same decision on the same bars again adds none.

    A version that was rolled back is not put in force again, whatever the test says of it: who rolled it back knew
    more. Only a person may promote it.

    Parameters
    ----------
    lake : Lake
    decision : ModelDecision
    decided_at : datetime with a zone, optional
        Now by default; never at or before the last row's.

    Raises
    ------
    LakeConflictError
        If another decision was recorded since this one was taken: it is of a champion, or at a level, of the past.
    UnknownNameError
        If what it promotes is no candidate, or no model of the symbol.
    """
    with lake.locked():
        past = decisions(lake, decision.symbol, decision.timeframe)
        row = decision_row(without_the_withdrawn(decision, withdrawn_in(past)))
        if len(past) and all(past[name].iloc[-1] == row[name] for name in SAME):
            return dict(past.iloc[-1])
        _require_current(decision, past)
        row |= _state_after(lake, decision, row["outcome"], past) | spent_after(past, decision)
        return _append(lake, past, row, decided_at)


def promote_by_hand(
    lake: Lake, symbol: str, timeframe: str, version: str, reason: str, decided_at: datetime | None = None
) -> dict[str, Any]:
    """Put a version in force because a person says so, and return the row that says so.

    Raises
    ------
    UnknownNameError
        If there is no such model of the symbol and timeframe; the message names those there are.
    ModelError
        If it is in force already, or no reason is given.
    """
    if not reason.strip():
        raise ModelError("a promotion by hand is recorded with its reason, got none; next: say why")
    with lake.locked():
        past = decisions(lake, symbol, timeframe)
        model = _require_model(lake, symbol, timeframe, version)
        current = state_in_force(past)
        if current["champion_version"] == version:
            raise ModelError(f"{version} serves {symbol} {timeframe} already; next: bot-core models list")
        term = last_term(past) + 1
        row = row_by_hand(symbol, timeframe, model, f"promoted by hand: {reason.strip()}") | {
            "outcome": PROMOTED_BY_HAND,
            "champion_version": version,
            "champion_model_type": model["model_type"],
            "term": term,
            "origin_term": term,
        }
        return _append(lake, past, row | spent_after(past), decided_at)


def roll_back(lake: Lake, symbol: str, timeframe: str, decided_at: datetime | None = None) -> dict[str, Any]:
    """Put in force again what was promoted before what is in force, and return the row that says so.

    Before the first promotion stands the naive forecast.

    Raises
    ------
    ModelError
        If nothing is in force.
    """
    with lake.locked():
        past = decisions(lake, symbol, timeframe)
        current = last_in_force(past)
        if current is None or not current["champion_version"]:
            raise ModelError(
                f"nothing to roll back: no model of {symbol} {timeframe} is in force; next: bot-core models list"
            )
        restored = state_before(past, current)
        summary = f"rolled back from {named_state(current)} to {named_state(restored)}"
        row = row_by_hand(symbol, timeframe, current, summary) | {"outcome": ROLLED_BACK} | restored
        return _append(lake, past, row | spent_after(past), decided_at)


def _state_after(lake: Lake, decision: ModelDecision, outcome: str, past: pd.DataFrame) -> dict[str, Any]:
    if outcome == KEPT:
        return state_in_force(past)
    model = _require_model(lake, decision.symbol, decision.timeframe, str(decision.promoted))
    term = last_term(past) + 1
    state = (decision.promoted, model["model_type"], term, term)
    return dict(zip(STATE, state, strict=True))


def _require_current(decision: ModelDecision, past: pd.DataFrame) -> None:
    champion, n_tests = state_in_force(past)["champion_version"], spent_after(past)["n_tests"]
    if (decision.champion, decision.n_tests_before) != (champion, n_tests):
        raise LakeConflictError(
            f"the decision on {decision.symbol} {decision.timeframe} was taken of {decision.champion or 'naive'} after "
            f"{decision.n_tests_before} tests, by now it is {champion or 'naive'} after {n_tests}; next: decide again"
        )


def _require_model(lake: Lake, symbol: str, timeframe: str, version: str) -> dict[str, Any]:
    """Return the row of a model."""
    models = models_of(lake, symbol, timeframe)
    found = models[models["version"] == version]
    if found.empty:
        there = ", ".join(f"{one.version} ({one.model_type})" for one in models.itertuples()) or "none"
        raise UnknownNameError(
            f"no model of {symbol} {timeframe} has version {version}; there: {there}; next: bot-core models list"
        )
    return dict(found.iloc[-1])


def _append(lake: Lake, past: pd.DataFrame, row: Mapping[str, Any], decided_at: datetime | None) -> dict[str, Any]:
    now = pd.Timestamp(decided_at or datetime.now(UTC))
    after_last = past["decided_at"].iloc[-1] + timedelta(microseconds=1) if len(past) else now
    whole = dict(row) | {"decided_at": max(now, after_last)}
    frame = pd.DataFrame([whole])[list(MODEL_DECISIONS.columns)]
    times = {name: pd.to_datetime(frame[name], utc=True).dt.as_unit("us") for name in _TIMES}
    lake.upsert(MODEL_DECISIONS, frame.assign(**times))
    return whole
