"""Charts of a backtest's page: equity, months, rolling Sharpe ratio, returns of trades, costs.

Belongs here: which series is drawn how. Not here: candles (`reports.backtest.candles_chart`), the pieces of a chart
(`reports.chart`), the page (`reports.backtest.page`).
"""

import math
from typing import Final

import numpy as np

from bot_core_dagster.backtest.result import Backtest
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.reports.backtest.curves import curves_of
from bot_core_dagster.reports.backtest.periods import Months, months_of, rolling_sharpe
from bot_core_dagster.reports.chart import Chart, axis_title, bars_of, heading, line, significant, time_axis
from bot_core_dagster.reports.figures import UNDEFINED, percentage
from bot_core_dagster.reports.histogram import histogram_of

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LEGEND: Final = {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"}


def charts(backtest: Backtest) -> dict[str, Chart]:
    """Return the charts that there is something to draw for: the id of their element -> figure."""
    months, rolling = months_of(backtest), rolling_chart(backtest)
    closed = backtest.trades.loc[~backtest.trades["open"], "ret"].to_numpy(dtype=np.float64)
    drawn = {"equity": equity_chart(backtest)}
    drawn |= {"months": months_chart(months)} if months.years else {}
    drawn |= {"rolling": rolling} if rolling else {}
    drawn |= {"trade-returns": trade_returns_chart(closed)} if len(closed) else {}
    drawn |= {"costs": costs_chart(backtest)} if len(backtest.trades) else {}
    return drawn


def equity_chart(backtest: Backtest) -> Chart:
    """Equity at 1 and 2 times the costs and buy and hold above; below, how far each is under its highest so far."""
    figures, curves = backtest.summary, curves_of(backtest)
    times = time_axis(curves.time)
    named = (
        (f"Buy and hold {percentage(figures.buy_and_hold_return)}", curves.held, "var(--held)", 1.4),
        (f"At 2 × costs {percentage(figures.double_cost_return)}", curves.double_cost, "var(--soft)", 1.4),
        (f"Strategy {percentage(figures.total_return)}", curves.net, "var(--accent)", 1.9),
    )
    lines = [
        line(times, significant(curve), name, color, "%{y:.4g}", width=width) for name, curve, color, width in named
    ]
    under = {"yaxis": "y2", "showlegend": False}
    lines += [
        line(times, significant(curves.held_fall), "Buy and hold under water", "var(--held)", "%{y:.2%}", width=1)
        | under,
        line(times, significant(curves.fall), "Strategy under water", "var(--loss)", "%{y:.2%}")
        | under
        | {"fill": "tozeroy", "fillcolor": "var(--loss-wash)"},
    ]
    layout = {
        "height": 540,
        "margin": {"l": 64, "r": 16, "t": 44, "b": 36},
        "hovermode": "x unified",
        "legend": _LEGEND,
        "annotations": [heading("Multiple of the start", 1.0, "top"), heading("Under water", 0.0, "bottom")],
        "xaxis": {"type": "date", "anchor": "y2", "rangeselector": {"buttons": _RANGES, "x": 0, "y": 1.02}},
        "yaxis": {"domain": [0.34, 1], "tickformat": ".4~g"}
        | ({"type": "log", "tickvals": list(curves.ticks)} if curves.ticks else {}),
        "yaxis2": {"domain": [0, 0.27], "tickformat": ".0%", "rangemode": "tozero"},
    }
    return {"data": lines, "layout": layout}


_RANGES: Final = [
    {"count": 1, "step": "month", "label": "1 month", "stepmode": "backward"},
    {"count": 1, "step": "year", "label": "1 year", "stepmode": "backward"},
    {"step": "all", "label": "All"},
]


def months_chart(months: Months) -> Chart:
    """Net return of each month and year, one row a year, written in its cell; buy and hold under the pointer."""
    net = np.column_stack([months.net, months.net_of_years])
    held = np.column_stack([months.held, months.held_of_years])
    largest = float(np.nanmax(np.abs(months.net), initial=1e-4))
    tile = {
        "type": "heatmap",
        "x": [*_MONTHS, "<b>Year</b>"],
        "y": [str(year) for year in months.years],
        "z": net.round(5).tolist(),
        "zmin": -largest,
        "zmax": largest,
        "colorscale": [[0, "var(--below)"], [0.5, "var(--card)"], [1, "var(--above)"]],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "text": [[_cell(one) for one in row] for row in net],
        "texttemplate": "%{text}",
        "customdata": [[percentage(one) for one in row] for row in held],
        "hovertemplate": "%{x} %{y}: %{text}, buy and hold %{customdata}<extra></extra>",
        "hoverongaps": False,
    }
    layout = {
        "height": 70 + 32 * len(months.years),
        "margin": {"l": 52, "r": 8, "t": 30, "b": 8},
        "xaxis": {"side": "top", "showgrid": False, "fixedrange": True, "tickangle": 0},
        "yaxis": {"type": "category", "autorange": "reversed", "showgrid": False, "fixedrange": True},
    }
    return {"data": [tile], "layout": layout}


def rolling_chart(backtest: Backtest) -> Chart | None:
    """Sharpe ratio of the last quarter of a year at each day end; None where there are too few days."""
    rolling = rolling_sharpe(backtest)
    if rolling is None:
        return None
    days = time_axis(rolling.day_end)
    layout = {
        "height": 280,
        "margin": {"l": 48, "r": 16, "t": 30, "b": 36},
        "hovermode": "x unified",
        "legend": _LEGEND,
        "annotations": [heading(f"Sharpe ratio of the last {rolling.n_days} days", 1.0, "top")],
        "xaxis": {"type": "date"},
        "yaxis": {"zeroline": True, "zerolinewidth": 1.5},
    }
    lines = [
        line(days, significant(rolling.held), "Buy and hold", "var(--held)", "%{y:.2f}", width=1.2),
        line(days, significant(rolling.net), "Strategy", "var(--accent)", "%{y:.2f}"),
    ]
    return {"data": lines, "layout": layout}


def trade_returns_chart(returns: FloatArray1D) -> Chart:
    """How many closed trades made how much, net, as fractions of what they put in."""
    bars = bars_of(histogram_of(returns), "%{y} trades made %{customdata}<extra></extra>")
    middle = float(np.median(returns))
    layout = {
        "height": 280,
        "margin": {"l": 48, "r": 16, "t": 30, "b": 40},
        "bargap": 0.04,
        "xaxis": {"tickformat": ".1%", "title": axis_title("Net return of a trade")},
        "yaxis": {"title": axis_title("Trades")},
        "annotations": [heading(f"Median {percentage(middle)}, mean {percentage(float(returns.mean()))}", 1.08, "top")],
    }
    return {"data": [bars], "layout": layout}


def costs_chart(backtest: Backtest) -> Chart:
    """From the profit before costs to the net profit of all trades, as fractions of the starting equity."""
    figures = backtest.summary
    costs = (figures.fees, figures.spread_cost, figures.slippage_cost, figures.financing_cost)
    before, net = (math.fsum(backtest.trades[name]) for name in ("gross_profit", "net_profit"))
    texts = [percentage(step) for step in (before, *(-cost for cost in costs), net)]
    waterfall = {
        "type": "waterfall",
        "x": ["Before costs", "Fees", "Spread", "Slippage", "Financing", "Net"],
        "y": [*significant([before, *(0.0 if math.isnan(cost) else -cost for cost in costs)]), 0],
        "measure": ["absolute", *["relative"] * len(costs), "total"],
        "text": ["UNKNOWN" if text == UNDEFINED else text for text in texts],
        "textposition": "outside",
        "cliponaxis": False,
        "connector": {"line": {"color": "var(--line)"}},
        "increasing": {"marker": {"color": "var(--above)"}},
        "decreasing": {"marker": {"color": "var(--below)"}},
        "totals": {"marker": {"color": "var(--muted)"}},
        "hoverinfo": "x+text",
    }
    layout = {
        "height": 280,
        "margin": {"l": 56, "r": 8, "t": 24, "b": 32},
        "showlegend": False,
        "xaxis": {"fixedrange": True, "tickangle": 0},
        "yaxis": {"tickformat": ".0%", "zeroline": True},
    }
    return {"data": [waterfall], "layout": layout}


def _cell(fraction: float) -> str:
    text = percentage(fraction, decimals=1)
    return "" if text == UNDEFINED else text
