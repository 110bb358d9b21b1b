"""The picture of a search's surface: where the objective is high, and whether the winner stands on a plateau.

Belongs here: cells, the marks of the winner and of the deployed set. Not here: which two parameters
(`reports.optimization.surface`), the canvas (`reports.canvas`).
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bot_core_dagster.optimization.result import Optimization
from bot_core_dagster.reports.canvas import (
    ABOVE,
    BELOW,
    INK,
    LINE,
    MUTED,
    SHORT,
    canvas,
    label_axis,
    legend,
    panels,
    png,
)
from bot_core_dagster.reports.figures import count, counted, parameters, share
from bot_core_dagster.reports.optimization.headline import (
    marked,
    objective_figure,
    objective_name,
    out_of_sample,
    overfitting,
    title,
)
from bot_core_dagster.reports.optimization.surface import NEUTRAL, Surface, surface_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NOTHING: Final = "–"
"""In a cell whose sets did not trade; a cell without any set is empty."""


def heat_map_picture(optimization: Optimization, deployed: Mapping[str, float] | None = None) -> bytes:
    """Return the objective over the two parameters that explain most of it as a PNG of 1200 x 700.

    The winner and, where given, the deployed set are marked. Each cell is the best over the other parameters, and the
    picture says so.

    Parameters
    ----------
    optimization : Optimization
    deployed : mapping, optional
        The parameters in force.
    """
    surface = surface_of(optimization, deployed)
    best = (
        f"best {objective_name(optimization)} in sample {objective_figure(optimization, optimization.best_performance)}"
    )
    figure = canvas(
        marked(optimization, f"{title(optimization)}: {best} at {parameters(optimization.best_parameters)}"),
        _caption(optimization, surface),
        is_simulated=optimization.is_simulated,
    )
    (axes,) = panels(figure, (1.0,), left=0.1, bottom=0.09)
    _draw_cells(axes, surface, optimization)
    _draw_marks(axes, surface)
    return png(figure)


def _draw_cells(axes: "Axes", surface: Surface, optimization: Optimization) -> None:
    """Colour each cell by its distance from what not trading is worth, and write its objective into it."""
    from matplotlib.colors import LinearSegmentedColormap

    neutral = NEUTRAL.get(optimization.question.objective, 0.0)
    shades = LinearSegmentedColormap.from_list("objective", [BELOW, "white", ABOVE])
    defined = np.where(np.isfinite(surface.highest), surface.highest, neutral)
    reach = max(float(np.abs(defined - neutral).max()), 1e-9)
    axes.pcolormesh(
        np.arange(defined.shape[1] + 1) - 0.5,
        np.arange(defined.shape[0] + 1) - 0.5,
        np.where(surface.n_sets > 0, defined, np.nan),
        cmap=shades,
        vmin=neutral - reach,
        vmax=neutral + reach,
        edgecolors=LINE,
        linewidth=0.8,
    )
    axes.grid(visible=False)
    size = min(13.0, 150.0 / max(surface.highest.shape[1], surface.highest.shape[0]))
    for (y, x), objective in np.ndenumerate(surface.highest):
        if surface.n_sets[y, x]:
            text = objective_figure(optimization, objective) if math.isfinite(objective) else _NOTHING
            color = MUTED if surface.has_few_trades[y, x] else INK
            axes.text(x, y, surface.text(text, y, x), ha="center", va="center", fontsize=size, color=color)
    axes.set_xticks(range(len(surface.x.labels)), surface.x.labels)
    axes.set_yticks(range(defined.shape[0]), surface.y.labels if surface.y else [""])
    label_axis(axes.xaxis, surface.x.name)
    label_axis(axes.yaxis, surface.y.name if surface.y else "")


def _draw_marks(axes: "Axes", surface: Surface) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

    marks: list[tuple[str, tuple[int, int], str, Any, float]] = [("Winner in sample", surface.winner, INK, "-", 0.03)]
    if surface.deployed is not None:
        marks.append(("Deployed", surface.deployed, SHORT, (0, (3, 1.5)), 0.09))
    handles = []
    for name, (x, y), color, dashes, inset in marks:
        side = 1.0 - 2 * inset
        style: dict[str, Any] = {"fill": False, "edgecolor": color, "linewidth": 3.0, "linestyle": dashes, "zorder": 5}
        axes.add_patch(Rectangle((x - 0.5 + inset, y - 0.5 + inset), side, side, **style))
        handles.append(Line2D([], [], color=color, linewidth=3.0, linestyle=dashes, label=name))
    legend(axes, handles)


def _caption(optimization: Optimization, surface: Surface) -> str:
    cell = f"the best over {', '.join(surface.over)}, and so optimistic" if surface.over else "one parameter set"
    return (
        f"{out_of_sample(optimization)}. {overfitting(optimization)}\n"
        f"The winner's neighbours keep {share(optimization.evidence.neighbourhood)} of its objective "
        "(near 100\u00a0%: a plateau; near 0: a lonely peak). "
        f"{counted(optimization.n_variations, 'parameter set')} tried, "
        f"{count(int(surface.n_sets.max()))} at most in a cell\n"
        f"Each cell is {cell}. {surface.few_trades or f'Share of the objective explained: {surface.explained}'}"
    )
