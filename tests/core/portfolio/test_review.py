"""The monthly review, against figures worked out by hand and against backtests that really ran."""

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bot_core_dagster.backtest.engine import backtest_strategy, run_backtest
from bot_core_dagster.backtest.result import Backtest
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.tables import BAR_EQUITY, EQUITY, TRADES
from bot_core_dagster.backtest.tables import bar_equity_rows as rows_of_bars
from bot_core_dagster.backtest.tables import equity_rows as rows_of_equity
from bot_core_dagster.backtest.tables import trade_rows as rows_of_trades
from bot_core_dagster.errors import SettingsError, ShapeError
from bot_core_dagster.lake import Lake
from bot_core_dagster.market.calendars import calendar
from bot_core_dagster.portfolio import PortfolioReport, Sleeve, review_portfolio
from bot_core_dagster.settings import Instrument, PortfolioSettings
from bot_core_dagster.strategies import strategy_named
from bot_core_dagster.timeframe import Timeframe
from tests.builders import bars, instrument
from tests.core.portfolio.sleeve_rows import bar_rows, equity_rows, trade_rows, watchlist

BTC_ETH = watchlist("BTCUSDT", "ETHUSDT")
THOUSAND = PortfolioSettings(initial_equity=1_000.0)


def two_sleeves() -> pd.DataFrame:
    """BTC rises through January and falls in February, ETH the other way; 31 and 29 days of 2024."""
    btc = np.concatenate([np.linspace(1.0, 1.2, 32)[1:], np.linspace(1.2, 0.9, 30)[1:]])
    eth = np.concatenate([np.linspace(1.0, 0.8, 32)[1:], np.linspace(0.8, 1.0, 30)[1:]])
    return pd.concat([equity_rows(btc), equity_rows(eth, symbol="ETHUSDT")], ignore_index=True)


def until(day: str) -> pd.DataFrame:
    rows = two_sleeves()
    return rows[rows["day_end"] <= pd.Timestamp(day, tz="UTC")]


def review(equity: pd.DataFrame, trades: pd.DataFrame | None = None, month: str = "2024-02") -> PortfolioReport:
    known = trade_rows([]) if trades is None else trades
    return review_portfolio(equity, bar_rows(equity), known, month, THOUSAND, BTC_ETH, ["rsi"], {})


def test_the_month_starts_from_the_equity_that_the_one_before_ended_with() -> None:
    report = review(two_sleeves())
    month = report.month
    assert (month.start_equity, month.end_equity, month.profit) == pytest.approx((1_000.0, 950.0, -50.0))
    assert month.total_return == pytest.approx(-0.05)
    assert month.n_periods == 29
    assert (month.start, month.end) == (report.window.opens, report.window.closes)
    assert report.is_complete


def test_profit_is_attributed_in_money_for_the_month_and_since_inception() -> None:
    report = review(two_sleeves())
    assert report.attribution.by_instrument == pytest.approx({"BTCUSDT": -150.0, "ETHUSDT": 100.0})
    assert report.attribution.by_strategy == pytest.approx({"rsi": -50.0})
    assert report.attribution_since_inception.by_instrument == pytest.approx({"BTCUSDT": -50.0, "ETHUSDT": 0.0})
    assert report.attribution.profit == pytest.approx(report.month.profit, abs=1e-9)


