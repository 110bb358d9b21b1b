"""Trades: round trips with their costs itemised.

Belongs here: the trades frame of a simulation. Not here: the simulation (`backtest.kernel`), figures over trades
(`metrics.trades`), the lake's table (`backtest.tables`).
"""

from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.backtest.fills import FillPrices
from bot_core_dagster.backtest.kernel import Simulation

TRADE_COLUMNS: Final = {
    "entry_time": "When it was bought: the open of the bar after the decision, UTC",
    "exit_time": "When it was sold, UTC; null while open",
    "entry_price": "Price paid, spread and slippage included, in the quote currency",
    "exit_price": "Price got, spread and slippage included; NaN while open",
    "qty": "Units of the base for a starting equity of 1 unit of the quote",
    "gross_profit": "Profit without costs, as a fraction of the starting equity; open trades at the last close",
    "fees": "Fees of both sides, as a fraction of the starting equity",
    "spread_cost": "What the spread cost on both sides, as a fraction of the starting equity",
    "slippage_cost": "What slippage cost on both sides, as a fraction of the starting equity",
    "net_profit": "gross_profit less fees, spread_cost and slippage_cost",
    "ret": "net_profit over the equity that went in",
    "n_bars": "Bars held",
    "open": "Whether it is still open at the last bar: no win and no loss yet",
}


def trades_frame(bars: pd.DataFrame, fills: FillPrices, simulation: Simulation) -> pd.DataFrame:
    """Return the trades of a simulation in the order of entry.

    Parameters
    ----------
    bars : bar frame
        That was simulated.
    fills : FillPrices
        At which it was.
    simulation : Simulation

    Returns
    -------
    DataFrame of shape (n_trades, 13)
        The columns of `TRADE_COLUMNS`. Costs are those paid so far: an open trade has paid its entry.
    """
    entry, qty = simulation.entry_bar, simulation.qty
    is_open = simulation.exit_bar < 0
    last = len(bars) - 1
    leave = np.where(is_open, last, simulation.exit_bar)
    is_closed = ~is_open
    close = bars["close"].to_numpy(dtype=np.float64)
    buy, sell = fills.buy[entry], fills.sell[leave]
    value = np.where(is_open, close[leave], fills.open[leave])
    gross = qty * (value - fills.open[entry])
    fees = fills.fee * qty * (buy + sell * is_closed)
    spread = qty * (fills.buy_spread[entry] + fills.sell_spread[leave] * is_closed)
    slippage = qty * (fills.slippage[entry] + fills.slippage[leave] * is_closed)
    net = gross - fees - spread - slippage
    open_time = bars["open_time"].reset_index(drop=True)
    columns = {
        "entry_time": open_time.iloc[entry].array,
        "exit_time": open_time.iloc[leave].where(is_closed).array,
        "entry_price": buy,
        "exit_price": np.where(is_open, np.nan, sell),
        "qty": qty,
        "gross_profit": gross,
        "fees": fees,
        "spread_cost": spread,
        "slippage_cost": slippage,
        "net_profit": net,
        "ret": net / (qty * buy * (1.0 + fills.fee)),
        "n_bars": np.where(is_open, last + 1, simulation.exit_bar) - entry,
        "open": is_open,
    }
    return pd.DataFrame(columns)[list(TRADE_COLUMNS)]
