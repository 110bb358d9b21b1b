"""Backtests against the peers: the same bars, statistics and sampling, taking turns in one run, on one thread each.

Belongs here: what is raced, that the results are equal before a time counts, and the general kernel's time. Not here:
how a peer is asked (`benchmarks.peers`), our grids alone and their memory (`benchmarks.bench_grid`).

Both sides begin with their own prepared arrays, told apart, and end with every statistic: indicators, signals, trades,
equity at day ends, drawdown over bars, ratios. Nothing is kept from one repeat to the next but compiled code. Of a grid
that would take a peer minutes it gets every n-th set, and its time is multiplied by n, which is exact for one that
simulates set by set; of bars that would, the first, multiplied likewise.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np

from benchmarks.bench_grid import YEAR_OF_HOURS, YEAR_OF_MINUTES, Sets, dense_grid, random_triples, rsi_grid
from benchmarks.peers.serve import Arrays
from benchmarks.peers.talk import PEERS_PYTHON, Peer
from bot_core_dagster.backtest.grid import run_grid
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.statistics import OBJECTIVES, objective
from bot_core_dagster.backtest.thresholds import ThresholdPlan, Thresholds
from bot_core_dagster.metrics import years_between
from bot_core_dagster.strategies.registry import strategy_named
from bot_core_dagster.strategies.threshold import ThresholdStrategy
from tests.builders import bars, instrument

EQUAL_TO: Final = 1e-9
"""Relative: as far as results may differ before a time counts."""

TURN_S: Final = 0.3
"""How long each side has the machine before it is the other's turn; a run that takes longer is one turn."""

ALL_COSTS: Final = {"fee_bps": 4.0, "spread_bps": 1.0, "slippage_bps": 1.0}
FEE: Final = {"fee_bps": 4.0}
"""All that backtesting.py and backtrader charge as we do."""


@dataclass(frozen=True)
class Rival:
    """A peer's script, how many times faster we must be at least, and which part of the work it gets."""

    script: str
    at_least: float | None = None
    every_nth_set: int = 1
    n_bars: int | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return self.script.partition("_")[0]


@dataclass(frozen=True)
class Race:
    """A piece of work and who is asked to do it."""

    name: str
    strategy: str
    sets: Callable[[], Sequence[Mapping[str, float]]]
    n_bars: int
    timeframe: str
    rivals: tuple[Rival, ...]
    costs: Mapping[str, float]
    n_repeats: int = 3


def _catalog_grid(strategy: str) -> Callable[[], Sets]:
    return lambda: strategy_named(strategy).space.grid(1_000)


def _defaults() -> Sets:
    return [strategy_named("rsi").space.defaults()]


RACES: Final = (
    Race(
        *("one RSI run x 525,600 minutes", "rsi", _defaults, YEAR_OF_MINUTES, "1m"),
        (Rival("vectorbt_grid", 20.0), Rival("raptorbt_grid", 7.0)),
        ALL_COSTS,
        n_repeats=7,
    ),
    Race(
        *("one RSI run x 525,600 minutes, fee alone", "rsi", _defaults, YEAR_OF_MINUTES, "1m"),
        (Rival("backtesting_run", n_bars=50_000), Rival("backtrader_run", n_bars=10_000)),
        FEE,
    ),
    Race(
        *("1,000 RSI sets x 8,760 hours", "rsi", lambda: rsi_grid(10, 10), YEAR_OF_HOURS, "1h"),
        (Rival("vectorbt_grid", 300.0), Rival("raptorbt_grid", 40.0)),
        ALL_COSTS,
    ),
    Race(
        *("1,000 RSI sets x 525,600 minutes", "rsi", lambda: rsi_grid(10, 10), YEAR_OF_MINUTES, "1m"),
        (Rival("vectorbt_grid", every_nth_set=67), Rival("raptorbt_grid", every_nth_set=67)),
        ALL_COSTS,
        n_repeats=2,
    ),
    Race(
        *("1,000 random RSI sets x 8,760 hours", "rsi", lambda: random_triples(1_000), YEAR_OF_HOURS, "1h"),
        (Rival("vectorbt_grid", 30.0),),
        ALL_COSTS,
    ),
    Race(
        *("1,000 trade-dense RSI sets x 8,760 hours", "rsi", dense_grid, YEAR_OF_HOURS, "1h"),
        (Rival("vectorbt_grid", 30.0),),
        ALL_COSTS,
    ),
    Race(
        *("Bollinger grid x 8,760 hours", "bollinger", _catalog_grid("bollinger"), YEAR_OF_HOURS, "1h"),
        (Rival("vectorbt_grid", 100.0),),
        ALL_COSTS,
    ),
    Race(
        *("MACD grid x 8,760 hours", "macd", _catalog_grid("macd"), YEAR_OF_HOURS, "1h"),
        (Rival("vectorbt_grid", 100.0),),
        ALL_COSTS,
    ),
)

