"""Every recommendation flips when its metric or its threshold crosses the other."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pytest

from bot_core_dagster.portfolio.attribution import Sleeve, attribute
from bot_core_dagster.portfolio.performance import Performance, TradeFigures
from bot_core_dagster.portfolio.recommendations import Judged, Recommendation, outcome, recommend
from bot_core_dagster.settings import PortfolioSettings

SLEEVES = [Sleeve("rsi", "BTC"), Sleeve("rsi", "ETH"), Sleeve("macd", "BTC"), Sleeve("macd", "ETH")]


def sound(**changed: Any) -> Judged:
    """Return what is within all default limits: Sharpe 1, 100 trades, costs a tenth, even attribution, all present."""
    day = pd.Timestamp("2024-01-31", tz="UTC")
    trades = TradeFigures(
        n_closed=100, n_open=0, win_rate=0.5, fees=1.0, spread_cost=1.0, slippage_cost=1.0, financing_cost=0.0
    )
    figures: dict[str, Any] = dict.fromkeys(Performance.__dataclass_fields__, 0.0)
    figures |= {"start": day, "end": day, "trades": trades}
    figures |= {"sharpe_ratio": 1.0, "gross_profit": 100.0, "cost": 10.0}
    judged = Judged(
        inception=Performance(**figures),
        drawdown_from_peak=-0.05,
        attribution=attribute(SLEEVES, [0.0] * 4, [25.0] * 4),
        absent=(),
        stopped=(),
        n_sleeves=4,
    )
    return replace(judged, **changed)


def with_figures(**changed: Any) -> Judged:
    return sound(inception=replace(sound().inception, **changed))


def with_trades(n_closed: int) -> Judged:
    return with_figures(trades=replace(sound().inception.trades, n_closed=n_closed))


def with_profits(*profits: float) -> Judged:
    return sound(attribution=attribute(SLEEVES, [0.0] * 4, profits))


def verdict_on(metric: str, judged: Judged, **limits: float) -> Recommendation:
    (one,) = [one for one in recommend(judged, PortfolioSettings(**limits)) if one.limit.metric == metric]
    return one


@dataclass(frozen=True)
class Crossing:
    """A metric's builder, with a value within the default limit and one beyond, and a limit that admits the latter."""

    metric: str
    setting: str
    build: Callable[[Any], Judged]
    within: Any
    beyond: Any
    wide: float


CROSSINGS = [
    Crossing("drawdown from the peak", "max_drawdown_limit", lambda x: sound(drawdown_from_peak=x), -0.20, -0.21, 0.21),
    Crossing("Sharpe ratio", "min_sharpe_ratio", lambda x: with_figures(sharpe_ratio=x), 0.0, -0.1, -0.1),
    Crossing("closed trades", "min_trades", with_trades, 30, 29, 29),
    Crossing("costs as a share of gross profit", "max_cost_share", lambda x: with_figures(cost=x), 50.0, 51.0, 0.51),
    Crossing(
        "largest instrument's share of profit and loss",
        "max_attribution_share",
        lambda x: with_profits(x, 100 - x, 0.0, 0.0),
        60.0,
        -62.0,
        1.0,
    ),
    Crossing(
        "largest strategy's share of profit and loss",
        "max_attribution_share",
        lambda x: with_profits(x, 0.0, 100 - x, 0.0),
        60.0,
        61.0,
        0.61,
    ),
]
each_crossing = pytest.mark.parametrize("one", CROSSINGS, ids=lambda one: one.metric)


@each_crossing
def test_a_value_on_its_limit_is_within_and_one_across_it_is_beyond(one: Crossing) -> None:
    assert verdict_on(one.metric, one.build(one.within)).verdict == "within"
    assert verdict_on(one.metric, one.build(one.beyond)).verdict == "beyond"


@each_crossing
def test_moving_the_threshold_across_the_value_flips_the_verdict(one: Crossing) -> None:
    judged = one.build(one.beyond)
    assert verdict_on(one.metric, judged).verdict == "beyond"
    assert verdict_on(one.metric, judged, **{one.setting: one.wide}).verdict == "within"


@each_crossing
def test_a_recommendation_names_metric_value_threshold_setting_and_what_to_do(one: Crossing) -> None:
    beyond = verdict_on(one.metric, one.build(one.beyond))
    threshold = getattr(PortfolioSettings(), one.setting)
    assert beyond.limit.setting == f"portfolio.{one.setting}"
    assert beyond.limit.threshold == threshold
    for part in (one.metric, beyond.shown(beyond.value), beyond.shown(threshold), beyond.limit.advice):
        assert part in beyond.text


@pytest.mark.parametrize(
    ("metric", "judged", "reason"),
    [
        ("drawdown from the peak", sound(drawdown_from_peak=math.nan), "undefined"),
        ("Sharpe ratio", with_figures(sharpe_ratio=math.nan), "too few periods"),
        ("costs as a share of gross profit", with_figures(gross_profit=-5.0), "no gross profit"),
        ("largest instrument's share of profit and loss", with_profits(0.0, 0.0, 0.0, 0.0), "two of them"),
    ],
    ids=["drawdown", "Sharpe ratio", "costs", "concentration"],
)
def test_an_undefined_figure_cannot_be_judged_and_is_no_pass(metric: str, judged: Judged, reason: str) -> None:
    one = verdict_on(metric, judged)
    assert one.verdict == "cannot be judged"
    assert reason in one.text
    assert outcome(recommend(judged, PortfolioSettings())).startswith("cannot be judged: ")


def test_an_absent_sleeve_is_named_with_the_next_step() -> None:
    one = verdict_on("sleeves that are current", sound(absent=[SLEEVES[1]]))
    assert one.verdict == "beyond"
    assert "No rows of rsi · ETH. " in one.text
    assert "3, limit at least 4" in one.text


def test_a_sleeve_that_stopped_early_is_no_more_current_than_an_absent_one() -> None:
    judged = sound(absent=[SLEEVES[1]], stopped=[SLEEVES[2], SLEEVES[3]])
    one = verdict_on("sleeves that are current", judged)
    assert (one.verdict, one.value) == ("beyond", 1.0)
    assert "No rows of rsi · ETH; stopped early: macd · BTC, macd · ETH. Their equity is frozen" in one.text
    assert outcome(recommend(judged, PortfolioSettings())) == "beyond the limit: sleeves that are current"


def test_within_all_limits_is_said_outright() -> None:
    recommendations = recommend(sound(), PortfolioSettings())
    assert {one.verdict for one in recommendations} == {"within"}
    assert outcome(recommendations) == "within all limits"


def test_what_is_beyond_comes_first() -> None:
    verdicts = [one.verdict for one in recommend(with_figures(sharpe_ratio=-1.0, cost=math.nan), PortfolioSettings())]
    assert verdicts[:2] == ["beyond", "cannot be judged"]
    assert set(verdicts[2:]) == {"within"}


def test_a_single_strategy_is_not_blamed_for_earning_everything() -> None:
    alone = attribute(SLEEVES[:2], [0.0, 0.0], [50.0, 50.0])
    metrics = [one.limit.metric for one in recommend(sound(attribution=alone), PortfolioSettings())]
    assert "largest strategy's share of profit and loss" not in metrics
