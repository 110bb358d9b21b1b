"""The picture of a walk-forward: what was trained when, what was chosen, and what it earned afterwards.

Belongs here: the joined out-of-sample curve over the spans of the folds. Not here: the folds
(`optimization.walk_forward`), the canvas (`reports.canvas`).
"""

from typing import TYPE_CHECKING, Final

from bot_core_dagster.optimization.result import Optimization
from bot_core_dagster.reports.canvas import (
    ACCENT,
    HELD,
    INK,
    MUTED,
    SOFT,
    WASH,
    canvas,
    legend,
    moments,
    panels,
    png,
)
from bot_core_dagster.reports.figures import count, parameters, percentage
from bot_core_dagster.reports.optimization.headline import (
    growth,
    marked,
    objective_name,
    out_of_sample,
    overfitting,
    title,
)
from bot_core_dagster.reports.optimization.joined import FoldRow, JoinedCurve, fold_rows, joined_curves
from bot_core_dagster.reports.words import sharpe_sense

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_THICK: Final = 15.0
_TRAINED: Final = "#cfd5dd"
_ROOM_INSIDE: Final = 0.42
"""Share of the width from which a training span has room for the parameters chosen on it."""


def folds_picture(optimization: Optimization) -> bytes:
    """Return the joined out-of-sample curve over the folds' training and test spans as a PNG of 1200 x 700."""
    walked, interval = optimization.headline, optimization.evidence.sharpe
    held = percentage(growth(walked.buy_and_hold_returns))
    total = percentage(growth(walked.returns))
    result = f"{total} net out of sample, buy and hold {held}"
    caption = (
        f"{out_of_sample(optimization)}. {sharpe_sense(interval.low, interval.high)}\n"
        f"Costs: 1 × {total}, 2 × {percentage(growth(walked.double_cost_returns))}. "
        f"{count(walked.n_trades)} closed trades; net position {percentage(walked.exposure, decimals=0)} on average\n"
        f"{overfitting(optimization)}. {walked.design.capitalize()} folds, "
        f"chosen by {objective_name(optimization)} in training, in brackets"
    )
    figure = canvas(
        marked(optimization, f"{title(optimization)}: {result}"), caption, is_simulated=optimization.is_simulated
    )
    rows = fold_rows(optimization, walked.design)
    above, below = panels(figure, (2.2, 0.4 + 0.2 * len(rows)))
    _draw_curves(above, joined_curves(optimization), rows)
    _draw_spans(below, rows)
    return png(figure)


def _draw_curves(axes: "Axes", curves: list[JoinedCurve], rows: list[FoldRow]) -> None:
    colors = {"Out of sample": (ACCENT, 1.9), "At 2 × costs": (SOFT, 1.3), "Buy and hold": (HELD, 1.4)}
    for curve in curves:
        if curve.name in colors:
            color, width = colors[curve.name]
            label = f"{curve.name} {percentage(curve.equity[-1] - 1.0)}"
            axes.plot(moments(curve.time), curve.equity, color=color, linewidth=width, label=label)
    axes.axhline(1.0, color=MUTED, linewidth=0.8, zorder=1)
    for place, row in enumerate(rows):
        start, end = moments(row.test)
        axes.axvspan(start, end, color=WASH, alpha=0.55 if place % 2 == 0 else 0.2, linewidth=0, zorder=0)
        middle = start + (end - start) // 2
        axes.annotate(
            percentage(row.test_return, decimals=1), (middle, 0.985), xycoords=("data", "axes fraction"), ha="center",
            va="top", fontsize=10.5, weight="bold", color=INK,
        )  # fmt: skip
    axes.margins(x=0.01, y=0.12)
    axes.set_ylabel("Multiple of the start")
    axes.yaxis.set_major_formatter("{x:.4g}")
    legend(axes)


def _draw_spans(axes: "Axes", rows: list[FoldRow]) -> None:
    """Draw a row a fold: training in grey, testing in blue, with what was chosen beside them."""
    width = rows[-1].test[1] - rows[0].train[0]
    for place, row in enumerate(rows):
        (train_start, train_end), (start, end) = (moments(span) for span in (row.train, row.test))
        axes.hlines(place, train_start, train_end, color=_TRAINED, linewidth=_THICK, capstyle="butt")
        axes.hlines(place, start, end, color=ACCENT, linewidth=_THICK, capstyle="butt")
        text = f"{parameters(row.chosen)}  ({row.train_worth})" if row.chosen else "nothing was worth it: flat"
        is_inside = row.train[1] - row.train[0] > _ROOM_INSIDE * width
        at = train_start if is_inside else end
        axes.annotate(
            text, (at, place), (6, 0), textcoords="offset points", va="center", fontsize=10, color=INK, zorder=6,
            parse_math=False,
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), [f"{place + 1}" for place in range(len(rows))])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_ylabel("Fold: grey trained, blue tested")
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.01)