def test_sharpe_and_drawdown_are_of_the_summed_equity() -> None:
    rng = np.random.default_rng(5)
    paths = np.exp(rng.normal(0.001, 0.02, (2, 60)).cumsum(axis=1))
    report = review(pd.concat([equity_rows(paths[0]), equity_rows(paths[1], symbol="ETHUSDT")]))
    total = pd.Series(np.concatenate([[1_000.0], 500.0 * paths.sum(axis=0)]))
    ret = total.pct_change().iloc[1:]
    february = total.iloc[31:]
    assert report.since_inception.sharpe_ratio == pytest.approx(math.sqrt(365) * ret.mean() / ret.std())
    assert report.month.sharpe_ratio == pytest.approx(math.sqrt(365) * ret.iloc[31:].mean() / ret.iloc[31:].std())
    assert report.since_inception.max_drawdown == pytest.approx((total / total.cummax() - 1).min())
    assert report.month.max_drawdown == pytest.approx((february / february.cummax() - 1).min())
    assert report.drawdown_from_peak == pytest.approx((total / total.cummax() - 1).iloc[31:].min())
    assert report.trailing_30d_return == pytest.approx(total.iloc[-1] / total.iloc[-31] - 1)
    assert report.since_inception.sharpe_low < report.since_inception.sharpe_ratio < report.since_inception.sharpe_high


def test_costs_and_buy_and_hold_are_of_the_same_split() -> None:
    rows = two_sleeves().assign(buy_and_hold=lambda frame: np.where(frame["symbol"] == "BTCUSDT", 1.5, 0.7))
    report = review(rows, month="2024-01")
    assert report.month.buy_and_hold_return == pytest.approx(0.10)
    assert report.month.gross_return == pytest.approx(0.01)
    assert report.month.double_cost_return == pytest.approx(-0.01)
    assert report.month.cost == pytest.approx(10.0)


def test_a_trade_counts_in_the_month_in_which_it_closes() -> None:
    trades = pd.concat(
        [
            trade_rows([0.01, -0.02], first="2024-01-30 12:00"),
            trade_rows([0.03], first="2024-01-31 23:00"),
            trade_rows([-0.01], first="2024-02-20", open=True, exit_time=pd.NaT),
            trade_rows([0.05], first="2024-02-29 23:30"),
        ]
    )
    report = review(two_sleeves(), trades)
    assert (report.month.trades.n_closed, report.month.trades.n_open, report.month.trades.win_rate) == (1, 2, 1.0)
    assert report.month.trades.fees == pytest.approx(0.5)
    whole = report.since_inception.trades
    assert whole.n_closed == 3
    assert whole.win_rate == pytest.approx(2 / 3)
    assert (whole.fees, whole.spread_cost, whole.slippage_cost) == pytest.approx((1.5, 0.3, 0.15))


def test_a_trade_that_closes_with_the_month_belongs_to_it_and_not_to_the_next() -> None:
    trade = trade_rows([0.01], exit_time=pd.Timestamp("2024-02-01", tz="UTC"))
    counts = [review(two_sleeves(), trade, month).month.trades.n_closed for month in ("2024-01", "2024-02")]
    assert counts == [1, 0]


def test_a_drawdown_of_an_earlier_month_is_not_blamed_on_this_one() -> None:
    dip = [1.0, 0.5, *[0.9] * 58]
    report = review(pd.concat([equity_rows(dip), equity_rows(dip, symbol="ETHUSDT")]))
    assert report.since_inception.max_drawdown == pytest.approx(-0.5)
    assert report.drawdown_from_peak == pytest.approx(-0.1)
    assert report.month.max_drawdown == 0.0


def test_what_came_after_the_month_does_not_change_its_review() -> None:
    rows, trades = two_sleeves(), trade_rows([0.01] * 50)
    known = until("2024-02-01")
    closed = trades[trades["exit_time"] <= pd.Timestamp("2024-02-01", tz="UTC")]
    early, late = review(known, closed, "2024-01"), review(rows, trades, "2024-01")
    assert_frame_equal(early.curve, late.curve)
    assert early.month == late.month
    assert early.recommendations == late.recommendations


