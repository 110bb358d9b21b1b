"""Market analysis assets: what every strategy of rules says of each instrument now.

Belongs here: one row an instrument, one an opinion. Not here: the rules and the signal (`bot_core_dagster.strategies`).
"""

import dagster as dg
import pandas as pd

from assets.bars import bar_quality, bars
from assets.each_symbol import materialize_each_symbol
from assets.metadata import analysis_metadata
from assets.partitions import ONE_RUN, OWNERS, SYMBOLS, SymbolsConfig
from assets.storing import Made
from bot_core_dagster.settings import Instrument
from bot_core_dagster.strategies.analysis import MARKET_ANALYSIS, OPINIONS, analyse, analysis_rows, opinion_rows
from resources.lake import LakeResource
from resources.market import SettingsResource


@dg.asset(
    partitions_def=SYMBOLS,
    deps=[bars, bar_quality],
    backfill_policy=ONE_RUN,
    group_name="analysis",
    kinds={"delta", "talib"},
    owners=OWNERS,
    code_version="1",
    pool="bulk_analysis",
)
def market_analysis(
    context: dg.AssetExecutionContext, config: SymbolsConfig, lake: LakeResource, settings: SettingsResource
) -> None:
    """Say of each instrument BUY, SELL or HOLD at its newest bar, how sure the strategies are, and why."""

    def judge(instrument: Instrument, stored: pd.DataFrame) -> Made:
        analysis = analyse(stored, instrument)
        return Made(
            tables=[(MARKET_ANALYSIS, analysis_rows(analysis)), (OPINIONS, opinion_rows(analysis))],
            metadata=analysis_metadata(analysis),
        )

    materialize_each_symbol(context, lake.open(), settings.load(), config.symbols, judge)
