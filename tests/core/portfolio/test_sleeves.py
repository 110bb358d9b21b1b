"""Sleeves side by side: equal parts, no rebalancing, cash before the start."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.errors import QualityError, ShapeError
from bot_core_dagster.metrics import NEW_YORK, UTC_DAYS
from bot_core_dagster.portfolio.attribution import Sleeve
from bot_core_dagster.portfolio.period import MonthWindow, month_window
from bot_core_dagster.portfolio.sleeves import sleeve_book
from tests.core.portfolio.sleeve_rows import equity_rows

BTC, ETH = Sleeve("rsi", "BTCUSDT"), Sleeve("rsi", "ETHUSDT")


@pytest.fixture
def january() -> MonthWindow:
    return month_window("2024-01", UTC_DAYS)


def test_the_portfolio_is_the_sum_of_equal_parts_that_are_never_rebalanced(january: MonthWindow) -> None:
    rows = pd.concat([equity_rows([1.1, 1.2]), equity_rows([0.9, 0.6], symbol="ETHUSDT")])
    book = sleeve_book(rows, [BTC, ETH], january, 1_000.0, None)
    np.testing.assert_allclose(book.money["equity"], [[500, 500], [550, 450], [600, 300]])
    np.testing.assert_allclose(book.total("equity"), [1_000, 1_000, 900])
    assert book.day_end[0] == pd.Timestamp("2024-01-01", tz="UTC")


def test_a_sleeve_is_cash_until_its_first_row_and_keeps_its_last_equity(january: MonthWindow) -> None:
    late = equity_rows([2.0], symbol="ETHUSDT", first="2024-01-04")
    book = sleeve_book(pd.concat([equity_rows([1.1] * 5), late]), [BTC, ETH], january, 200.0, None)
    np.testing.assert_array_equal(book.money["equity"][:, 1], [100, 100, 100, 200, 200, 200])
    assert (book.first_row[ETH], book.last_row[ETH]) == (pd.Timestamp("2024-01-04", tz="UTC"),) * 2


def test_a_sleeve_without_rows_stays_cash_and_has_no_dates(january: MonthWindow) -> None:
    book = sleeve_book(equity_rows([1.1, 1.2]), [BTC, ETH], january, 200.0, None)
    np.testing.assert_array_equal(book.money["equity"][:, 1], 100.0)
    assert book.first_row[ETH] is None
    assert book.last_row[ETH] is None


def test_a_day_without_a_row_of_any_sleeve_still_counts(january: MonthWindow) -> None:
    rows = equity_rows([1.1, 1.2, 1.3]).drop(index=1)
    book = sleeve_book(rows, [BTC], january, 100.0, None)
    np.testing.assert_allclose(book.total("equity"), [100, 110, 110, 130])


def test_new_york_days_have_no_weekend() -> None:
    friday, monday = "2024-01-05 22:00", "2024-01-08 22:00"
    days = pd.DatetimeIndex([friday, monday], tz="UTC").as_unit("us")
    rows = equity_rows([1.1, 1.2], sampling="new_york", day_end=days)
    book = sleeve_book(rows, [BTC], month_window("2024-01", NEW_YORK), 100.0, None)
    assert list(book.day_end) == [pd.Timestamp("2024-01-04 22:00", tz="UTC"), *days]


def test_the_order_of_rows_does_not_matter(january: MonthWindow) -> None:
    rows = pd.concat([equity_rows(np.linspace(1, 2, 9)), equity_rows(np.linspace(1, 0.5, 9), symbol="ETHUSDT")])
    shuffled = rows.sample(frac=1.0, random_state=0)
    np.testing.assert_array_equal(
        sleeve_book(shuffled, [BTC, ETH], january, 100.0, None).money["equity"],
        sleeve_book(rows, [BTC, ETH], january, 100.0, None).money["equity"],
    )


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"equity": [1.0, float("nan")]}, "not finite, or below zero"),
        ({"buy_and_hold": [1.0, float("inf")]}, "not finite, or below zero"),
        ({"gross_equity": [1.0, -0.1]}, "not finite, or below zero"),
        ({"day_end": pd.DatetimeIndex(["2024-01-02"] * 2, tz="UTC")}, "stands twice"),
    ],
    ids=["nan", "infinite", "zero", "two rows a day"],
)
def test_a_row_that_is_no_equity_is_refused_by_name(changed: dict[str, Any], fault: str, january: MonthWindow) -> None:
    with pytest.raises(QualityError, match=rf"rsi on BTCUSDT at 2024-01-0\d .*{fault}.*next:"):
        sleeve_book(equity_rows([1.0, 1.0], **changed), [BTC], january, 100.0, None)


@pytest.mark.parametrize(
    ("first", "latest"),
    [("2023-11-01", "the latest is 2023-11-02"), ("2024-02-03", "there are none before it")],
    ids=["rows end before", "rows start after"],
)
def test_a_month_without_any_row_is_an_error_that_says_where_the_rows_are(
    first: str, latest: str, january: MonthWindow
) -> None:
    with pytest.raises(ShapeError, match=f"2024-01.*{latest}"):
        sleeve_book(equity_rows([1.0, 1.0], first=first), [BTC], january, 100.0, None)
