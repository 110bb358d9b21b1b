"""The page of a backtest: complete, self-contained, escaped, and true to the backtest."""

import json
from datetime import datetime

import pytest

from bot_core_dagster.backtest import TradingRules
from bot_core_dagster.errors import TimeError
from bot_core_dagster.reports import Provenance, backtest_report_html
from bot_core_dagster.reports.figures import percentage, ratio, share
from tests.core.reports.reader import Page, require_self_contained
from tests.core.reports.results import PROVENANCE, backtest
from tests.core.reports.reviewed import ODD


@pytest.fixture(scope="module")
def html() -> str:
    return backtest_report_html(*backtest(), PROVENANCE)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_page_is_one_file_that_may_load_nothing(html: str) -> None:
    require_self_contained(html)


def test_a_year_of_minutes_with_many_trades_stays_below_6_mb_and_says_what_it_left_out() -> None:
    result, bars = backtest(525_600, timeframe="1m", rules=TradingRules(allow_short=True))
    html = backtest_report_html(result, bars, PROVENANCE)
    require_self_contained(html)
    text = Page(html).text
    assert "There are more bars than pixels" in text
    assert f"The last 3,000 of {len(result.trades):,} trades" in text


def test_a_symbol_made_of_markup_stays_text() -> None:
    html = backtest_report_html(*backtest(600, symbol=ODD), PROVENANCE)
    page = Page(html)
    assert f"rsi on {ODD} 1h" in page.text
    assert "<script>alert" not in html
    assert '</style>"' not in html
    assert [tag for tag, _ in page.elements].count("script") == 5
    assert [tag for tag, _ in page.elements].count("style") == 1


def test_the_headline_carries_what_it_must(page: Page) -> None:
    figures = backtest()[0].summary
    for part in (
        percentage(figures.total_return),
        percentage(figures.buy_and_hold_return),
        f"95\u00a0% interval {ratio(figures.sharpe_low)} to {ratio(figures.sharpe_high)}",
        f"n = {figures.n_periods} days, P = 365",
        "N = 1 trial",
        share(figures.deflated_sharpe_ratio),
        f"1 × {percentage(figures.total_return)}, 2 × {percentage(figures.double_cost_return)}",
        percentage(figures.gross_return),
        percentage(figures.max_drawdown),
        "swap, funding and borrow UNKNOWN",
        "window 5, oversold 30, overbought 70" if len(backtest()[0].parameters_used) == 3 else "window 5",
        "long and short with all of the equity, stop 2\u00a0%, target 1.2\u00a0%, trailing stop 2.5\u00a0%",
    ):
        assert part in page.text


@pytest.mark.parametrize("source", ["simulated", "file:test"])
def test_simulated_is_said_at_the_top_and_in_the_title_exactly_where_it_is_so(source: str) -> None:
    page = Page(backtest_report_html(*backtest(600, source=source), PROVENANCE))
    banners = [attributes for _, attributes in page.elements if attributes.get("class") == "simulated"]
    assert len(banners) == (source == "simulated")
    assert ("SIMULATED" in page.text) is (source == "simulated")


def test_every_colour_of_the_charts_is_one_that_the_style_sheet_defines(page: Page) -> None:
    assert page.undefined_colors() == set()


def test_every_chart_has_its_place_and_every_place_its_chart(page: Page) -> None:
    figures = page.figures()
    places = [attributes.get("id") for tag, attributes in page.elements if tag == "div" and attributes.get("id")]
    tables = {"trade-filters", "trade-pages"}
    assert set(places) - tables == figures.keys()
    assert figures.keys() == {"equity", "months", "rolling", "candles", "trade-returns", "costs"}


def test_all_trades_are_in_the_page_for_its_table(page: Page) -> None:
    assert len(json.loads(page.raw["script#trades"])["rows"]) == len(backtest()[0].trades)


def test_facts_say_what_it_was_made_from(page: Page) -> None:
    for part in ("2024-05-01 04:00:00 UTC by Bot Core 1.2.3+abc", "ab" * 32, "2024-01-01 00:00 UTC to", "4,000 bars"):
        assert part in page.text


@pytest.mark.parametrize("n_bars", [1, 2, 30], ids="{} bars".format)
def test_a_backtest_of_hardly_any_bar_has_a_page_too(n_bars: int) -> None:
    page = Page(backtest_report_html(*backtest(n_bars), PROVENANCE))
    places = {attributes.get("id") for tag, attributes in page.elements if tag == "div"}
    assert page.figures().keys() <= places
    assert "n/a to n/a" in page.text
    assert "Too few periods for an interval." in page.text
    assert "nan" not in page.text.lower().replace("finance", "").replace("financing", "")


def test_a_backtest_without_trades_says_so() -> None:
    idle = backtest(3_000, parameters=(("window", 50.0), ("oversold", 5.0), ("overbought", 95.0)))
    assert "Nothing was traded" in Page(backtest_report_html(*idle, PROVENANCE)).text


def test_the_same_backtest_gives_the_same_page(html: str) -> None:
    assert backtest_report_html(*backtest(), PROVENANCE) == html


def test_a_time_without_a_zone_is_refused() -> None:
    naive = Provenance(generated_at=datetime(2024, 5, 1), code_version="1")  # noqa: DTZ001
    with pytest.raises(TimeError, match="generated_at"):
        backtest_report_html(*backtest(), naive)
