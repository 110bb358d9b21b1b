"""Feature assets: what was known at the close of each bar.

Belongs here: rows that are a model's inputs. Not here: the arithmetic (`bot_core_dagster.features`), paths
(`bot_core_dagster.lake`).
"""

import dagster as dg
import pandas as pd

from assets.bars import bar_quality, bars
from assets.each_symbol import materialize_each_symbol
from assets.metadata import column_schema, source_of
from assets.partitions import ONE_RUN, OWNERS, SYMBOLS, SymbolsConfig
from assets.storing import Made
from bot_core_dagster.features import bar_features, feature_columns
from bot_core_dagster.features.table import FEATURES_TABLE
from bot_core_dagster.settings import Instrument
from resources.lake import LakeResource
from resources.market import SettingsResource


@dg.asset(
    partitions_def=SYMBOLS,
    deps=[bars, bar_quality],
    backfill_policy=ONE_RUN,
    group_name="features",
    kinds={"delta", "talib"},
    owners=OWNERS,
    code_version="2",
    pool="data_collection",
    metadata={"dagster/column_schema": column_schema(feature_columns())},
)
def features(
    context: dg.AssetExecutionContext, config: SymbolsConfig, lake: LakeResource, settings: SettingsResource
) -> None:
    """Write the indicators, returns and calendar terms of each bar, as known at its close."""

    def compute(instrument: Instrument, stored: pd.DataFrame) -> Made:
        rows = bar_features(stored, instrument.calendar)
        values = rows.select_dtypes("float64")
        return Made(
            tables=[(FEATURES_TABLE, rows)],
            metadata={
                "source": source_of(instrument),
                "features": values.shape[1],
                "undefined_share": float(values.isna().to_numpy().mean()),
                "first_open_time": str(rows["open_time"].iloc[0]),
                "last_open_time": str(rows["open_time"].iloc[-1]),
            },
        )

    materialize_each_symbol(context, lake.open(), settings.load(), config.symbols, compute)
