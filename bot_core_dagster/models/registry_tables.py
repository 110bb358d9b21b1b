"""The lake's tables of models: what was trained, and every decision on which model serves.

Belongs here: names, keys, described columns. Not here: rows and what they mean together (`models.registry`).
"""

from typing import Final

from bot_core_dagster.lake.table import Table

HEADLINE: Final = ("log_loss", "base_rate_log_loss", "auc", "n_rows", "net_sharpe")
"""Metrics of the card that the table shows beside it."""

MODELS: Final = Table(
    name="models",
    key=("symbol", "model_type", "version"),
    partition_by=("symbol", "model_type"),
    description="Every model that was trained, a row a version",
    columns={
        "symbol": "Instrument",
        "model_type": "Kind of model",
        "version": "Hash of all that determines it; the name of its folder",
        "timeframe": "Length of the bars",
        "trained_at": "UTC",
        "as_of": "Close of the last bar that was known, UTC",
        "used_until": "End of the last label that it has used, UTC; what comes after is new to it",
        "log_loss": "Of the direction one bar ahead on unseen rows, nats",
        "base_rate_log_loss": "The same of the naive forecast",
        "auc": "Area under the ROC curve one bar ahead on unseen rows",
        "n_rows": "Unseen rows with a direction one bar ahead",
        "net_sharpe": "Annualised Sharpe ratio of the traded forecast on unseen rows, net of costs",
        "content_hash": "sha256 of the bars that it was trained on",
        "code_version": "Hash of the sources of features and models",
        "card": "JSON: features, scaler, label, slices, calibration, metrics, sha256 of each file",
        "dagster_run_id": "Run that trained it, empty outside of Dagster",
        "mlflow_run_id": "Its page in MLflow, empty where there is none",
        "simulated": "Whether any of its bars was made by the simulated source",
    },
)

MODEL_DECISIONS: Final = Table(
    name="model_decisions",
    key=("symbol", "timeframe", "decided_at"),
    partition_by=("symbol",),
    description="Every decision on which model serves an instrument; the last row says what is in force",
    columns={
        "symbol": "Instrument",
        "timeframe": "Length of the bars",
        "decided_at": "UTC",
        "outcome": "promoted, promoted_by_hand, kept or rolled_back",
        "champion_version": "In force from this row on; empty: the naive forecast",
        "champion_model_type": "Its kind; naive where nothing was promoted",
        "term": "Counts what was ever put in force, from 1 on; 0: nothing is",
        "origin_term": "Term in which this champion was promoted; a roll-back restores an earlier one",
        "candidates": "JSON: version, model_type, reasons (name, value, limit, is_met, words), figures",
        "summary": "The decision in one line",
        "window_start": "As-of time of the first row compared, UTC; null where none was",
        "window_end": "As-of time of the last of these rows, UTC",
        "level": "Significance level that this test spent; 0 where none was made",
        "n_tests": "Tests so far, over all time",
        "alpha_spent": "Sum of their levels",
        "tested_until": "As-of time of the newest row of the last test, UTC",
        "content_hash": "sha256 of the bars that it was decided on",
        "code_version": "Hash of the sources of features and models",
        "simulated": "Whether any of these bars was made by the simulated source",
    },
)