def test_sleeves_without_rows_in_the_month_are_listed_and_held_unchanged() -> None:
    january = equity_rows([1.1] * 31, symbol="ETHUSDT")
    rows = pd.concat([equity_rows([1.2] * 60), january])
    report = review_portfolio(
        rows,
        bar_rows(rows),
        trade_rows([]),
        "2024-02",
        THOUSAND,
        watchlist("BTCUSDT", "ETHUSDT", "BNBUSDT"),
        ["rsi"],
        {},
    )
    assert {one.sleeve.symbol: one.state for one in report.sleeves} == {
        "BTCUSDT": "up to date",
        "ETHUSDT": "no rows in the month",
        "BNBUSDT": "no rows",
    }
    assert [one.sleeve.symbol for one in report.absent] == ["ETHUSDT", "BNBUSDT"]
    assert report.month.end_equity == pytest.approx(1_000 / 3 * (1.2 + 1.1 + 1.0))
    assert report.recommendations[0].limit.metric == "sleeves that are current"


def test_a_sleeve_that_stops_within_the_month_is_said_to_have_stopped_early() -> None:
    report = review(pd.concat([equity_rows([1.2] * 60), equity_rows([1.1] * 40, symbol="ETHUSDT")]))
    assert [one.state for one in report.sleeves] == ["up to date", "stopped early"]
    assert [one.sleeve.symbol for one in report.stopped] == ["ETHUSDT"]
    first = report.recommendations[0]
    assert (first.limit.metric, first.verdict, first.value) == ("sleeves that are current", "beyond", 1.0)
    assert first.advice.startswith("Stopped early: rsi · ETHUSDT. ")


def test_a_month_is_not_complete_while_a_current_sleeve_is_behind_and_does_not_wait_for_one_that_stopped() -> None:
    whole = equity_rows([1.2] * 60)
    behind = review(pd.concat([whole, equity_rows([1.1] * 58, symbol="ETHUSDT")]))
    assert ([one.state for one in behind.sleeves], behind.is_complete) == (["up to date"] * 2, False)
    stopped = review(pd.concat([whole, equity_rows([1.1] * 40, symbol="ETHUSDT")]))
    assert stopped.is_complete


@pytest.mark.parametrize(
    ("month", "run_at"),
    [
        pytest.param("2026-07", "2026-08-01 04:00", id="the next begins on a Saturday"),
        pytest.param("2026-10", "2026-11-01 04:00", id="the next begins on a Sunday"),
        pytest.param("2026-03", "2026-04-01 04:00", id="the next begins on a Wednesday"),
        pytest.param("2025-12", "2026-01-01 04:00", id="the year begins"),
    ],
)
def test_a_month_reviewed_as_scheduled_earns_what_it_earns_in_hindsight(month: str, run_at: str) -> None:
    """And the next one starts where it ended: no Friday falls between the two."""
    now, following = pd.Timestamp(run_at, tz="UTC"), str(pd.Period(month, "M") + 1)
    markets = {"BTCUSDT": "crypto", "EURUSD": "fx", "XAUUSD": "metals"}
    instruments = [instrument(symbol=symbol, calendar=name) for symbol, name in markets.items()]
    early, late = (_reviewed(instruments, month, until) for until in (now, now + pd.Timedelta(days=20)))
    after = _reviewed(instruments, following, now + pd.Timedelta(days=20))
    assert early.is_complete
    assert early.month == late.month
    assert early.attribution == late.attribution
    assert early.sleeves == late.sleeves
    assert after.month.start_equity == early.month.end_equity
    for one in early.sleeves:
        assert one.month_profit != 0.0


def _reviewed(instruments: list[Instrument], month: str, until: pd.Timestamp) -> PortfolioReport:
    """Review backtests that always hold, of the bars that have closed by `until`."""
    made = []
    for seed, one in enumerate(instruments):
        opens = calendar(one.calendar).bar_open_times(Timeframe.H1, datetime(2025, 11, 3, tzinfo=UTC), until)
        history = bars(len(opens), symbol=one.symbol, seed=seed).assign(
            open_time=opens, close_time=opens + pd.Timedelta(hours=1)
        )
        made.append(
            run_backtest(history, np.ones(len(opens)), one, rules=TradingRules(), strategy="rsi", parameters={})
        )
    equity, closes, trades = (
        pd.concat([rows_of(one) for one in made]) for rows_of in (rows_of_equity, rows_of_bars, rows_of_trades)
    )
    return review_portfolio(equity, closes, trades, month, THOUSAND, instruments, ["rsi"], {})


