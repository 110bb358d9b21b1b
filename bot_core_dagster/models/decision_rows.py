"""What the rows of decisions on models say together: the state after them, what tests have cost, what was withdrawn.

Belongs here: rows from rows, as values. Not here: the lake (`models.registry`), how it is decided (`models.promotion`).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

import pandas as pd

from bot_core_dagster.identity import as_json
from bot_core_dagster.models.decision import Candidate, ModelDecision
from bot_core_dagster.validation.reason import Reason

PROMOTED: Final = "promoted"
PROMOTED_BY_HAND: Final = "promoted_by_hand"
KEPT: Final = "kept"
ROLLED_BACK: Final = "rolled_back"

NAIVE_STATE: Final = {"champion_version": "", "champion_model_type": "naive", "term": 0, "origin_term": 0}
STATE: Final = tuple(NAIVE_STATE)
_NO_TESTS: Final[Mapping[str, Any]] = {"n_tests": 0, "alpha_spent": 0.0, "tested_until": pd.NaT}
SAME: Final = ("outcome", "candidates", "summary", "content_hash", "code_version")
"""A decision that is equal in these to the last one is the same decision."""


def state_before(past: pd.DataFrame, current: Mapping[str, Any]) -> dict[str, Any]:
    """Return, as a state to come, what was in force when what is in force was promoted."""
    is_promotion = past["outcome"].isin((PROMOTED, PROMOTED_BY_HAND)) & (past["term"] == current["origin_term"])
    before = state_in_force(past[past["decided_at"] < past.loc[is_promotion, "decided_at"].iloc[0]])
    return before | {"term": last_term(past) + 1 if before["champion_version"] else 0}


def spent_after(past: pd.DataFrame, decision: ModelDecision | None = None) -> dict[str, Any]:
    """Return what tests have cost after these rows, and after a decision on top."""
    spent = {name: past[name].iloc[-1] for name in _NO_TESTS} if len(past) else dict(_NO_TESTS)
    is_test = decision is not None and decision.level > 0.0
    return {
        "n_tests": int(spent["n_tests"]) + is_test,
        "alpha_spent": float(spent["alpha_spent"]) + (decision.level if decision is not None else 0.0),
        "tested_until": _timestamp(decision.window_end) if decision is not None and is_test else spent["tested_until"],
    }


def without_the_withdrawn(decision: ModelDecision, withdrawn: frozenset[str]) -> ModelDecision:
    """Return the decision, turned into keeping where it would promote what was rolled back."""
    if decision.promoted is None or decision.promoted not in withdrawn:
        return decision
    words = f"{decision.promoted} was rolled back; only a person may promote it again"
    reason = Reason("rolled back", 1.0, 0.0, False, words)
    candidates = tuple(
        replace(one, reasons=(*one.reasons, reason)) if one.version == decision.promoted else one
        for one in decision.candidates
    )
    summary = f"keep {decision.champion or 'naive'}: {words}"
    return replace(decision, promoted=None, candidates=candidates, summary=summary)


def withdrawn_in(past: pd.DataFrame) -> frozenset[str]:
    """Return the versions that were rolled back and not promoted by hand since."""
    withdrawn: set[str] = set()
    champion = ""
    for outcome, version in zip(past["outcome"], past["champion_version"], strict=True):
        if outcome == ROLLED_BACK:
            withdrawn.add(champion)
        elif outcome == PROMOTED_BY_HAND:
            withdrawn.discard(version)
        champion = version
    return frozenset(withdrawn)


def decision_row(decision: ModelDecision) -> dict[str, Any]:
    """Return the columns of a decision that do not depend on the rows before it."""
    return {
        "symbol": decision.symbol,
        "timeframe": decision.timeframe,
        "outcome": KEPT if decision.promoted is None else PROMOTED,
        "candidates": json.dumps([_candidate(one) for one in decision.candidates]),
        "summary": decision.summary,
        "window_start": _timestamp(decision.window_start),
        "window_end": _timestamp(decision.window_end),
        "level": decision.level,
        "content_hash": decision.content_hash,
        "code_version": decision.code_version,
        "simulated": decision.is_simulated,
    }


def row_by_hand(symbol: str, timeframe: str, model: Mapping[str, Any], summary: str) -> dict[str, Any]:
    """Return the columns of what a person decides, on the bars that `model` names."""
    return {
        "symbol": symbol,
        "timeframe": timeframe,
        "candidates": json.dumps([]),
        "summary": summary,
        "window_start": pd.NaT,
        "window_end": pd.NaT,
        "level": 0.0,
        **{name: model[name] for name in ("content_hash", "code_version", "simulated")},
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "version": candidate.version,
        "model_type": candidate.model_type,
        "reasons": [json.loads(as_json(asdict(reason))) for reason in candidate.reasons],
        "figures": json.loads(as_json(candidate.figures)),
    }


def state_in_force(past: pd.DataFrame) -> dict[str, Any]:
    """Return the state after these rows."""
    return {name: past[name].iloc[-1] for name in STATE} if len(past) else dict(NAIVE_STATE)


def last_in_force(past: pd.DataFrame) -> dict[str, Any] | None:
    """Return the last row that put something in force; None where none did."""
    rows = past[past["outcome"] != KEPT]
    return dict(rows.iloc[-1]) if len(rows) else None


def last_term(past: pd.DataFrame) -> int:
    """Return how often something was put in force."""
    return int(past["term"].max()) if len(past) else 0


def named_state(state: Mapping[str, Any]) -> str:
    """Return the champion in words."""
    version = state["champion_version"]
    return f"{state['champion_model_type']} {version}" if version else "the naive forecast"


def _timestamp(moment: datetime | None) -> Any:
    return pd.NaT if moment is None else pd.Timestamp(moment)
