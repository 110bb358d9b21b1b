"""Rows that cannot be read are quarantined with the reason; the others of their page are bars."""

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from bot_core_dagster.market.bar import QUARANTINE_COLUMNS
from bot_core_dagster.market.exchange.page import Page, Window, read_page
from tests import builders
from tests.core.market.exchange.binance_routes import Klines, binance_routes
from tests.core.market.exchange.conftest import START, SourceOn
from tests.core.market.exchange.exchange_server import ExchangeServer
from tests.core.market.exchange.expectations import candles_in, candles_of

HOUR = 3_600_000
T0 = int(START.timestamp() * 1000)


def row(i: int, close: float = 10.0, volume: float | None = 5.0) -> list[Any]:
    """Return ccxt's row of hour `i`."""
    return [T0 + i * HOUR, 10.0, 11.0, 9.0, close, volume]


def page(rows: list[Any], *, since: int = 0, until: int = 100) -> Page:
    """Read rows in a window of hours; the exchange's clock stands at hour 200."""
    window = Window(T0 + since * HOUR, T0 + until * HOUR, latest=T0 + 200 * HOUR)
    return read_page(rows, window, builders.instrument(), "ccxt:test")


def hours(bars: pd.DataFrame) -> list[int]:
    """Return the hours that bars open at."""
    return [int((time - START) / timedelta(hours=1)) for time in bars["open_time"]]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param([T0 + HOUR, None, 11.0, 9.0, 10.0, 5.0], "open: not a number", id="no open"),
        pytest.param([T0 + HOUR, 10.0, None, None, 10.0, None], "high, low, volume: not a number", id="several"),
        pytest.param([None, 10.0, 11.0, 9.0, 10.0, 5.0], "open_time None is not a time", id="no time"),
        pytest.param([T0 * 1000, 10.0, 11.0, 9.0, 10.0, 5.0], "is not a time in ms before", id="time in µs"),
        pytest.param([-1, 10.0, 11.0, 9.0, 10.0, 5.0], "open_time -1 is not a time", id="before 1970"),
        pytest.param([T0 + HOUR, 10.0], "expected a row of 6 cells", id="short"),
        pytest.param("abcdef", "expected a row of 6 cells", id="text"),
    ],
)
def test_a_row_that_cannot_be_read_is_quarantined(bad: Any, reason: str) -> None:
    read = page([row(0), bad, row(2)])
    assert hours(read.bars) == [0, 2]
    assert tuple(read.quarantined.columns) == QUARANTINE_COLUMNS
    assert reason in read.quarantined["reason"].item()
    assert read.quarantined["origin"].item() == "ccxt:test"
    assert read.quarantined["symbol"].item() == "BTCUSDT"


def test_what_could_be_read_of_a_quarantined_row_is_kept() -> None:
    kept = page([row(0), [T0 + HOUR, None, 11.0, 9.0, 10.0, 5.0]]).quarantined.iloc[0]
    assert kept["open_time"] == pd.Timestamp(START) + pd.Timedelta(hours=1)
    assert (kept["high"], kept["close"]) == (11.0, 10.0)
    assert pd.isna(kept["open"])


def test_a_venue_without_volume_gives_nan() -> None:
    read = page([row(0, volume=None), row(1, volume=None)])
    assert read.bars["volume"].isna().all()
    assert read.quarantined.empty


def test_a_row_twice_is_one_bar_and_two_that_differ_are_both_kept() -> None:
    """Which of two is right is not for the source to say: intake quarantines both."""
    read = page([row(1), row(0), row(1), row(2, close=10.0), row(2, close=10.5)])
    assert hours(read.bars) == [0, 1, 2, 2]
    assert list(read.bars["close"][2:]) == [10.0, 10.5]


@pytest.mark.parametrize(
    ("rows", "taken", "last_open", "is_stale"),
    [
        pytest.param([row(i) for i in range(3, 8)], [5, 6], T0 + 7 * HOUR, False, id="across both ends"),
        pytest.param([row(3), row(4)], [], None, True, id="all before"),
        pytest.param([row(7), row(8)], [], T0 + 8 * HOUR, False, id="all after"),
        pytest.param([], [], None, False, id="empty"),
    ],
)
def test_a_page_is_cut_to_its_window(rows: list[Any], taken: list[int], last_open: int | None, is_stale: bool) -> None:
    read = page(rows, since=5, until=7)
    assert hours(read.bars) == taken
    assert (read.last_open, read.is_stale) == (last_open, is_stale)


def test_an_unreadable_row_is_quarantined_once_and_only_when_it_closed() -> None:
    bad = [[T0 + i * HOUR, None, 11.0, 9.0, 10.0, 5.0] for i in range(10)]
    read = page(bad, since=5, until=7)
    assert hours(read.quarantined) == [5, 6]
    assert (read.last_open, read.is_stale) == (T0 + 9 * HOUR, False)


@pytest.mark.parametrize("bad", [(3, 250), (0, 99), (100, 499)], ids=["inside", "ends of a page", "last of all"])
def test_a_bad_row_over_http_costs_no_other(klines: Klines, source_on: SourceOn, bad: tuple[int, int]) -> None:
    rows = [list(row) for row in klines["BTCUSDT", "1h"]]
    rows[bad[0]][2] = "n/a"
    rows[bad[1]][4] = None
    with ExchangeServer(binance_routes({("BTCUSDT", "1h"): rows}, page_bars=100, reach_back=1)) as server:
        fetched = source_on(server).fetch(builders.instrument(), START, START + timedelta(hours=500))
    good = [row for i, row in enumerate(rows) if i not in bad]
    assert candles_in(fetched.bars) == candles_of(good)
    assert fetched.quarantined is not None
    assert hours(fetched.quarantined) == list(bad)
    assert list(fetched.quarantined["reason"]) == ["high: not a number", "close: not a number"]
