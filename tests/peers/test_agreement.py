"""Our engine against vectorbt and backtesting.py, trade by trade, on real bars.

Belongs here: what is compared, on which bars, under which rules. Not here: how a peer is told our rules
(`benchmarks.peers`), our own twin (`tests.core.backtest`), speed (`benchmarks.bench_backtest`).

No difference is tolerated beyond rounding. Where a peer's own convention is another one it is told ours, and its script
says how. What a peer cannot be told is not asked of it: backtesting.py knows the spread at entries alone and no
slippage, vectorbt one price for stops of longs and shorts alike.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest

from benchmarks.peers.serve import Arrays
from benchmarks.peers.talk import PEERS_PYTHON, Peer
from bot_core_dagster.backtest import PreparedBars, TradingRules
from bot_core_dagster.backtest.general_kernel import simulate
from bot_core_dagster.backtest.trades import trades_frame
from bot_core_dagster.settings import Instrument
from bot_core_dagster.strategies.registry import strategy_named
from tests.builders import instrument
from tests.core.features.real_bars import btcusdt, eurusd

pytestmark = pytest.mark.skipif(not PEERS_PYTHON.exists(), reason=f"no peers: {PEERS_PYTHON} is absent; make peers")

NARROWER: Final = {"BTCUSDT": 1.0, "EURUSD": 0.2}
"""How wide the stops of the cases are on each instrument: EURUSD moves a fifth as far."""

STRATEGIES: Final = ("rsi", "macd", "bollinger")


@dataclass(frozen=True)
class Case:
    """Rules and costs that a peer can be told."""

    name: str
    costs: Mapping[str, float]
    rules: Mapping[str, Any] = field(default_factory=dict)
    peers: tuple[str, ...] = ("vectorbt_trades", "backtesting_trades")
    symbols: tuple[str, ...] = ("BTCUSDT", "EURUSD")


ALL_COSTS: Final = {"fee_bps": 4.0, "spread_bps": 1.0, "slippage_bps": 1.0}
FEE: Final = {"fee_bps": 4.0}
BRACKET: Final = {"stop": 0.02, "target": 0.03}
CASES: Final = (
    Case("long or flat, all costs", ALL_COSTS, {"fraction": 0.5}, peers=("vectorbt_trades",)),
    Case("long or short, all costs", ALL_COSTS, {"allow_short": True}, peers=("vectorbt_trades",)),
    Case("long or flat, fee", FEE),
    Case("long or short, fee", FEE, {"allow_short": True, "fraction": 0.5}),
    Case("long or flat with stop and target, fee and spread", FEE | {"spread_bps": 1.0}, BRACKET, ("vectorbt_trades",)),
    Case("long or short with stop and target, fee", FEE, {"allow_short": True} | BRACKET),
    Case(
        "long or short with stop, fee and slippage",
        FEE | {"slippage_bps": 1.0},
        {"allow_short": True, "stop": 0.02},
        ("vectorbt_trades",),
    ),
    Case("long or short with trailing stop, fee", FEE, {"allow_short": True, "trailing_stop": 0.02}),
    Case(
        "long or flat with stop and target, spread on the ask alone",
        {"spread_bps": 1.0},
        BRACKET,
        ("backtesting_trades",),
        ("EURUSD",),
    ),
)
ASKED: Final = [(peer, case, symbol) for case in CASES for peer in case.peers for symbol in case.symbols]


@pytest.fixture(scope="module", params=["the last 10,000 bars", pytest.param("all bars", marks=pytest.mark.slow)])
def real_bars(request: pytest.FixtureRequest, real_data: Path) -> dict[str, pd.DataFrame]:
    """Return the bars of both instruments."""
    read = {"BTCUSDT": btcusdt(real_data), "EURUSD": eurusd(real_data)}
    if request.param == "all bars":
        return read
    return {symbol: bars.tail(10_000).reset_index(drop=True) for symbol, bars in read.items()}


@pytest.fixture(scope="module")
def peers() -> Iterator[dict[str, Peer]]:
    """Return both peers, started once: each imports for seconds."""
    with Peer("vectorbt_trades") as vectorbt, Peer("backtesting_trades") as backtesting:
        yield {"vectorbt_trades": vectorbt, "backtesting_trades": backtesting}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("peer", "case", "symbol"), ASKED, ids=[f"{peer}, {case.name}, {symbol}" for peer, case, symbol in ASKED]
)
def test_trades_and_equity_are_those_of_the_peer(
    real_bars: dict[str, pd.DataFrame], peers: dict[str, Peer], peer: str, case: Case, symbol: str, strategy: str
) -> None:
    """Times, directions, prices, quantities, and equity at every bar's close: to 1e-9, relative."""
    bars, traded = real_bars[symbol], _traded(symbol, case.costs)
    plain = strategy_named(strategy)
    signal = plain.signal(bars, traded.calendar, plain.space.defaults())
    prepared = PreparedBars.of(bars, traded)
    rules = _rules(case.rules, NARROWER[symbol])
    ours = simulate(prepared, signal, rules)
    peers[peer].give(_given(prepared, signal), **_options(prepared, rules, case))
    peers[peer].run()
    theirs = peers[peer].answer()
    expected = _as_frame(prepared, theirs)
    came = trades_frame(prepared, ours)[list(expected)]
    assert len(came) > 20
    assert not rules.leaves_inside_bars or ours.leaves_inside.sum() > 5
    pd.testing.assert_frame_equal(came, expected, check_exact=False, rtol=1e-9, atol=0.0, check_dtype=False)
    np.testing.assert_allclose(ours.equity[1:], theirs["equity"], rtol=1e-9, atol=0.0)


