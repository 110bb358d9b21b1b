"""The rules of a simulation, word for word: the readable twin that the kernels are held equal to.

Belongs here: the order of events in a bar, in plain Python. Not here: speed (`backtest.general_kernel`,
`backtest.event_kernel`), prices and costs (`backtest.prepared`), the rules' values (`backtest.rules`).

Longs trade out at the bid and shorts at the ask: "its side" of an open, high or low. In bar t, in this order:

0. Financing: a position carried into t is charged on its notional at the close of t-1.
1. Open. The signal of the close of t-1, if it is 0 or the opposite, closes at its side of the open with slippage. Else
   a stop that its side of the open has reached closes there, with slippage; else a target, without slippage.
2. Entry. Who is flat, with something left, and was not stopped or targeted at this open, enters where the signal is +1,
   or -1 and shorts are allowed, unless t follows missing bars: a buy at the ask of the open, a sale at the bid, with
   slippage. The fraction of the equity pays the quantity and its fee; whole lots, none below the smallest.
3. Inside, the entry bar too: a stop that its side of the low (of a short: high) has reached closes at the stop's level
   with slippage. Where even the open was past it, which after an entry takes a spread wider than the stop, it closes
   at its side of the open. Else a target that its side of the high (low) has reached closes at the target's level.
   Stops and targets are distances from the price of the entry. A trailing stop is one from the best that its side has
   reached in earlier bars of the trade, the entry's price included. Of both stops the closer counts; STOP on a tie.
4. Close. Equity is marked at the close of the declared side. Where nothing is left, it is ruin.

Ruin, at a close or because an exit would leave nothing: the position is closed where nothing is left, without a fee,
and equity is 0 from then on; nobody owes more than there was. That price is below zero only where financing alone took
more than everything. Signals of NaN keep what is held. A position held at the end stays open, marked at the last close.
"""

import math
from dataclasses import dataclass

import numpy as np

from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.simulation import ExitReason, Simulation
from bot_core_dagster.metrics.arrays import FloatArray1D


def simulate_reference(
    prepared: PreparedBars, signal: FloatArray1D, rules: TradingRules, *, cost_multiplier: float = 1.0
) -> Simulation:
    """Return what comes of a signal, decided at each bar's close and filled at the next bar's open.

    Parameters
    ----------
    prepared : PreparedBars
    signal : ndarray of shape (n_bars,)
        +1 long, -1 short (flat where shorts are not allowed), 0 flat, NaN keep.
    rules : TradingRules
    cost_multiplier : float
        Of fee, spread, slippage and the carry that is paid.
    """
    book = _Book(prepared.costs(cost_multiplier), rules)
    equity = [1.0]
    position = []
    for bar in range(prepared.n_bars):
        decided = float(signal[bar - 1]) if bar else math.nan
        book.charge_financing(bar)
        was_left = book.leave_at_open(bar, decided)
        if not was_left:
            book.enter(bar, decided)
        position.append(book.held.direction if book.held else 0)
        book.leave_inside(bar)
        equity.append(book.mark(bar))
    return _simulation(equity, position, book.trades)


@dataclass
class _Trade:
    """A position from its entry on; its last values are those of a row of `Simulation`."""

    direction: int
    entry_bar: int
    qty: float
    entry_price: float
    best: float
    fees: float
    spread_cost: float
    slippage_cost: float
    financing_cost: float = 0.0
    exit_bar: int = -1
    exit_price: float = math.nan
    exit_reason: ExitReason = ExitReason.OPEN


