"""The picture of a backtest's equity.

Belongs here: equity at 1 and 2 times the costs, buy and hold, drawdown. Not here: single trades
(`reports.backtest.candles_picture`), the canvas (`reports.canvas`).
"""

from bot_core_dagster.backtest.result import Backtest
from bot_core_dagster.reports.backtest.curves import curves_of
from bot_core_dagster.reports.backtest.headline import caption, result
from bot_core_dagster.reports.canvas import (
    ACCENT,
    HELD,
    MUTED,
    SOFT,
    canvas,
    draw_drawdown,
    legend,
    log_scale,
    moments,
    panels,
    png,
)
from bot_core_dagster.reports.figures import percentage


def backtest_picture(backtest: Backtest) -> bytes:
    """Return equity with buy and hold, and drawdown over bar closes, as a PNG of 1200 x 700 with the headline above."""
    figures, curves = backtest.summary, curves_of(backtest)
    figure = canvas(result(backtest), caption(backtest), is_simulated=backtest.is_simulated)
    above, below = panels(figure, (3.0, 1.0))
    times = moments(curves.time)
    lines = (
        ("Buy and hold", curves.held, figures.buy_and_hold_return, HELD, 1.4),
        ("Strategy at 2 × costs", curves.double_cost, figures.double_cost_return, SOFT, 1.3),
        ("Strategy", curves.net, figures.total_return, ACCENT, 1.9),
    )
    for name, curve, total, color, width in lines:
        above.plot(times, curve, color=color, linewidth=width, label=f"{name} {percentage(total)}")
    above.axhline(1.0, color=MUTED, linewidth=0.8, zorder=1)
    above.set_ylabel(f"Multiple of the start{', logarithmic' if curves.ticks else ''}")
    if curves.ticks:
        log_scale(above, curves.ticks)
    else:
        above.yaxis.set_major_formatter("{x:.4g}")
    legend(above)
    draw_drawdown(below, times, curves.fall)
    below.plot(times, curves.held_fall, color=HELD, linewidth=0.9, zorder=1)
    deepest = min(float(curves.fall.min()), float(curves.held_fall.min()))
    below.set_ylim(min(deepest * 1.08, -1e-4), 0)
    return png(figure)
