"""The picture of a model's probabilities: whether what it called 55 % came true in 55 % of cases.

Belongs here: the reliability curve and its counts. Not here: the curve's figures and how probabilities are calibrated
(`models`), the canvas (`reports.canvas`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import FloatArray1D, IntArray1D
from bot_core_dagster.reports.canvas import (
    ACCENT,
    HELD,
    INK,
    MUTED,
    SOFT,
    canvas,
    label_axis,
    legend,
    panels,
    png,
    say_instead,
)
from bot_core_dagster.reports.figures import count, p_value, percentage, ratio, share
from bot_core_dagster.reports.models.words import against_base_rate, loss, marked

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONG_AT: Final = 0.55
SHORT_AT: Final = 0.45
"""Probabilities of up from which a forecast is traded long, and below which short (SPEC 1, Models)."""

_BEYOND_CHANCE: Final = 2.0
"""Standard errors."""


@dataclass(frozen=True, eq=False)
class ReliabilityBins:
    """Predicted probabilities in bins, and how often up came true; arrays of shape (n_bins,).

    predicted : mean probability of up of the bin; NaN where it is empty
    observed, low, high : share of its rows that went up, and its interval
    n : rows, int64
    confidence : of the interval
    """

    predicted: FloatArray1D
    observed: FloatArray1D
    low: FloatArray1D
    high: FloatArray1D
    n: IntArray1D
    confidence: float = 0.95


def reliability_picture(
    subject: str, bins: ReliabilityBins, headline: Mapping[str, float], *, is_simulated: bool
) -> bytes:
    """Return predicted against observed shares of up, one bar ahead on unseen rows, counts beneath, as a PNG.

    Parameters
    ----------
    subject : str
        "LSTM on BTCUSDT 1h".
    bins : ReliabilityBins
        Empty ones are left out.
    headline : mapping
        `log_loss`, `base_rate_log_loss`, `auc`, `brier`, `n_rows`, and `standard_errors` (base rate minus model, over
        its standard error) or `p_value` (that the model is no better); what is missing is said to be n/a.
    is_simulated : bool

    Raises
    ------
    ShapeError
        If the arrays of the bins are not of one length.
    """
    return png(reliability_figure(subject, bins, headline, is_simulated=is_simulated))


def reliability_figure(
    subject: str, bins: ReliabilityBins, headline: Mapping[str, float], *, is_simulated: bool
) -> "Figure":
    """Return what `reliability_picture` draws."""
    if len({len(one) for one in (bins.predicted, bins.observed, bins.low, bins.high, bins.n)}) > 1:
        raise ShapeError("expected as many predicted as observed shares, bounds and counts; next: give one of each bin")
    log_loss, base_rate = (headline.get(name, math.nan) for name in ("log_loss", "base_rate_log_loss"))
    title = f"{subject}, unseen rows: log loss {against_base_rate(log_loss, base_rate)}{_evidence(headline)}"
    figure = canvas(
        marked(title, is_simulated=is_simulated), _caption(headline, bins.confidence), is_simulated=is_simulated
    )
    above, below = panels(figure, (3.0, 1.0), left=0.08, bottom=0.09)
    is_there = (bins.n > 0) & np.isfinite(bins.predicted) & np.isfinite(bins.observed)
    if not is_there.any():
        for axes in (above, below):
            say_instead(axes, "No unseen row has an outcome yet")
        return figure
    _draw_shares(above, bins, is_there)
    _draw_counts(below, bins, is_there)
    label_axis(below.xaxis, "Probability of up that was predicted")
    return figure


def _draw_shares(axes: "Axes", bins: ReliabilityBins, is_there: NDArray[np.bool_]) -> None:
    predicted, observed, n = bins.predicted[is_there], bins.observed[is_there], bins.n[is_there]
    low = np.fmin(bins.low[is_there], observed)
    high = np.fmax(bins.high[is_there], observed)
    left, right = _padded(min(float(predicted.min()), SHORT_AT), max(float(predicted.max()), LONG_AT))
    bottom, top = _padded(min(float(low.min()), left), max(float(high.max()), right))
    axes.plot([left, right], [left, right], color=MUTED, linewidth=1.4, linestyle=(0, (5, 2)), label="As often as said")
    went_up = float(observed @ n) / float(n.sum())
    axes.axhline(
        went_up, color=HELD, linewidth=1.4, label=f"Base rate {percentage(went_up, signed=False, decimals=1)} up"
    )
    axes.errorbar(
        predicted, observed, (observed - low, high - observed), color=ACCENT, ecolor=SOFT, elinewidth=2.4, capsize=4.0,
        marker="o", markersize=7.5, markeredgecolor="white", linewidth=1.4, zorder=4,
        label=f"Observed, {share(bins.confidence)} interval",
    )  # fmt: skip
    _draw_trading(axes, left, right)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.yaxis.set_major_formatter("{x:.4g}")
    axes.set_ylabel("Share that went up")
    legend(axes)


def _draw_counts(axes: "Axes", bins: ReliabilityBins, is_there: NDArray[np.bool_]) -> None:
    left, right = axes.get_xlim()
    predicted = bins.predicted[is_there]
    nearest = float(np.diff(np.sort(predicted)).min(initial=math.inf))
    width = min(0.85 * nearest, 0.05 * (right - left)) or 0.01 * (right - left)
    axes.bar(predicted, bins.n[is_there], width, color=SOFT, linewidth=0)
    for place, n in zip(predicted, bins.n[is_there], strict=True):
        axes.annotate(
            count(n), (place, n), (0, 2), textcoords="offset points", ha="center", va="bottom", fontsize=9.5, color=INK
        )
    _draw_trading(axes, left, right)
    axes.set_ylabel("Rows")
    axes.set_ylim(0, 1.3 * float(bins.n.max()))
    axes.locator_params(axis="y", integer=True, nbins=4)
    axes.yaxis.set_major_formatter("{x:,.0f}")


def _draw_trading(axes: "Axes", left: float, right: float) -> None:
    """Shade the probabilities that are traded."""
    axes.axvspan(LONG_AT, right, color=ACCENT, alpha=0.06, linewidth=0, zorder=0)
    axes.axvspan(left, SHORT_AT, color=ACCENT, alpha=0.06, linewidth=0, zorder=0)


def _padded(low: float, high: float) -> tuple[float, float]:
    margin = 0.06 * (high - low)
    return low - margin, high + margin


def _evidence(headline: Mapping[str, float]) -> str:
    """Return how sure the difference from the base rate is."""
    if math.isfinite(errors := headline.get("standard_errors", math.nan)):
        within = ": within chance" if abs(errors) < _BEYOND_CHANCE else ""
        return f" ({ratio(abs(errors), decimals=1)} standard errors{within})"
    if math.isfinite(probability := headline.get("p_value", math.nan)):
        return f" ({p_value(probability)})"
    return ""


def _caption(headline: Mapping[str, float], confidence: float) -> str:
    figures = {
        name: headline.get(name, math.nan) for name in ("log_loss", "base_rate_log_loss", "auc", "brier", "n_rows")
    }
    return (
        f"Log loss {loss(figures['log_loss'])}, base rate {loss(figures['base_rate_log_loss'])}. "
        f"AUC {ratio(figures['auc'], decimals=3)} (0.5 is a coin). Brier {loss(figures['brier'])}. "
        f"{count(figures['n_rows'])} unseen rows, 1 bar ahead\n"
        "A point on the dashed line: what was predicted came true as often as it was said. A flat row of points: the "
        "model tells nothing apart\n"
        f"Shaded: probabilities that are traded, long from {LONG_AT} and short up to {SHORT_AT}. "
        f"{share(confidence)} intervals"
    )
