"""The picture of a forecast: a fan of prices from the last known close, and the probability of up beneath.

Belongs here: drawing and the words of one forecast. Not here: where each bar stands (`reports.models.fan`), how good
such forecasts have been (`reports.models.scores_picture`), the canvas (`reports.canvas`).
"""

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.models.traded import LONG_FROM, SHORT_FROM
from bot_core_dagster.reports.canvas import (
    ACCENT,
    HELD,
    INK,
    MUTED,
    SHORT,
    SOFT,
    WASH,
    canvas,
    legend,
    panels,
    png,
)
from bot_core_dagster.reports.figures import counted, minute, percentage, price, ratio
from bot_core_dagster.reports.models.fan import Fan, fan_of
from bot_core_dagster.reports.models.words import marked

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAIVE: Final = "naive"
"""The model type that forecasts where no champion serves."""

_HALF: Final = ("lower_50", "upper_50")
_REACH: Final = 0.12
"""Probabilities of up are drawn from .5 by as much, or more where they lie farther."""

_BEYOND: Final = 0.03
"""Share of the bars left blank behind the last: room for half the time of its tick."""


def forecast_picture(subject: str, bars: pd.DataFrame, forecasts: pd.DataFrame, *, is_simulated: bool) -> bytes:
    """Return the last 72 closes and the forecast after them as a PNG of 1200 x 700.

    The axis counts bars and is labelled with their times, so that a weekend is no jump; a dotted line says where the
    market was closed.

    Parameters
    ----------
    subject : str
        "BTCUSDT 1h".
    bars : bar frame
        Ascending; closes after the forecast was made are drawn as what came.
    forecasts : DataFrame
        Made at one moment, a row each horizon: `fan.FORECAST_COLUMNS`, `lower` and `upper` of the 90 % interval, and
        those of the 50 % interval where they are there: `lower_50`, `upper_50`.
    is_simulated : bool

    Raises
    ------
    ShapeError
        If a column is missing, there is no forecast, two are of one horizon, or no bar comes before them.
    """
    return png(forecast_figure(subject, bars, forecasts, is_simulated=is_simulated))


def forecast_figure(subject: str, bars: pd.DataFrame, forecasts: pd.DataFrame, *, is_simulated: bool) -> "Figure":
    """Return what `forecast_picture` draws."""
    fan = fan_of(bars, forecasts)
    figure = canvas(
        marked(f"{subject}: {_direction(fan)}, {_model(fan)}", is_simulated=is_simulated),
        _caption(fan),
        is_simulated=is_simulated,
    )
    above, below = panels(figure, (2.8, 1.0), left=0.085)
    handles = _draw_fan(above, fan)
    handles += _draw_moments([above, below], fan)
    legend(above, handles)
    _draw_probabilities(below, fan)
    below.set_xticks(*fan.ticks())
    below.set_xlim(
        float(fan.closes["place"].iloc[0]) - 1.0, float(fan.forecasts["place"].iloc[-1]) + _BEYOND * fan.n_bars
    )
    return figure


def _draw_fan(axes: "Axes", fan: Fan) -> "list[Artist]":
    """Draw the closes, the bands and the path between them; return what the legend names."""
    rows = fan.forecasts
    places = np.concatenate([[0], rows["place"]])
    path, lower, upper = (_from_last(fan, name) for name in ("predicted_price", "lower", "upper"))
    handles: list[Artist] = [
        *axes.plot(fan.closes["place"], fan.closes["close"], color=INK, linewidth=1.7, zorder=4, label="Close"),
        *axes.plot(places, path, color=ACCENT, linewidth=2.2, zorder=5, label="Forecast (median)"),
    ]
    if set(_HALF) <= set(rows.columns):
        low, high = (_from_last(fan, name) for name in _HALF)
        handles.append(
            axes.fill_between(places, low, high, color=SOFT, alpha=0.75, linewidth=0, zorder=2, label="50 %")
        )
    handles.append(axes.fill_between(places, lower, upper, color=WASH, linewidth=0, zorder=1.5, label="90 %"))
    for bound in (lower, upper):
        axes.plot(places, bound, color=SOFT, linewidth=0.9, zorder=3)
    if len(fan.came):
        came = pd.concat([fan.closes.tail(1), fan.came])
        handles += axes.plot(
            came["place"], came["close"], color=INK, linewidth=1.5, linestyle=(0, (2, 1)), zorder=6, label="What came"
        )
    axes.yaxis.set_major_formatter("{x:,.10g}")
    axes.set_ylabel("Price")
    axes.margins(y=0.08)
    return handles


