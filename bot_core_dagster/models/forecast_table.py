"""The lake's table of forecasts: what was said of the next bars, and when.

Belongs here: its name, key and described columns, and when the bars ahead close. Not here: what is said
(`models.forecast`), what came of it (`models.scores`).
"""

from typing import Final

import pandas as pd

from bot_core_dagster.lake.table import Table
from bot_core_dagster.market.calendars import calendar
from bot_core_dagster.models.labels import HORIZONS
from bot_core_dagster.settings import Instrument

_FARTHEST: Final = 4.0
"""Times the bars ahead that a calendar is asked for: over weekends and holidays there are fewer."""

FORECASTS: Final = Table(
    name="forecasts",
    key=("symbol", "timeframe", "as_of", "horizon"),
    partition_by=("symbol", "timeframe", "month"),
    point_in_time=True,
    description="What was forecast of each of the next bars, as it was known then; nothing is ever rewritten",
    columns={
        "symbol": "Instrument",
        "timeframe": "Length of the bars",
        "as_of": "Close of the last bar that was known, UTC",
        "horizon": "Bars ahead, 1 to 24",
        "close_time": "When that bar closes by the trading calendar, UTC",
        "close": "Last known price, in the quote currency",
        "predicted_price": "Median of what is expected of its close",
        "lower": "Lower end of the interval that should hold 90 % of closes",
        "upper": "Upper end",
        "probability_up": "That the move is up, if it is over half of the deviation expected of it",
        "trend_direction": "up, down or flat: whether the probability is at least .55, at most .45, or between",
        "deviation": "Trailing standard deviation of one-bar log returns that scales the forecast",
        "model_type": "lstm, gru, transformer, boosting, or naive where nothing has been promoted",
        "model_version": "Version of the model",
        "note": "Why this model; empty where a promoted one is in force",
        "bars_content_hash": "sha256 of the bars that were known",
        "simulated": "Whether any of these bars was made by the simulated source",
        "recorded_at": "UTC; when this forecast was made",
        "superseded_at": "UTC; when one from corrected bars or of another model took its place; null while current",
    },
)


def closes_ahead(last_close: pd.Timestamp, instrument: Instrument) -> pd.DatetimeIndex:
    """Return when the next HORIZONS bars close, by the instrument's trading calendar."""
    trading = calendar(instrument.calendar)
    span = instrument.timeframe.delta * HORIZONS * _FARTHEST + pd.Timedelta(days=14)
    opens = trading.bar_open_times(instrument.timeframe, last_close, last_close + span)[:HORIZONS]
    return trading.bar_close(opens, instrument.timeframe)
