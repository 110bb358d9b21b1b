"""Deployed parameters in the review: which sleeves trade them, and the trials that the headline must carry."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.backtest.tables import BAR_EQUITY, EQUITY, TRADES
from bot_core_dagster.lake import Lake
from bot_core_dagster.metrics import deflated_sharpe_ratio, expected_maximum_sharpe, probabilistic_sharpe_ratio
from bot_core_dagster.optimization import Decision, record_decision, roll_back
from bot_core_dagster.portfolio import PortfolioReport, Sleeve, review_month, review_portfolio, review_rows
from bot_core_dagster.settings import PortfolioSettings, Settings
from bot_core_dagster.strategies import strategies
from tests.core.portfolio.sleeve_rows import bar_rows, equity_rows, trade_rows, watchlist

BTC_ETH = watchlist("BTCUSDT", "ETHUSDT")
BTC, ETH = Sleeve("rsi", "BTCUSDT"), Sleeve("rsi", "ETHUSDT")
ONLY_RSI = {name: {"enabled": name == "rsi"} for name in strategies()}
DECIDED_AT = datetime(2024, 2, 1, tzinfo=UTC)


def rows() -> pd.DataFrame:
    """Two sleeves over January and February 2024."""
    paths = np.exp(np.random.default_rng(5).normal(0.001, 0.02, (2, 60)).cumsum(axis=1))
    return pd.concat([equity_rows(paths[0]), equity_rows(paths[1], symbol="ETHUSDT")], ignore_index=True)


def review(deployed: Mapping[Sleeve, int]) -> PortfolioReport:
    equity = rows()
    return review_portfolio(
        equity, bar_rows(equity), trade_rows([]), "2024-02", PortfolioSettings(), BTC_ETH, ["rsi"], deployed
    )


def returns(report: PortfolioReport) -> np.ndarray:
    return report.curve["equity"].pct_change().to_numpy()[1:]


def test_while_nothing_is_deployed_one_trial_makes_the_ratio_the_probabilistic_one() -> None:
    report = review({})
    assert (report.month.n_trials, report.since_inception.n_trials, report.deployed) == (1, 1, {})
    expected = probabilistic_sharpe_ratio(returns(report), benchmark_sharpe=0.0)
    assert report.since_inception.deflated_sharpe_ratio == pytest.approx(expected)


def test_trials_of_the_deployed_sleeves_are_summed_and_deflate_the_sharpe_ratio() -> None:
    report = review({BTC: 200, ETH: 60})
    assert (report.month.n_trials, report.since_inception.n_trials) == (261, 261)
    luck = expected_maximum_sharpe(261, trial_variance=1 / 59)
    expected = probabilistic_sharpe_ratio(returns(report), benchmark_sharpe=luck)
    assert report.since_inception.deflated_sharpe_ratio == pytest.approx(expected)
    assert expected == pytest.approx(deflated_sharpe_ratio(returns(report), n_trials=261))
    assert expected < review({BTC: 200}).since_inception.deflated_sharpe_ratio
    assert review_rows(report)["n_trials"].tolist() == [261]


def test_what_is_deployed_on_sleeves_that_are_not_reviewed_does_not_count() -> None:
    report = review({BTC: 200, Sleeve("macd", "BTCUSDT"): 1_000, Sleeve("rsi", "XAUUSD"): 1_000})
    assert (report.since_inception.n_trials, report.deployed) == (201, {BTC: 200})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake with the two sleeves' backtests."""
    lake, equity = Lake.open(tmp_path / "lake", create=True), rows()
    for table, frame in ((EQUITY, equity), (BAR_EQUITY, bar_rows(equity)), (TRADES, trade_rows([0.01]))):
        lake.upsert(table, frame)
    return lake


def decide(lake: Lake, *, symbol: str = "BTCUSDT", timeframe: str = "1h", deploy: bool = True, n_trials: int) -> None:
    """Record a decision on the parameters of rsi."""
    record_decision(
        lake,
        Decision(
            strategy="rsi",
            symbol=symbol,
            timeframe=timeframe,
            deploy=deploy,
            reasons=(),
            candidate={"window": float(n_trials)},
            objective="sharpe_ratio",
            window_start=DECIDED_AT - timedelta(days=365),
            window_end=DECIDED_AT,
            content_hash="a" * 64,
            code_version="b" * 16,
            n_trials=n_trials,
            deflated_sharpe_ratio=0.9,
            is_simulated=False,
        ),
        DECIDED_AT,
    )


def reviewed(lake: Lake) -> Mapping[Sleeve, int]:
    settings = Settings.model_validate({"watchlist": [one.model_dump() for one in BTC_ETH], "strategies": ONLY_RSI})
    report = review_month(lake, settings, "2024-02")
    assert report.since_inception.n_trials == 1 + sum(report.deployed.values())
    return report.deployed


def test_the_review_of_a_month_reads_what_is_in_force(lake: Lake) -> None:
    assert reviewed(lake) == {}
    decide(lake, n_trials=200)
    decide(lake, symbol="ETHUSDT", n_trials=500, deploy=False)
    decide(lake, timeframe="4h", n_trials=70)
    assert reviewed(lake) == {BTC: 200}


def test_a_decision_to_keep_adds_no_trials_and_a_roll_back_takes_the_sleeves_trials_back(lake: Lake) -> None:
    for n_trials, deploy in ((200, True), (300, True), (400, False)):
        decide(lake, n_trials=n_trials, deploy=deploy)
    assert reviewed(lake) == {BTC: 300}
    roll_back(lake, *BTC, "1h")
    assert reviewed(lake) == {BTC: 200}
    roll_back(lake, *BTC, "1h")
    assert reviewed(lake) == {}


@pytest.mark.parametrize("changed", ["nothing", "month", "settings", "equity", "trades", "parameters"])
def test_a_review_is_made_anew_where_anything_that_it_rests_on_has_changed(lake: Lake, changed: str) -> None:
    told = {"watchlist": [one.model_dump() for one in BTC_ETH], "strategies": ONLY_RSI}
    before = review_month(lake, Settings.model_validate(told), "2024-02")
    month = "2024-01" if changed == "month" else "2024-02"
    if changed == "settings":
        told["portfolio"] = {"max_drawdown_limit": 0.11}
    if changed == "equity":
        equity = rows()
        equity.loc[equity["symbol"] == "ETHUSDT", "equity"] *= 1.5
        lake.upsert(EQUITY, equity)
        lake.upsert(BAR_EQUITY, bar_rows(equity))
    if changed == "trades":
        lake.upsert(TRADES, trade_rows([0.01, 0.02]))
    if changed == "parameters":
        decide(lake, n_trials=200)
    after = review_month(lake, Settings.model_validate(told), month)
    assert (after is before) == (changed == "nothing")
