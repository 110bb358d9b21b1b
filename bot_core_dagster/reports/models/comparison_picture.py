"""The picture of a comparison: what each challenger would have lost less than the champion, row by row.

Belongs here: cumulative differences of the loss that decides, and the decision. Not here: the rule (`models`), its test
(`validation.loss_difference`), the canvas (`reports.canvas`).
"""

import math
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from bot_core_dagster.errors import ShapeError
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
    moments,
    panels,
    png,
    say_instead,
)
from bot_core_dagster.reports.figures import counted, minute, p_value
from bot_core_dagster.reports.models.words import loss, marked

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLES: Final[tuple[tuple[str, Any], ...]] = (
    (ACCENT, "-"),
    (SHORT, "-"),
    (INK, "-"),
    (SOFT, (0, (5, 2))),
    (HELD, (0, (2, 1))),
)
"""Of the first challengers; more begin anew."""

_IN_TITLE, _IN_CAPTION = 80, 150
"""Characters of a decision that are read at a glance, and of its reasons that fit below."""

_HOW_TO_READ: Final = (
    "p: how often chance alone shows as much. A line that falls steadily is an edge, one that drops once is luck"
)
_RIGHT: Final = 0.955
"""Of the figure: room for half the date of a tick at the end."""

_LEAST: Final = 0.1
"""Of a difference: models that say the same are drawn on one line, not at a scale of nothing."""


def comparison_picture(
    subject: str,
    differences: pd.DataFrame,
    p_values: Mapping[str, float],
    decision: str,
    *,
    champion: str,
    is_simulated: bool,
) -> bytes:
    """Return the cumulative difference of log loss, challenger minus champion, over the unseen rows as a PNG.

    Parameters
    ----------
    subject : str
        "BTCUSDT 1h".
    differences : DataFrame of shape (n_rows, n_challengers)
        Log loss one bar ahead of the challenger that names the column minus the champion's; the index is when each row
        was known, UTC, ascending. NaN where either has no loss.
    p_values : mapping
        Of each challenger: that it is no better, adjusted for how many were compared.
    decision : str
        In words: "keep lstm 3: no challenger is better beyond chance". Of a long one what follows the colon stands
        below the title, as far as there is room.
    champion : str
        "lstm 3", or that there is none.
    is_simulated : bool

    Raises
    ------
    ShapeError
        If the index is not of times with a zone in ascending order.
    """
    return png(
        comparison_figure(subject, differences, p_values, decision, champion=champion, is_simulated=is_simulated)
    )


def comparison_figure(
    subject: str,
    differences: pd.DataFrame,
    p_values: Mapping[str, float],
    decision: str,
    *,
    champion: str,
    is_simulated: bool,
) -> "Figure":
    """Return what `comparison_picture` draws."""
    index = differences.index
    if not (isinstance(index, pd.DatetimeIndex) and index.tz is not None and index.is_monotonic_increasing):
        raise ShapeError(
            f"expected differences by time, with a zone and ascending, got an index of {index.dtype}; next: index them "
            "by when each row was known"
        )
    verdict, reason = decision, ""
    if len(decision) > _IN_TITLE:
        verdict, _, reason = decision.partition(": ")
    figure = canvas(
        marked(f"{subject}: {verdict}", is_simulated=is_simulated),
        _caption(differences, champion, reason),
        is_simulated=is_simulated,
    )
    (axes,) = panels(figure, (1.0,), left=0.1, right=_RIGHT)
    if not differences.notna().to_numpy().any():
        say_instead(axes, "No row is unseen by both a challenger and the champion: nothing to compare")
        return figure
    _draw(axes, differences, p_values)
    return figure


def _draw(axes: "Axes", differences: pd.DataFrame, p_values: Mapping[str, float]) -> None:
    times = moments(pd.DatetimeIndex(differences.index))
    summed = differences.fillna(0.0).cumsum().to_numpy(dtype=np.float64)
    for place, name in enumerate(str(column) for column in differences.columns):
        color, dashes = _STYLES[place % len(_STYLES)]
        label = f"{name} ({p_value(p_values.get(name, math.nan))})"
        marker = "o" if len(times) == 1 else ""
        axes.plot(times, summed[:, place], color=color, linestyle=dashes, linewidth=1.9, marker=marker, label=label)
    low, high = float(summed.min()), float(summed.max())
    margin = 0.08 * max(high - low, abs(low), abs(high), _LEAST)
    bottom, top = min(low, 0.0) - margin, max(high, 0.0) + margin
    axes.axhspan(bottom, 0.0, color=WASH, alpha=0.4, linewidth=0, zorder=0)
    axes.axhline(0.0, color=MUTED, linewidth=1.2, zorder=1.5)
    for words, at, offset in (("challenger better", bottom, 5), ("champion better", top, -5)):
        axes.annotate(
            words, (0.008, at), (0, offset), xycoords=("axes fraction", "data"), textcoords="offset points",
            va="bottom" if offset > 0 else "top", fontsize=10.5, color=MUTED,
        )  # fmt: skip
    axes.set_ylim(bottom, top)
    axes.margins(x=0.01)
    axes.set_ylabel("Cumulative difference of log loss")
    axes.yaxis.set_major_formatter("{x:.4g}")
    legend(axes)


def _caption(differences: pd.DataFrame, champion: str, reason: str) -> str:
    index = pd.DatetimeIndex(differences.index)
    span = f", {minute(index[0])} to {minute(index[-1])}" if len(index) else ""
    means = [f"{name} {loss(float(differences[name].mean()), signed=True)}" for name in differences.columns]
    return (
        f"Challengers against the champion, {champion}, on {counted(len(index), 'row')} that neither has used{span}\n"
        f"Mean difference of log loss 1 bar ahead: {', '.join(means) or 'no challenger'}; below zero is better\n"
        f"{textwrap.shorten(reason, _IN_CAPTION, placeholder=' …') or _HOW_TO_READ}"
    )
