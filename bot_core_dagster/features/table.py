"""The lake's table of features.

Belongs here: its name, key and described columns. Not here: values (`features.frame`), storage (`lake`).
"""

from typing import Final

from bot_core_dagster.features.frame import KEY_COLUMNS
from bot_core_dagster.features.registry import feature_columns
from bot_core_dagster.lake.table import Table

FEATURES_TABLE: Final = Table(
    name="features",
    key=KEY_COLUMNS,
    partition_by=("symbol", "timeframe", "month"),
    description="Indicators and returns of each bar, as known at its close",
    columns={
        "symbol": "Instrument",
        "timeframe": "Length of the bar",
        "open_time": "Start of the bar, UTC; the features are known at its close",
        "simulated": "Whether no market made the bar; what is computed from it is SIMULATED",
    }
    | {column.name: f"{column.description} [{column.unit}; {column.window_bars} bars]" for column in feature_columns()},
)
