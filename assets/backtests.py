"""Backtest assets: what a strategy would have earned on the stored bars, after costs.

Belongs here: one asset a strategy. Not here: rules (`bot_core_dagster.strategies`), fills and costs
(`bot_core_dagster.backtest`), pictures (`bot_core_dagster.reports`).
"""

import dagster as dg
import pandas as pd

from assets.bars import bar_quality, bars
from assets.each_symbol import Made, materialize_each_symbol
from assets.metadata import backtest_metadata, picture
from assets.partitions import ONE_RUN, OWNERS, SYMBOLS, SymbolsConfig
from bot_core_dagster.backtest import (
    BACKTESTS,
    BAR_EQUITY,
    EQUITY,
    TRADES,
    backtest_rows,
    backtest_strategy,
    bar_equity_rows,
    equity_rows,
    trade_rows,
)
from bot_core_dagster.reports import backtest_picture
from bot_core_dagster.settings import Instrument
from bot_core_dagster.strategies import strategy_named
from resources.lake import LakeResource
from resources.market import SettingsResource


@dg.asset(
    partitions_def=SYMBOLS,
    deps=[bars, bar_quality],
    backfill_policy=ONE_RUN,
    group_name="backtests",
    kinds={"delta", "numba"},
    owners=OWNERS,
    code_version="2",
    pool="backtesting",
)
def rsi_backtest(
    context: dg.AssetExecutionContext, config: SymbolsConfig, lake: LakeResource, settings: SettingsResource
) -> None:
    """Trade the plain RSI strategy on each instrument: decided at the close, filled at the next open, after costs."""
    known = settings.load()
    if not known.strategies.rsi.enabled:
        context.log.warning("strategies.rsi.enabled is false in the settings: nothing to trade")
        return

    def trade(instrument: Instrument, stored: pd.DataFrame) -> Made:
        backtest = backtest_strategy(stored, strategy_named("rsi", known.strategies), instrument)
        return Made(
            tables=[
                (BACKTESTS, backtest_rows(backtest)),
                (EQUITY, equity_rows(backtest)),
                (TRADES, trade_rows(backtest)),
                (BAR_EQUITY, bar_equity_rows(backtest)),
            ],
            metadata={
                "picture": picture(backtest_picture(backtest), "equity and drawdown"),
                **backtest_metadata(backtest),
            },
        )

    materialize_each_symbol(context, lake.open(), known, config.symbols, trade)
