"""The report of a month's review: the nouns that pages, pictures and tables are made from.

Belongs here: frozen results. Not here: how they come about (`portfolio.review`), their rows in the lake
(`portfolio.tables`), how they look (`bot_core_dagster.reports`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from bot_core_dagster.portfolio.attribution import Attribution, Sleeve
from bot_core_dagster.portfolio.performance import Performance
from bot_core_dagster.portfolio.period import MonthWindow
from bot_core_dagster.portfolio.recommendations import Recommendation, outcome

SleeveState = Literal["up to date", "stopped early", "no rows in the month", "no rows"]


@dataclass(frozen=True)
class SleeveReview:
    """One sleeve; money in account currency.

    state : "stopped early" where its last row is days older than the portfolio's: its equity is frozen since
    first_row, last_row : day ends, None where it has none up to the end of the month
    month_*, total_* : of the month, and since inception
    max_drawdown : since inception, of its own bar closes
    """

    sleeve: Sleeve
    state: SleeveState
    is_simulated: bool
    first_row: pd.Timestamp | None
    last_row: pd.Timestamp | None
    start_equity: float
    end_equity: float
    month_profit: float
    month_return: float
    month_buy_and_hold: float
    month_trades: int
    month_win_rate: float
    total_profit: float
    total_return: float
    total_trades: int
    max_drawdown: float

    @property
    def is_absent(self) -> bool:
        """Whether it has no row in the month."""
        return self.state in ("no rows", "no rows in the month")

    @property
    def has_stopped(self) -> bool:
        """Whether its rows end within the month."""
        return self.state == "stopped early"

    @property
    def is_current(self) -> bool:
        """Whether its rows go on."""
        return self.state == "up to date"


@dataclass(frozen=True)
class PortfolioReport:
    """A month of the strategies over the watchlist, and all that came before it for context.

    is_complete : whether the day ends of every current sleeve reach the end of the month; if not, it is to date
    trailing_30d_return : over the 30 days before the last day end, nan where there are fewer
    drawdown_from_peak : the month's deepest equity below the highest since inception, over bar closes, a fraction <= 0
    curve : DataFrame since inception, at day ends: day_end, equity, buy_and_hold (money), drawdown (fraction <= 0)
    attribution, attribution_since_inception : profit of the month, and of all of it
    not_reviewed : sleeves with rows that the watchlist or the strategies no longer name
    deployed : the sleeves that trade deployed parameters -> trials that these were chosen among
    unknown_financing : symbols whose swap, funding or borrow is unknown, and so in no figure
    """

    window: MonthWindow
    is_complete: bool
    initial_equity: float
    quotes: tuple[str, ...]
    month: Performance
    since_inception: Performance
    trailing_30d_return: float
    drawdown_from_peak: float
    attribution: Attribution
    attribution_since_inception: Attribution
    sleeves: tuple[SleeveReview, ...]
    not_reviewed: tuple[Sleeve, ...]
    recommendations: tuple[Recommendation, ...]
    curve: pd.DataFrame
    deployed: Mapping[Sleeve, int]
    unknown_financing: tuple[str, ...]

    @property
    def symbols(self) -> tuple[str, ...]:
        """The instruments, in the order of the watchlist."""
        return tuple(dict.fromkeys(one.sleeve.symbol for one in self.sleeves))

    @property
    def strategies(self) -> tuple[str, ...]:
        """The strategies."""
        return tuple(dict.fromkeys(one.sleeve.strategy for one in self.sleeves))

    @property
    def simulated_symbols(self) -> tuple[str, ...]:
        """The instruments any of whose bars no market made."""
        return tuple(dict.fromkeys(one.sleeve.symbol for one in self.sleeves if one.is_simulated))

    @property
    def is_simulated(self) -> bool:
        """Whether any bar behind the report is simulated."""
        return bool(self.simulated_symbols)

    @property
    def absent(self) -> tuple[SleeveReview, ...]:
        """The sleeves without a row in the month."""
        return tuple(one for one in self.sleeves if one.is_absent)

    @property
    def stopped(self) -> tuple[SleeveReview, ...]:
        """The sleeves whose rows end within the month."""
        return tuple(one for one in self.sleeves if one.has_stopped)

    @property
    def outcome(self) -> str:
        """What the limits say, in one line."""
        return outcome(self.recommendations)
