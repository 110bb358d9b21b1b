"""The rows that a report becomes, and their way through the lake and back."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bot_core_dagster.lake import Lake
from bot_core_dagster.lake.table import Table
from bot_core_dagster.portfolio import (
    PORTFOLIO_EQUITY,
    PORTFOLIO_REVIEWS,
    PortfolioReport,
    equity_rows,
    review_portfolio,
    review_rows,
    series_of,
)
from bot_core_dagster.settings import PortfolioSettings
from tests.core.portfolio import sleeve_rows

ODD = "O'X<script>"


def reviewed(month: str) -> PortfolioReport:
    moves = np.exp(np.random.default_rng(1).normal(0.0, 0.01, (2, 60)).cumsum(axis=1))
    rows = [sleeve_rows.equity_rows(path, symbol=name) for path, name in zip(moves, ("BTCUSDT", ODD), strict=True)]
    trades = sleeve_rows.trade_rows([0.01, -0.01])
    instruments = sleeve_rows.watchlist("BTCUSDT", ODD, "NOROWS")
    equity = pd.concat(rows)
    return review_portfolio(
        equity, sleeve_rows.bar_rows(equity), trades, month, PortfolioSettings(), instruments, ["rsi"], {}
    )


@pytest.fixture
def report() -> PortfolioReport:
    return reviewed("2024-02")


def strict(text: str) -> Any:
    """Parse JSON as the standard has it: NaN and Infinity are errors."""
    return json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))


def test_the_row_of_a_review_holds_the_fields_of_the_contract(report: PortfolioReport) -> None:
    (row,) = review_rows(report).to_dict("records")
    assert list(row) == list(PORTFOLIO_REVIEWS.columns)
    assert row["total_return_30d"] == report.trailing_30d_return
    assert row["sharpe_ratio"] == report.month.sharpe_ratio
    assert row["max_drawdown"] == report.month.max_drawdown
    assert row["total_trades"] == 0
    assert np.isnan(row["win_rate"])
    recommendations = strict(row["recommendations"])
    assert {"metric", "value", "threshold", "advice"} <= set(recommendations[0])


def test_attribution_in_json_still_sums_to_the_profit(report: PortfolioReport) -> None:
    row = review_rows(report).iloc[0]
    attribution = strict(row["attribution"])
    assert sum(attribution["by_strategy"].values()) == pytest.approx(row["profit"], abs=1e-9)
    assert sum(attribution["by_instrument"].values()) == pytest.approx(row["profit"], abs=1e-9)
    assert sum(profit for *_, profit in attribution["by_sleeve"]) == pytest.approx(row["profit"], abs=1e-9)
    assert ODD in attribution["by_instrument"]


def test_undefined_figures_are_null_in_json_and_states_are_kept(report: PortfolioReport) -> None:
    row = review_rows(report).iloc[0]
    assert strict(row["since_inception"])["trades"]["n_closed"] == 2
    states = {one["symbol"]: (one["state"], one["last_row"]) for one in strict(row["sleeves"])}
    assert states["NOROWS"] == ("no rows", None)
    assert states["BTCUSDT"] == ("up to date", "2024-03-01T00:00:00+00:00")


def test_the_equity_rows_hold_the_curve_since_inception(report: PortfolioReport) -> None:
    rows = equity_rows(report)
    assert list(rows.columns) == list(PORTFOLIO_EQUITY.columns)
    assert len(rows) == report.since_inception.n_periods + 1
    assert set(rows["symbol"]) == {"portfolio:2024-02"}


@pytest.mark.parametrize(
    ("table", "rows_of"),
    [(PORTFOLIO_REVIEWS, review_rows), (PORTFOLIO_EQUITY, equity_rows)],
    ids=["reviews", "equity"],
)
def test_a_review_survives_the_lake_and_the_same_again_changes_nothing(
    table: Table, rows_of: Any, report: PortfolioReport, tmp_path: Path
) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    for month in ("2024-01", "2024-02"):
        lake.replace(table, rows_of(reviewed(month)), [series_of(month)])
    change = lake.replace(table, rows_of(report), [series_of("2024-02")])[series_of("2024-02")]
    assert not change.has_changed
    stored = lake.read(table, symbols=[series_of("2024-02")])
    assert_frame_equal(stored[list(table.columns)], rows_of(report), check_dtype=False)
    assert len(lake.read(table)) > len(stored)
