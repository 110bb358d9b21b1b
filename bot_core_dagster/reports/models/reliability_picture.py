"""The picture of a model's probabilities: whether what it called 55 % came true in 55 % of cases.

Belongs here: the reliability curve and its counts. Not here: the curve's figures and how probabilities are calibrated
(`models`), the canvas (`reports.canvas`).
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.models.traded import LONG_FROM, SHORT_FROM
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
from bot_core_dagster.reports.figures import count, p_value, percentage, ratio
from bot_core_dagster.reports.models.words import against_base_rate, loss, marked

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bot_core_dagster.models.reliability import Reliability

_BEYOND_CHANCE: Final = 2.0
"""Standard errors."""

_NARROWEST, _WIDEST, _ROOM = 0.006, 0.05, 0.045
"""Shares of the width that a bar of counts may have, and that its figure needs: bins of equally many rows lie close."""


class _Bins(NamedTuple):
    """The bins that hold rows, as arrays of shape (n_bins,)."""

    forecast: FloatArray1D
    observed: FloatArray1D
    n_rows: FloatArray1D
    low: FloatArray1D
    high: FloatArray1D

    @classmethod
    def of(cls, reliability: "Reliability") -> "_Bins":
        parts = (reliability.forecast, reliability.observed, reliability.n_rows, reliability.low, reliability.high)
        rows = np.array(parts, dtype=np.float64)
        return cls(*rows[:, np.isfinite(rows[:2]).all(axis=0)])


def reliability_picture(
    subject: str, reliability: "Reliability", headline: Mapping[str, float], *, is_simulated: bool
) -> bytes:
    """Return predicted against observed shares of up, one bar ahead on unseen rows, counts beneath, as a PNG.

    Parameters
    ----------
    subject : str
        "LSTM on BTCUSDT 1h".
    reliability : Reliability
        Of the direction one bar ahead; bins whose shares are NaN are left out.
    headline : mapping
        `log_loss`, `base_rate_log_loss`, `auc`, `brier`, `n_rows`, and `standard_errors` (base rate minus model, over
        its standard error) or `p_value` (that the model is no better); what is missing is said to be n/a.
    is_simulated : bool
    """
    return png(reliability_figure(subject, reliability, headline, is_simulated=is_simulated))


def reliability_figure(
    subject: str, reliability: "Reliability", headline: Mapping[str, float], *, is_simulated: bool
) -> "Figure":
    """Return what `reliability_picture` draws."""
    log_loss, base_rate = (headline.get(name, math.nan) for name in ("log_loss", "base_rate_log_loss"))
    title = f"{subject}, unseen rows: log loss {against_base_rate(log_loss, base_rate)}{_evidence(headline)}"
    figure = canvas(marked(title, is_simulated=is_simulated), _caption(headline), is_simulated=is_simulated)
    above, below = panels(figure, (3.0, 1.0), left=0.08, bottom=0.09)
    bins = _Bins.of(reliability)
    if len(bins.n_rows) == 0:
        for axes in (above, below):
            say_instead(axes, "No unseen row has an outcome yet")
        return figure
    _draw_shares(above, bins)
    _draw_counts(below, bins)
    label_axis(below.xaxis, "Probability of up that was predicted")
    return figure


def _draw_shares(axes: "Axes", bins: _Bins) -> None:
    predicted, observed, n_rows = bins.forecast, bins.observed, bins.n_rows
    low, high = np.fmin(bins.low, observed), np.fmax(bins.high, observed)
    left, right = _padded(min(float(predicted.min()), SHORT_FROM), max(float(predicted.max()), LONG_FROM))
    bottom, top = _padded(min(float(low.min()), left), max(float(high.max()), right))
    axes.plot([left, right], [left, right], color=MUTED, linewidth=1.4, linestyle=(0, (5, 2)), label="As often as said")
    went_up = float(observed @ n_rows) / float(n_rows.sum())
    axes.axhline(
        went_up, color=HELD, linewidth=1.4, label=f"Base rate {percentage(went_up, signed=False, decimals=1)} up"
    )
    axes.errorbar(
        predicted, observed, (observed - low, high - observed), color=ACCENT, ecolor=SOFT, elinewidth=2.4, capsize=4.0,
        marker="o", markersize=7.5, markeredgecolor="white", linewidth=1.4, zorder=4,
        label="Observed, 95 % interval",
    )  # fmt: skip
    _draw_calls(axes, left, right)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.yaxis.set_major_formatter("{x:.4g}")
    axes.set_ylabel("Share that went up")
    legend(axes)


def _draw_counts(axes: "Axes", bins: _Bins) -> None:
    left, right = axes.get_xlim()
    span = right - left
    nearest = float(np.diff(np.sort(bins.forecast)).min(initial=math.inf))
    axes.bar(
        bins.forecast, bins.n_rows, float(np.clip(0.85 * nearest, _NARROWEST * span, _WIDEST * span)), color=SOFT,
        edgecolor="white", linewidth=0.6,
    )  # fmt: skip
    free_from = left
    for place in np.argsort(bins.forecast):
        at, n_rows = float(bins.forecast[place]), float(bins.n_rows[place])
        if at >= free_from:
            axes.annotate(
                count(n_rows), (at, n_rows), (0, 2), textcoords="offset points", ha="center", va="bottom", fontsize=9.5,
                color=INK,
            )  # fmt: skip
            free_from = at + _ROOM * span
    _draw_calls(axes, left, right)
    axes.set_ylabel("Rows")
    axes.set_ylim(0, 1.3 * float(bins.n_rows.max()))
    axes.locator_params(axis="y", integer=True, nbins=4)
    axes.yaxis.set_major_formatter("{x:,.0f}")


def _draw_calls(axes: "Axes", left: float, right: float) -> None:
    """Shade the probabilities that call a direction."""
    axes.axvspan(LONG_FROM, right, color=ACCENT, alpha=0.06, linewidth=0, zorder=0)
    axes.axvspan(left, SHORT_FROM, color=ACCENT, alpha=0.06, linewidth=0, zorder=0)


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


def _caption(headline: Mapping[str, float]) -> str:
    figures = {
        name: headline.get(name, math.nan) for name in ("log_loss", "base_rate_log_loss", "auc", "brier", "n_rows")
    }
    return (
        f"Log loss {loss(figures['log_loss'])}, base rate {loss(figures['base_rate_log_loss'])}. "
        f"AUC {ratio(figures['auc'], decimals=3)} (0.5 is a coin). Brier {loss(figures['brier'])}. "
        f"{count(figures['n_rows'])} unseen rows, 1 bar ahead\n"
        "A point on the dashed line: what was predicted came true as often as it was said. A flat row of points: the "
        "model tells nothing apart\n"
        f"Shaded: probabilities that call a direction, up from {LONG_FROM} and down to {SHORT_FROM}"
    )
