"""The picture of single trades: candles with entries, exits and why they were left.

Belongs here: candles, marks, their legend. Not here: which bars are shown (`reports.backtest.excerpt`), the canvas
(`reports.canvas`).
"""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from bot_core_dagster.backtest.result import Backtest
from bot_core_dagster.reports.backtest.excerpt import EXITS, LONG, Excerpt, each, excerpt_of
from bot_core_dagster.reports.backtest.headline import title
from bot_core_dagster.reports.canvas import ACCENT, INK, LOSS, MUTED, SHORT, canvas, legend, panels, png
from bot_core_dagster.reports.figures import counted, percentage
from bot_core_dagster.reports.words import traded_how

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

N_BARS: Final = 150
"""More, and a candle of this width is a dash."""
_BODY: Final = 0.66
_MAX_LABELS: Final = 24
_BESIDE: Final = 8.0
"""Points from the price to an entry's mark: a reversal leaves and enters at one price."""
_MARKS: Final = {
    "signal": ("o", "white", 7.0),
    "stop": ("X", LOSS, 9.5),
    "target": ("*", INK, 12.5),
    "trailing_stop": ("P", LOSS, 9.5),
    "ruin": ("s", INK, 9.0),
}
"""Marker, its colour and its size in points, by why a trade was left."""


def candles_picture(backtest: Backtest, bars: pd.DataFrame) -> bytes:
    """Return candles of up to 150 bars with every entry and exit at its price as a PNG of 1200 x 700.

    Parameters
    ----------
    backtest : Backtest
    bars : bar frame
        That was simulated.

    Raises
    ------
    ShapeError
        If the bars are not those of the backtest.
    """
    shown = excerpt_of(backtest, bars, N_BARS)
    start = "SIMULATED: " if backtest.is_simulated else ""
    figure = canvas(
        f"{start}{title(backtest)}: {shown.words}", _caption(backtest, shown), is_simulated=backtest.is_simulated
    )
    (axes,) = panels(figure, (1.0,), left=0.085)
    draw_candles(axes, shown.bars)
    handles = [*_draw_trades(axes, shown), *_draw_exits(axes, shown.exits)]
    places, labels = shown.ticks()
    axes.set_xticks(places, labels)
    axes.set_xlim(-1.5, len(shown.bars) + 0.5)
    axes.yaxis.set_major_formatter("{x:,.10g}")
    axes.set_ylabel("Price")
    if handles:
        legend(axes, handles)
    return png(figure)


def draw_candles(axes: "Axes", bars: pd.DataFrame) -> None:
    """Draw a candle for each bar at 0, 1, 2 …: hollow where it closed at or above its open, filled where below."""
    from matplotlib.collections import LineCollection, PolyCollection

    open_, high, low, close = (bars[name].to_numpy(dtype=np.float64) for name in ("open", "high", "low", "close"))
    places = np.arange(len(bars), dtype=np.float64)
    bottom, top = np.minimum(open_, close), np.maximum(open_, close)
    wicks = [np.stack([places, lower, places, upper], axis=1) for lower, upper in ((low, bottom), (top, high))]
    segments = np.concatenate(wicks).reshape(-1, 2, 2)
    left, right = places - _BODY / 2, places + _BODY / 2
    bodies = np.stack([left, bottom, right, bottom, right, top, left, top], axis=1).reshape(-1, 4, 2)
    fills = ["white" if rose else MUTED for rose in close >= open_]
    axes.add_collection(LineCollection(list(segments), colors=MUTED, linewidths=0.9, zorder=2))
    axes.add_collection(PolyCollection(list(bodies), facecolors=fills, edgecolors=MUTED, linewidths=0.9, zorder=2.1))
    margin = 0.06 * max(float(high.max() - low.min()), 1e-9 * float(high.max()))
    axes.set_ylim(float(low.min()) - margin, float(high.max()) + margin)


