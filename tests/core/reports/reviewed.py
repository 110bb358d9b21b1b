"""Reviews for the tests of pages and pictures.

Belongs here: one report, varied by keyword. Not here: the rows it is made from (`tests.core.portfolio.sleeve_rows`).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bot_core_dagster.portfolio import PortfolioReport, Sleeve, review_portfolio
from bot_core_dagster.settings import PortfolioSettings
from tests.core.portfolio.sleeve_rows import bar_rows, equity_rows, trade_rows, watchlist

ODD = "O'X<script>alert(1)</script>&\"</style>"
"""A symbol that tries to leave every kind of quotes and elements."""


def report(
    *,
    n_days: int = 121,
    month: str = "2024-04",
    is_simulated: bool = False,
    moves: bool = True,
    n_days_of_odd: int | None = None,
    deployed: Mapping[Sleeve, int] | None = None,
) -> PortfolioReport:
    """Return a review of rsi on BTCUSDT, the odd symbol and one without rows."""
    noise = np.random.default_rng(2).normal(0.0, 0.02 * moves, (4, n_days)).cumsum(axis=1)
    rows = [
        equity_rows(np.exp(noise[i]), symbol=symbol, simulated=is_simulated, buy_and_hold=np.exp(noise[i + 2]))
        for i, symbol in enumerate(("BTCUSDT", ODD))
    ]
    trades = trade_rows([0.01, -0.01] * (20 * moves))
    instruments = watchlist("BTCUSDT", ODD, "NOROWS")
    equity = pd.concat([rows[0], rows[1].head(n_days_of_odd or n_days)])
    return review_portfolio(
        equity, bar_rows(equity), trades, month, PortfolioSettings(), instruments, ["rsi"], deployed or {}
    )