def test_on_a_friday_evening_the_month_is_to_date_although_the_closed_market_knows_its_end() -> None:
    instruments = [instrument(), instrument(symbol="EURUSD", calendar="fx")]
    report = _reviewed(instruments, "2026-10", pd.Timestamp("2026-10-30 23:00", tz="UTC"))
    assert report.month.end == pd.Timestamp("2026-10-30", tz="UTC")
    assert not report.is_complete


def test_drawdowns_are_of_the_bars_of_real_backtests_and_deeper_than_at_day_ends() -> None:
    instruments = [instrument(), instrument(symbol="EURUSD", calendar="fx")]
    report = _reviewed(instruments, "2026-10", pd.Timestamp("2026-11-05", tz="UTC"))
    fall = report.curve.set_index("day_end")["drawdown"]
    assert report.since_inception.max_drawdown < fall.min()
    assert report.drawdown_from_peak < fall.loc[report.month.start :].min()
    assert report.unknown_financing == ("EURUSD",)


def test_a_month_that_is_not_over_is_reviewed_to_date() -> None:
    report = review(until("2024-02-10"))
    assert not report.is_complete
    assert report.month.n_periods == 9


def test_fx_alone_is_reviewed_by_new_york_days() -> None:
    january = pd.date_range("2024-01-01 17:00", "2024-01-31 17:00", freq="B", tz="America/New_York").tz_convert("UTC")
    rows = equity_rows([1.1] * 23, symbol="EURUSD", sampling="new_york", day_end=january)
    fx = watchlist("EURUSD", calendar="fx")
    report = review_portfolio(rows, bar_rows(rows), trade_rows([]), "2024-01", THOUSAND, fx, ["rsi"], {})
    assert (report.month.n_periods, report.month.periods_per_year) == (23, 260)
    assert report.is_complete


def test_a_first_month_starts_from_the_initial_equity_and_has_no_trailing_thirty_days() -> None:
    report = review(until("2024-01-20"), month="2024-01")
    assert report.month.start_equity == 1_000.0
    assert report.month.n_periods == 19
    assert math.isnan(report.trailing_30d_return)


def test_rows_of_other_samplings_timeframes_and_sleeves_are_not_mixed_in() -> None:
    others = pd.concat(
        [
            two_sleeves().assign(sampling="new_york"),
            two_sleeves().assign(timeframe="4h", equity=9.0),
            equity_rows([5.0] * 60, symbol="OLD"),
            equity_rows([5.0] * 60, strategy="gone"),
        ]
    )
    report = review(pd.concat([two_sleeves(), others]), trade_rows([0.5] * 40, symbol="OLD"))
    assert report.month == review(two_sleeves()).month
    assert report.not_reviewed == (Sleeve("gone", "BTCUSDT"), Sleeve("rsi", "OLD"))


def test_one_simulated_sleeve_makes_the_report_simulated_and_names_it() -> None:
    rows = two_sleeves().assign(simulated=lambda frame: frame["symbol"] == "ETHUSDT")
    report = review(rows)
    assert report.is_simulated
    assert report.simulated_symbols == ("ETHUSDT",)
    assert not review(two_sleeves()).is_simulated


def test_equity_that_never_moved_has_an_undefined_sharpe_ratio_and_no_false_pass() -> None:
    report = review(pd.concat([equity_rows([1.0] * 60), equity_rows([1.0] * 60, symbol="ETHUSDT")]))
    assert math.isnan(report.month.sharpe_ratio)
    verdicts = {one.limit.metric: one.verdict for one in report.recommendations}
    assert verdicts["Sharpe ratio"] == "cannot be judged"
    assert verdicts["closed trades"] == "beyond"


