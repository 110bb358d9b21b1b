"""The forecast: what the model in force says of the next 24 bars, in prices.

Belongs here: choosing who speaks, and turning its answer into rows of `forecasts`. Not here: the models, the intervals
(`models.intervals`), which model is in force (`models.registry`), what came of it (`models.scores`).

Somebody always speaks: where nothing has been promoted, the promoted model's files are gone, or bars are missing in its
window, the naive forecast does, and the row says why.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.errors import ModelError, ParameterError, QualityError
from bot_core_dagster.metrics.arrays import IntArray1D
from bot_core_dagster.models.decision import Champion
from bot_core_dagster.models.forecast_table import closes_ahead
from bot_core_dagster.models.intervals import adaptive_intervals
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.labels import HORIZONS, spread_of
from bot_core_dagster.models.naive import naive_predictor
from bot_core_dagster.models.predictions import QUANTILES, Predictions, Predictor
from bot_core_dagster.models.serving import ServedModel
from bot_core_dagster.models.store import ModelStore
from bot_core_dagster.models.traded import LONG_FROM, SHORT_FROM
from bot_core_dagster.settings import Instrument

RECENT_ROWS: Final = 240
"""Rows whose misses set the intervals: ten days of hours.

On the real BTCUSDT and EURUSD, naive forecasts every 37 hours: 89.4 % and 90.0 % came to lie inside, with 480 rows
89.6 % and 90.2 % (standard error 0.8 points), with 120 rows 87.2 % and 88.4 %.
"""

NAIVE_TYPE: Final = "naive"

_MEDIAN: Final = QUANTILES.index(0.5)
_BARS_NEEDED: Final = 26


@dataclass(frozen=True, eq=False)
class _Speaker:
    """Who forecasts: what it says of recent rows, the newest last, and why it is this one."""

    model_type: str
    version: str
    note: str
    rows: IntArray1D
    said: Predictions


def forecast_of(
    store: ModelStore,
    known: Known,
    instrument: Instrument,
    champion: Champion | None,
    *,
    model: ServedModel | None = None,
    horizon: int = HORIZONS,
) -> pd.DataFrame:
    """Return the rows of `FORECASTS` made at the close of the newest bar.

    Parameters
    ----------
    store : ModelStore
        Where the files of models are.
    known : Known
        All bars up to now.
    instrument : Instrument
    champion : Champion, optional
        The model in force; None for the naive forecast.
    model : ServedModel, optional
        Asked instead of the one in force.
    horizon : int
        Bars ahead, 1 to 24.

    Raises
    ------
    ParameterError
        If the horizon is outside of 1 to 24.
    QualityError
        If the volatility was never known: too few bars in a row. Where it is not known at the newest bar, since one is
        missing lately, the last known one stands in, and the note says so.
    """
    if not 1 <= horizon <= HORIZONS:
        raise ParameterError(f"expected a horizon of 1 to {HORIZONS} bars, got {horizon}; next: --horizon {HORIZONS}")
    if not np.isfinite(known.labels.deviation).any():
        raise QualityError(
            f"{instrument.symbol}: the volatility is not known: {_BARS_NEEDED} bars in a row that move are needed; "
            "next: bot-core import FILE, or wait for more bars"
        )
    speaker = _model_in_force(store, known, champion) if model is None else _asked(model, known)
    return _rows(speaker, known, instrument).head(horizon)


def _model_in_force(store: ModelStore, known: Known, champion: Champion | None) -> _Speaker:
    if champion is None:
        return _naive(known, "no model has been promoted: naive forecast")
    try:
        model = ServedModel.load(store, champion.symbol, champion.model_type, champion.version)
        return _asked(model, known)
    except (ModelError, QualityError) as error:
        return _naive(known, f"{champion.model_type} {champion.version} cannot speak: {error}; naive forecast instead")


def _asked(model: ServedModel, known: Known) -> _Speaker:
    rows = model.rows(known, after=pd.Timestamp(model.card.used_until))[-RECENT_ROWS:]
    if not len(rows) or rows[-1] != len(known.bars) - 1:
        raise QualityError("a feature is undefined in the last 60 bars (missing bars, or no volume)")
    return _Speaker(model.card.model_type, model.version, "", rows, model.predict(known, rows))


def _naive(known: Known, note: str) -> _Speaker:
    predictor: Predictor = naive_predictor(known.labels)
    rows = np.flatnonzero(np.isfinite(known.labels.deviation))[-RECENT_ROWS:]
    if rows[-1] < len(known.bars) - 1:
        note += f"; bars are missing: the volatility is that of {known.labels.start[rows[-1]]:%Y-%m-%d %H:%M} UTC"
    return _Speaker(NAIVE_TYPE, NAIVE_TYPE, note, rows, predictor.predict(known.windows, rows))


def _rows(speaker: _Speaker, known: Known, instrument: Instrument) -> pd.DataFrame:
    last = known.bars.iloc[-1]
    close, deviation = float(last["close"]), known.labels.deviation[speaker.rows[-1:]]
    spread = spread_of(deviation)[0]
    intervals = adaptive_intervals(speaker.said, known.labels, speaker.rows)
    up = speaker.said.up[-1]
    return pd.DataFrame(
        {
            "symbol": instrument.symbol,
            "timeframe": str(instrument.timeframe),
            "as_of": last["close_time"],
            "horizon": np.arange(1, HORIZONS + 1),
            "close_time": closes_ahead(last["close_time"], instrument),
            "close": close,
            "predicted_price": close * np.exp(speaker.said.quantiles[-1, :, _MEDIAN] * spread),
            "lower": close * np.exp(intervals.lower[-1] * spread),
            "upper": close * np.exp(intervals.upper[-1] * spread),
            "probability_up": up,
            "trend_direction": np.select([up >= LONG_FROM, up <= SHORT_FROM], ["up", "down"], "flat"),
            "deviation": deviation[0],
            "model_type": speaker.model_type,
            "model_version": speaker.version,
            "note": speaker.note,
            "bars_content_hash": known.content_hash,
            "simulated": known.is_simulated,
        }
    )
