"""Backtest assets: what each strategy would have earned on the stored bars, after costs.

Belongs here: one asset a strategy, made by a factory. Not here: rules (`bot_core_dagster.strategies`), fills and costs
(`bot_core_dagster.backtest`), how parameters come to be deployed (`assets.optimizations`).
"""

import dagster as dg

from assets.bars import bar_quality, bars
from assets.each_symbol import materialize_each_symbol
from assets.metadata import backtest_metadata, page_file, provenances, sheet_metadata
from assets.optimizations import PARAMETERS_ASSETS
from assets.partitions import ONE_RUN, OWNERS, SYMBOLS, TRADED, SymbolsConfig
from assets.storing import Check, Made
from assets.trading import SETTINGS, Traded, is_traded, settings_version, traded_bars
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
from bot_core_dagster.errors import QualityError
from bot_core_dagster.reports import backtest_sheet
from bot_core_dagster.settings import Instrument
from bot_core_dagster.strategies import Strategy
from bot_core_dagster.validation import backtest_verdicts
from resources.drawing import draw_beside
from resources.lake import LakeResource
from resources.market import SettingsResource


def backtest_asset(strategy: Strategy) -> dg.AssetsDefinition:
    """Return the asset that trades `strategy` on each instrument."""

    @dg.asset(
        name=f"{strategy.name}_backtest",
        description=f"{strategy.description}: decided at the close, filled at the next open, after costs, with the "
        "deployed parameters.",
        partitions_def=SYMBOLS,
        deps=[bars, bar_quality, PARAMETERS_ASSETS[strategy.name]],
        backfill_policy=ONE_RUN,
        group_name="backtests",
        kinds={"delta", "numba"},
        owners=OWNERS,
        code_version="3",
        pool="backtesting",
    )
    def backtest(
        context: dg.AssetExecutionContext, config: SymbolsConfig, lake: LakeResource, settings: SettingsResource
    ) -> None:
        known, store = settings.load(), lake.open()
        if not is_traded(context, known, strategy):
            return

        made_from, n_symbols = provenances(context, store), len(config.symbols or context.partition_keys)

        def trade(instrument: Instrument, given: Traded) -> Made:
            made = backtest_strategy(
                given.bars, strategy, given.parameters, instrument, given.rules, trials=given.trials
            )
            verdicts = backtest_verdicts(
                made, given.bars, strategy, instrument.calendar, min_trades=known.optimization.min_trades
            )
            broken = [one.detail for one in verdicts if one.is_broken]
            if broken:
                raise QualityError(f"{'; '.join(broken)}; what it would earn is not kept")
            sheet = draw_beside(
                n_symbols,
                backtest_sheet,
                made,
                given.bars,
                made_from(instrument.symbol),
                page_file(context, instrument.symbol),
            )
            return Made(
                tables=[
                    (BACKTESTS, backtest_rows(made)),
                    (EQUITY, equity_rows(made)),
                    (TRADES, trade_rows(made)),
                    (BAR_EQUITY, bar_equity_rows(made)),
                ],
                within={"strategy": strategy.name},
                inputs={SETTINGS: settings_version(strategy, known, instrument)},
                metadata=backtest_metadata(made),
                drawn=lambda: sheet_metadata(sheet()),
                checks=[Check(one.name, one.is_passed, False, one.detail) for one in verdicts],
            )

        materialize_each_symbol(
            context,
            store,
            known,
            config.symbols,
            trade,
            load=traded_bars(strategy, known),
            regardless_of=(f"{strategy.name}_parameters",),
        )

    return backtest


BACKTEST_ASSETS = {strategy.name: backtest_asset(strategy) for strategy in TRADED}
