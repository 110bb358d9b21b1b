"""What `bot-core run` has to tell: frozen results of a cycle, free of Dagster.

Belongs here: the shapes that `cli.cycle` fills and `cli.run` renders. Not here: how a cycle is executed (`cli.cycle`),
how it looks on a terminal (`cli.run`).
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Built:
    """One asset's partition that a cycle looked after.

    partition : symbol or month, "" for an asset without partitions
    status : "built", or "unchanged" where it was up to date
    rows : rows that are now stored for it
    seconds : nan where it was built in one go with others
    """

    asset: str
    partition: str
    status: Literal["built", "unchanged"]
    rows: int
    seconds: float


@dataclass(frozen=True)
class Failed:
    """One asset's partition that could not be built, and why, in words a user reads."""

    asset: str
    partition: str
    reason: str


@dataclass(frozen=True)
class Headline:
    """The portfolio's figures over one period, with all their caveats (CONVENTIONS 9).

    Returns, drawdown and buy_and_hold_return are fractions of the equity at `start`; an undefined figure is nan.

    period : "June 2024", "since inception"
    start, end : day ends of the equity, UTC
    net_return, double_cost_return : after fee, spread and slippage, at one and two times the costs
    gross_return : with no costs
    max_drawdown : over bar closes, the equity at `start` included
    sharpe_ratio, sharpe_low, sharpe_high : annualised, with the interval at `confidence`
    deflated_sharpe_ratio : probability that the true Sharpe ratio is above what the best of n_trials shows by luck
    n_periods, periods_per_year : n and P of the Sharpe ratio
    """

    period: str
    start: datetime
    end: datetime
    net_return: float
    double_cost_return: float
    gross_return: float
    buy_and_hold_return: float
    max_drawdown: float
    sharpe_ratio: float
    sharpe_low: float
    sharpe_high: float
    confidence: float
    deflated_sharpe_ratio: float
    n_trades: int
    n_periods: int
    periods_per_year: int
    n_trials: int


@dataclass(frozen=True)
class ForecastLine:
    """The newest forecast of one instrument, its last bar ahead.

    model : kind and version, or "naive"
    probability_up : of the next bar; note: why this model
    """

    symbol: str
    as_of: datetime
    close: float
    horizon: int
    predicted_price: float
    lower: float
    upper: float
    probability_up: float
    trend_direction: str
    model: str
    note: str
    simulated: bool


@dataclass(frozen=True)
class CycleResult:
    """One cycle: what was built, what failed, the review's headlines and where its report lies.

    headlines : a column each, the month first; () where no review could be made
    simulated_symbols : instruments of the review whose bars no market made
    unknown_financing : instruments of the review whose swap, funding or borrow is unknown, and so in no figure
    recommendations : one line each, naming metric and threshold
    report : the HTML page, None where no review could be made
    forecasts : the newest of each instrument
    shorter_training : what this cycle trained less than the daily schedule does, in words; "" where it trained nothing
    seconds : wall clock of the whole cycle
    """

    built: tuple[Built, ...]
    failed: tuple[Failed, ...]
    headlines: tuple[Headline, ...]
    simulated_symbols: tuple[str, ...]
    recommendations: tuple[str, ...]
    report: Path | None
    seconds: float
    unknown_financing: tuple[str, ...] = ()
    forecasts: tuple[ForecastLine, ...] = ()
    shorter_training: str = ""
