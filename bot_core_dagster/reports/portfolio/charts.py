"""Charts of a review: equity with drawdown, and where the profit came from.

Belongs here: which series is drawn how. Not here: the pieces of a chart (`reports.chart`), the page
(`reports.portfolio.page`), its picture (`reports.portfolio.picture`).
"""

import html
from collections.abc import Mapping

from bot_core_dagster.portfolio.attribution import Attribution
from bot_core_dagster.portfolio.report import PortfolioReport
from bot_core_dagster.reports.chart import Chart, heading, line
from bot_core_dagster.reports.figures import money


def equity_chart(report: PortfolioReport) -> Chart:
    """Equity and buy and hold above, drawdown below, at day ends since inception, with the reviewed month shaded."""
    curve = report.curve
    days = [moment.isoformat() for moment in curve["day_end"]]
    lines = [
        line(days, curve["buy_and_hold"].round(2).tolist(), "Buy and hold", "var(--held)", "%{y:,.2f}"),
        line(days, curve["equity"].round(2).tolist(), "Portfolio", "var(--accent)", "%{y:,.2f}"),
        line(days, curve["drawdown"].round(5).tolist(), "Drawdown", "var(--loss)", "%{y:.2%}")
        | {"yaxis": "y2", "fill": "tozeroy", "fillcolor": "var(--loss-wash)", "showlegend": False},
    ]
    month = {"type": "rect", "xref": "x", "yref": "paper", "y0": 0, "y1": 1, "layer": "below", "line": {"width": 0}}
    month |= {"x0": report.month.start.isoformat(), "x1": report.month.end.isoformat(), "fillcolor": "var(--wash)"}
    layout = {
        "height": 460,
        "margin": {"l": 64, "r": 16, "t": 44, "b": 36},
        "hovermode": "x unified",
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
        "shapes": [month],
        "annotations": [heading("Equity", 1.0, "top"), heading("Drawdown at day ends", 0.0, "bottom")],
        "xaxis": {"type": "date", "anchor": "y2", "rangeselector": _ranges(report)},
        "yaxis": {"domain": [0.34, 1], "tickformat": ",.0f"},
        "yaxis2": {"domain": [0, 0.27], "tickformat": ".0%", "rangemode": "tozero"},
    }
    return {"data": lines, "layout": layout}


def attribution_chart(month: Mapping[str, float], inception: Mapping[str, float]) -> Chart:
    """Profit in money by name as bars; the second trace, since inception, is shown when the reader asks for it."""
    traces = [_bars(month, visible=True), _bars(inception, visible=False)]
    layout = {
        "meta": "span",
        "height": 90 + 30 * len(month),
        "margin": {"l": 16, "r": 24, "t": 8, "b": 32},
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": {"tickformat": ",.0f", "zeroline": True, "nticks": 5, "tickangle": 0},
        "yaxis": {"automargin": True, "type": "category", "autorange": "reversed"},
    }
    return {"data": traces, "layout": layout}


def charts(report: PortfolioReport) -> dict[str, Chart]:
    """Return all charts of the page: the id of their element -> figure."""
    month, whole = report.attribution, report.attribution_since_inception
    return {
        "equity": equity_chart(report),
        "by-instrument": attribution_chart(_ranked(month, "instrument"), _ranked(whole, "instrument")),
        "by-strategy": attribution_chart(_ranked(month, "strategy"), _ranked(whole, "strategy")),
    }


def _ranked(attribution: Attribution, kind: str) -> dict[str, float]:
    profits = attribution.by_instrument if kind == "instrument" else attribution.by_strategy
    return dict(sorted(profits.items(), key=lambda item: -item[1]))


def _bars(profits: Mapping[str, float], *, visible: bool) -> Chart:
    return {
        "type": "bar",
        "orientation": "h",
        "x": [round(amount, 2) for amount in profits.values()],
        "y": [f"{html.escape(name)}  <b>{money(amount, signed=True)}</b>" for name, amount in profits.items()],
        "visible": visible,
        "marker": {"color": ["var(--gain)" if amount >= 0 else "var(--loss)" for amount in profits.values()]},
        "hovertemplate": "%{y}<extra></extra>",
    }


def _ranges(report: PortfolioReport) -> Chart:
    n_days = max((report.month.end - report.month.start).days, 1)
    steps = [(n_days, "day", "Month"), (6, "month", "6 months"), (1, "year", "1 year")]
    first = report.since_inception.start
    buttons: list[Chart] = [
        {"count": count, "step": step, "label": label, "stepmode": "backward"} for count, step, label in steps
    ]
    return {"buttons": [*buttons, {"step": "all", "label": f"Since {first:%b %Y}"}], "x": 0, "y": 1.02}
