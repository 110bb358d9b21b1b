"""Optimisation assets: the search for each strategy's parameters, and which of them are in force.

Belongs here: two assets a strategy, made by factories. Not here: search, evidence and gate
(`bot_core_dagster.optimization`), what the parameters earn (`assets.backtests`).
"""

from datetime import timedelta

import dagster as dg
import pandas as pd

from assets.bars import bar_quality, bars
from assets.each_symbol import materialize_each_symbol
from assets.metadata import decision_metadata, optimization_metadata, page_file, provenances, sheet_metadata
from assets.partitions import ONE_RUN, OWNERS, SYMBOLS, TRADED, SymbolsConfig
from assets.storing import Made, rows_added
from assets.trading import SETTINGS, Searched, is_traded, rules_of, said_in_log, searched_bars, settings_version
from bot_core_dagster.optimization import (
    OPTIMIZATIONS,
    OUT_OF_SAMPLE,
    PARAMETERS,
    decide,
    deployed_parameters,
    deployed_set,
    optimization_rows,
    optimize_strategy,
    out_of_sample_rows,
    record_decision,
    record_trials,
)
from bot_core_dagster.reports import search_sheet
from bot_core_dagster.settings import Instrument
from bot_core_dagster.strategies import Strategy, settings_of
from resources.drawing import draw_beside
from resources.lake import LakeResource
from resources.market import SettingsResource


def optimization_asset(strategy: Strategy) -> dg.AssetsDefinition:
    """Return the asset that searches the parameters of `strategy` on each instrument."""

    @dg.asset(
        name=f"{strategy.name}_optimization",
        description=f"{strategy.description}: parameters tried on the last years, walk-forward, and what is left of "
        "the winner after the number of trials. Every trial is kept.",
        partitions_def=SYMBOLS,
        deps=[bars, bar_quality],
        backfill_policy=ONE_RUN,
        group_name="optimization",
        kinds={"delta", "numba"},
        owners=OWNERS,
        code_version="1",
        pool="optimization",
    )
    def optimization(
        context: dg.AssetExecutionContext, config: SymbolsConfig, lake: LakeResource, settings: SettingsResource
    ) -> None:
        known, store = settings.load(), lake.open()
        if not is_traded(context, known, strategy):
            return

        made_from, n_symbols = provenances(context, store), len(config.symbols or context.partition_keys)

        def search(instrument: Instrument, stored: pd.DataFrame) -> Made:
            since = stored["close_time"].iloc[-1] - timedelta(days=known.optimization.lookback_days)
            found = optimize_strategy(
                stored[stored["open_time"] >= since].reset_index(drop=True),
                strategy,
                instrument,
                rules=rules_of(strategy, known, instrument),
                settings=known.optimization,
                lake=store,
                progress=said_in_log(context, f"{strategy.name} on {instrument.symbol}"),
            )
            record_trials(store, found.trials)
            in_force = deployed_parameters(store, strategy.name, instrument.symbol, str(instrument.timeframe))
            sheet = draw_beside(
                n_symbols,
                search_sheet,
                found,
                in_force,
                made_from(instrument.symbol),
                page_file(context, instrument.symbol),
            )
            return Made(
                tables=[(OPTIMIZATIONS, optimization_rows(found)), (OUT_OF_SAMPLE, out_of_sample_rows(found))],
                within={"strategy": strategy.name},
                inputs={SETTINGS: settings_version(strategy, known, instrument)},
                metadata=optimization_metadata(found),
                drawn=lambda: sheet_metadata(sheet()),
            )

        materialize_each_symbol(context, store, known, config.symbols, search)

    return optimization


OPTIMIZATION_ASSETS = {strategy.name: optimization_asset(strategy) for strategy in TRADED}


def parameters_asset(strategy: Strategy) -> dg.AssetsDefinition:
    """Return the asset that puts the parameters of `strategy` in force on each instrument, past the gate alone."""

    @dg.asset(
        name=f"{strategy.name}_parameters",
        description=f"The parameters of {strategy.name} in force: a search's winner past the gate, else those before. "
        "Every decision is kept with its reasons.",
        partitions_def=SYMBOLS,
        deps=[bars, OPTIMIZATION_ASSETS[strategy.name]],
        backfill_policy=ONE_RUN,
        group_name="optimization",
        kinds={"delta"},
        owners=OWNERS,
        code_version="1",
        pool="optimization",
    )
    def parameters(
        context: dg.AssetExecutionContext, config: SymbolsConfig, lake: LakeResource, settings: SettingsResource
    ) -> None:
        known, store = settings.load(), lake.open()
        if not is_traded(context, known, strategy):
            return

        def judge(instrument: Instrument, searched: Searched) -> Made:
            deployed = deployed_set(store, strategy.name, instrument.symbol, str(instrument.timeframe))
            decision = decide(
                searched.candidate,
                deployed,
                searched.bars,
                strategy,
                instrument,
                settings_parameters=settings_of(strategy.name, known.strategies).parameters or None,
            )
            return Made(tables=(), metadata=decision_metadata(decision, record_decision(store, decision)))

        recorded = rows_added(store, PARAMETERS, list(context.partition_keys), within={"strategy": strategy.name})
        materialize_each_symbol(
            context, store, known, config.symbols, judge, load=searched_bars(strategy), store=recorded
        )

    return parameters


PARAMETERS_ASSETS = {strategy.name: parameters_asset(strategy) for strategy in TRADED}
