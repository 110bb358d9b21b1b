"""Promotion: each condition by itself, the level spent over time, and that noise stays out."""

import math
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.models.comparison import Evidence, averaged_difference, compare
from bot_core_dagster.models.promotion import Promotion, PromotionRule, decide_promotion, holm_levels, is_due
from bot_core_dagster.validation import diebold_mariano
from bot_core_dagster.validation.reason import Reason

START = pd.Timestamp("2024-01-01", tz="UTC")
TIMES = pd.date_range(START, periods=2_000, freq="h")
RULE = PromotionRule()
BASE = np.random.default_rng(0).normal(0.693, 0.05, len(TIMES))


def _frame(losses: FloatArray1D, symbol: str = "BTCUSDT") -> pd.DataFrame:
    return pd.DataFrame({symbol: losses}, index=TIMES)


def _returns(mean: float) -> pd.Series:
    days = pd.date_range(START.normalize() + timedelta(days=1), periods=83)
    drawn = np.random.default_rng(1).normal(0.0, 0.01, len(days))
    return pd.Series(drawn - drawn.mean() + mean, index=days)


def _model(version: str, gain: float = 0.0, *, seed: int = 5, sharpe: float = 0.0, **changed: Any) -> Evidence:
    """Return a model that loses `gain` less than the base with noise of its own; 0 is the base itself."""
    noise = np.random.default_rng(seed).normal(0.0, 0.05, len(TIMES)) if gain else 0.0
    fields: dict[str, Any] = {
        "last_used": START - timedelta(days=9),
        "daily_returns": _returns(0.001 * sharpe),
    } | changed
    return Evidence(version, fields.pop("losses", _frame(BASE - gain + noise)), **fields)


NAIVE = _model("naive")


def _decided(*challengers: Evidence, champion: Evidence = NAIVE, **changed: Any) -> Promotion:
    asked: dict[str, Any] = {"rule": RULE, "n_tests_before": 0} | changed
    return decide_promotion(champion, challengers, NAIVE, **asked)


def _reason(decision: Promotion, name: str, place: int = 0) -> Reason:
    (found,) = (reason for reason in decision.comparisons[place].reasons if reason.name == name)
    return found


def test_a_clearly_better_challenger_is_promoted() -> None:
    decision = _decided(_model("lstm-1", 0.01))
    assert decision.promoted == "lstm-1"
    assert decision.summary == "promote lstm-1 over naive: every condition is met"
    assert (decision.n_tests, decision.level) == (1, 0.025)


def test_the_figures_are_those_of_the_test_and_the_means() -> None:
    challenger = _model("lstm-1", 0.01)
    found = _decided(challenger).comparisons[0]
    losses = challenger.losses["BTCUSDT"].to_numpy()
    tested = diebold_mariano(losses, BASE, is_one_sided=True)
    assert found.p_value == pytest.approx(tested.p_value, rel=1e-6)
    assert found.gain == pytest.approx((BASE - losses).mean(), rel=1e-12)
    assert found.log_loss == pytest.approx(losses.mean(), rel=1e-12)
    assert found.n_rows == 2_000
    assert math.isnan(found.naive_p_value)


def test_an_equal_challenger_is_kept_out_and_the_decision_says_why() -> None:
    decision = _decided(_model("lstm-1", 1e-9))
    assert decision.promoted is None
    assert decision.summary.startswith("keep naive: lstm-1: it gains ")
    assert "needed under 0.0250" in decision.summary
    assert decision.is_tested


def test_an_effect_too_small_to_matter_is_kept_out_however_certain() -> None:
    tiny = _model("lstm-1", losses=_frame(BASE - 0.0005 + np.random.default_rng(2).normal(0.0, 0.001, len(TIMES))))
    decision = _decided(tiny)
    assert _reason(decision, "better than the champion").is_met
    assert not _reason(decision, "effect").is_met
    assert decision.promoted is None


