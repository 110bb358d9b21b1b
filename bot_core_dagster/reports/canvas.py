"""The canvas of pictures: size, colours, fonts, the mark of simulated bars, and the PNG.

Belongs here: what pictures share. Not here: what is drawn (each result's pictures), charts of pages (`reports.chart`).
Drawn through `Figure` alone: pyplot keeps global state, which the threads of a run would share. The ground is white on
purpose: the UI shows pictures on light and on dark pages.
"""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.reports.figures import percentage

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.text import Text

ACCENT: Final = "#1f5fd6"
HELD: Final = "#8b95a3"
SHORT: Final = "#d9700b"
LOSS: Final = "#c23a2e"
INK: Final = "#17202b"
MUTED: Final = "#5b6776"
LINE: Final = "#dfe4ea"
SOFT: Final = "#86abee"
ABOVE: Final = "#7fa6ec"
BELOW: Final = "#e79a8f"
WASH: Final = "#d5e2fb"
"""Blue and orange, told apart with any colour blindness; red is the only one beside them, and never alone."""

SIZE: Final = (12.0, 7.0)
"""Inches at 100 dots: 1200 x 700 pixels."""

RIGHT: Final = 0.975
"""Of the figure: where panels end."""

_DPI: Final = 100
_COLORS: Final = 256
_NEARLY_WHITE: Final = 253
_TITLE, _SUBTITLE, _TICKS = 15.0, 11.5, 10.5
_SMALLEST: Final = 4.0
_EDGE: Final = 0.012
_TOP: Final = 0.81
"""Of the figure; above it stand the title, up to three lines, and the legend."""


def canvas(title: str, subtitle: str, *, is_simulated: bool) -> "Figure":
    """Return an empty white figure of `SIZE` with what a reader must know in ten seconds above, and SIMULATED across.

    Parameters
    ----------
    title : str
        One line.
    subtitle : str
        Up to three lines; drawn as it is, no mathematics.
    is_simulated : bool
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=_DPI, facecolor="white")
    head = _line(figure, 0.985, title, _TITLE, color=INK, weight="bold")
    body = _line(figure, 0.94, subtitle, _SUBTITLE, color=MUTED)
    for text in (head, body):
        figure.add_artist(text)
    if is_simulated:
        place: dict[str, Any] = {"ha": "center", "va": "center", "rotation": 16, "weight": "bold"}
        figure.text(0.53, 0.48, "SIMULATED", fontsize=84, color=LOSS, alpha=0.13, zorder=9, **place)
    return figure


def panels(
    figure: "Figure",
    height_ratios: tuple[float, ...],
    *,
    left: float = 0.07,
    right: float = RIGHT,
    bottom: float = 0.055,
) -> "list[Axes]":
    """Return one panel below another under the title, with one axis below; a second call can stand beside it."""
    grid = figure.add_gridspec(len(height_ratios), 1, height_ratios=height_ratios)
    grid.update(left=left, right=right, top=_TOP, bottom=bottom, hspace=0.07)
    drawn: list[Axes] = []
    for row in range(len(height_ratios)):
        axes = figure.add_subplot(grid[row, 0], sharex=drawn[0] if drawn else None)
        if row < len(height_ratios) - 1:
            axes.tick_params(labelbottom=False)
        style(axes)
        axes.yaxis.set_label_coords(-0.8 * left * (RIGHT - left) / (right - left), 0.5)
        drawn.append(axes)
    return drawn


def style(axes: "Axes") -> None:
    """Give a panel its grid, fonts and colours."""
    axes.grid(color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(HELD)
    axes.tick_params(labelsize=_TICKS, colors=INK)
    axes.yaxis.label.set(fontsize=_TICKS, color=MUTED)


def label_axis(axis: "Axis", name: str) -> None:
    """Name an axis, as it is: no mathematics."""
    axis.set_label_text(name, fontsize=_TICKS, color=MUTED, parse_math=False)


def legend(axes: "Axes", handles: "Sequence[Artist] | None" = None) -> None:
    """Draw the legend in one line above a panel, where it hides nothing."""
    drawn = handles or axes.get_legend_handles_labels()[0]
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.005, 0.99), "ncols": len(drawn)}
    box = axes.legend(handles=drawn, fontsize=_TICKS, frameon=False, columnspacing=1.4, handlelength=1.6, **place)
    for text in box.get_texts():
        text.set_parse_math(False)


def say_instead(axes: "Axes", words: str) -> None:
    """Say in the middle of a panel why nothing is drawn there."""
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=MUTED, fontsize=_SUBTITLE)
    axes.set_yticks([])
    axes.tick_params(labelbottom=False, bottom=False)
    axes.grid(visible=False)


def log_scale(axes: "Axes", ticks: Sequence[float]) -> None:
    """Give a panel a logarithmic scale that is labelled at `ticks`, in plain numbers."""
    from matplotlib.ticker import FixedLocator, NullLocator

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter("{x:.4g}")
    axes.yaxis.set_minor_locator(NullLocator())


def draw_drawdown(axes: "Axes", times: npt.NDArray[np.datetime64], fall: FloatArray1D) -> None:
    """Fill a panel with a drawdown, fractions from -1 to 0, in percent."""
    axes.fill_between(times, fall, 0, color=LOSS, alpha=0.25, linewidth=0)
    axes.plot(times, fall, color=LOSS, linewidth=1.1)
    axes.set_ylabel("Drawdown")
    axes.yaxis.set_major_formatter(
        lambda share, _: percentage(share, signed=False, decimals=0 if fall.min() < -0.05 else 1)
    )
    axes.set_ylim(min(float(fall.min()) * 1.08, -1e-4), 0)
    axes.margins(x=0.01)


def moments(times: "pd.Series | pd.DatetimeIndex") -> npt.NDArray[np.datetime64]:
    """Return times of any zone as UTC without one, which is what the drawing library takes."""
    index = pd.DatetimeIndex(times).tz_convert("UTC").tz_localize(None)
    utc: npt.NDArray[np.datetime64] = index.to_numpy(dtype="datetime64[us]")
    return utc


def png(figure: "Figure") -> bytes:
    """Return the figure as a PNG of few colours: a third of the size of one of millions."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    agg: Any = FigureCanvasAgg(figure)
    agg.draw()
    pixels = Image.frombuffer("RGBA", agg.get_width_height(), agg.buffer_rgba(), "raw", "RGBA", 0, 1).convert("RGB")
    few = pixels.quantize(_COLORS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette = np.array(few.getpalette(), dtype=np.uint8).reshape(-1, 3)
    palette[palette.min(axis=1) >= _NEARLY_WHITE] = 255  # the ground shares a bucket with what is a shade darker
    few.putpalette(palette.tobytes())
    out = io.BytesIO()
    few.save(out, format="png")
    return out.getvalue()


def _line(figure: "Figure", y: float, words: str, size: float, **style: Any) -> "Text":
    """Return words at the left edge, smaller than `size` where they would run off the figure."""
    from bot_core_dagster.reports.plain_text import PlainText

    text = PlainText(_EDGE, y, words, fontsize=size, transform=figure.transFigure, parse_math=False, **style)
    text.set_figure(figure)
    room = (1.0 - 2.0 * _EDGE) * figure.bbox.width
    while (width := text.get_window_extent().width) > room and size > _SMALLEST:
        # Letters are as wide as whole pixels, so that a smaller font is not narrower in proportion: look again.
        size = max(0.99 * size * room / width, _SMALLEST)
        text.set_fontsize(size)
    return text
