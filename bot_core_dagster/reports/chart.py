"""One chart of a page: a plotly figure as plain JSON, coloured by the page's style sheet.

Belongs here: the pieces that charts share, and how they get into a page. Not here: which series is drawn how (each
result's `charts`), colours and redrawing (`templates/page.js`), pictures without a browser (`reports.canvas`).

A colour is the name of a CSS variable, `var(--gain)`; the page's script replaces it, so that one figure serves light,
dark and print. Plotly reads a text as HTML: names are escaped where they enter a chart.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import orjson
import pandas as pd

from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.reports.figures import percentage
from bot_core_dagster.reports.histogram import Histogram

Chart: TypeAlias = dict[str, Any]

DIGITS: Final = 6
"""Significant digits of a drawn value: a pixel shows four."""


def line(x: Sequence[Any], y: Sequence[float], name: str, color: str, hover: str, *, width: float = 1.8) -> Chart:
    """Return a line; `hover` is plotly's template of what the pointer reads."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(x),
        "y": list(y),
        "name": name,
        "line": {"color": color, "width": width},
        "hovertemplate": hover,
    }


def heading(text: str, y: float, anchor: str) -> Chart:
    """Return the annotation that names a panel, at height `y` of the paper."""
    place = {"xref": "paper", "yref": "paper", "x": 0.008, "y": y, "xanchor": "left", "yanchor": anchor}
    return place | {"text": text, "showarrow": False, "font": {"color": "var(--muted)"}}


def axis_title(text: str) -> Chart:
    """Return the title of an axis, as large as its labels."""
    return {"text": text, "font": {"size": 13, "color": "var(--muted)"}}


def time_axis(times: pd.DatetimeIndex) -> list[int]:
    """Return moments as milliseconds since 1970: half as long as their dates in words."""
    milliseconds: list[int] = times.as_unit("ms").astype("int64").tolist()
    return milliseconds


def bars_of(histogram: Histogram, hover: str) -> Chart:
    """Return a histogram as bars coloured by their sign; %{customdata} in `hover` is the bin's range in percent."""
    return {
        "type": "bar",
        "x": significant(histogram.middles),
        "y": histogram.counts.tolist(),
        "width": histogram.width,
        "marker": {"color": ["var(--above)" if middle > 0 else "var(--below)" for middle in histogram.middles]},
        "customdata": [f"{percentage(low)} to {percentage(high)}" for low, high in itertools.pairwise(histogram.edges)],
        "hovertemplate": hover,
    }


def significant(values: Sequence[float] | FloatArray1D | pd.Series, digits: int = DIGITS) -> list[float]:
    """Return the values with so many significant digits: a page of half the size. A price needs eight."""
    form = f"%.{digits}g"
    return [float(form % value) for value in np.asarray(values, dtype=np.float64).tolist()]


def as_script(figures: Mapping[str, Any]) -> str:
    """Return JSON that may stand inside a script element: no markup can end it, and what is not finite is null."""
    text = orjson.dumps(dict(figures)).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
