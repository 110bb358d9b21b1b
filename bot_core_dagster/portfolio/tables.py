"""Tables of the review: what of a report is kept in the lake.

Belongs here: the two tables and the rows that a report becomes. Not here: the report (`portfolio.report`), how rows
are written (`lake`).

A review is one series of the lake: its `symbol` is "portfolio:2024-06". `lake.replace(table, rows, [series_of(month)])`
writes it; the same review again changes nothing.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import pandas as pd

from bot_core_dagster.lake.table import Table
from bot_core_dagster.portfolio.recommendations import Recommendation
from bot_core_dagster.portfolio.report import PortfolioReport, SleeveReview

PORTFOLIO_REVIEWS: Final = Table(
    name="portfolio_reviews",
    key=("symbol",),
    partition_by=("symbol",),
    description="One row a reviewed month: the strategies over the watchlist, net of costs",
    columns={
        "symbol": "Series of the review, portfolio:YYYY-MM",
        "review_month": "Reviewed month, YYYY-MM",
        "start": "Day end that the month starts from, UTC",
        "day_end": "Last day end of the review, UTC",
        "is_complete": "Whether the day ends of every current sleeve reach the end of the month",
        "simulated": "Whether any bar behind it is simulated",
        "initial_equity": "Money at inception, split equally over strategy x instrument",
        "equity": "Money at the last day end",
        "profit": "Money earned in the month",
        "total_return": "Of the month, fraction",
        "total_return_30d": "Of the 30 days before the last day end, fraction; null where there are fewer",
        "sharpe_ratio": "Of the month's daily returns, annualised",
        "max_drawdown": "Within the month over bar closes, its starting equity included, fraction <= 0",
        "drawdown_from_peak": "Deepest equity of the month below the highest since inception, over bar closes",
        "total_trades": "Trades closed in the month",
        "win_rate": "Share of them with a net profit above zero",
        "buy_and_hold_return": "Of the month, the same split bought and held, fraction",
        "gross_return": "Of the month, without costs, fraction",
        "double_cost_return": "Of the month, at twice the costs, fraction",
        "n_periods": "Daily returns in the month",
        "periods_per_year": "365 for UTC days, 260 for New York days",
        "n_trials": "1, and the trials that the deployed parameters were chosen among",
        "since_inception": "JSON: the same since inception, with the interval of the Sharpe ratio and costs itemised",
        "attribution": "JSON: profit of the month in money by strategy, instrument and sleeve",
        "sleeves": "JSON: state, first and last row of every sleeve",
        "recommendations": "JSON: metric, period, value, side, threshold, verdict, advice",
        "outcome": "What the limits say, in one line",
    },
)

PORTFOLIO_EQUITY: Final = Table(
    name="portfolio_equity",
    key=("symbol", "day_end"),
    partition_by=("symbol",),
    description="The portfolio's equity at day ends as each month's review saw it, since inception",
    columns={
        "symbol": "Series of the review, portfolio:YYYY-MM",
        "review_month": "Reviewed month, YYYY-MM",
        "day_end": "End of the day, UTC",
        "equity": "Money, net of costs",
        "drawdown": "Below the highest equity at a day end so far, fraction <= 0",
        "buy_and_hold": "Money of the same split bought and held",
        "simulated": "Whether any bar behind the review is simulated",
    },
)


def series_of(month: str) -> str:
    """Return the `symbol` under which the review of `month` stands in the lake."""
    return f"portfolio:{month}"


def review_rows(report: PortfolioReport) -> pd.DataFrame:
    """Return the row of `PORTFOLIO_REVIEWS` that the report becomes; undefined figures are NaN, and null in JSON."""
    month = report.month
    row: dict[str, Any] = {
        "symbol": series_of(report.window.month),
        "review_month": report.window.month,
        "start": month.start,
        "day_end": month.end,
        "is_complete": report.is_complete,
        "simulated": report.is_simulated,
        "initial_equity": report.initial_equity,
        "equity": month.end_equity,
        "profit": month.profit,
        "total_return": month.total_return,
        "total_return_30d": report.trailing_30d_return,
        "sharpe_ratio": month.sharpe_ratio,
        "max_drawdown": month.max_drawdown,
        "drawdown_from_peak": report.drawdown_from_peak,
        "total_trades": month.trades.n_closed,
        "win_rate": month.trades.win_rate,
        "buy_and_hold_return": month.buy_and_hold_return,
        "gross_return": month.gross_return,
        "double_cost_return": month.double_cost_return,
        "n_periods": month.n_periods,
        "periods_per_year": month.periods_per_year,
        "n_trials": month.n_trials,
        "since_inception": _json(_since_inception(report)),
        "attribution": _json(_attribution(report)),
        "sleeves": _json([_sleeve(one) for one in report.sleeves]),
        "recommendations": _json([_recommendation(one) for one in report.recommendations]),
        "outcome": report.outcome,
    }
    times = {name: pd.DatetimeIndex([row[name]]).as_unit("us") for name in ("start", "day_end")}
    return pd.DataFrame({name: [value] for name, value in row.items()} | times)[list(PORTFOLIO_REVIEWS.columns)]


def equity_rows(report: PortfolioReport) -> pd.DataFrame:
    """Return the rows of `PORTFOLIO_EQUITY` that the report becomes, a row a day end since inception."""
    month = report.window.month
    rows = report.curve.assign(symbol=series_of(month), review_month=month, simulated=report.is_simulated)
    return rows[list(PORTFOLIO_EQUITY.columns)]


def _since_inception(report: PortfolioReport) -> dict[str, Any]:
    whole = asdict(report.since_inception)
    return whole | {"cost_share": report.since_inception.cost_share}


def _attribution(report: PortfolioReport) -> dict[str, Any]:
    split = report.attribution
    return {
        "by_strategy": dict(split.by_strategy),
        "by_instrument": dict(split.by_instrument),
        "by_sleeve": [[*sleeve, profit] for sleeve, profit in split.by_sleeve.items()],
    }


def _sleeve(one: SleeveReview) -> dict[str, Any]:
    return {
        "strategy": one.sleeve.strategy,
        "symbol": one.sleeve.symbol,
        "state": one.state,
        "first_row": one.first_row,
        "last_row": one.last_row,
        "simulated": one.is_simulated,
    }


def _recommendation(one: Recommendation) -> dict[str, Any]:
    return {
        "metric": one.limit.metric,
        "period": one.limit.period,
        "value": one.value,
        "side": one.limit.side,
        "threshold": one.limit.threshold,
        "verdict": one.verdict,
        "advice": one.advice,
    }


def _json(part: Any) -> str:
    return json.dumps(_plain(part), allow_nan=False, ensure_ascii=False)


def _plain(part: Any) -> Any:
    if isinstance(part, Mapping):
        return {key: _plain(value) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_plain(value) for value in part]
    if isinstance(part, pd.Timestamp):
        return part.isoformat()
    return None if isinstance(part, float) and math.isnan(part) else part
