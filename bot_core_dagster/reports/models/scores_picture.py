"""The picture of live scores: forecasts against what came, and how far the features have drifted.

Belongs here: coverage, accuracy and log loss by horizon, drift by feature. Not here: the scores (`models`), a forecast
(`reports.models.forecast_picture`), the canvas (`reports.canvas`).
"""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.models.coverage import NOMINAL
from bot_core_dagster.models.drift import LARGE, MODERATE
from bot_core_dagster.reports.canvas import (
    ACCENT,
    INK,
    LOSS,
    MUTED,
    SHORT,
    SOFT,
    canvas,
    label_axis,
    legend,
    panels,
    png,
    say_instead,
)
from bot_core_dagster.reports.figures import count, counted, percentage, ratio, share
from bot_core_dagster.reports.models.score_rows import SCORE_ROW_COLUMNS
from bot_core_dagster.reports.models.words import against_base_rate, loss, marked

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_DRIFTED: Final = 10
_COIN: Final = 0.5
_TICK_BARS: Final = 6
_DASHES: Final = (0, (5, 2))
_BOX: Final[dict[str, Any]] = {"boxstyle": "round,pad=0.1", "facecolor": "white", "alpha": 0.8, "linewidth": 0}


def scores_picture(subject: str, scores: pd.DataFrame, drift: "pd.Series[float]", *, is_simulated: bool) -> bytes:
    """Return live coverage, accuracy and log loss by horizon, and the most drifted features, as a PNG of 1200 x 700.

    Parameters
    ----------
    subject : str
        "LSTM on BTCUSDT 1h".
    scores : DataFrame of `SCORE_ROW_COLUMNS`
        A row each horizon; shares are fractions, their bounds an interval's. NaN is drawn as nothing.
    drift : Series
        Population stability index by feature, live against training.
    is_simulated : bool

    Raises
    ------
    ShapeError
        If a column is missing.
    """
    return png(scores_figure(subject, scores, drift, is_simulated=is_simulated))


def scores_figure(subject: str, scores: pd.DataFrame, drift: "pd.Series[float]", *, is_simulated: bool) -> "Figure":
    """Return what `scores_picture` draws."""
    missing = [name for name in SCORE_ROW_COLUMNS if name not in scores.columns]
    if missing:
        raise ShapeError(f"the scores lack {', '.join(missing)}; next: give a row of each horizon with all of them")
    by_horizon = scores[scores["n"] > 0].sort_values("horizon", ignore_index=True)
    figure = canvas(
        marked(f"{subject}, live: {_result(by_horizon)}", is_simulated=is_simulated),
        _caption(by_horizon, drift),
        is_simulated=is_simulated,
    )
    left = panels(figure, (1.0, 1.0, 1.0), left=0.075, right=0.61, bottom=0.085)
    (beside,) = panels(figure, (1.0,), left=0.79, bottom=0.085)
    if by_horizon.empty:
        for axes in left:
            say_instead(axes, "No forecast has come true or false yet")
    else:
        _draw_scores(left, by_horizon)
    _draw_drift(beside, drift)
    return figure


def _draw_scores(drawn: "list[Axes]", scores: pd.DataFrame) -> None:
    coverage, accuracy, losses = drawn
    handles = _draw_share(coverage, scores, "coverage", NOMINAL)
    coverage.set_ylabel(f"Coverage of {share(NOMINAL)}")
    _draw_share(accuracy, scores, "accuracy", _COIN)
    accuracy.set_ylabel("Accuracy")
    losses.plot(scores["horizon"], scores["log_loss"], color=ACCENT, marker="o", markersize=5.0, linewidth=1.4)
    losses.plot(scores["horizon"], scores["base_rate_log_loss"], color=MUTED, linewidth=1.4, linestyle=_DASHES)
    losses.yaxis.set_major_formatter("{x:.4g}")
    losses.set_ylabel("Log loss")
    losses.margins(y=0.2)
    label_axis(losses.xaxis, "Bars ahead")
    losses.set_xlim(float(scores["horizon"].min()) - 0.7, float(scores["horizon"].max()) + 0.7)
    horizons = scores["horizon"].tolist()
    losses.set_xticks([horizon for horizon in horizons if horizon == 1 or horizon % _TICK_BARS == 0] or horizons)
    legend(coverage, handles)


