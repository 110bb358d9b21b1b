"""Forecast assets: what the model in force says of the next day, and what came of it.

Belongs here: forecasts of each instrument, and their scores. Not here: the models (`bot_core_dagster.models`), which of
them is in force (`assets.champion`).
"""

from collections.abc import Callable, Mapping
from typing import Final

import dagster as dg
import pandas as pd

from assets.bars import bar_quality, bars
from assets.champion import champion
from assets.each_symbol import materialize_each_symbol
from assets.features import features
from assets.metadata import picture
from assets.model_metadata import forecast_metadata, scores_metadata
from assets.modelling import Served, known_bars, served_bars
from assets.partitions import ONE_RUN, OWNERS, SYMBOLS, SymbolsConfig
from assets.storing import Made, upsert_rows
from bot_core_dagster.models.forecast import forecast_of
from bot_core_dagster.models.forecast_table import FORECASTS
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.scoring import FORECAST_SCORES, LiveReport, score_forecasts
from bot_core_dagster.models.store import ModelStore
from bot_core_dagster.reports import forecast_picture, score_rows, scores_picture
from bot_core_dagster.settings import Instrument
from resources.drawing import draw_beside
from resources.lake import LakeResource
from resources.market import SettingsResource

PICTURED_SYMBOLS: Final = 10
"""A run over more draws no fans: a picture takes as long as five forecasts, and nobody looks at all of them."""


@dg.asset(
    partitions_def=SYMBOLS,
    deps=[bars, bar_quality, features, champion],
    backfill_policy=ONE_RUN,
    group_name="forecasts",
    kinds={"delta", "pytorch"},
    owners=OWNERS,
    code_version="1",
    pool="ai_evaluation",
)
def forecasts(
    context: dg.AssetExecutionContext, config: SymbolsConfig, lake: LakeResource, settings: SettingsResource
) -> None:
    """Say of each of the next 24 bars of each instrument: price, interval, probability of up, and by which model.

    Where no model has been promoted, or the promoted one's file is gone, the naive forecast is given, and said so.
    """
    files, n_symbols = ModelStore.default(), len(config.symbols or context.partition_keys)

    def forecast(instrument: Instrument, served: Served) -> Made:
        said = forecast_of(files, served.known, instrument, served.champion)
        fan = fan_of_run(n_symbols, instrument, served.known, said)
        return Made(tables=[(FORECASTS, said)], metadata=forecast_metadata(said), drawn=lambda: {"fan": fan()})

    materialize_each_symbol(
        context,
        lake.open(),
        settings.load(),
        config.symbols,
        forecast,
        load=served_bars,
        store=upsert_rows,
        regardless_of=("champion",),
    )


@dg.asset(
    partitions_def=SYMBOLS,
    deps=[bars, bar_quality, features, forecasts],
    backfill_policy=ONE_RUN,
    group_name="forecasts",
    kinds={"delta"},
    owners=OWNERS,
    code_version="1",
    pool="ai_evaluation",
)
def forecast_scores(
    context: dg.AssetExecutionContext, config: SymbolsConfig, lake: LakeResource, settings: SettingsResource
) -> None:
    """Hold each forecast that has come due against what came: accuracy, calibration, coverage, drift of the features.

    A score is written once and never changed, whatever bars are corrected later.
    """
    store, n_symbols = lake.open(), len(config.symbols or context.partition_keys)

    def score(instrument: Instrument, known: Known) -> Made:
        report = score_forecasts(store, known, instrument)
        return Made(
            tables=[(FORECAST_SCORES, report.new_rows)],
            metadata=scores_metadata(report),
            drawn=live_picture(n_symbols, report, subject_of(instrument)),
        )

    materialize_each_symbol(
        context,
        store,
        settings.load(),
        config.symbols,
        score,
        load=known_bars,
        store=upsert_rows,
        regardless_of=("forecasts",),
    )


def fan_of_run(
    n_symbols: int, instrument: Instrument, known: Known, said: pd.DataFrame
) -> Callable[[], dg.MarkdownMetadataValue | str]:
    """Return what gives the picture of a forecast; in a run over many symbols, how to get it."""
    if n_symbols > PICTURED_SYMBOLS:
        return lambda: (
            f"not drawn in a run over {n_symbols} symbols (more than {PICTURED_SYMBOLS}); next: materialise "
            f"{instrument.symbol} alone, or bot-core predict {instrument.symbol}"
        )
    shown = known.bars.tail(72)
    png = draw_beside(n_symbols, forecast_picture, subject_of(instrument), shown, said, is_simulated=known.is_simulated)
    return lambda: picture(png(), "forecast")


def subject_of(instrument: Instrument) -> str:
    """Return what a picture is of."""
    return f"{instrument.symbol} {instrument.timeframe}"


def live_picture(
    n_symbols: int, report: LiveReport, subject: str
) -> Callable[[], Mapping[str, dg.MarkdownMetadataValue]]:
    """Return what gives the picture of live scores, none as long as no forecast has come due."""
    if not report.scores:
        return dict
    png = draw_beside(
        n_symbols, scores_picture, subject, score_rows(report.scores), report.drift, is_simulated=report.is_simulated
    )
    return lambda: {"live": picture(png(), "live scores")}
