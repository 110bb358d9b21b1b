"""The review of what the lake holds.

Belongs here: reading a month's backtests for a review, and which month that is. Not here: figures (`portfolio.review`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import pandas as pd

from bot_core_dagster.backtest import BAR_EQUITY, EQUITY, TRADES
from bot_core_dagster.errors import QualityError
from bot_core_dagster.lake import Lake
from bot_core_dagster.optimization import PARAMETERS, deployed_sets
from bot_core_dagster.portfolio.attribution import Sleeve
from bot_core_dagster.portfolio.report import PortfolioReport
from bot_core_dagster.portfolio.review import review_portfolio
from bot_core_dagster.settings import Instrument, Settings
from bot_core_dagster.strategies import enabled_strategies

_NEW_YORK_EVENING: Final = pd.Timedelta(hours=3)
"""From the last day end in New York, 17:00 there, to the month's end in UTC; none in UTC lies so close before it."""


def review_month(lake: Lake, settings: Settings, month: str) -> PortfolioReport:
    """Review `month` ("YYYY-MM") of the enabled strategies over the watchlist; errors as `review_portfolio`.

    A sleeve's backtest trades the parameters that are in force now, in every month: so what is deployed now, and the
    trials behind it, are those of the review of an old month too. The last review is given again where nothing that it
    rests on has changed: `bot-core run` reviews, and then runs the job that reviews the same.
    """
    symbols = [instrument.symbol for instrument in settings.watchlist]
    hashes = [lake.content_hashes(table, symbols) for table in (EQUITY, BAR_EQUITY, TRADES, PARAMETERS)]
    rests_on = (lake.root, settings.model_dump_json(), *(value for each in hashes for value in each.values()))
    return _review(_Asked(month, rests_on, lake, settings))


@dataclass(frozen=True)
class _Asked:
    """A month, and what its review rests on: two are equal where the review would be."""

    month: str
    rests_on: tuple[object, ...]
    lake: Lake = field(compare=False)
    settings: Settings = field(compare=False)


@lru_cache(maxsize=1)
def _review(asked: _Asked) -> PortfolioReport:
    lake, settings = asked.lake, asked.settings
    strategies = [strategy.name for strategy in enabled_strategies(settings.strategies)]
    symbols = [instrument.symbol for instrument in settings.watchlist]
    equity, bars, trades = lake.read(EQUITY, symbols), _bar_equity(lake), lake.read(TRADES, symbols)
    deployed = _deployed(lake, strategies, settings.watchlist)
    return review_portfolio(
        equity, bars, trades, asked.month, settings.portfolio, settings.watchlist, strategies, deployed
    )


def _deployed(lake: Lake, strategies: Sequence[str], instruments: Sequence[Instrument]) -> dict[Sleeve, int]:
    """Return the sleeves that have deployed parameters, with the trials that these were chosen among."""
    found = deployed_sets(lake, strategies, instruments)
    return {Sleeve(strategy, symbol): one.n_trials for (strategy, symbol), one in found.items()}


def _bar_equity(lake: Lake) -> pd.DataFrame:
    """Return the rows of BAR_EQUITY, by SQL and as categories: a million of them in a third of the time."""
    if not lake.symbols(BAR_EQUITY):
        return lake.read(BAR_EQUITY, [])
    rows = lake.sql("select strategy, symbol, timeframe, close_time, equity from bar_equity")
    frame: pd.DataFrame = rows.to_pandas(strings_to_categorical=True)
    return frame


def _newest_close(lake: Lake) -> pd.Timestamp:
    """Return the close of the newest bar, naive UTC: day ends of a closed market may lie ahead of it."""
    (newest,) = lake.sql("select max(close_time) as newest from bar_equity")["newest"].to_pylist()
    return pd.Timestamp(newest).tz_convert(None)


def newest_full_month(lake: Lake, settings: Settings) -> str:
    """Return the last month ("YYYY-MM") that some backtest of the watchlist covers to its end.

    Where none covers a whole month, the month of the newest day end.

    Raises
    ------
    QualityError
        If there is no backtest of the watchlist yet.
    """
    days = lake.read(EQUITY, [instrument.symbol for instrument in settings.watchlist])["day_end"]
    if days.empty:
        raise QualityError("no backtest of the watchlist yet: nothing to review; next: bot-core run")
    newest, oldest = days.max().tz_localize(None), days.min().tz_localize(None)
    closed = _newest_close(lake)
    newest = newest + _NEW_YORK_EVENING if newest <= closed else closed
    full = newest.to_period("M") - 1
    return str(full if full >= oldest.to_period("M") else (newest - pd.Timedelta(seconds=1)).to_period("M"))
