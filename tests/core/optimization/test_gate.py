"""The gate: what it asks, and that it opens for an edge and stays shut for noise."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot_core_dagster import metrics
from bot_core_dagster.backtest.general_kernel import simulate
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake import Lake
from bot_core_dagster.market.simulated import SimulatedSource
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.optimization import (
    OPTIMIZATIONS,
    OUT_OF_SAMPLE,
    Decision,
    DeployedParameters,
    Optimization,
    Reason,
    decide,
    deployed_parameters,
    deployed_set,
    optimization_rows,
    optimize_strategy,
    out_of_sample_rows,
    record_decision,
    stored_candidate,
)
from bot_core_dagster.settings import OptimizationSettings
from bot_core_dagster.strategies.registry import strategy_named
from tests.builders import instrument
from tests.core.optimization.searched import START, Searched, searched

DEFAULTS = {"window": 14, "oversold": 30.0, "overbought": 70.0}
LOSING = {"window": 2, "oversold": 50.0, "overbought": 55.0}


def _deployed(parameters: dict[str, float], window_end: datetime = START) -> DeployedParameters:
    times = (START - timedelta(days=400), window_end)
    return DeployedParameters("rsi", "BTCUSDT", "1h", 3, parameters, window_end, *times, "a" * 64, "b" * 16, 40)


def _decided(one: Searched, deployed: DeployedParameters | None = None, **changed: Any) -> Decision:
    candidate = replace(one.found, **changed)
    return decide(candidate, deployed, one.bars, one.strategy, one.instrument)


def _reason(decision: Decision, name: str) -> Reason:
    (found,) = (reason for reason in decision.reasons if reason.name == name)
    return found


def _from_flat(one: Searched, parameters: dict[str, float]) -> FloatArray1D:
    """Return the daily returns of a set over the days out of sample, which it enters without a position."""
    prepared, n_days = PreparedBars.of(one.bars, one.instrument), len(one.found.headline.returns)
    last_bar = prepared.own_days.last_bar[-n_days - 1 :]
    signal = one.strategy.signal(one.bars, "crypto", parameters)
    signal[: last_bar[0]] = np.nan
    equity = simulate(prepared, signal, TradingRules()).equity[last_bar + 1]
    return equity[1:] / equity[:-1] - 1.0


def test_a_large_edge_is_deployed_where_nothing_is_in_force() -> None:
    decision = _decided(searched(edge=1.0))
    assert decision.deploy, decision.summary
    assert decision.candidate == searched(edge=1.0).found.best_parameters
    assert decision.summary == "deploy: every condition is met"


def test_noise_is_not_deployed_and_the_decision_says_what_was_missing() -> None:
    decision = _decided(searched(edge=0.0))
    assert not decision.deploy
    assert decision.summary.startswith("keep: the Sharpe ratio over 146 days out of sample is above cash with p = 0.")


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"pbo": 0.21}, "overfitting"),
        ({"pbo": float("nan")}, "overfitting"),
        ({"double_cost_returns": -0.001}, "return at twice the costs"),
        ({"n_trades": 29}, "trades"),
        ({"buy_and_hold_returns": 0.5}, "over buy and hold"),
        ({"returns": -0.001}, "better than cash"),
    ],
    ids=["overfitted", "overfitting unknown", "loses at twice the costs", "few trades", "below holding", "below cash"],
)
def test_each_condition_alone_keeps_the_gate_shut(changed: dict[str, Any], name: str) -> None:
    one = searched(edge=1.0)
    (field, value), rng = next(iter(changed.items())), np.random.default_rng(0)
    if field == "pbo":
        decision = _decided(one, evidence=replace(one.found.evidence, pbo=value))
    else:
        n_days = len(one.found.headline.returns)
        filled = value if field == "n_trades" else value + rng.normal(0.0, 1e-4, n_days)
        walk = replace(one.found.headline, **{field: filled})
        decision = _decided(one, walk_forward=dict(one.found.walk_forward) | {"anchored": walk})
    assert not decision.deploy
    assert not _reason(decision, name).is_met


def test_the_deflated_ratio_is_told_and_not_asked_for() -> None:
    decision = _decided(searched(edge=1.0))
    told = _reason(decision, "deflated Sharpe ratio")
    assert not told.is_asked
    assert told.value == decision.deflated_sharpe_ratio
    assert "for 40 trials" in told.words


@pytest.mark.parametrize("named", [None, {}], ids=["none given", "none named"])
def test_nothing_is_asked_of_the_settings_where_they_name_no_parameters(named: dict[str, float] | None) -> None:
    one = searched(edge=1.0)
    names = {reason.name for reason in decide(one.found, None, one.bars, one.strategy, one.instrument, named).reasons}
    assert "not worse than the settings" not in names


def test_a_winner_replaces_parameters_of_the_settings_that_are_worse() -> None:
    one = searched(edge=1.0)
    decision = decide(one.found, None, one.bars, one.strategy, one.instrument, LOSING)
    reason = _reason(decision, "not worse than the settings")
    assert decision.deploy, decision.summary
    assert (reason.is_asked, reason.value) == (True, one.found.sharpe_ratio)
    assert reason.limit < reason.value


def test_a_winner_does_not_replace_parameters_of_the_settings_that_are_better() -> None:
    """Here the settings name the best of 40 sets in hindsight, which no choice of the folds comes up to."""
    one = searched(edge=1.0)
    decision = decide(one.found, None, one.bars, one.strategy, one.instrument, one.found.best_parameters)
    missing = [reason.name for reason in decision.reasons if reason.is_asked and not reason.is_met]
    assert missing == ["not worse than the settings"]
    assert not decision.deploy


def test_the_sharpe_ratio_of_the_settings_is_that_of_the_days_out_of_sample_from_flat() -> None:
    one = searched(edge=1.0)
    decision = decide(one.found, None, one.bars, one.strategy, one.instrument, DEFAULTS)
    expected = metrics.sharpe_ratio(_from_flat(one, DEFAULTS), periods_per_year=365)
    assert _reason(decision, "not worse than the settings").limit == pytest.approx(expected, rel=1e-12)


def test_parameters_of_the_settings_that_never_trade_ask_nothing() -> None:
    one, idle = searched(edge=1.0), {"window": 50, "oversold": 5.0, "overbought": 95.0}
    assert not _from_flat(one, idle).any()
    decision = decide(one.found, None, one.bars, one.strategy, one.instrument, idle)
    assert decision.deploy
    assert not _reason(decision, "not worse than the settings").is_asked


def test_the_settings_do_not_matter_once_something_is_deployed() -> None:
    one, deployed = searched(edge=1.0), _deployed(LOSING)
    with_settings = decide(one.found, deployed, one.bars, one.strategy, one.instrument, one.found.best_parameters)
    assert with_settings == _decided(one, deployed)


def test_unknown_holding_costs_are_told_and_decide_nothing() -> None:
    one = searched(edge=1.0)
    known, unknown = _decided(one), _decided(one, is_financing_known=False)
    assert one.found.is_financing_known
    assert "financing" not in {reason.name for reason in known.reasons}
    assert not _reason(unknown, "financing").is_asked
    assert unknown.deploy == known.deploy


def test_a_set_that_loses_gives_way_to_a_better_one() -> None:
    decision = _decided(searched(edge=1.0), _deployed(LOSING))
    assert decision.deploy, decision.summary
    assert _reason(decision, "better than deployed").words.startswith("the Sharpe ratio over 145 days out of sample")


def test_a_set_that_is_as_good_stays_in_force() -> None:
    one = searched(edge=1.0)
    alike = one.found.best_parameters | {"overbought": one.found.best_parameters["overbought"] + 0.01}
    decision = _decided(one, _deployed(alike))
    assert not decision.deploy
    assert _reason(decision, "changed parameters").is_met
    assert not _reason(decision, "better than deployed").is_met


def test_the_same_set_again_is_no_new_version() -> None:
    one = searched(edge=1.0)
    decision = _decided(one, _deployed(one.found.best_parameters))
    assert not decision.deploy
    assert "0 parameters differ from version 3" in decision.summary


@pytest.mark.parametrize("n_days", [0, 5, 19], ids="{} new days".format)
def test_days_that_the_deployed_set_was_chosen_on_do_not_count(n_days: int) -> None:
    one = searched(edge=1.0)
    chosen_until = one.found.question.end - timedelta(days=n_days)
    decision = _decided(one, _deployed(DEFAULTS, chosen_until))
    assert not decision.deploy
    words = _reason(decision, "better than deployed").words
    assert words == f"{n_days} days since version 3 was chosen, 20 needed to compare with it"


def test_the_deployed_set_is_compared_as_it_trades_the_days_out_of_sample_from_flat() -> None:
    """A curve that is its own to the last bit differs from it in nothing, and no p-value is defined."""
    one = searched(edge=1.0)
    its_own = _from_flat(one, DEFAULTS)
    n_days = len(its_own)
    for returns, is_its_own in ((its_own, True), (its_own + np.arange(n_days) * 1e-9, False)):
        walk = replace(one.found.headline, returns=returns)
        decision = _decided(one, _deployed(DEFAULTS), walk_forward={"anchored": walk})
        assert np.isnan(_reason(decision, "better than deployed").value) == is_its_own


def _stored(lake: Lake, found: Optimization) -> None:
    lake.replace(OPTIMIZATIONS, optimization_rows(found), ["BTCUSDT"])
    lake.replace(OUT_OF_SAMPLE, out_of_sample_rows(found), ["BTCUSDT"])


@pytest.mark.parametrize("written", ["optimizations", "out_of_sample"])
def test_a_search_that_was_written_in_half_is_refused(tmp_path: Path, written: str) -> None:
    """Each table is a commit: a kill between the two leaves the row of one search and the curve of another."""
    lake, new = Lake.open(tmp_path / "lake", create=True), searched(edge=0.0).found
    _stored(lake, searched(edge=1.0).found)
    if written == OPTIMIZATIONS.name:
        lake.replace(OPTIMIZATIONS, optimization_rows(new), ["BTCUSDT"])
    else:
        lake.replace(OUT_OF_SAMPLE, out_of_sample_rows(new), ["BTCUSDT"])
    with pytest.raises(LakeError, match=r"got that of another one: .*; next: materialise rsi_optimization again"):
        stored_candidate(lake, "rsi", "BTCUSDT", "1h")
    _stored(lake, new)
    assert stored_candidate(lake, "rsi", "BTCUSDT", "1h").sharpe_ratio == new.sharpe_ratio


def test_a_row_without_its_curve_is_refused(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    lake.replace(OPTIMIZATIONS, optimization_rows(searched().found), ["BTCUSDT"])
    with pytest.raises(LakeError, match="a write was cut short"):
        stored_candidate(lake, "rsi", "BTCUSDT", "1h")


@pytest.mark.parametrize("edge", [0.0, 1.0], ids=["noise", "edge"])
def test_what_the_lake_keeps_of_a_search_is_decided_alike(tmp_path: Path, edge: float) -> None:
    lake, one = Lake.open(tmp_path / "lake", create=True), searched(edge=edge)
    _stored(lake, one.found)
    kept = stored_candidate(lake, "rsi", "BTCUSDT", "1h")
    np.testing.assert_equal(asdict(kept.evidence), asdict(one.found.evidence))
    assert kept.origin.market == one.found.origin.market
    assert kept.is_financing_known
    assert decide(kept, None, one.bars, one.strategy, one.instrument) == _decided(one)


def test_search_gate_and_record_end_in_a_deployed_set_and_its_rematch_keeps_it(tmp_path: Path) -> None:
    lake, one = Lake.open(tmp_path / "lake", create=True), searched(edge=1.0)
    record_decision(lake, _decided(one))
    assert deployed_parameters(lake, "rsi", "BTCUSDT", "1h") == one.found.best_parameters
    rematch = _decided(one, deployed_set(lake, "rsi", "BTCUSDT", "1h"))
    row = record_decision(lake, rematch)
    assert (row["outcome"], row["version"]) == ("kept", 1)


PLANTED_EDGE = 0.163
"""The best of 192 RSI sets held fixed has a mean annual Sharpe ratio of 3.0 ± 0.1 net of costs on the hours of 2024.

Measured over seeds 100 to 199, which the test below does not use; RSI(14) from 30 to 70 then has 2.4, and the
walk-forward choice among them 2.5.
"""


def _n_deployed(edge: float, n_seeds: int = 100) -> int:
    """Return for how many seeds the gate deploys: three years of hours, as a default installation holds."""
    deployed, strategy = 0, strategy_named("rsi")
    for seed in range(n_seeds):
        years = (datetime(2022, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC))
        bars = SimulatedSource(seed, edge).fetch(instrument(), *years).bars
        found = optimize_strategy(bars, strategy, instrument(), rules=TradingRules(), settings=OptimizationSettings())
        deployed += decide(found, None, bars, strategy, instrument()).deploy
    return deployed


@pytest.mark.slow
def test_the_gate_opens_for_a_planted_edge_in_80_of_100_worlds() -> None:
    assert _n_deployed(PLANTED_EDGE) >= 80


@pytest.mark.slow
def test_the_gate_opens_for_noise_in_at_most_9_of_100_worlds() -> None:
    assert _n_deployed(0.0) <= 9
