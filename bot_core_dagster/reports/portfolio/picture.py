"""The picture of a review: a PNG for metadata, where no browser runs.

Belongs here: equity with drawdown of the portfolio. Not here: the canvas (`reports.canvas`), the interactive page
(`reports.portfolio.page`).
"""

import numpy as np

from bot_core_dagster.portfolio.report import PortfolioReport
from bot_core_dagster.reports.canvas import ACCENT, HELD, canvas, draw_drawdown, legend, moments, panels, png
from bot_core_dagster.reports.figures import percentage, ratio


def portfolio_picture(report: PortfolioReport) -> bytes:
    """Return equity, buy and hold and drawdown at day ends as a PNG of 1200 x 700, the headline above."""
    curve, whole = report.curve, report.since_inception
    title = (
        f"Portfolio, {report.window.title}: {percentage(report.month.total_return)} in the month, "
        f"{percentage(whole.total_return)} since {whole.start:%Y-%m-%d}"
    )
    subtitle = (
        f"Sharpe {ratio(whole.sharpe_ratio)} [{ratio(whole.sharpe_low)}, {ratio(whole.sharpe_high)}], "
        f"n = {whole.n_periods}, P = {whole.periods_per_year}; max drawdown over bar closes "
        f"{percentage(whole.max_drawdown)}\n"
        f"Costs since inception: none {percentage(whole.gross_return)}, 1 × {percentage(whole.total_return)}, "
        f"2 × {percentage(whole.double_cost_return)}; buy and hold {percentage(whole.buy_and_hold_return)}"
    )
    figure = canvas(title, subtitle, is_simulated=report.is_simulated)
    above, below = panels(figure, (3.0, 1.0))
    days = moments(curve["day_end"])
    for axes in (above, below):
        axes.axvspan(days[-1 - report.month.n_periods], days[-1], color=ACCENT, alpha=0.09, linewidth=0)
    above.plot(days, curve["buy_and_hold"], color=HELD, linewidth=1.4, label="Buy and hold")
    above.plot(days, curve["equity"], color=ACCENT, linewidth=1.8, label="Portfolio")
    above.set_ylabel("Equity")
    above.yaxis.set_major_formatter("{x:,.0f}")
    legend(above)
    draw_drawdown(below, days, curve["drawdown"].to_numpy(dtype=np.float64))
    return png(figure)