def _draw_moments(drawn: "list[Axes]", fan: Fan) -> "list[Artist]":
    """Mark until when bars were known, and where the market was closed; return what the legend names."""
    handles: list[Artist] = []
    for axes in drawn:
        known = axes.axvline(
            0, color=MUTED, linewidth=1.3, zorder=3.5, label=f"Known until {fan.known_until:%b %d, %H:%M}"
        )
        closed = [
            axes.axvline(
                place - 0.5, color=HELD, linewidth=1.6, linestyle=":", zorder=1, label="Market closed, or bars missing"
            )
            for place in fan.closed_before()
        ]
        handles = [known, *closed[:1]]
    return handles


def _draw_probabilities(axes: "Axes", fan: Fan) -> None:
    """Draw the probability of up of each horizon as a bar from a half, those that call a direction in its colour."""
    up = fan.forecasts["probability_up"].to_numpy(dtype=np.float64)
    colors = [ACCENT if one >= LONG_FROM else SHORT if one <= SHORT_FROM else HELD for one in up]
    axes.bar(fan.forecasts["place"], np.nan_to_num(up - 0.5), 0.8, bottom=0.5, color=colors, linewidth=0)
    axes.axhline(0.5, color=MUTED, linewidth=0.9)
    start = float(fan.closes["place"].iloc[0])
    for level, words, color, side in (
        (LONG_FROM, f"up from {LONG_FROM}", ACCENT, "bottom"),
        (SHORT_FROM, f"down to {SHORT_FROM}", SHORT, "top"),
    ):
        axes.axhline(level, color=color, linewidth=1.2, linestyle=(0, (5, 2)))
        axes.annotate(
            words, (start, level), (4, 2 if side == "bottom" else -2), textcoords="offset points", va=side, fontsize=10,
            color=MUTED,
        )  # fmt: skip
    reach = 1.15 * max(float(np.nanmax(np.abs(up - 0.5), initial=0.0)), _REACH / 1.15)
    axes.set_ylim(0.5 - reach, 0.5 + reach)
    axes.set_yticks([SHORT_FROM, 0.5, LONG_FROM])
    axes.yaxis.set_major_formatter("{x:.2f}")
    axes.set_ylabel("Probability of up")


def _from_last(fan: Fan, column: str) -> FloatArray1D:
    """Return a column's path, which begins at the last known close."""
    return np.concatenate([[fan.last_close], fan.forecasts[column].to_numpy(dtype=np.float64)])


def _model(fan: Fan) -> str:
    first = fan.forecasts.iloc[0]
    if str(first["model_type"]) == NAIVE:
        return "NAIVE: no champion"
    return f"by {first['model_type']} version {first['model_version']}"


def _direction(fan: Fan) -> str:
    """Return the direction of the first and of the last horizon, once where they are alike."""
    directions = fan.forecasts["trend_direction"].astype(str).str.upper()
    nearest, farthest = directions.iloc[0], directions.iloc[-1]
    first, last = (int(fan.forecasts["horizon"].iloc[place]) for place in (0, -1))
    if first == last:
        return f"{nearest} {_ahead(first)}"
    if (directions == nearest).all():
        return f"{nearest} over all {len(directions)} horizons"
    if nearest == farthest:
        return f"{nearest} {first} and {_ahead(last)}"
    return f"{nearest} {_ahead(first)}, {farthest} {_ahead(last)}"


def _ahead(n_bars: int) -> str:
    return f"{counted(n_bars, 'bar')} ahead"


def _caption(fan: Fan) -> str:
    first, last = fan.forecasts.iloc[0], fan.forecasts.iloc[-1]
    expected = float(last["predicted_price"]) / fan.last_close - 1.0
    reason = str(first["note"]) if "note" in fan.forecasts.columns and pd.notna(first["note"]) else ""
    chances = [f"{ratio(row['probability_up'], decimals=3)} {_ahead(int(row['horizon']))}" for row in (first, last)]
    return (
        f"Known until {minute(fan.known_until)}: {price(fan.last_close)}{f'. {reason}' if reason else ''}\n"
        f"{_ahead(int(last['horizon']))}, {minute(last['close_time'])}: {price(last['predicted_price'])} "
        f"({percentage(expected)}), with 90\u00a0% between {price(last['lower'])} and {price(last['upper'])}\n"
        f"Probability that a move is up: {', '.join(chances)}. Times are UTC; the axis counts bars"
    )
