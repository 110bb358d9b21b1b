"""Trades: round trips with their costs itemised.

Belongs here: the trades frame of a simulation. Not here: the simulation (`backtest.general_kernel`), single executions
(`backtest.fills`), figures over trades (`metrics.trades`), the lake's table (`backtest.tables`).
"""

from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.simulation import ExitReason, Simulation
from bot_core_dagster.metrics.arrays import FloatArray1D

TRADE_COLUMNS: Final = {
    "direction": "1 long, -1 short",
    "entry_time": "When it was opened: the open of the bar after the decision, UTC",
    "exit_time": "When it was closed, UTC; the bar's close where it was closed inside of a bar; null while open",
    "entry_price": "Price of the entry, spread and slippage included, in the quote currency",
    "exit_price": "Price of the exit, spread and slippage included; NaN while open",
    "exit_reason": "signal, stop, target, trailing_stop, ruin (nothing was left), or open",
    "qty": "Units of the base for a starting equity of 1 unit of the quote",
    "gross_profit": "Profit without costs, as a fraction of the starting equity; open trades at the last close",
    "fees": "Fees of both sides, as a fraction of the starting equity",
    "spread_cost": "What the spread cost on both sides, as a fraction of the starting equity",
    "slippage_cost": "What slippage cost on both sides, as a fraction of the starting equity",
    "financing_cost": "Swap, funding and borrow, negative where got; NaN is unknown, and then in no figure",
    "net_profit": "gross_profit less fees, spread_cost, slippage_cost and the known financing_cost",
    "ret": "net_profit over the notional of the entry and its fee",
    "n_bars": "Bars held, the one that it was closed inside of included",
    "open": "Whether it is still open at the last bar: no win and no loss yet",
}


def trades_frame(prepared: PreparedBars, simulation: Simulation) -> pd.DataFrame:
    """Return the trades of a simulation in the order of entry.

    Parameters
    ----------
    prepared : PreparedBars
        That were simulated, at the costs at which they were.
    simulation : Simulation

    Returns
    -------
    DataFrame of shape (n_trades, 16)
        The columns of `TRADE_COLUMNS`. Costs are those paid so far: an open trade has paid its entry.
    """
    is_open, direction = simulation.is_open, simulation.direction.astype(np.int64)
    leave = np.where(is_open, prepared.n_bars - 1, simulation.exit_bar)
    worth = np.where(is_open, prepared.close[leave], simulation.exit_price)
    before_costs = direction * simulation.qty * (worth - simulation.entry_price)
    gross = before_costs + simulation.spread_cost + simulation.slippage_cost
    net = before_costs - simulation.fees - simulation.financing_cost
    is_inside = simulation.leaves_inside
    left_at = np.where(is_inside, prepared.close_time_us[leave], prepared.open_time_us[leave])
    exit_time = pd.Series(pd.DatetimeIndex(left_at.view("M8[us]"), tz="UTC")).where(~is_open)
    columns = {
        "direction": direction,
        "entry_time": prepared.open_time[simulation.entry_bar],
        "exit_time": exit_time.array,
        "entry_price": simulation.entry_price,
        "exit_price": simulation.exit_price,
        "exit_reason": _REASONS[simulation.exit_reason],
        "qty": simulation.qty,
        "gross_profit": gross,
        "fees": simulation.fees,
        "spread_cost": simulation.spread_cost,
        "slippage_cost": simulation.slippage_cost,
        "financing_cost": _known_financing_cost(prepared, simulation),
        "net_profit": net,
        "ret": net / (simulation.qty * simulation.entry_price * (1.0 + prepared.fee_rate)),
        "n_bars": leave - simulation.entry_bar + (is_open | is_inside),
        "open": is_open,
    }
    return pd.DataFrame(columns)[list(TRADE_COLUMNS)]


_REASONS: Final = np.array([reason.name.lower() for reason in ExitReason], dtype=object)


def _known_financing_cost(prepared: PreparedBars, simulation: Simulation) -> FloatArray1D:
    is_known = np.where(simulation.direction == 1, *prepared.is_financing_known)
    return np.where(is_known, simulation.financing_cost, np.nan)
