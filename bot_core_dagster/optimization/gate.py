"""The gate: whether a search's winner is put in force.

Belongs here: the conditions of CONVENTIONS 20 and their words. Not here: the evidence (`optimization.evidence`), the
record of decisions (`optimization.parameters`).

What is in force is left alone unless every condition is met. The candidate's joined out-of-sample curve, which was
chosen on none of its own days, has to have a higher Sharpe ratio than the set in force on the days that are new to that
set, too, by a paired bootstrap; than cash where none is in force, and no lower a Sharpe ratio than the set that the
settings name, which the winner would replace. It has to earn at twice the costs, and more than buy
and hold of equal exposure: a rising market alone opens no gate.

How often it opens, of 100 simulated worlds of hours of BTCUSDT, 192 RSI sets, default settings. The edge is worth an
annual Sharpe ratio of 3.0 net of costs to whoever holds the best set from the start; the sets that the folds choose,
which know no more than the days before, have 2.4 to 2.5.

=============== ====== ======= =======
history         1 year 2 years 3 years
planted edge    59     80      94
noise           0      0       1
=============== ====== ======= =======

A year is too short to tell: its Sharpe ratio has a standard error of 1. `test_gate` measures the third column.
"""

import math
from collections.abc import Mapping
from typing import Final, TypeAlias

import numpy as np
import pandas as pd

from bot_core_dagster import metrics
from bot_core_dagster.backtest.general_kernel import simulate
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.metrics.arrays import BoolArray1D, FloatArray1D
from bot_core_dagster.metrics.interval import MIN_PERIODS
from bot_core_dagster.optimization.decision import Decision, DeployedParameters
from bot_core_dagster.optimization.record import Candidate
from bot_core_dagster.optimization.result import Optimization
from bot_core_dagster.optimization.walk_forward import returns_of
from bot_core_dagster.settings import Instrument
from bot_core_dagster.strategies.strategy import Strategy
from bot_core_dagster.validation import p_value_of_better
from bot_core_dagster.validation.reason import Reason

Judged: TypeAlias = Optimization | Candidate
"""A search, or what the lake keeps of one."""

MIN_DAYS: Final = MIN_PERIODS
"""Of days that neither set was chosen on: with fewer there is no bootstrap, and nothing is decided."""
_UNKNOWN: Final = "what holding costs is unknown, the settings do not say it; no figure has it"


def decide(
    candidate: Judged,
    deployed: DeployedParameters | None,
    bars: pd.DataFrame,
    strategy: Strategy,
    instrument: Instrument,
    settings_parameters: Mapping[str, float] | None = None,
) -> Decision:
    """Decide whether the winner of a search replaces what is in force.

    Parameters
    ----------
    candidate : Optimization or Candidate
        Whose settings say `confidence`, `max_pbo` and `min_trades`.
    deployed : DeployedParameters or None
        What is in force; None where nothing is.
    bars : bar frame
        Those of the search.
    strategy, instrument : Strategy, Instrument
        Those of the search.
    settings_parameters : mapping, optional
        What the settings name: in force where nothing is deployed. None or empty asks nothing.

    Returns
    -------
    Decision
        With every reason, met or not; keeping what is in force is the normal outcome.
    """
    reasons = (
        *_comparison(candidate, deployed, bars, strategy, instrument),
        *(() if deployed else _against_settings(candidate, settings_parameters, bars, strategy, instrument)),
        _overfitting(candidate),
        _double_costs(candidate),
        _over_holding(candidate),
        _trades(candidate),
        *_told(candidate),
    )
    return Decision(
        strategy=candidate.question.strategy,
        symbol=candidate.question.symbol,
        timeframe=candidate.question.timeframe,
        deploy=all(reason.is_met for reason in reasons if reason.is_asked),
        reasons=reasons,
        candidate=dict(candidate.best_parameters),
        objective=candidate.question.objective,
        window_start=candidate.question.start,
        window_end=candidate.question.end,
        content_hash=candidate.origin.content_hash,
        code_version=candidate.origin.code_version,
        n_trials=candidate.evidence.n_trials,
        deflated_sharpe_ratio=candidate.evidence.deflated_sharpe_ratio,
        is_simulated=candidate.is_simulated,
    )


def _comparison(
    candidate: Judged,
    deployed: DeployedParameters | None,
    bars: pd.DataFrame,
    strategy: Strategy,
    instrument: Instrument,
) -> tuple[Reason, ...]:
    if deployed is None:
        return (_against_cash(candidate),)
    return (_is_new(candidate, deployed), _against_deployed(candidate, deployed, bars, strategy, instrument))


def _against_cash(candidate: Judged) -> Reason:
    returns, limit = candidate.headline.returns, 1.0 - candidate.settings.confidence
    p_value = p_value_of_better(returns, np.zeros(len(returns)), seed=candidate.settings.seed)
    return _better("better than cash", p_value, limit, "cash", len(returns))


def _against_settings(
    candidate: Judged,
    parameters: Mapping[str, float] | None,
    bars: pd.DataFrame,
    strategy: Strategy,
    instrument: Instrument,
) -> tuple[Reason, ...]:
    """Return whether the Sharpe ratio is that of the settings' set at least; a set without one asks nothing."""
    if not parameters:
        return ()
    theirs = metrics.sharpe_ratio(
        _returns_of_set(candidate, parameters, bars, strategy, instrument), periods_per_year=candidate.periods_per_year
    )
    own, is_undefined = candidate.sharpe_ratio, math.isnan(theirs)
    words = f"the Sharpe ratio out of sample is {own:.2f}, that of the settings' parameters {theirs:.2f}"
    return (Reason("not worse than the settings", own, theirs, is_undefined or own >= theirs, words),)


