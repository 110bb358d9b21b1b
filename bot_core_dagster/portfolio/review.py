"""The monthly review: equity of the strategies over the watchlist, what it earned, whose it was, what to do.

Belongs here: the one function that makes a report from the rows of the backtests. Not here: formulas (`metrics`),
rows in the lake (`portfolio.tables`), pages and pictures (`bot_core_dagster.reports`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd

from bot_core_dagster.backtest.engine import is_financing_known
from bot_core_dagster.errors import SettingsError
from bot_core_dagster.metrics import drawdown, maximum_drawdown
from bot_core_dagster.portfolio.attribution import Sleeve, attribute
from bot_core_dagster.portfolio.bar_curve import BarCurve, bar_curve, newest_close
from bot_core_dagster.portfolio.performance import count_trials, performance, trade_figures
from bot_core_dagster.portfolio.period import MonthWindow, month_window, portfolio_sampling
from bot_core_dagster.portfolio.recommendations import Judged, recommend
from bot_core_dagster.portfolio.report import PortfolioReport, SleeveReview, SleeveState
from bot_core_dagster.portfolio.sleeves import STOPPED_EARLY, SleeveBook, growth, rows_of, sleeve_book
from bot_core_dagster.settings import Instrument, PortfolioSettings

TRAILING: Final = pd.Timedelta(days=30)


def review_portfolio(
    equity: pd.DataFrame,
    bar_equity: pd.DataFrame,
    trades: pd.DataFrame,
    month: str,
    portfolio: PortfolioSettings,
    instruments: Sequence[Instrument],
    strategies: Sequence[str],
    deployed: Mapping[Sleeve, int],
) -> PortfolioReport:
    """Review `month`: equity, drawdown, attribution and recommendations of the strategies over the instruments.

    The initial equity is split equally over strategy x instrument and never rebalanced; the portfolio's equity is the
    sum of these sleeves. Rows later than the month are not read, so that a review of an old month stays as it was.

    Parameters
    ----------
    equity, bar_equity, trades : DataFrame
        `backtest`'s EQUITY, BAR_EQUITY and TRADES tables, of any strategies, symbols, timeframes and samplings.
    month : str
        "YYYY-MM". A month whose day ends do not reach its end is reviewed to date, and says so.
    deployed : mapping
        Sleeves that trade deployed parameters to the distinct trials that these were chosen among; the others trade
        the parameters of the settings. Others than these strategies and instruments are ignored.

    Raises
    ------
    TimeError
        If `month` is not of that form.
    SettingsError
        If there is no instrument or no strategy.
    ShapeError
        If no sleeve has a row in the month.
    QualityError
        If an equity is not finite, below zero, or stands twice, or the day ends of a sleeve contradict its bar closes.
    """
    sampling = portfolio_sampling(instruments)
    window = month_window(month, sampling)
    sleeves = _expected_sleeves(strategies, instruments)
    rows = _on_their_timeframe(equity[equity["sampling"] == sampling.name], instruments)
    book = sleeve_book(rows, sleeves, window, portfolio.initial_equity, newest_close(bar_equity))
    bars = bar_curve(bar_equity, book, _timeframes(instruments))
    traded = rows_of(_on_their_timeframe(trades, instruments), sleeves)
    chosen = {sleeve: deployed[sleeve] for sleeve in sleeves if sleeve in deployed}
    return _report(book, bars, traded, window, portfolio, _others(equity, sleeves), instruments, chosen)


def _report(
    book: SleeveBook,
    bars: BarCurve,
    trades: pd.DataFrame,
    window: MonthWindow,
    portfolio: PortfolioSettings,
    not_reviewed: tuple[Sleeve, ...],
    instruments: Sequence[Instrument],
    deployed: Mapping[Sleeve, int],
) -> PortfolioReport:
    start, end = book.at(window.opens), len(book.day_end) - 1
    equity, year, n_trials = book.money["equity"], window.sampling.periods_per_year, count_trials(deployed)
    inception = performance(book, bars, trades, 0, end, year, n_trials)
    whole = attribute(book.sleeves, equity[0], equity[end])
    reviews = _sleeve_reviews(book, bars, trades, start)
    judged = Judged(
        inception=inception,
        drawdown_from_peak=bars.drawdown_from_peak(book.day_end[start], book.day_end[end]),
        attribution=whole,
        absent=[one.sleeve for one in reviews if one.is_absent],
        stopped=[one.sleeve for one in reviews if one.has_stopped],
        n_sleeves=len(reviews),
    )
    return PortfolioReport(
        window=window,
        is_complete=window.is_over_at(_known_to_all(book, reviews)),
        initial_equity=portfolio.initial_equity,
        quotes=tuple(dict.fromkeys(instrument.quote for instrument in instruments)),
        month=performance(book, bars, trades, start, end, year, n_trials),
        since_inception=inception,
        trailing_30d_return=_trailing_return(book, end),
        drawdown_from_peak=judged.drawdown_from_peak,
        attribution=attribute(book.sleeves, equity[start], equity[end]),
        attribution_since_inception=whole,
        sleeves=reviews,
        not_reviewed=not_reviewed,
        recommendations=recommend(judged, portfolio),
        curve=_curve(book),
        deployed=deployed,
        unknown_financing=_unknown_financing(instruments, trades),
    )


def _expected_sleeves(strategies: Sequence[str], instruments: Sequence[Instrument]) -> tuple[Sleeve, ...]:
    if not strategies:
        raise SettingsError("a portfolio needs at least one strategy, got none; next: enable one under [strategies]")
    return tuple(Sleeve(strategy, instrument.symbol) for strategy in strategies for instrument in instruments)


def _on_their_timeframe(rows: pd.DataFrame, instruments: Sequence[Instrument]) -> pd.DataFrame:
    return rows[rows["timeframe"] == rows["symbol"].map(_timeframes(instruments))]


def _timeframes(instruments: Sequence[Instrument]) -> dict[str, str]:
    return {instrument.symbol: str(instrument.timeframe) for instrument in instruments}


def _others(rows: pd.DataFrame, sleeves: Sequence[Sleeve]) -> tuple[Sleeve, ...]:
    there = rows[["strategy", "symbol"]].drop_duplicates().sort_values(["strategy", "symbol"])
    return tuple(pair for pair in map(Sleeve._make, there.itertuples(index=False)) if pair not in sleeves)


def _sleeve_reviews(book: SleeveBook, bars: BarCurve, trades: pd.DataFrame, start: int) -> tuple[SleeveReview, ...]:
    own = dict(tuple(trades.groupby(["strategy", "symbol"])))
    none = trades.head(0)
    return tuple(
        _sleeve_review(book, bars, own.get(sleeve, none), column, start) for column, sleeve in enumerate(book.sleeves)
    )


def _sleeve_review(book: SleeveBook, bars: BarCurve, trades: pd.DataFrame, column: int, start: int) -> SleeveReview:
    sleeve = book.sleeves[column]
    equity, held = book.money["equity"][:, column], book.money["buy_and_hold"][:, column]
    month = trade_figures(trades, book.day_end[start], book.day_end[-1], book.part)
    whole = trade_figures(trades, book.day_end[0], book.day_end[-1], book.part)
    return SleeveReview(
        sleeve=sleeve,
        state=_state(book, sleeve, book.day_end[start]),
        is_simulated=book.simulated[sleeve],
        first_row=book.first_row[sleeve],
        last_row=book.last_row[sleeve],
        start_equity=float(equity[start]),
        end_equity=float(equity[-1]),
        month_profit=float(equity[-1] - equity[start]),
        month_return=growth(equity[start], equity[-1]),
        month_buy_and_hold=growth(held[start], held[-1]),
        month_trades=month.n_closed,
        month_win_rate=month.win_rate,
        total_profit=float(equity[-1] - equity[0]),
        total_return=growth(equity[0], equity[-1]),
        total_trades=whole.n_closed,
        max_drawdown=maximum_drawdown(bars.own[sleeve]),
    )


def _state(book: SleeveBook, sleeve: Sleeve, month_opens: pd.Timestamp) -> SleeveState:
    last = book.last_row[sleeve]
    if last is None:
        return "no rows"
    if last <= month_opens:
        return "no rows in the month"
    return "up to date" if last > book.day_end[-1] - STOPPED_EARLY else "stopped early"


def _known_to_all(book: SleeveBook, reviews: Sequence[SleeveReview]) -> pd.Timestamp:
    """Return the last day end that every sleeve which is still current has a row of; what stopped is not waited for."""
    return min([one.last_row for one in reviews if one.is_current and one.last_row], default=book.day_end[-1])


def _trailing_return(book: SleeveBook, end: int) -> float:
    since = book.day_end[end] - TRAILING
    return book.growth("equity", book.at(since), end) if since >= book.day_end[0] else math.nan


def _unknown_financing(instruments: Sequence[Instrument], trades: pd.DataFrame) -> tuple[str, ...]:
    """Return the symbols whose holding costs are unknown: of longs, or of a trade (a short) that was made."""
    traded = set(trades.loc[trades["financing_cost"].isna(), "symbol"])
    return tuple(one.symbol for one in instruments if one.symbol in traded or not is_financing_known(one))


def _curve(book: SleeveBook) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "day_end": book.day_end,
            "equity": book.total("equity"),
            "drawdown": drawdown(book.total("equity")),
            "buy_and_hold": book.total("buy_and_hold"),
        }
    )
