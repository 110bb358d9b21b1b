"""Scoring: the forecasts of an instrument that have come due, each scored once, and how the live ones have done.

Belongs here: which forecasts have no score yet, the table of scores, the live report. Not here: the score of a forecast
(`models.scores`), drift of the features (`models.drift`), pictures (`reports.models`).

A score is written once. Later corrections of bars do not change it: it says how the forecast did by what came first.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.lake.lake import Lake
from bot_core_dagster.lake.table import Table
from bot_core_dagster.models.card import ModelCard
from bot_core_dagster.models.drift import DriftReference, stability_index
from bot_core_dagster.models.forecast_table import FORECASTS
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.registry import champion_of, models_of
from bot_core_dagster.models.scores import LiveScore, live_scores, scored_forecasts
from bot_core_dagster.settings import Instrument

RECENT_BARS: Final = 24 * 28
"""Whose features are compared with those of the training: four weeks of hours."""

LIVE_DAYS: Final = 90
"""Of forecasts that the live report is of."""

_CARRIED: Final = ("close_time", "probability_up", "predicted_price", "lower", "upper", "close", "deviation")

FORECAST_SCORES: Final = Table(
    name="forecast_scores",
    key=("symbol", "timeframe", "as_of", "horizon"),
    partition_by=("symbol", "timeframe", "month"),
    description="What came of each forecast, scored once by the bars that came first; never rewritten",
    columns={
        "symbol": "Instrument",
        "timeframe": "Length of the bars",
        "as_of": "Close of the last bar that was known, UTC",
        "horizon": "Bars ahead",
        "close_time": "When the bar that was forecast closed, UTC",
        "model_type": "Which model spoke",
        "model_version": "Its version",
        "close": "Price at as_of",
        "deviation": "What the forecast was scaled by",
        "probability_up": "As forecast",
        "predicted_price": "As forecast",
        "lower": "As forecast",
        "upper": "As forecast",
        "realised_close": "The price that came",
        "direction": "1 up, 0 down; null where the move was within half a deviation",
        "log_loss": "Of probability_up; null without a direction",
        "is_hit": "1 where the likelier side came, a half where neither was likelier",
        "is_inside": "1 where the price came to lie in the interval",
        "simulated": "Whether the forecast was made from bars of the simulated source",
        "scored_at": "UTC",
    },
)


@dataclass(frozen=True, eq=False)
class LiveReport:
    """How the forecasts of an instrument have done.

    new_rows : scores that are to be added
    scores : of each horizon, over the last LIVE_DAYS
    n_forecasts : scored ones that they are of
    drift : population stability index by feature, recent bars against the training of the model in force; empty
        where nothing has been promoted
    """

    new_rows: pd.DataFrame
    scores: tuple[LiveScore, ...]
    n_forecasts: int
    drift: "pd.Series[float]"
    is_simulated: bool


def score_forecasts(lake: Lake, known: Known, instrument: Instrument) -> LiveReport:
    """Return the scores of what has come due and has none yet, and how the live forecasts have done."""
    there = lake.read(FORECAST_SCORES, [instrument.symbol])
    there = there[there["timeframe"] == str(instrument.timeframe)]
    said = lake.read(FORECASTS, [instrument.symbol])
    said = said[said["timeframe"] == str(instrument.timeframe)]
    new = _of_unscored(said, there, known, instrument)
    everything = pd.concat([part for part in (there, new) if len(part)] or [new], ignore_index=True)
    recent = _recent(everything)
    return LiveReport(
        new_rows=new,
        scores=live_scores(recent) if len(recent) else (),
        n_forecasts=len(recent),
        drift=_drift(lake, known, instrument),
        is_simulated=known.is_simulated,
    )


def _of_unscored(said: pd.DataFrame, there: pd.DataFrame, known: Known, instrument: Instrument) -> pd.DataFrame:
    if said.empty:
        return pd.DataFrame(columns=list(FORECAST_SCORES.columns))
    key = ["as_of", "horizon"]
    is_scored = pd.MultiIndex.from_frame(said[key]).isin(pd.MultiIndex.from_frame(there[key])) if len(there) else False
    scored = scored_forecasts(said[~np.asarray(is_scored | np.zeros(len(said), bool))], known.bars, instrument.calendar)
    now = pd.Timestamp.now(tz="UTC").as_unit("us")
    return scored.assign(scored_at=now)[list(FORECAST_SCORES.columns)]


def _recent(scored: pd.DataFrame) -> pd.DataFrame:
    if scored.empty:
        return scored
    as_of = pd.to_datetime(scored["as_of"], utc=True)
    return scored[as_of > as_of.max() - pd.Timedelta(days=LIVE_DAYS)]


def _drift(lake: Lake, known: Known, instrument: Instrument) -> "pd.Series[float]":
    champion = champion_of(lake, instrument.symbol, str(instrument.timeframe))
    if champion is None:
        return pd.Series(dtype=np.float64)
    rows = models_of(lake, instrument.symbol)
    card = ModelCard.from_json(rows[rows["version"] == champion.version]["card"].iloc[-1])
    reference = DriftReference.from_json(card.drift)
    recent = known.windows.only(reference.columns).matrix[-RECENT_BARS:].astype(np.float64)
    return pd.Series(stability_index(reference, recent), dtype=np.float64)
