"""The table of figures: all of them, each once."""

from dataclasses import fields, replace

import pytest

from bot_core_dagster.backtest import Summary
from bot_core_dagster.reports.backtest.figures_table import GROUPS, figure_groups
from bot_core_dagster.reports.figures import percentage, ratio
from tests.core.reports.results import backtest


def test_every_figure_of_a_backtest_stands_in_one_group() -> None:
    named = [name for rows in GROUPS.values() for name in rows]
    assert sorted(named) == sorted(field.name for field in fields(Summary))


def test_no_two_figures_are_called_alike() -> None:
    labels = [(group, label) for group, rows in figure_groups(backtest()[0].summary).items() for label, _, _ in rows]
    assert len(set(labels)) == len(labels)


def test_figures_are_shown_as_what_they_are() -> None:
    figures = backtest()[0].summary
    shown = {label: text for rows in figure_groups(figures).values() for label, text, _ in rows}
    assert shown["Net return"] == percentage(figures.total_return)
    assert shown["Sharpe ratio"] == ratio(figures.sharpe_ratio)
    assert shown["Closed trades"] == f"{figures.total_trades:,}"
    assert shown["Start"] == "2024-01-01 00:00 UTC"


@pytest.mark.parametrize(
    ("cost", "text"), [(float("nan"), "UNKNOWN"), (0.01, "+1.00\u00a0%")], ids=["unknown", "known"]
)
def test_an_unknown_cost_is_called_unknown(cost: float, text: str) -> None:
    groups = figure_groups(replace(backtest()[0].summary, financing_cost=cost))
    (shown,) = [figure for rows in groups.values() for label, figure, _ in rows if label.startswith("Swap")]
    assert shown == text