def _traded(symbol: str, costs: Mapping[str, float]) -> Instrument:
    fx = {"symbol": symbol, "base": "EUR", "quote": "USD", "calendar": "fx", "price_side": "bid", "source": "file"}
    return instrument(costs=dict(costs), **(fx if symbol == "EURUSD" else {}))


def _rules(rules: Mapping[str, Any], narrower: float) -> TradingRules:
    distances = ("stop", "target", "trailing_stop")
    return TradingRules(**{name: rule * narrower if name in distances else rule for name, rule in rules.items()})


def _given(prepared: PreparedBars, signal: np.ndarray) -> Arrays:
    """Return bars, decisions, the prices of fills at each open, and the side on which stops of longs are looked at.

    That side is the bars' own where there is no spread: the only case in which the peers are asked about shorts' stops.
    """
    slippage = prepared.open * prepared.slippage_rate
    prices = {name: getattr(prepared, name) for name in ("open", "high", "low", "close")}
    return {
        **prices,
        **{f"stop_{name}": values - prepared.bid_offset for name, values in prices.items()},
        "buy": prepared.open + prepared.ask_offset + slippage,
        "sell": prepared.open - prepared.bid_offset - slippage,
        "signal": signal,
        "may_enter": prepared.may_enter,
    }


def _options(prepared: PreparedBars, rules: TradingRules, case: Case) -> dict[str, Any]:
    distances = {name: getattr(rules, name) for name in ("stop", "target", "trailing_stop")}
    return {
        **{name: None if np.isnan(distance) else distance for name, distance in distances.items()},
        "allow_short": rules.allow_short,
        "fraction": rules.fraction,
        "fee_rate": prepared.fee_rate,
        "slippage_rate": prepared.slippage_rate,
        "spread_rate": case.costs.get("spread_bps", 0.0) / 10_000,
    }


def _as_frame(prepared: PreparedBars, theirs: Arrays) -> pd.DataFrame:
    """Return a peer's trades as ours are told: what is left inside of a bar is known at its close."""
    is_open = theirs["exit_bar"] < 0
    left = np.where(
        theirs["is_inside"], prepared.close_time_us[theirs["exit_bar"]], prepared.open_time_us[theirs["exit_bar"]]
    )
    exit_time = pd.Series(pd.DatetimeIndex(left.view("M8[us]"), tz="UTC")).where(~is_open)
    return pd.DataFrame(
        {
            "direction": theirs["direction"],
            "entry_time": prepared.open_time[theirs["entry_bar"]],
            "exit_time": exit_time.array,
            "entry_price": theirs["entry_price"],
            "exit_price": theirs["exit_price"],
            "qty": theirs["qty"],
            "open": is_open,
        }
    )