STOPS: Final = TradingRules(allow_short=True, stop=0.02, target=0.03)
LIMIT_NS: Final = 3.0


def bench_against_peers() -> list[dict[str, Any]]:
    """Return how many times faster each piece of work is done here than by each peer, median over turns taken.

    Raises
    ------
    AssertionError
        If a peer's results are not ours to 1e-9.
    """
    if not PEERS_PYTHON.exists():
        print(f"no race against the peers: {PEERS_PYTHON} is absent; make peers")
        return []
    return [result for race in RACES for result in _run_race(race)]


def bench_general_kernel() -> list[dict[str, Any]]:
    """Return nanoseconds per bar and combination of long and short with stop and target, indicators included."""
    sizes = ((1_000, YEAR_OF_HOURS, "1h"), (100, YEAR_OF_MINUTES, "1m"))
    return [_stops(n_sets, n_bars, timeframe) for n_sets, n_bars, timeframe in sizes]


def _stops(n_sets: int, n_bars: int, timeframe: str) -> dict[str, Any]:
    prepared, seconds = _prepared(n_bars, timeframe, ALL_COSTS)
    sets = rsi_grid(10, 10)[:: 1_000 // n_sets]
    grid = run_grid(prepared, strategy_named("rsi"), sets, STOPS)
    times = [_seconds(lambda: _all_statistics(prepared, "rsi", sets, STOPS)) for _ in range(5)]
    per_bar = 1e9 / (n_bars * n_sets)
    return {
        "name": f"long/short, stop, target: {n_sets:,} RSI sets x {n_bars:,} bars",
        "value": median(times) * per_bar,
        "unit": "ns",
        "limit": LIMIT_NS,
        "detail": f"per bar and set, every statistic included; {min(times) * per_bar:.2f} to "
        f"{max(times) * per_bar:.2f} in {len(times)} repeats; {grid.n_trades.mean():,.0f} trades a set; "
        f"preparation {1e3 * seconds:.0f} ms",
    }


def _run_race(race: Race) -> list[dict[str, Any]]:
    strategy, sets = strategy_named(race.strategy), list(race.sets())
    assert isinstance(strategy, ThresholdStrategy)
    prepared, prepared_s = _prepared(race.n_bars, race.timeframe, race.costs)
    with ExitStack() as stack:
        peers = [stack.enter_context(Peer(rival.script)) for rival in race.rivals]
        gave_s = [_give(peer, rival, race, sets) for peer, rival in zip(peers, race.rivals, strict=True)]
        largest = [_largest_difference(peer, rival, race, sets) for peer, rival in zip(peers, race.rivals, strict=True)]
        _all_statistics(prepared, race.strategy, sets, TradingRules())
        ours: list[float] = []
        theirs: list[list[float]] = [[] for _ in peers]
        for _ in range(race.n_repeats):
            ours.append(_turn(lambda: _seconds(lambda: _all_statistics(prepared, race.strategy, sets, TradingRules()))))
            for times, peer, rival in zip(theirs, peers, race.rivals, strict=True):
                times.append(_turn(peer.run) * _share(rival, race, sets))
    spent_s = min(_seconds(lambda: Thresholds.of(prepared, strategy, sets)) for _ in range(3))
    spent = (
        f"of ours, {1e3 * spent_s:.2f} ms check the sets and compute indicators; preparation {1e3 * prepared_s:.0f} ms"
    )
    return [
        _result(race, rival, ours, times, f"{spent}, theirs {1e3 * gave:.0f} ms; largest difference {apart:.0e}")
        for rival, times, gave, apart in zip(race.rivals, theirs, gave_s, largest, strict=True)
    ]


def _result(race: Race, rival: Rival, ours: Sequence[float], theirs: Sequence[float], more: str) -> dict[str, Any]:
    ratios = [their / our for their, our in zip(theirs, ours, strict=True)]
    part = f", every {rival.every_nth_set}th set" if rival.every_nth_set > 1 else ""
    part += f", the first {rival.n_bars:,} bars" if rival.n_bars else ""
    return {
        "name": f"{race.name}: {rival.name}",
        "value": median(ratios),
        "unit": "x",
        "limit": None,
        "at_least": rival.at_least,
        "detail": f"ours {1e3 * median(ours):.2f} ms, theirs {1e3 * median(theirs):,.1f} ms{part and ' scaled from'}"
        f"{part.removeprefix(',')}; {min(ratios):.1f} to {max(ratios):.1f} x in {len(ratios)} turns; {more}",
    }


def _share(rival: Rival, race: Race, sets: Sequence[Any]) -> float:
    """Return how many times the work that the rival got is the whole."""
    return len(sets) / len(sets[:: rival.every_nth_set]) * race.n_bars / (rival.n_bars or race.n_bars)


def _give(peer: Peer, rival: Rival, race: Race, sets: Sequence[Mapping[str, float]]) -> float:
    """Give a rival its part of the work; return the seconds that it took to prepare."""
    prepared, _ = _prepared(rival.n_bars or race.n_bars, race.timeframe, race.costs)
    strategy = strategy_named(race.strategy)
    assert isinstance(strategy, ThresholdStrategy)
    plan = ThresholdPlan.of(strategy, sets[:: rival.every_nth_set])
    names = strategy.indicator_parameters
    given = {name: getattr(prepared, name) for name in ("open", "high", "low", "close", "volume")}
    given |= {name: getattr(plan, name) for name in ("row", "enter", "exit")}
    given |= {"open_time_ns": prepared.open_time_us * 1_000, "last_bar": prepared.own_days.last_bar}
    given["indicator_sets"] = np.array([[values[name] for name in names] for values in plan.indicator_sets])
    return peer.give(
        given,
        strategy=race.strategy,
        fee_rate=prepared.fee_rate,
        slippage_rate=prepared.slippage_rate + race.costs.get("spread_bps", 0.0) / 2 / 10_000,
        periods_per_year=prepared.own_days.periods_per_year,
        years=years_between(prepared.open_time[0], prepared.close_time[-1]),
        freq=race.timeframe.replace("m", "min"),
    )


def _largest_difference(peer: Peer, rival: Rival, race: Race, sets: Sequence[Mapping[str, float]]) -> float:
    """Let the rival work once, which also compiles; return the largest relative difference of any of its statistics."""
    peer.run()
    theirs = peer.answer()
    prepared, _ = _prepared(rival.n_bars or race.n_bars, race.timeframe, race.costs)
    ours = _all_statistics(prepared, race.strategy, sets[:: rival.every_nth_set], TradingRules())
    for name in sorted(set(ours) & set(theirs)):
        np.testing.assert_allclose(theirs[name], ours[name], rtol=EQUAL_TO, atol=1e-12, err_msg=f"{rival.name}: {name}")
    equity = ours["daily_equity"]
    return float(np.max(np.abs(theirs["daily_equity"] / equity - 1.0)))


def _all_statistics(prepared: PreparedBars, strategy: str, sets: Sequence[Any], rules: TradingRules) -> Arrays:
    """Return every statistic and every objective by name, each of shape (n_sets,), the daily equity 2-D."""
    grid = run_grid(prepared, strategy_named(strategy), sets, rules)
    return vars(grid) | {name: objective(name, grid, prepared) for name in OBJECTIVES}


def _prepared(n_bars: int, timeframe: str, costs: Mapping[str, float]) -> tuple[PreparedBars, float]:
    history, traded = bars(n_bars, timeframe=timeframe), instrument(timeframe=timeframe, costs=dict(costs))
    started = time.perf_counter()
    prepared = PreparedBars.of(history, traded)
    return prepared, time.perf_counter() - started


def _turn(run: Callable[[], float]) -> float:
    """Return the median seconds of as many runs as fit into a turn: the first ones find the other side's caches."""
    times = [run()]
    while sum(times) < TURN_S:
        times.append(run())
    return median(times)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
