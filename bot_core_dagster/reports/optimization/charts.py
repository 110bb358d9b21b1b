"""Charts of an optimisation's page: the joined curve over its folds, the surface, the trials.

Belongs here: which series is drawn how. Not here: the pieces of a chart (`reports.chart`), the same as pictures
(`folds_picture`, `heat_map_picture`, `trials_picture`), the page (`reports.optimization.page`).
"""

import html
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from bot_core_dagster.optimization.result import Optimization
from bot_core_dagster.reports.chart import Chart, axis_title, bars_of, heading, line, significant, time_axis
from bot_core_dagster.reports.figures import count, parameters, percentage, ratio
from bot_core_dagster.reports.histogram import histogram_of
from bot_core_dagster.reports.optimization.distribution import distribution_of
from bot_core_dagster.reports.optimization.headline import objective_figure
from bot_core_dagster.reports.optimization.joined import FoldRow, fold_rows, joined_curves
from bot_core_dagster.reports.optimization.surface import NEUTRAL, Surface, surface_of

_LEGEND: Final = {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"}
_STYLES: Final = {
    "Buy and hold": ("var(--held)", 1.4, "solid"),
    "At 2 × costs": ("var(--soft)", 1.4, "solid"),
    "Out of sample": ("var(--accent)", 2.0, "solid"),
}
_OTHER: Final = ("var(--short)", 1.2, "dot")


def charts(optimization: Optimization, deployed: Mapping[str, float] | None) -> dict[str, Chart]:
    """Return the charts of the page: the id of their element -> figure."""
    return {
        "folds": folds_chart(optimization),
        "surface": surface_chart(optimization, deployed),
        "trials": trials_chart(optimization),
    }


def folds_chart(optimization: Optimization) -> Chart:
    """Equity of the joined curves above; below, a row a fold, trained in grey and tested in blue."""
    lines = []
    for curve in joined_curves(optimization):
        color, width, dash = _STYLES.get(curve.name, _OTHER)
        name = f"{curve.name} {percentage(curve.equity[-1] - 1.0)}"
        drawn = line(time_axis(curve.time), significant(curve.equity), name, color, "%{y:.4g}", width=width)
        lines.append(drawn | {"line": {"color": color, "width": width, "dash": dash}})
    rows = fold_rows(optimization, optimization.headline.design)
    spans = [span for place, row in enumerate(rows) for span in _spans(place, row)]
    layout = {
        "height": 420 + 26 * len(rows),
        "margin": {"l": 56, "r": 16, "t": 44, "b": 36},
        "hovermode": "closest",
        "barmode": "overlay",
        "legend": _LEGEND,
        "annotations": [heading("Multiple of the start", 1.0, "top")],
        "shapes": [_shade(row) for row in rows[::2]],
        "xaxis": {"type": "date", "anchor": "y2"},
        "yaxis": {"domain": [0.4, 1], "tickformat": ".4~g"},
        "yaxis2": {
            "domain": [0, 0.33],
            "tickvals": list(range(len(rows))),
            "ticktext": [f"Fold {place + 1}" for place in range(len(rows))],
            "range": [len(rows) - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
        },
    }
    return {"data": [*lines, *spans], "layout": layout}


def surface_chart(optimization: Optimization, deployed: Mapping[str, float] | None) -> Chart:
    """The best objective of each cell over the two parameters that explain most; winner and deployed set marked."""
    surface = surface_of(optimization, deployed)
    neutral = NEUTRAL.get(optimization.question.objective, 0.0)
    reach = max(float(np.nanmax(np.abs(surface.highest - neutral), initial=0.0)), 1e-9)
    tiles = {
        "type": "heatmap",
        "z": [significant(row) for row in surface.highest],
        "zmin": neutral - reach,
        "zmax": neutral + reach,
        "colorscale": [[0, "var(--below)"], [0.5, "var(--card)"], [1, "var(--above)"]],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "text": _texts(surface, optimization),
        "texttemplate": "%{text}",
        "customdata": surface.n_sets.tolist(),
        "hovertemplate": "%{text}, the best of %{customdata} sets<extra></extra>",
        "hoverongaps": False,
    }
    layout: Chart = {
        "height": 130 + 34 * len(surface.highest),
        "margin": {"l": 90, "r": 8, "t": 24, "b": 52},
        "xaxis": _cell_axis(surface.x.labels, surface.x.name),
        "yaxis": _cell_axis(surface.y.labels if surface.y else [""], surface.y.name if surface.y else ""),
        "shapes": [_frame(surface.winner, "var(--ink)", "solid", 0.47)],
    }
    if surface.deployed is not None:
        layout["shapes"].append(_frame(surface.deployed, "var(--short)", "dash", 0.40))
    return {"data": [tiles], "layout": layout}


def trials_chart(optimization: Optimization) -> Chart:
    """How many parameter sets had which Sharpe ratio in sample; winner, luck, buy and hold and out of sample marked."""
    shown = distribution_of(optimization)
    bins = histogram_of(shown.trials)
    bars = bars_of(bins, "%{y} sets at about %{x:.2f}<extra></extra>")
    bars |= {"marker": {"color": "var(--soft)"}, "showlegend": False}
    bars.pop("customdata")
    highest = 1.04 * int(bins.counts.max(initial=1))
    luck = f"Best of {count(optimization.evidence.n_trials)} without skill"
    marks = [
        ("Winner in sample", shown.winner, "var(--ink)", "solid"),
        (luck, shown.luck, "var(--loss)", "dash"),
        ("Buy and hold", shown.held, "var(--held)", "solid"),
        ("Out of sample", shown.out_of_sample, "var(--accent)", "dot"),
    ]
    marks = [mark for mark in marks if math.isfinite(mark[1])]
    lines = [
        line([at, at], [0, highest], f"{name} {ratio(at)}", color, f"{name} {ratio(at)}<extra></extra>", width=2.6)
        | {"line": {"color": color, "width": 2.6, "dash": dash}}
        for name, at, color, dash in marks
    ]
    known = [*bins.edges.tolist(), 0.0, *(mark[1] for mark in marks)]
    margin = 0.03 * (max(known) - min(known))
    layout = {
        "height": 340,
        "margin": {"l": 56, "r": 16, "t": 44, "b": 44},
        "bargap": 0.04,
        "hovermode": "closest",
        "legend": _LEGEND,
        "xaxis": {
            "title": axis_title("Sharpe ratio in sample, annualised"),
            "range": [min(known) - margin, max(known) + margin],
        },
        "yaxis": {"title": axis_title("Parameter sets"), "range": [0, highest]},
    }
    return {"data": [bars, *lines], "layout": layout}


def _spans(place: int, row: FoldRow) -> list[Chart]:
    chosen = html.escape(parameters(row.chosen)) if row.chosen else "nothing was worth it: flat"
    drawn = []
    for (start, end), color, words in (
        (row.train, "var(--line)", f"trained, best {row.train_worth}<br>{chosen}"),
        (row.test, "var(--accent)", f"tested, {percentage(row.test_return)}<br>{chosen}"),
    ):
        start_ms, end_ms = (int(moment.timestamp() * 1_000) for moment in (start, end))
        base = {"type": "bar", "orientation": "h", "yaxis": "y2", "showlegend": False, "width": 0.62}
        text = f"Fold {place + 1} {words}<br>{start:%Y-%m-%d} to {end:%Y-%m-%d}<extra></extra>"
        span = {"y": [place], "x": [end_ms - start_ms], "base": [start_ms], "marker": {"color": color}}
        drawn.append(base | span | {"hovertemplate": text})
    return drawn


def _shade(row: FoldRow) -> Chart:
    place = {"type": "rect", "xref": "x", "yref": "y domain", "y0": 0, "y1": 1, "layer": "below", "line": {"width": 0}}
    start, end = (int(moment.timestamp() * 1_000) for moment in row.test)
    return place | {"x0": start, "x1": end, "fillcolor": "var(--wash)"}


def _texts(surface: Surface, optimization: Optimization) -> list[list[str]]:
    texts = [[""] * len(row) for row in surface.highest]
    for (y, x), objective in np.ndenumerate(surface.highest):
        if surface.n_sets[y, x]:
            figure = objective_figure(optimization, objective) if math.isfinite(objective) else "–"
            texts[y][x] = surface.text(figure, y, x)
    return texts


def _cell_axis(labels: list[str], name: str) -> dict[str, Any]:
    return {
        "tickvals": list(range(len(labels))),
        "ticktext": labels,
        "title": axis_title(html.escape(name)),
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
    }


def _frame(cell: tuple[int, int], color: str, dash: str, half: float) -> Chart:
    x, y = cell
    style = {"color": color, "width": 3, "dash": dash}
    return {"type": "rect", "x0": x - half, "x1": x + half, "y0": y - half, "y1": y + half, "line": style}
