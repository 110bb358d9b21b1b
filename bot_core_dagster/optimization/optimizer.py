"""The optimisation: bars, a strategy and settings in; trials, a winner and the evidence for it out.

Belongs here: putting search, grid, walk-forward and evidence together, and refusing what cannot be afforded. Not here:
each of these, the record of the trials (`optimization.trials`), what is deployed (`optimization.gate`).
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.backtest.financing import known_financing
from bot_core_dagster.backtest.grid import run_grid
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.statistics import OBJECTIVES, GridStatistics, objective
from bot_core_dagster.errors import ParameterError
from bot_core_dagster.lake.lake import Lake
from bot_core_dagster.market.bar import SIMULATED
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.optimization.evidence import evidence_of
from bot_core_dagster.optimization.identity import (
    Origin,
    Question,
    as_json,
    code_version,
    content_of,
    market_of,
    trial_ids,
)
from bot_core_dagster.optimization.objective import best_of, require_objective
from bot_core_dagster.optimization.result import Optimization
from bot_core_dagster.optimization.search import Progress, search
from bot_core_dagster.optimization.trials import TRIALS, count_trials
from bot_core_dagster.optimization.walk_forward import (
    DESIGNS,
    Traded,
    bars_of_days,
    folds_of,
    held_returns,
    walk_forward,
)
from bot_core_dagster.settings import Instrument, OptimizationSettings
from bot_core_dagster.strategies.strategy import Strategy

MAX_MATRIX_BYTES: Final = 2**28
"""Of the daily returns of all trials, which the probability of overfitting needs at once."""

_SEARCHED, _TRADED, _WALKED = 20.0, 70.0, 85.0
"""Percent that are done after the search, the grid and the folds."""


def optimize_strategy(
    bars: pd.DataFrame,
    strategy: Strategy,
    instrument: Instrument,
    *,
    rules: TradingRules,
    settings: OptimizationSettings,
    lake: Lake | None = None,
    progress: Progress | None = None,
) -> Optimization:
    """Search the parameters of a strategy on the bars of an instrument, and gather the evidence for the winner.

    A method that learns is told of the days before the first test alone: its sets have not seen the days that they are
    tested on. Sets with fewer closed trades than `min_trades` win only where none has enough.

    Parameters
    ----------
    bars : bar frame
        Closed bars of the instrument, ascending: the window of the search, all of it.
    strategy : Strategy
    instrument : Instrument
        Its costs, lots and trading calendar.
    rules : TradingRules
    settings : OptimizationSettings
        method, parameter_variations, objective, min_trades, confidence, seed.
    lake : Lake, optional
        Whose earlier trials of the question count for the deflated Sharpe ratio; nothing is written to it.
    progress : callable, optional
        Told the share that is done, in percent.

    Returns
    -------
    Optimization

    Raises
    ------
    UnknownNameError
        If there is no such method or objective; the message lists those there are.
    ParameterError
        If the trials would not fit (says what they cost), or the objective is undefined for all of them.
    ShapeError, QualityError
        As `PreparedBars.of`; also if there are too few days for the folds.
    """
    told = progress or _tell_nobody
    require_objective(settings.objective)
    prepared = PreparedBars.of(bars, instrument)
    first_fold = folds_of(prepared.own_days.n_days, is_anchored=True)[0]
    _require_affordable(prepared, strategy, settings)
    before_test = PreparedBars.of(bars_of_days(bars, prepared.own_days, first_fold.train), instrument)

    def evaluate(parameter_sets: Sequence[Mapping[str, float]]) -> FloatArray1D:
        statistics = run_grid(before_test, strategy, parameter_sets, rules)
        return objective(settings.objective, statistics, before_test)

    parameter_sets = search(strategy.space, settings, evaluate, lambda share: told(_SEARCHED * share / 100.0))
    told(_SEARCHED)

    def tell_traded(n_done: int, n_sets: int) -> None:
        told(_SEARCHED + (_TRADED - _SEARCHED) * n_done / n_sets)

    statistics = run_grid(prepared, strategy, parameter_sets, rules, progress=tell_traded)
    traded = Traded(bars, prepared, instrument, strategy, rules, settings.objective, parameter_sets, statistics)
    found = _with_evidence(traded, settings, lake, told)
    told(100.0)
    return found


def _with_evidence(traded: Traded, settings: OptimizationSettings, lake: Lake | None, told: Progress) -> Optimization:
    prepared, days = traded.prepared, traded.prepared.own_days
    values = objective(settings.objective, traded.statistics, prepared)
    best = _winner(traded, values, settings.min_trades)
    question = _question(traded)
    market = market_of(traded.instrument)
    origin = Origin(traded.rules, content_of(traded.bars), code_version(traded.strategy), market)
    is_simulated = bool((traded.bars["source"] == SIMULATED).any())
    trials = _trials_frame(traded, question, origin, values).assign(simulated=is_simulated)
    walks = {design: walk_forward(traded, design) for design in DESIGNS}
    told(_WALKED)
    n_trials = count_trials(lake, question, trials["trial_id"])
    return Optimization(
        question=question,
        origin=origin,
        settings=settings,
        trials=trials[list(TRIALS.columns)],
        parameter_sets=traded.parameter_sets,
        daily_returns=traded.statistics.daily_returns(),
        day_end=days.day_end[1:],
        buy_and_hold_returns=held_returns(prepared, slice(0, days.n_days)),
        best=best,
        walk_forward=walks,
        evidence=evidence_of(traded, values, best, walks, settings, n_trials),
        sampling=days.name,
        periods_per_year=days.periods_per_year,
        is_simulated=is_simulated,
        is_financing_known=_is_financing_known(traded),
    )


def _winner(traded: Traded, values: FloatArray1D, min_trades: int) -> int:
    best = best_of(np.where(traded.statistics.n_trades >= min_trades, values, np.nan))
    best = best if best >= 0 else best_of(values)
    if best < 0:
        raise ParameterError(
            f"{traded.strategy.name} on {traded.prepared.symbol}: {traded.objective} is undefined for all "
            f"{len(values)} parameter sets, {int(traded.statistics.n_trades.sum())} trades in all; "
            "next: a longer range, or a strategy that trades on these bars"
        )
    return best


def _is_financing_known(traded: Traded) -> bool:
    known = known_financing(traded.instrument)
    return known.long and (known.short or not traded.rules.allow_short)


def _question(traded: Traded) -> Question:
    prepared = traded.prepared
    return Question(
        strategy=traded.strategy.name,
        symbol=prepared.symbol,
        timeframe=prepared.timeframe,
        objective=traded.objective,
        start=prepared.open_time[0].to_pydatetime(),
        end=prepared.close_time[-1].to_pydatetime(),
    )


def _require_affordable(prepared: PreparedBars, strategy: Strategy, settings: OptimizationSettings) -> None:
    n_sets = min(settings.parameter_variations, strategy.space.n_combinations())
    needed = n_sets * prepared.own_days.n_days * 8
    if needed > MAX_MATRIX_BYTES:
        most = MAX_MATRIX_BYTES // (prepared.own_days.n_days * 8)
        raise ParameterError(
            f"{n_sets:,} parameter sets on {prepared.own_days.n_days:,} days: their daily returns would take "
            f"{needed / 2**20:,.0f} MiB, expected at most {MAX_MATRIX_BYTES / 2**20:g} MiB, which is {most:,} sets; "
            "next: fewer parameter_variations, or method random or tpe with as many"
        )


def _trials_frame(traded: Traded, question: Question, origin: Origin, values: FloatArray1D) -> pd.DataFrame:
    statistics, prepared = traded.statistics, traded.prepared
    figures = {name: of_grid(statistics, prepared) for name, of_grid in OBJECTIVES.items()}
    return pd.DataFrame(
        {
            "symbol": question.symbol,
            "strategy": question.strategy,
            "window_end": _times(question.end, len(values)),
            "trial_id": trial_ids(question, origin, traded.parameter_sets),
            "timeframe": question.timeframe,
            "objective": question.objective,
            "objective_value": values,
            "window_start": _times(question.start, len(values)),
            "parameters": [as_json(parameters) for parameters in traded.parameter_sets],
            "rules": origin.rules_json(),
            "content_hash": origin.content_hash,
            "code_version": origin.code_version,
            "market": origin.market,
            **figures,
            **_counts(statistics),
        }
    )


def _counts(statistics: GridStatistics) -> dict[str, np.ndarray]:
    names = ("max_drawdown", "n_trades", "bars_held", "traded_notional")
    return {name: getattr(statistics, name) for name in names}


def _times(moment: object, n_rows: int) -> pd.DatetimeIndex:
    return pd.DatetimeIndex([pd.Timestamp(str(moment))]).as_unit("us").repeat(n_rows)


def _tell_nobody(_: float) -> None:
    return None
