"""Pictures of a review and of a backtest: small PNGs for metadata, where no browser runs.

Belongs here: static drawings. Not here: the interactive page (`reports.page`). Drawn through `Figure` alone: pyplot
keeps global state, which the threads of a run would share.
"""

import io
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot_core_dagster.backtest.result import Backtest
from bot_core_dagster.metrics import drawdown
from bot_core_dagster.portfolio.report import PortfolioReport
from bot_core_dagster.reports.figures import percentage, ratio

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FloatArray = npt.NDArray[np.float64]

_ACCENT, _HELD, _GAIN, _LOSS, _INK, _LINE = "#1f5fd6", "#8b95a3", "#0b7a55", "#c23a2e", "#17202b", "#dfe4ea"
_DPI: Final = 100
_COLORS: Final = 128
_MAX_POINTS: Final = 1_200
"""More points than pixels across cost time and show nothing."""


def portfolio_picture(report: PortfolioReport) -> bytes:
    """Return equity, buy and hold and drawdown at day ends as a PNG of 900 x 500, the headline in its title."""
    curve, whole = report.curve, report.since_inception
    title = (
        f"Portfolio, {report.window.title}: {percentage(report.month.total_return)} in the month, "
        f"{percentage(whole.total_return)} since {whole.start:%Y-%m-%d}\n"
        f"Sharpe {ratio(whole.sharpe_ratio)} [{ratio(whole.sharpe_low)}, {ratio(whole.sharpe_high)}], "
        f"max drawdown over bar closes {percentage(whole.max_drawdown)}, "
        f"n = {whole.n_periods}, P = {whole.periods_per_year}; "
        f"2 × costs {percentage(whole.double_cost_return)}"
    )
    figure, above, below = _panels((9.0, 5.0), title, is_simulated=report.is_simulated)
    days = _moments(curve["day_end"])
    for axes in (above, below):
        axes.axvspan(days[-1 - report.month.n_periods], days[-1], color=_ACCENT, alpha=0.09, linewidth=0)
    above.plot(days, curve["buy_and_hold"], color=_HELD, linewidth=1.2, label="Buy and hold")
    above.plot(days, curve["equity"], color=_ACCENT, linewidth=1.6, label="Portfolio")
    above.set_ylabel("Equity")
    above.yaxis.set_major_formatter("{x:,.0f}")
    _finish(above, below, days, curve["drawdown"].to_numpy(dtype=np.float64))
    return _png(figure)


def backtest_picture(backtest: Backtest) -> bytes:
    """Return equity, buy and hold with entries and exits on it, and drawdown over bar closes as a PNG of 800 x 440."""
    bars, trades, figures = backtest.equity, backtest.trades, backtest.summary
    title = (
        f"{backtest.strategy} on {backtest.symbol} {backtest.timeframe}: {percentage(figures.total_return)} net, "
        f"{percentage(figures.double_cost_return)} at 2 × costs, "
        f"buy and hold {percentage(figures.buy_and_hold_return)}\n"
        f"Sharpe {ratio(figures.sharpe_ratio)} [{ratio(figures.sharpe_low)}, {ratio(figures.sharpe_high)}], "
        f"max drawdown {percentage(figures.max_drawdown)}, n = {figures.n_periods}, P = {figures.periods_per_year}; "
        f"{figures.total_trades} trades, N = {figures.n_trials}"
    )
    figure, above, below = _panels((8.0, 4.4), title, is_simulated=backtest.is_simulated)
    starts = np.unique(np.linspace(0, len(bars) - 1, min(len(bars), _MAX_POINTS)).astype(np.int64))
    closes, held = _moments(bars["close_time"]), bars["buy_and_hold"].to_numpy(dtype=np.float64)
    above.plot(closes[starts], held[starts], color=_HELD, linewidth=1.1, label="Buy and hold")
    above.plot(closes[starts], bars["equity"].to_numpy()[starts], color=_ACCENT, linewidth=1.5, label="Strategy")
    for name, column, marker, color in (("Entry", "entry_time", "^", _GAIN), ("Exit", "exit_time", "v", _LOSS)):
        times = _moments(trades[column].dropna())
        levels = held[np.minimum(closes.searchsorted(times), len(held) - 1)]
        above.plot(times, levels, marker, color=color, markersize=3, markeredgewidth=0, label=name)
    above.set_ylabel("Multiple of the start")
    fall = drawdown(np.concatenate([[1.0], bars["equity"].to_numpy(dtype=np.float64)]))[1:]
    _finish(above, below, closes[starts], np.minimum.reduceat(fall, starts))
    return _png(figure)


def _panels(inches: tuple[float, float], title: str, *, is_simulated: bool) -> "tuple[Figure, Axes, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=inches, dpi=_DPI, facecolor="white")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    figure.subplots_adjust(left=0.085, right=0.985, top=0.88, bottom=0.065, hspace=0.06)
    above.set_title(title, fontsize=9.5, loc="left", color=_INK, parse_math=False)
    for axes in (above, below):
        axes.grid(color=_LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8, colors=_INK)
    if is_simulated:
        figure.text(
            0.53,
            0.58,
            "SIMULATED",
            fontsize=54,
            color=_LOSS,
            alpha=0.16,
            ha="center",
            va="center",
            rotation=16,
            weight="bold",
        )
    return figure, above, below


def _finish(above: "Axes", below: "Axes", times: npt.NDArray[np.datetime64], fall: FloatArray) -> None:
    above.legend(loc="upper left", fontsize=8, frameon=False, ncols=4)
    below.fill_between(times, fall, 0, color=_LOSS, alpha=0.25, linewidth=0)
    below.plot(times, fall, color=_LOSS, linewidth=0.9)
    below.set_ylabel("Drawdown")
    below.yaxis.set_major_formatter(lambda share, _: percentage(share, signed=False, decimals=0))
    below.set_ylim(min(float(fall.min()) * 1.08, -1e-4), 0)
    below.margins(x=0.01)
    for axes in (above, below):
        axes.yaxis.set_label_coords(-0.068, 0.5)


def _moments(times: pd.Series) -> npt.NDArray[np.datetime64]:
    moments: npt.NDArray[np.datetime64] = (
        times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    )
    return moments


def _png(figure: "Figure") -> bytes:
    """Return the figure as a PNG of few colours: a third of the size of one of millions."""
    from PIL import Image

    raw = io.BytesIO()
    figure.savefig(raw, format="rgba")
    size = (round(figure.bbox.width), round(figure.bbox.height))
    pixels = Image.frombytes("RGBA", size, raw.getvalue()).convert("RGB")
    out = io.BytesIO()
    pixels.quantize(_COLORS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(out, format="png")
    return out.getvalue()