@pytest.mark.parametrize(("sharpe", "is_promoted"), [(-1.0, False), (0.0, True), (1.0, True)], ids=str)
def test_trading_must_not_be_worse_net_of_costs(sharpe: float, is_promoted: bool) -> None:
    decision = _decided(_model("lstm-1", 0.01, sharpe=sharpe))
    assert (decision.promoted is not None) == is_promoted
    assert _reason(decision, "not worse net of costs").is_met == is_promoted


def test_a_champion_that_never_trades_has_what_cash_has() -> None:
    flat = _returns(0.0) * 0.0
    champion = _model("naive", daily_returns=flat)
    assert _decided(_model("lstm-1", 0.01, sharpe=-1.0), champion=champion).promoted is None
    assert _decided(_model("lstm-1", 0.01, sharpe=1.0), champion=champion).promoted == "lstm-1"
    assert _decided(_model("lstm-1", 0.01, daily_returns=flat), champion=champion).promoted == "lstm-1"


def test_better_than_a_champion_that_has_gone_bad_is_not_enough_where_the_naive_forecast_is_better_still() -> None:
    decision = _decided(_model("lstm-2", -0.01), champion=_model("lstm-1", -0.05, seed=8))
    assert _reason(decision, "better than the champion").is_met
    assert not _reason(decision, "better than naive").is_met
    assert decision.promoted is None
    assert decision.comparisons[0].joint_p_value == decision.comparisons[0].naive_p_value > 0.9


def test_of_several_that_pass_the_one_with_the_lowest_log_loss_wins() -> None:
    decision = _decided(_model("a", 0.01, seed=2), _model("b", 0.02, seed=3), _model("c", 0.015, seed=4))
    assert decision.promoted == "b"
    assert all(compared.is_passed for compared in decision.comparisons)


def test_the_lowest_is_found_on_rows_that_are_new_to_all_of_them() -> None:
    """`early` is compared on easy hours as well, on which everyone loses less; `late`, better by far, is not."""
    easy = np.where(TIMES[1_000] > TIMES, -0.3, 0.0)
    naive = _model("naive", losses=_frame(BASE + easy))
    early = _model("early", losses=_frame(BASE + easy - 0.01 + np.random.default_rng(2).normal(0, 0.02, 2_000)))
    losses = _frame(BASE + easy - 0.02 + np.random.default_rng(3).normal(0, 0.02, 2_000))
    late = _model("late", losses=losses, last_used=TIMES[1_000])
    decision = decide_promotion(naive, [early, late], naive, rule=RULE, n_tests_before=0)
    assert decision.comparisons[0].log_loss < decision.comparisons[1].log_loss
    assert decision.promoted == "late"


def test_rows_that_either_has_used_are_not_compared() -> None:
    challenger = _model("lstm-2", 0.01, last_used=TIMES[500])
    champion = _model("lstm-1", 0.001, seed=9, last_used=TIMES[800] + timedelta(minutes=1))
    found = compare(challenger, champion, NAIVE)
    assert found.first == TIMES[801]
    assert found.last == TIMES[-1]
    spoilt = challenger.losses.copy()
    spoilt.iloc[:801] = 99.0
    assert compare(_model("lstm-2", losses=spoilt), champion, NAIVE).gain == found.gain
    days = challenger.daily_returns.index
    assert (
        found.net_sharpe
        == compare(
            _model(
                "lstm-2", losses=challenger.losses, daily_returns=_returns(0.0)[days >= TIMES[801] + timedelta(days=1)]
            ),
            champion,
            NAIVE,
        ).net_sharpe
    )


def test_too_few_rows_are_said_and_no_level_is_spent() -> None:
    decision = _decided(_model("lstm-1", 0.05, last_used=TIMES[-500] + timedelta(minutes=1)), n_tests_before=3)
    assert decision.summary == "keep naive: lstm-1: 499 rows that neither has seen, 500 needed"
    assert (decision.n_tests, decision.level, decision.is_tested) == (3, 0.0, False)
    without = _decided(_model("lstm-1", 0.05, last_used=TIMES[-1] + timedelta(days=1)))
    assert without.comparisons[0].n_rows == 0
    assert without.promoted is None


