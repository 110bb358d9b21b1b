"""Features: what was known at the close of each bar.

Belongs here: indicators, returns and calendar terms, one file of `features.catalog` each, and the frame made of them.
Not here: labels, which look forward; what trades on them (`strategies`); storage (`lake`).
"""

from bot_core_dagster.features.definition import BarRun, Column, Feature, feature
from bot_core_dagster.features.frame import bar_features
from bot_core_dagster.features.registry import feature_columns

__all__ = ["BarRun", "Column", "Feature", "bar_features", "feature", "feature_columns"]
