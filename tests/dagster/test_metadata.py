"""What the UI shows of a result: its headline never stands without its caveats (CONVENTIONS 9)."""

import pytest

from assets.metadata import backtest_metadata, portfolio_metadata, shown
from bot_core_dagster.backtest import Backtest, TradingRules, backtest_strategy
from bot_core_dagster.strategies import strategy_named
from tests.builders import bars, instrument
from tests.core.reports.reviewed import report


def backtest(source: str, **changed: str) -> Backtest:
    closed = bars(4_000, source=source, seed=2)
    return backtest_strategy(closed, strategy_named("rsi"), {}, instrument(**changed), TradingRules())


@pytest.mark.parametrize("is_simulated", [True, False], ids=["simulated", "real"])
def test_the_headline_of_a_backtest_carries_trials_deflated_sharpe_costs_and_simulated(is_simulated: bool) -> None:
    one = backtest("simulated" if is_simulated else "file:test")
    metadata, figures = backtest_metadata(one), one.summary
    headline = metadata["headline"]
    assert headline.startswith("SIMULATED: ") is is_simulated
    for part in (
        f"deflated {figures.deflated_sharpe_ratio:.2f} of 1 trial,",
        f"{figures.gross_return:+.1%} before costs, {figures.double_cost_return:+.1%} at twice the costs",
        f"[{figures.sharpe_low:.2f}, {figures.sharpe_high:.2f}]",
        f"buy and hold {figures.buy_and_hold_return:+.1%}",
        f"max drawdown over bar closes {figures.max_drawdown:.1%}",
        f"n = {figures.n_periods}, P = 365",
    ):
        assert part in headline
    assert metadata["n_trials"] == 1
    assert metadata["deflated_sharpe_ratio"] == figures.deflated_sharpe_ratio


@pytest.mark.parametrize(
    ("calendar", "says"),
    [
        ("crypto", "charged as the settings say; spot held without a loan costs nothing"),
        ("fx", "UNKNOWN and in no figure: swap, funding and borrow of BTCUSDT"),
    ],
)
def test_what_holding_costs_is_said_where_it_is_unknown(calendar: str, says: str) -> None:
    assert backtest_metadata(backtest("file:test", calendar=calendar))["financing"] == says


@pytest.mark.parametrize("is_simulated", [True, False], ids=["simulated", "real"])
def test_the_headline_of_a_review_carries_trials_deflated_sharpe_costs_and_simulated(is_simulated: bool) -> None:
    reviewed = report(is_simulated=is_simulated)
    metadata = portfolio_metadata(reviewed)
    start = "April 2024: SIMULATED: " if is_simulated else "April 2024: "
    assert metadata["headline"].startswith(f"{start}{reviewed.month.total_return:+.1%} net")
    assert f"deflated {reviewed.month.deflated_sharpe_ratio:.2f} of 1 trial," in metadata["headline"]
    for name, figures in (("", reviewed.month), ("_since_inception", reviewed.since_inception)):
        assert metadata[f"n_trials{name}"] == 1
        assert metadata[f"deflated_sharpe_ratio{name}"] == figures.deflated_sharpe_ratio
        assert metadata[f"gross_return{name}"] == figures.gross_return
    assert metadata["financing"] == "charged as the settings say; spot held without a loan costs nothing"


def test_the_headline_comes_first_and_numbers_have_six_digits() -> None:
    given = {"picture": "png", "ratio": -0.5664270421801444, "price": 0.0000123456789, "rows": 5, "headline": "+1 %"}
    read = shown(given)
    assert list(read) == ["headline", "picture", "ratio", "price", "rows"]
    assert (read["ratio"], read["price"], read["rows"]) == (-0.566427, 0.0000123457, 5)