def test_a_sleeve_that_was_ruined_is_reviewed_as_nothing_left() -> None:
    """BTC goes to zero in January: its February has no return, and the portfolio lives on ETH."""
    rows = two_sleeves()
    is_btc = rows["symbol"] == "BTCUSDT"
    gone = is_btc & (rows["day_end"] > pd.Timestamp("2024-01-20", tz="UTC"))
    rows.loc[gone, ["equity", "gross_equity", "double_cost_equity"]] = 0.0
    report = review(rows)
    btc, eth = report.sleeves
    assert (btc.end_equity, btc.total_return, btc.max_drawdown) == (0.0, -1.0, -1.0)
    assert math.isnan(btc.month_return)
    assert report.month.total_return == pytest.approx(eth.month_return) == pytest.approx(0.25)
    assert report.since_inception.total_return == pytest.approx(-0.5)


def test_financing_that_is_unknown_of_a_trade_is_said() -> None:
    """Longs of spot crypto cost nothing to hold; what a short borrows at, nobody said."""
    trades = pd.concat([trade_rows([0.1]), trade_rows([0.1], symbol="ETHUSDT", financing_cost=np.nan)])
    assert review(two_sleeves()).unknown_financing == ()
    assert review(two_sleeves(), trades).unknown_financing == ("ETHUSDT",)


def test_no_strategy_is_an_error_with_the_next_step() -> None:
    with pytest.raises(SettingsError, match=r"\[strategies\]"):
        review_portfolio(two_sleeves(), bar_rows(two_sleeves()), trade_rows([]), "2024-02", THOUSAND, BTC_ETH, [], {})


@pytest.fixture(scope="module")
def backtests() -> list[Backtest]:
    starts = {"BTCUSDT": datetime(2024, 1, 1, tzinfo=UTC), "EURUSD": datetime(2024, 1, 20, tzinfo=UTC)}
    return [
        backtest_strategy(
            bars(1_600, symbol=symbol, start=start, seed=seed),
            strategy_named("rsi"),
            {},
            instrument(symbol=symbol),
            TradingRules(),
        )
        for seed, (symbol, start) in enumerate(starts.items())
    ]


def tables_of(lake: Lake) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    return lake.read(EQUITY), lake.read(BAR_EQUITY), lake.read(TRADES)


def test_real_backtests_through_the_lake_are_reviewed_to_the_sum_of_their_own_equity(
    backtests: list[Backtest], tmp_path: Path
) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    for one in backtests:
        lake.replace(EQUITY, rows_of_equity(one), [one.symbol])
        lake.replace(BAR_EQUITY, rows_of_bars(one), [one.symbol])
        lake.replace(TRADES, rows_of_trades(one), [one.symbol])
    instruments, (equity, bars_of, trades) = watchlist("BTCUSDT", "EURUSD"), tables_of(lake)
    report = review_portfolio(equity, bars_of, trades, "2024-02", THOUSAND, instruments, ["rsi"], {})
    known = [one.equity.loc[one.equity["close_time"] <= report.month.end, "equity"].to_numpy() for one in backtests]
    assert report.month.end_equity == pytest.approx(500.0 * sum(float(curve[-1]) for curve in known), abs=1e-9)
    assert report.attribution.profit == pytest.approx(report.month.profit, abs=1e-9)
    closed = pd.concat([one.trades for one in backtests]).query("exit_time <= @report.month.end")
    assert report.since_inception.trades.n_closed == len(closed) > 0
    assert report.since_inception.trades.fees == pytest.approx(500.0 * closed["fees"].sum())


def test_a_lake_without_backtests_has_nothing_to_review_and_says_what_to_do(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    with pytest.raises(ShapeError, match="materialise the backtests"):
        review_portfolio(*tables_of(lake), "2024-02", THOUSAND, BTC_ETH, ["rsi"], {})


def test_strategies_that_never_traded_are_reviewed_without_a_trades_table(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    report = review(two_sleeves(), lake.read(TRADES))
    assert report.month.trades.n_closed == 0
    assert math.isnan(report.month.trades.win_rate)
    assert report.since_inception.trades.fees == 0.0
