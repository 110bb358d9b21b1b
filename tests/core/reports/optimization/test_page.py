"""The page of an optimisation: complete, self-contained, escaped, and true to the search."""

import numpy as np
import pytest

from bot_core_dagster.optimization import Decision, Reason, decide
from bot_core_dagster.reports import optimization_report_html
from bot_core_dagster.reports.figures import count, percentage, ratio, share
from bot_core_dagster.reports.optimization.joined import joined_curves
from bot_core_dagster.strategies.registry import strategy_named
from tests.builders import instrument
from tests.core.reports.reader import Page, require_self_contained
from tests.core.reports.results import PROVENANCE, optimization
from tests.core.reports.reviewed import ODD

DEPLOYED = {"window": 14.0, "oversold": 30.0, "overbought": 70.0}


def decision() -> Decision:
    """Return what the gate says of the search."""
    found, bars = optimization()
    return decide(found, None, bars, strategy_named("rsi"), instrument())


@pytest.fixture(scope="module")
def html() -> str:
    return optimization_report_html(optimization()[0], PROVENANCE, decision=decision(), deployed=DEPLOYED)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_page_is_one_file_that_may_load_nothing(html: str) -> None:
    require_self_contained(html)


def test_a_symbol_made_of_markup_stays_text() -> None:
    html = optimization_report_html(optimization(symbol=ODD)[0], PROVENANCE)
    page = Page(html)
    assert f"rsi on {ODD} 1h" in page.text
    assert "<script>alert" not in html
    assert [tag for tag, _ in page.elements].count("script") == 3


def test_a_reason_made_of_markup_stays_text() -> None:
    from dataclasses import replace

    odd = replace(decision(), reasons=(Reason(ODD, 0.5, 0.1, False, ODD),))
    html = optimization_report_html(optimization()[0], PROVENANCE, decision=odd)
    assert ODD in Page(html).text
    assert "<script>alert" not in html


def test_the_headline_carries_what_it_must(page: Page) -> None:
    found, _ = optimization()
    walked, evidence = found.headline, found.evidence
    for part in (
        percentage(float(np.prod(1.0 + walked.returns) - 1.0)),
        percentage(float(np.prod(1.0 + walked.buy_and_hold_returns) - 1.0)),
        f"At 2 × costs {percentage(float(np.prod(1.0 + walked.double_cost_returns) - 1.0))}",
        f"interval {ratio(evidence.sharpe.low)} to {ratio(evidence.sharpe.high)}",
        f"n = {len(walked.returns)} days, P = 365",
        f"N = {count(evidence.n_trials)}",
        share(evidence.deflated_sharpe_ratio),
        share(evidence.pbo),
        f"p = {ratio(evidence.spa_cash)}",
        "window 14, oversold 30, overbought 70",
        found.origin.content_hash,
    ):
        assert part in page.text


def test_the_decision_stands_there_with_every_reason(page: Page) -> None:
    made = decision()
    assert "Not deployed" in page.text
    assert made.summary in page.text
    for reason in made.reasons:
        assert reason.words in page.text
    verdicts = [one for _, one in page.elements if "chip" in (one.get("class") or "")]
    assert len(verdicts) == len(made.reasons) + 1


def test_without_a_decision_none_is_shown() -> None:
    text = Page(optimization_report_html(optimization()[0], PROVENANCE)).text
    assert "eployed" not in text
    assert "The decision" not in text


def test_the_best_trials_and_all_folds_are_listed(page: Page) -> None:
    found, _ = optimization()
    assert "The best 10 of" in page.text
    assert "1 (winner)" in page.text
    for walked in found.walk_forward.values():
        for fold in walked.folds.to_dict("records"):
            assert f"{fold['test_start']:%Y-%m-%d} to {fold['test_end']:%Y-%m-%d}" in page.text
            assert percentage(fold["test_return"]) in page.text


def test_every_colour_of_the_charts_is_one_that_the_style_sheet_defines(page: Page) -> None:
    assert page.undefined_colors() == set()


def test_every_chart_has_its_place(page: Page) -> None:
    places = {attributes.get("id") for tag, attributes in page.elements if tag == "div" and attributes.get("id")}
    assert places == page.figures().keys() == {"folds", "surface", "trials"}


def test_the_charts_hold_the_joined_curves_the_surface_and_all_trials(page: Page) -> None:
    found, _ = optimization()
    figures = page.figures()
    lines = {
        trace["name"].rpartition(" ")[0].rpartition(" ")[0] or trace["name"] for trace in figures["folds"]["data"][:4]
    }
    assert len(lines) == 4
    net = figures["folds"]["data"][3]
    assert net["y"] == pytest.approx(found.headline.equity.tolist(), rel=1e-5)
    assert len(figures["surface"]["layout"]["shapes"]) == 2
    assert sum(figures["trials"]["data"][0]["y"]) == np.isfinite(found.trials["sharpe_ratio"]).sum()


def test_joined_curves_begin_with_the_first_test_and_end_with_the_last_day() -> None:
    found, _ = optimization()
    for curve in joined_curves(found):
        assert len(curve.time) == len(curve.equity)
        assert curve.equity[0] == 1.0
        assert curve.time[0] == found.headline.folds["test_start"].iloc[0]
        assert curve.time[-1] == found.headline.folds["test_end"].iloc[-1]


@pytest.mark.parametrize("source", ["simulated", "file:test"])
def test_simulated_is_said_exactly_where_it_is_so(source: str) -> None:
    page = Page(optimization_report_html(optimization(source=source)[0], PROVENANCE))
    assert ("SIMULATED" in page.text) is (source == "simulated")


@pytest.mark.parametrize(("objective", "unit"), [("total_return", "\u00a0%"), ("sharpe_ratio", "")], ids=str)
def test_an_objective_that_is_a_share_is_shown_in_percent(objective: str, unit: str) -> None:
    found, _ = optimization(objective=objective)
    tiles = Page(optimization_report_html(found, PROVENANCE)).figures()["surface"]["data"][0]
    texts = [text for row in tiles["text"] for text in row if text not in ("", "–", "n/a")]
    assert texts
    assert all(text.strip("()").endswith(unit) for text in texts)
    assert any("\u00a0%" in text for text in texts) is bool(unit)


def test_a_search_of_one_set_has_a_page_too() -> None:
    text = Page(optimization_report_html(optimization(parameter_variations=1)[0], PROVENANCE)).text
    assert "Too few days or trials" in text
    assert "The best 1 of 1 parameter set in sample" in text


def test_the_same_search_gives_the_same_page(html: str) -> None:
    again = optimization_report_html(optimization()[0], PROVENANCE, decision=decision(), deployed=DEPLOYED)
    assert again == html
