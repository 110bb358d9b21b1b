"""The page of a review: complete, self-contained, escaped, and true to the report."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot_core_dagster.errors import TimeError
from bot_core_dagster.portfolio import PortfolioReport
from bot_core_dagster.reports import Provenance, portfolio_report_html
from bot_core_dagster.reports.figures import money, percentage, ratio
from tests.core.reports.reader import Page, require_self_contained
from tests.core.reports.reviewed import ODD, report

PROVENANCE = Provenance(
    generated_at=datetime(2024, 5, 1, 4, 0, tzinfo=UTC),
    code_version="1.2.3+abc",
    content_hashes={f"equity of {ODD}": "ab" * 32},
)
ABSENT = "NOROWS"


@pytest.fixture(scope="module")
def reviewed() -> PortfolioReport:
    return report()


@pytest.fixture(scope="module")
def html(reviewed: PortfolioReport) -> str:
    return portfolio_report_html(reviewed, PROVENANCE)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


@pytest.fixture(scope="module")
def figures(page: Page) -> Any:
    return page.figures()


def test_the_page_is_one_file_that_may_load_nothing(html: str) -> None:
    require_self_contained(html)


def test_a_symbol_made_of_markup_stays_text(html: str, page: Page) -> None:
    assert ODD in page.text
    assert "<script>alert" not in html
    assert '</style>"' not in html
    assert [tag for tag, _ in page.elements].count("script") == 3
    assert [tag for tag, _ in page.elements].count("style") == 1


def test_a_symbol_made_of_markup_is_escaped_for_the_charts_too(figures: Any) -> None:
    names = figures["by-instrument"]["data"][0]["y"]
    assert any("O&#x27;X&lt;script&gt;alert(1)&lt;/script&gt;&amp;" in name for name in names)


def test_the_headline_carries_its_caveats(page: Page, reviewed: PortfolioReport) -> None:
    whole = reviewed.since_inception
    for part in (
        percentage(reviewed.month.total_return),
        percentage(whole.total_return),
        percentage(whole.buy_and_hold_return),
        percentage(whole.double_cost_return),
        percentage(reviewed.trailing_30d_return),
        f"{ratio(whole.sharpe_low)} to {ratio(whole.sharpe_high)}",
        f"n = {whole.n_periods}, P = 365, N = 1 trial",
        "Deflated Sharpe ratio",
        money(reviewed.month.profit, signed=True),
    ):
        assert part in page.text


def test_every_recommendation_stands_there_with_metric_value_and_threshold(
    page: Page, reviewed: PortfolioReport
) -> None:
    for one in reviewed.recommendations:
        assert one.limit.metric[1:] in page.text
        assert one.shown(one.value).replace("-", "−") in page.text
        assert f"{one.limit.side} {one.shown(one.limit.threshold)}" in page.text
        assert one.advice in page.text


def test_an_absent_sleeve_is_named_with_its_state(page: Page) -> None:
    assert f"rsi · {ABSENT} (no rows, last never)" in page.text


def test_drawdowns_and_costs_say_what_they_are_of(page: Page) -> None:
    assert "Deepest drawdown over bar closes" in page.text
    assert "Over bar closes, the starting equity included." in page.text
    assert "financing 0.00. Spot that is held without a loan pays no swap, funding or borrow" in page.text
    assert "within a day it may have been deeper" not in page.text


def test_a_sleeve_that_stopped_early_is_a_fact_and_not_within_all_limits() -> None:
    stopped = report(n_days=121, n_days_of_odd=105)
    text = Page(portfolio_report_html(stopped, PROVENANCE)).text
    assert f"rsi · {ODD} (last 2024-04-15)" in text
    assert f"stopped early: rsi · {ODD}. Their equity is frozen here" in text
    assert "Within all limits" not in text


def test_costs_of_holding_that_are_unknown_are_named() -> None:
    text = Page(portfolio_report_html(replace(report(), unknown_financing=("EURUSD", ODD)), PROVENANCE)).text
    assert f"Swap, funding and borrow of EURUSD, {ODD} are unknown and in no figure." in text


def test_facts_say_what_it_was_made_from(page: Page) -> None:
    assert "2024-05-01 04:00:00 UTC by Bot Core 1.2.3+abc" in page.text
    assert "ab" * 32 in page.text
    assert "2024-04-01 00:00 UTC to 2024-05-01 00:00 UTC, 30 day ends" in page.text


def test_the_charts_hold_the_curve_and_the_attribution(figures: Any, reviewed: PortfolioReport) -> None:
    held, equity, fall = figures["equity"]["data"]
    assert equity["y"] == reviewed.curve["equity"].round(2).tolist()
    assert held["y"] == reviewed.curve["buy_and_hold"].round(2).tolist()
    assert min(fall["y"]) == pytest.approx(reviewed.since_inception.max_drawdown, abs=1e-5)
    month, inception = figures["by-instrument"]["data"]
    assert sum(month["x"]) == pytest.approx(reviewed.month.profit, abs=0.02)
    assert sum(inception["x"]) == pytest.approx(reviewed.since_inception.profit, abs=0.02)


def test_every_colour_of_the_charts_is_one_that_the_style_sheet_defines(page: Page) -> None:
    assert page.undefined_colors() == set()


@pytest.mark.parametrize("is_simulated", [True, False], ids=["simulated", "real"])
def test_simulated_is_said_at_the_top_and_in_the_title_exactly_where_it_is_so(is_simulated: bool) -> None:
    page = Page(portfolio_report_html(report(is_simulated=is_simulated), PROVENANCE))
    banners = [attributes for _, attributes in page.elements if attributes.get("class") == "simulated"]
    assert len(banners) == is_simulated
    assert ("SIMULATED" in page.text) is is_simulated


def test_undefined_figures_are_not_zero() -> None:
    text = Page(portfolio_report_html(report(moves=False), PROVENANCE)).text
    assert "n/a to n/a" in text
    assert "Too few periods" in text
    assert "cannot be judged" in text


def test_a_month_to_date_says_so() -> None:
    assert "April 2024 (to date)" in Page(portfolio_report_html(report(n_days=110), PROVENANCE)).text


def test_the_same_report_gives_the_same_page(html: str, reviewed: PortfolioReport) -> None:
    assert portfolio_report_html(reviewed, PROVENANCE) == html


def test_a_time_without_a_zone_is_refused(reviewed: PortfolioReport) -> None:
    naive = Provenance(generated_at=datetime(2024, 5, 1), code_version="1")  # noqa: DTZ001
    with pytest.raises(TimeError, match="generated_at"):
        portfolio_report_html(reviewed, naive)