class _Book:
    """Cash, the position held, and the trades so far."""

    def __init__(self, prepared: PreparedBars, rules: TradingRules) -> None:
        self.bars, self.rules = prepared, rules
        self.cash = 1.0
        self.held: _Trade | None = None
        self.trades: list[_Trade] = []

    def charge_financing(self, bar: int) -> None:
        held = self.held
        if held is None:
            return
        carry = self.bars.carry_long if held.direction == 1 else self.bars.carry_short
        charge = carry[bar] * self.bars.close[bar - 1] * held.qty
        self.cash -= charge
        held.financing_cost += charge

    def leave_at_open(self, bar: int, decided: float) -> bool:
        """Return whether a stop or a target closed the position: then there is no entry at this open."""
        held = self.held
        if held is None:
            return False
        open_ = self.bars.open[bar]
        side, slippage = self.its_side(held, bar, open_), open_ * self.bars.slippage_rate
        if decided in (0.0, -held.direction):
            self.leave(bar, side - held.direction * slippage, ExitReason.SIGNAL, slippage)
            return False
        level, reason = self.stop_level(held)
        if held.direction * side <= held.direction * level:
            self.leave(bar, side - held.direction * slippage, reason, slippage)
        elif held.direction * side >= held.direction * self.target_level(held):
            self.leave(bar, side, ExitReason.TARGET, 0.0)
        return self.held is None

    def enter(self, bar: int, decided: float) -> None:
        is_wanted = decided == 1.0 or (decided == -1.0 and self.rules.allow_short)
        if self.held is not None or not is_wanted or not self.bars.may_enter[bar] or self.cash <= 0.0:
            return
        direction = int(decided)
        open_ = self.bars.open[bar]
        offset = self.bars.ask_offset[bar] if direction == 1 else self.bars.bid_offset[bar]
        slippage = open_ * self.bars.slippage_rate
        price = open_ + direction * (offset + slippage)
        qty = self.affordable(price)
        if qty <= 0.0:
            return
        fee = qty * price * self.bars.fee_rate
        self.cash = self.cash - direction * qty * price - fee
        self.held = _Trade(direction, bar, qty, price, price, fee, qty * offset, qty * slippage)
        self.trades.append(self.held)

    def leave_inside(self, bar: int) -> None:
        held = self.held
        if held is None:
            return
        worst, best = (self.bars.low, self.bars.high) if held.direction == 1 else (self.bars.high, self.bars.low)
        worst_side, best_side = (self.its_side(held, bar, extreme[bar]) for extreme in (worst, best))
        (level, reason), target = self.stop_level(held), self.target_level(held)
        if held.direction * worst_side <= held.direction * level:
            side = self.its_side(held, bar, self.bars.open[bar])
            reached = min(level, side) if held.direction == 1 else max(level, side)
            slippage = reached * self.bars.slippage_rate
            self.leave(bar, reached - held.direction * slippage, reason, slippage)
        elif held.direction * best_side >= held.direction * target:
            self.leave(bar, target, ExitReason.TARGET, 0.0)
        held.best = max(held.best, best_side) if held.direction == 1 else min(held.best, best_side)

    def mark(self, bar: int) -> float:
        held = self.held
        if held is None:
            return self.cash
        equity: float = self.cash + held.direction * held.qty * self.bars.close[bar]
        if equity <= 0.0:
            self.ruin(held, bar)
            return 0.0
        return equity

    def leave(self, bar: int, price: float, reason: ExitReason, slippage: float) -> None:
        held = self.held
        assert held is not None
        fee = held.qty * price * self.bars.fee_rate
        cash = self.cash + held.direction * held.qty * price - fee
        if cash <= 0.0:
            self.ruin(held, bar)
            return
        offset = self.bars.bid_offset[bar] if held.direction == 1 else self.bars.ask_offset[bar]
        self.cash = cash
        held.fees += fee
        held.spread_cost += held.qty * offset
        held.slippage_cost += held.qty * slippage
        held.exit_bar, held.exit_price, held.exit_reason = bar, price, reason
        self.held = None

    def ruin(self, held: _Trade, bar: int) -> None:
        held.exit_bar, held.exit_reason = bar, ExitReason.RUIN
        held.exit_price = -held.direction * self.cash / held.qty
        self.cash, self.held = 0.0, None

    def affordable(self, price: float) -> float:
        qty: float = self.rules.fraction * self.cash / (price * (1.0 + self.bars.fee_rate))
        units = qty * self.rules.initial_equity
        if self.rules.lot_step > 0.0:
            units = math.floor(units / self.rules.lot_step) * self.rules.lot_step
            qty = units / self.rules.initial_equity
        return qty if units >= self.rules.min_lot else 0.0

    def its_side(self, held: _Trade, bar: int, price: float) -> float:
        side: float = price - self.bars.bid_offset[bar] if held.direction == 1 else price + self.bars.ask_offset[bar]
        return side

    def stop_level(self, held: _Trade) -> tuple[float, ExitReason]:
        none = -held.direction * math.inf
        fixed = held.entry_price * (1.0 - held.direction * self.rules.stop)
        trailing = held.best * (1.0 - held.direction * self.rules.trailing_stop)
        fixed, trailing = (none if math.isnan(level) else level for level in (fixed, trailing))
        if held.direction * trailing > held.direction * fixed:
            return trailing, ExitReason.TRAILING_STOP
        return fixed, ExitReason.STOP

    def target_level(self, held: _Trade) -> float:
        level = held.entry_price * (1.0 + held.direction * self.rules.target)
        return held.direction * math.inf if math.isnan(level) else level


def _simulation(equity: list[float], position: list[int], trades: list[_Trade]) -> Simulation:
    def column(name: str, kind: type) -> np.ndarray:
        return np.array([getattr(trade, name) for trade in trades], dtype=kind)

    floats = ("qty", "entry_price", "exit_price", "fees", "spread_cost", "slippage_cost", "financing_cost")
    return Simulation(
        equity=np.array(equity),
        position=np.array(position, dtype=np.int8),
        direction=column("direction", np.int8),
        entry_bar=column("entry_bar", np.int64),
        exit_bar=column("exit_bar", np.int64),
        exit_reason=column("exit_reason", np.int8),
        **{name: column(name, np.float64) for name in floats},
    )