def test_one_with_too_few_rows_takes_no_share_of_the_level_from_the_others() -> None:
    short = _model("a", 0.05, last_used=TIMES[-100])
    decision = _decided(short, _model("b", 0.01))
    assert decision.promoted == "b"
    assert decision.comparisons[1].level == 0.025
    assert math.isnan(decision.comparisons[0].level)


@pytest.mark.parametrize(("days", "due"), [(0, False), (6.99, False), (7, True), (30, True)], ids=str)
def test_a_test_waits_for_a_week_of_new_rows(days: float, due: bool) -> None:
    last = TIMES[-1] - timedelta(days=days)
    assert is_due(last, TIMES[-1]) == due
    decision = _decided(_model("lstm-1", 0.01), last_tested=last, n_tests_before=1)
    assert (decision.promoted == "lstm-1") == due
    assert decision.n_tests == 1 + due
    if not due:
        assert decision.summary.startswith("keep naive: not tested again yet: 7 days of new rows are needed since")


def test_the_first_test_is_due_and_without_challengers_nothing_is_spent() -> None:
    assert is_due(None, TIMES[0])
    assert _decided().summary == "keep naive: there is no challenger"
    assert not _decided().is_tested


def test_the_levels_of_all_tests_together_are_alpha() -> None:
    levels = [RULE.level(n_tests) for n_tests in range(10_000)]
    assert levels[:4] == pytest.approx([0.05 / 2, 0.05 / 6, 0.05 / 12, 0.05 / 20])
    assert 0.0499 < sum(levels) < 0.05


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0.0, 0.2), min_size=1, max_size=6), st.sampled_from([0.05, 0.025, 0.001]))
def test_what_holm_lets_pass_is_what_statsmodels_rejects(p_values: list[float], level: float) -> None:
    levels = holm_levels(p_values, level)
    expected = multipletests(p_values, alpha=level, method="holm")[0]
    passed = [p_value < each for p_value, each in zip(p_values, levels, strict=True)]
    on_the_edge = any(p_value == each for p_value, each in zip(p_values, levels, strict=True))
    assert on_the_edge or passed == expected.tolist()


def test_holm_by_hand() -> None:
    """.01 has a third of .06, .04 half of it and fails, so that .05 fails although it is below all of it."""
    assert holm_levels([0.05, 0.01, 0.04], 0.06) == pytest.approx([0.0, 0.02, 0.03])


def test_instruments_are_averaged_at_each_time_and_what_one_lacks_is_left_out() -> None:
    times = TIMES[:4]
    one = pd.DataFrame({"A": [1.0, 2.0, np.nan, np.nan], "B": [3.0, np.nan, 5.0, np.nan], "C": [9.0] * 4}, index=times)
    other = pd.DataFrame({"B": [1.0, 1.0, 1.0], "A": [0.5, 0.5, 0.5]}, index=times[:3])
    found = averaged_difference(one, other, times[0])
    assert found.index.tolist() == times[:3].tolist()
    assert found.tolist() == pytest.approx([(0.5 + 2.0) / 2, 1.5, 4.0])
    assert len(averaged_difference(one, other, times[2])) == 1


def test_noise_that_is_tested_every_week_for_a_year_is_promoted_in_one_of_twenty_years_at_most() -> None:
    """100 years of weekly tests of a fresh challenger that is no better: 5 at most are expected; at 5 % a test, 90."""
    n_promoted = n_naively = 0
    rng = np.random.default_rng(3)
    for _ in range(100):
        p_values = rng.random(52)
        n_promoted += any(p_value < RULE.level(week) for week, p_value in enumerate(p_values))
        n_naively += bool((p_values < 0.05).any())
    assert n_promoted <= 11
    assert n_naively > 80
