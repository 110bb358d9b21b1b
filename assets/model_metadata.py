"""Metadata of models and forecasts: what the UI shows of a training, a decision, a forecast and its scores.

Belongs here: figures and sentences as Dagster metadata. Not here: the figures (`bot_core_dagster.models`), the drawings
(`bot_core_dagster.reports`), metadata of other assets (`assets.metadata`).
"""

import math
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pandas as pd

from bot_core_dagster.models.contest import Contest
from bot_core_dagster.models.scoring import LiveReport
from bot_core_dagster.models.trained import TrainedModel


def model_metadata(trained: TrainedModel) -> dict[str, Any]:
    """Return the headline of a training with its caveats; undefined figures are left out."""
    card, figures = trained.card, trained.measured.metrics
    traded = f"traded net Sharpe {figures['net_sharpe']:.2f} (twice the costs {figures['double_cost_sharpe']:.2f})"
    traded = "it never trades" if math.isnan(figures["net_sharpe"]) else traded
    shorter = " (the shorter training of a first run)" if card.options.get("is_first") else ""
    return {
        "headline": f"{'SIMULATED: ' * card.simulated}log loss {figures['log_loss']:.4f} against "
        f"{figures['base_rate_log_loss']:.4f} of the base rate on {figures['n_rows']:.0f} unseen rows "
        f"({figures['standard_errors']:+.1f} standard errors), AUC {figures['auc']:.3f}, {traded}; "
        f"{card.stopping_reason}{shorter}",
        "version": card.version,
        "bars": "SIMULATED: no market made these bars" if card.simulated else "of a market",
        "best_epoch": card.best_epoch,
        "epochs": card.n_epochs,
        "used_until": dg.MetadataValue.timestamp(card.used_until),
        "features": ", ".join(card.columns),
        **_defined(figures),
    }


def verdict_metadata(contest: Contest, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a decision: which model serves, why, and every number that was looked at."""
    columns = [dg.TableColumn(name) for name in ("challenger", "condition", "met", "in words")]
    records = [
        dg.TableRecord({"challenger": each.version, "condition": one.name, "met": one.is_met, "in words": one.words})
        for each in contest.promotion.comparisons
        for one in each.reasons
    ]
    return {
        "decision": str(row["summary"]),
        "serves": f"{row['champion_model_type']} {row['champion_version']}" if row["champion_version"] else "naive",
        "outcome": str(row["outcome"]),
        "tests_so_far": contest.promotion.n_tests,
        "level_spent": contest.promotion.level,
        "reasons": dg.MetadataValue.table(records, schema=dg.TableSchema(columns)),
        "bars": "SIMULATED: no market made these bars" if contest.is_simulated else "of a market",
        **contest.unusable,
    }


def forecast_metadata(said: pd.DataFrame) -> dict[str, Any]:
    """Return what is said of the last of the bars ahead, and by whom."""
    first, last = said.iloc[0], said.iloc[-1]
    move = math.log(last["predicted_price"] / last["close"])
    spoken = str(last["model_type"]) + f" {last['model_version']}" * (last["model_type"] != "naive")
    return {
        "headline": f"{'SIMULATED: ' * bool(last['simulated'])}{last['horizon']} bars ahead "
        f"{last['predicted_price']:.6g} ({move:+.2%}), 90 % between {last['lower']:.6g} and {last['upper']:.6g}; "
        f"next bar up with {first['probability_up']:.3f}; by {spoken}",
        "note": str(last["note"]) or "the promoted model speaks",
        "as_of": dg.MetadataValue.timestamp(last["as_of"].to_pydatetime()),
        "trend_direction": str(first["trend_direction"]),
    }


def scores_metadata(report: LiveReport) -> dict[str, Any]:
    """Return how the live forecasts have done."""
    if not report.scores:
        return {"headline": "no forecast has come due yet", "scored": 0}
    nearest, farthest = report.scores[0], report.scores[-1]
    drifted = report.drift[report.drift > 0.25]
    return {
        "headline": f"{'SIMULATED: ' * report.is_simulated}{nearest.horizon} bar ahead right {nearest.accuracy:.1%} of "
        f"{nearest.n_rows}; the 90 % interval held {nearest.coverage.share:.1%}, {farthest.horizon} bars ahead "
        f"{farthest.coverage.share:.1%}; {len(drifted)} features drifted",
        "scored": report.n_forecasts,
        **_defined(
            {
                "accuracy_1": nearest.accuracy,
                "log_loss_1": nearest.log_loss,
                "brier_1": nearest.brier,
                "coverage_1": nearest.coverage.share,
                "max_psi": float(report.drift.max()) if len(report.drift) else math.nan,
            }
        ),
    }


def _defined(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in figures.items() if math.isfinite(value)}
