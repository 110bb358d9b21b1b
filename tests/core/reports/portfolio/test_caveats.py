"""Caveats of a review: its trials and its costs, in words."""

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from bot_core_dagster.portfolio import PortfolioReport, Sleeve
from bot_core_dagster.reports.portfolio.caveats import caveats
from tests.core.reports.reviewed import report

BTC = Sleeve("rsi", "BTCUSDT")


def said(reviewed: PortfolioReport, subject: str) -> str:
    return dict(caveats(reviewed))[subject]


def financed(cost: float, unknown: tuple[str, ...] = ()) -> str:
    """Return what is said of costs where closed trades paid so much to hold."""
    reviewed = report()
    whole = reviewed.since_inception
    paid = replace(whole, trades=replace(whole.trades, financing_cost=cost))
    return said(replace(reviewed, since_inception=paid, unknown_financing=unknown), "Costs")


DEPLOYED: dict[str, tuple[dict[Sleeve, int], str]] = {
    "none": ({}, "N = 1: 3 sleeves on the parameters of the settings, none on deployed ones; no search chose any."),
    "one": (
        {BTC: 1_200},
        "N = 1,201: 2 sleeves on the parameters of the settings, 1 on deployed ones, chosen among 1,200 trials",
    ),
}


@pytest.mark.parametrize(("deployed", "words"), DEPLOYED.values(), ids=DEPLOYED)
def test_trials_say_how_many_sleeves_trade_whose_parameters(deployed: Mapping[Sleeve, int], words: str) -> None:
    assert words in said(report(deployed=deployed), "Trials")


@pytest.mark.parametrize(
    ("cost", "unknown", "words"),
    [
        pytest.param(12.3, (), "financing 12.30. Financing is swap, funding and borrow", id="paid"),
        pytest.param(-4.0, (), "financing −4.00. Financing is swap", id="got"),
        pytest.param(0.0, (), "financing 0.00. Spot that is held without a loan pays no swap", id="none"),
        pytest.param(12.3, ("EURUSD",), "known financing 12.30. Swap, funding and borrow of EURUSD are", id="partly"),
        pytest.param(math.nan, ("EURUSD",), ", financing unknown. Swap, funding and borrow of EURUSD", id="unknown"),
    ],
)
def test_costs_itemise_the_financing_that_is_known(cost: float, unknown: tuple[str, ...], words: str) -> None:
    assert words in financed(cost, unknown)