def _draw_trades(axes: "Axes", shown: Excerpt) -> "list[Artist]":
    """Shade what was held, join entry and exit, mark the entries; return what the legend names."""
    from matplotlib.transforms import offset_copy

    handles: list[Artist] = []
    entries = shown.entries
    for trade in each(shown.trades):
        color = ACCENT if trade.direction == LONG else SHORT
        ends = (trade.entry_place, trade.exit_place)
        axes.axvspan(*ends, color=color, alpha=0.10, linewidth=0, zorder=0)
        dashes = "-" if trade.net_profit > 0.0 else ":"
        axes.plot(ends, (trade.entry_price, trade.worth), color=color, linewidth=1.6, linestyle=dashes, zorder=3)
    for direction, name, marker, color in ((LONG, "Long", "^", ACCENT), (-LONG, "Short", "v", SHORT)):
        of_it = entries[entries["direction"] == direction]
        if len(of_it):
            beside = offset_copy(axes.transData, axes.get_figure(root=True), y=-_BESIDE * direction, units="points")
            marks = _mark(axes, of_it["entry_place"], of_it["entry_price"], marker, color, 11.0, f"{name} entry")
            marks.set(transform=beside, zorder=7)
            handles.append(marks)
    return handles


def _draw_exits(axes: "Axes", exits: pd.DataFrame) -> "list[Artist]":
    """Mark the exits by why they were left, with their return where there are few; return what the legend names."""
    handles: list[Artist] = []
    for reason, (marker, color, size) in _MARKS.items():
        of_it = exits[exits["exit_reason"] == reason]
        if len(of_it):
            name = f"Exit: {EXITS[reason]}"
            handles.append(_mark(axes, of_it["exit_place"], of_it["exit_price"], marker, color, size, name))
    _label(axes, exits if len(exits) <= _MAX_LABELS else exits.head(0))
    return handles


def _label(axes: "Axes", exits: pd.DataFrame) -> None:
    """Write the net return of each trade at its exit, above where the price rose, below where it fell."""
    box = {"boxstyle": "round,pad=0.1", "facecolor": "white", "alpha": 0.6, "linewidth": 0}
    for trade in each(exits):
        up = 1 if trade.direction * trade.ret > 0.0 else -1
        axes.annotate(
            percentage(trade.ret, decimals=1), (trade.exit_place, trade.exit_price), (0, 2.2 * _BESIDE * up),
            textcoords="offset points", ha="center", va="bottom" if up > 0 else "top", fontsize=9.5, weight="bold",
            color=INK, zorder=6, bbox=box,
        )  # fmt: skip


def _mark(axes: "Axes", x: pd.Series, y: pd.Series, marker: str, color: str, size: float, name: str) -> "Line2D":
    edge = INK if color == "white" else "white"
    style: dict[str, Any] = {"marker": marker, "color": color, "markersize": size, "linestyle": "none"}
    (drawn,) = axes.plot(
        x.to_numpy(), y.to_numpy(), label=name, markeredgecolor=edge, markeredgewidth=1.0, zorder=5, **style
    )
    return drawn


def _caption(backtest: Backtest, shown: Excerpt) -> str:
    exits = shown.exits
    n_won = int((exits["net_profit"] > 0.0).sum())
    by_reason = [f"{n} by {EXITS[str(reason)]}" for reason, n in exits["exit_reason"].value_counts().items()]
    closed = f"{counted(len(exits), 'exit')}, {n_won} won" + (f" ({', '.join(by_reason)})" if by_reason else "")
    profit = percentage(float(exits["net_profit"].sum()))
    return (
        f"{shown.span}; {traded_how(backtest.rules)}.\n"
        f"{counted(len(shown.entries), 'entry') if len(shown.entries) == 1 else f'{len(shown.entries)} entries'}, "
        f"{closed}: {profit} of the starting equity, net. In all {counted(backtest.summary.total_trades, 'trade')}.\n"
        "Hollow candles rose, filled ones fell. A solid line is a trade that won, a dotted one a trade that lost; at "
        "its exit stands its net return."
    )