def _against_deployed(
    candidate: Judged,
    deployed: DeployedParameters,
    bars: pd.DataFrame,
    strategy: Strategy,
    instrument: Instrument,
) -> Reason:
    walk, limit = candidate.headline, 1.0 - candidate.settings.confidence
    is_new = _days_after(walk.day_end, pd.Timestamp(deployed.window_end))
    n_days, rival = int(is_new.sum()), f"version {deployed.version}"
    if n_days < MIN_DAYS:
        words = f"{n_days} days since {rival} was chosen, {MIN_DAYS} needed to compare with it"
        return Reason("better than deployed", math.nan, limit, False, words)
    theirs = _returns_of_set(candidate, deployed.parameters, bars, strategy, instrument)
    p_value = p_value_of_better(walk.returns[is_new], theirs[is_new], seed=candidate.settings.seed)
    return _better("better than deployed", p_value, limit, rival, n_days)


def _days_after(day_end: pd.DatetimeIndex, moment: pd.Timestamp) -> BoolArray1D:
    """Return which days began at or after a moment, shape (n_days,); a day begins where the one before it ends."""
    is_after = np.zeros(len(day_end), dtype=np.bool_)
    is_after[1:] = day_end[:-1] >= moment
    return is_after


def _returns_of_set(
    candidate: Judged,
    parameters: Mapping[str, float],
    bars: pd.DataFrame,
    strategy: Strategy,
    instrument: Instrument,
) -> FloatArray1D:
    """Return the daily returns of a set over the candidate's out-of-sample days, from flat, warmed up."""
    prepared = PreparedBars.of(bars, instrument)
    samples, n_days = prepared.own_days, len(candidate.headline.returns)
    days = slice(samples.n_days - n_days, samples.n_days)
    signal = strategy.signal(bars, instrument.calendar, parameters)
    signal[: samples.last_bar[days.start]] = np.nan
    return returns_of(simulate(prepared, signal, candidate.rules), samples, days)


def _better(name: str, p_value: float, limit: float, rival: str, n_days: int) -> Reason:
    words = f"the Sharpe ratio over {n_days} days out of sample is above {rival} with p = {p_value:.3f}"
    return Reason(name, p_value, limit, p_value < limit, f"{words}, needed under {limit:.2f}")


def _is_new(candidate: Judged, deployed: DeployedParameters) -> Reason:
    n_changed = sum(candidate.best_parameters.get(name) != value for name, value in deployed.parameters.items())
    words = f"{n_changed} parameters differ from version {deployed.version}"
    return Reason("changed parameters", n_changed, 1, n_changed >= 1, words)


def _overfitting(candidate: Judged) -> Reason:
    pbo, limit = candidate.evidence.pbo, candidate.settings.max_pbo
    if math.isnan(pbo):
        words = "the probability of overfitting is undefined: too few days or trials"
    else:
        words = f"the probability of overfitting is {pbo:.2f}, allowed up to {limit:.2f}"
    return Reason("overfitting", pbo, limit, pbo <= limit, words)


def _double_costs(candidate: Judged) -> Reason:
    net = float(np.prod(1.0 + candidate.headline.double_cost_returns) - 1.0)
    words = f"out of sample it returns {net:+.1%} at twice the costs, needed above 0"
    return Reason("return at twice the costs", net, 0.0, net > 0.0, words)


def _over_holding(candidate: Judged) -> Reason:
    walk = candidate.headline
    active = candidate.periods_per_year * float((walk.returns - walk.equal_exposure_returns).mean())
    words = f"out of sample it earns {active:+.1%} a year over buy and hold at {walk.exposure:.0%} exposure"
    return Reason("over buy and hold", active, 0.0, active > 0.0, f"{words}, needed above 0")


def _trades(candidate: Judged) -> Reason:
    n_trades, limit = candidate.headline.n_trades, candidate.settings.min_trades
    words = f"{n_trades} trades out of sample, {limit} needed"
    return Reason("trades", n_trades, limit, n_trades >= limit, words)


def _told(candidate: Judged) -> tuple[Reason, ...]:
    """Return what is reported with a decision, and does not make it."""
    evidence = candidate.evidence
    deflated = f"the deflated Sharpe ratio of the in-sample winner is {evidence.deflated_sharpe_ratio:.2f}"
    interval = evidence.sharpe
    against_cash = f"the Sharpe ratio out of sample is {candidate.sharpe_ratio:.2f}"
    return (
        Reason(
            "deflated Sharpe ratio",
            evidence.deflated_sharpe_ratio,
            math.nan,
            True,
            f"{deflated} for {evidence.n_trials:,} trials",
        ),
        Reason(
            "Sharpe ratio",
            candidate.sharpe_ratio,
            math.nan,
            True,
            f"{against_cash} ({interval.low:.2f} to {interval.high:.2f} at {interval.confidence:.0%})",
        ),
        *(() if candidate.is_financing_known else (Reason("financing", math.nan, math.nan, True, _UNKNOWN),)),
    )