def _draw_share(axes: "Axes", scores: pd.DataFrame, name: str, level: float) -> "list[Any]":
    """Draw a share with its interval over the horizons, hollow and red where that lies below the level."""
    horizons = scores["horizon"].to_numpy(dtype=np.float64)
    middle, low, high = (scores[f"{name}{end}"].to_numpy(dtype=np.float64) for end in ("", "_low", "_high"))
    errors = np.stack([np.fmax(middle - low, 0.0), np.fmax(high - middle, 0.0)])
    style: dict[str, Any] = {"marker": "o", "linestyle": "none"}
    live = axes.errorbar(
        horizons, middle, errors, color=ACCENT, ecolor=SOFT, elinewidth=2.0, capsize=2.5, markersize=5.0, zorder=3,
        label="Live, with interval", **style,
    )  # fmt: skip
    is_below = high < level
    (below,) = axes.plot(
        horizons[is_below], middle[is_below], color=LOSS, markersize=7.0, markerfacecolor="white", markeredgewidth=1.8,
        zorder=4, label="Surely below", **style,
    )  # fmt: skip
    line = axes.axhline(
        level,
        color=MUTED,
        linewidth=1.4,
        linestyle=_DASHES,
        zorder=2,
        label=f"To beat: {share(level)}, a coin, base rate",
    )
    axes.yaxis.set_major_formatter(lambda fraction, _: share(fraction))
    axes.margins(y=0.15)
    return [live, below, line]


def _draw_drift(axes: "Axes", drift: "pd.Series[float]") -> None:
    """Draw the most drifted features as bars, the most drifted on top, with the usual limits."""
    known = drift.dropna().sort_values(ascending=False).head(_MOST_DRIFTED)
    if known.empty:
        say_instead(axes, "No drift measured yet")
        return
    places = np.arange(len(known))
    values = known.to_numpy(dtype=np.float64)
    colors = [LOSS if psi >= LARGE else SHORT if psi >= MODERATE else SOFT for psi in values]
    axes.barh(places, values, 0.72, color=colors, linewidth=0)
    right = 1.25 * max(float(values.max()), 1.2 * LARGE)
    for place, psi in zip(places, values, strict=True):
        axes.annotate(
            ratio(float(psi)), (psi, place), (4, 0), textcoords="offset points", va="center", fontsize=10, color=INK,
            bbox=_BOX,
        )  # fmt: skip
    for limit, words, side in (
        (MODERATE, f"watch {MODERATE}", "right"),
        (LARGE, f"drifted {LARGE}", "left"),
    ):
        axes.axvline(limit, color=MUTED, linewidth=1.4, linestyle=_DASHES, zorder=2)
        axes.annotate(
            words, (limit, 1.0), (0, 4), xycoords=("data", "axes fraction"), textcoords="offset points", ha=side,
            fontsize=10, color=MUTED,
        )  # fmt: skip
    axes.set_yticks(places, [str(name) for name in known.index])
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    axes.set(xlim=(0.0, right), ylim=(_MOST_DRIFTED - 0.4, -0.6))
    axes.grid(visible=False, axis="y")
    label_axis(axes.xaxis, "Drift (PSI), live against training")


def _result(scores: pd.DataFrame) -> str:
    """Return what a trader asks first: is the next bar's direction right more often than a coin's."""
    nearest = scores[scores["horizon"] == 1]
    if nearest.empty:
        return "nothing has been scored one bar ahead yet"
    first = nearest.iloc[0]
    low, high = first["accuracy_low"], first["accuracy_high"]
    sense = "better than a coin" if low > _COIN else "worse than a coin" if high < _COIN else "a coin might do as well"
    right = percentage(first["accuracy"], signed=False, decimals=1)
    return f"{right} of directions right 1 bar ahead, {sense}"


def _caption(scores: pd.DataFrame, drift: "pd.Series[float]") -> str:
    drifted = int((drift >= LARGE).sum())
    watched = int((drift >= MODERATE).sum()) - drifted
    features = f"{counted(drifted, 'feature')} of {count(drift.notna().sum())} drifted, {count(watched)} to be watched"
    if scores.empty:
        return f"No forecast has an outcome yet\n{features}"
    nearest, n = scores.iloc[0], scores["n"]
    too_few = int((scores["coverage_high"] < NOMINAL).sum())
    counts = count(n.min()) if n.min() == n.max() else f"{count(n.min())} to {count(n.max())}"
    held = percentage(float(scores["coverage"].mean()), signed=False, decimals=1)
    return (
        f"{counts} forecasts a horizon. {_bars_ahead(nearest['horizon'])}: log loss "
        f"{loss(nearest['log_loss'])}, {against_base_rate(nearest['log_loss'], nearest['base_rate_log_loss'])}\n"
        f"{share(NOMINAL)} intervals held {held} of "
        f"prices; too narrow beyond chance at {count(too_few)} of {counted(len(scores), 'horizon')}\n"
        f"{features}: a model is trusted less where its inputs are not those it learned from"
    )


def _bars_ahead(horizon: float) -> str:
    return f"{counted(int(horizon), 'bar')} ahead".capitalize()
