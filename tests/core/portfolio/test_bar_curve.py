"""The portfolio over bar closes, exact against a slow twin, and its day ends against its bars."""

import time
from collections.abc import Mapping
from itertools import accumulate

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.errors import QualityError
from bot_core_dagster.metrics import UTC_DAYS
from bot_core_dagster.portfolio.attribution import Sleeve
from bot_core_dagster.portfolio.bar_curve import BarCurve, bar_curve, newest_close
from bot_core_dagster.portfolio.period import month_window
from bot_core_dagster.portfolio.sleeves import SleeveBook, sleeve_book
from tests.core.portfolio.sleeve_rows import bar_rows, equity_rows

BTC, ETH = Sleeve("rsi", "BTCUSDT"), Sleeve("rsi", "ETHUSDT")
START, JANUARY = pd.Timestamp("2024-01-01", tz="UTC"), month_window("2024-01", UTC_DAYS)
HOURLY = {"BTCUSDT": "1h", "ETHUSDT": "1h"}

Closes = Mapping[int, float]
"""Hours since START -> equity of a sleeve as a multiple of its start."""


def rows_at(closes: Closes, symbol: str) -> pd.DataFrame:
    times = pd.DatetimeIndex([START + pd.Timedelta(hours=hour) for hour in closes], tz="UTC").as_unit("us")
    return pd.DataFrame(
        {
            "strategy": "rsi",
            "symbol": symbol,
            "timeframe": "1h",
            "close_time": times,
            "equity": list(closes.values()),
            "simulated": False,
        }
    )


def days_of(closes: Closes, symbol: str) -> pd.DataFrame:
    """Return the rows of EQUITY that a backtest of these bars has: what is known at each midnight after its start."""
    first, last = -(-min(closes) // 24), max(closes) // 24
    known = [_known(closes, 24 * day) for day in range(first, last + 1)]
    return equity_rows(known, symbol=symbol, first=f"{START + pd.Timedelta(days=first):%Y-%m-%d}")


def _known(closes: Closes, hour: int) -> float:
    past = [at for at in closes if at <= hour]
    return closes[max(past)] if past else 1.0


def joined(sleeves: Mapping[str, Closes], initial_equity: float = 1_000.0) -> tuple[SleeveBook, BarCurve]:
    bars = pd.concat([rows_at(closes, symbol) for symbol, closes in sleeves.items()]).sample(frac=1.0, random_state=0)
    days = pd.concat([days_of(closes, symbol) for symbol, closes in sleeves.items()])
    names = [Sleeve("rsi", symbol) for symbol in sleeves]
    book = sleeve_book(days, names, JANUARY, initial_equity, newest_close(bars))
    return book, bar_curve(bars, book, dict.fromkeys(sleeves, "1h"))


def slow_falls(sleeves: Mapping[str, Closes], part: float, end_hour: int) -> dict[int, tuple[float, float]]:
    """Hour -> equity and fall from the peak so far, bar by bar and sleeve by sleeve, from the start on."""
    hours = sorted({hour for closes in sleeves.values() for hour in closes if hour <= end_hour})
    falls, peak = {}, 0.0
    for hour in (0, *hours):
        equity = 0.0
        for closes in sleeves.values():
            equity += _known(closes, hour) * part
        peak = max(peak, equity)
        falls[hour] = (equity, equity / peak - 1.0)
    return falls


_HISTORY = st.dictionaries(st.integers(1, 240), st.floats(0.2, 5.0), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(st.lists(_HISTORY, min_size=1, max_size=5), st.integers(0, 9))
def test_drawdowns_over_bar_closes_are_exactly_those_of_a_slow_twin(histories: list[Closes], month_opens: int) -> None:
    histories[0] = {**histories[0], 24: 1.0, 240: 1.0}
    sleeves = {f"S{place}": closes for place, closes in enumerate(histories)}
    book, curve = joined(sleeves)
    falls = slow_falls(sleeves, book.part, 240)
    assert dict(zip([0, *_hours(curve)], curve.equity, strict=True)) == {hour: one[0] for hour, one in falls.items()}
    opens, end = START + pd.Timedelta(days=month_opens), book.day_end[-1]
    at_opening = max(hour for hour in falls if hour <= 24 * month_opens)
    in_month = [one for hour, one in falls.items() if hour >= at_opening]
    assert curve.max_drawdown(book.day_end[0], end) == min(fall for _, fall in falls.values())
    assert curve.drawdown_from_peak(opens, end) == min(fall for _, fall in in_month)
    peaks = accumulate((equity for equity, _ in in_month), max)
    assert curve.max_drawdown(opens, end) == min(
        equity / peak - 1.0 for (equity, _), peak in zip(in_month, peaks, strict=True)
    )


def _hours(curve: BarCurve) -> list[int]:
    hours = (curve.close_time - START.tz_localize(None).to_datetime64()) / np.timedelta64(1, "h")
    return [int(hour) for hour in hours]


def test_a_fall_within_a_day_counts_although_no_day_end_shows_it() -> None:
    book, curve = joined({"BTCUSDT": {24: 1.0, 30: 0.5, 48: 1.0}, "ETHUSDT": {24: 1.0, 48: 1.0}})
    assert (book.total("equity") == 1_000.0).all()
    assert curve.max_drawdown(book.day_end[0], book.day_end[-1]) == -0.25
    assert curve.own[BTC].tolist() == [500.0, 500.0, 250.0, 500.0]


def test_falls_of_different_sleeves_at_different_times_do_not_add_up() -> None:
    _, curve = joined({"BTCUSDT": {5: 0.8, 6: 1.0, 24: 1.0}, "ETHUSDT": {7: 0.8, 8: 1.0, 24: 1.0}})
    assert curve.max_drawdown(START, START + pd.Timedelta(days=1)) == pytest.approx(-0.1)


def test_the_equity_that_the_month_starts_with_counts_as_its_first_peak() -> None:
    _, curve = joined({"BTCUSDT": {20: 2.0, 24: 1.5, 40: 1.2, 48: 1.2}})
    opens, end = START + pd.Timedelta(days=1), START + pd.Timedelta(days=2)
    assert curve.max_drawdown(opens, end) == pytest.approx(1.2 / 1.5 - 1)
    assert curve.drawdown_from_peak(opens, end) == pytest.approx(1.2 / 2.0 - 1)


def test_bars_after_the_last_day_end_and_of_other_timeframes_and_sleeves_are_not_read() -> None:
    closes = {24: 1.0, 48: 1.1, 50: 0.1}
    bars = rows_at(closes, "BTCUSDT")
    others = [bars.assign(equity=0.3, timeframe="4h"), rows_at({30: 0.2}, "GONE"), bars.assign(strategy="gone")]
    book = sleeve_book(days_of(closes, "BTCUSDT"), [BTC], JANUARY, 100.0, newest_close(bars))
    curve = bar_curve(pd.concat([bars, *others]), book, HOURLY)
    assert curve.max_drawdown(book.day_end[0], book.day_end[-1]) == 0.0


@pytest.mark.parametrize(
    ("bars", "fault"),
    [
        (rows_at({24: 1.0, 48: 1.3}, "BTCUSDT"), "differs from its equity at the day end 2024-01-03 00:00 UTC"),
        (rows_at({24: 1.0, 48: 1.1}, "ETHUSDT"), "differs from its equity at the day end 2024-01-03 00:00 UTC"),
        (rows_at({24: 1.0, 30: float("nan"), 48: 1.1}, "BTCUSDT"), "not finite, or below zero"),
        (rows_at({24: 1.0, 30: -0.1, 48: 1.1}, "BTCUSDT"), "not finite, or below zero"),
        (pd.DataFrame(columns=rows_at({1: 1.0}, "BTCUSDT").columns), "differs from its equity at the day end"),
    ],
    ids=["other bars", "no bars of it", "nan", "zero", "no table"],
)
def test_bar_closes_that_contradict_the_day_ends_are_refused_with_the_next_step(bars: pd.DataFrame, fault: str) -> None:
    book = sleeve_book(days_of({24: 1.0, 48: 1.1}, "BTCUSDT"), [BTC], JANUARY, 100.0, newest_close(bars))
    with pytest.raises(QualityError, match=f"rsi · BTCUSDT .*{fault}.*; next: bot-core run"):
        bar_curve(bars, book, HOURLY)


@pytest.mark.parametrize(
    ("newest", "ends"),
    [
        pytest.param("2024-01-05 22:00", "2024-01-05", id="crypto trades on: its last day end"),
        pytest.param("2024-01-07 04:00", "2024-01-07", id="crypto has been over it"),
    ],
)
def test_days_that_a_closed_market_knows_ahead_wait_for_the_markets_that_trade(newest: str, ends: str) -> None:
    ahead = equity_rows([1.1] * 6, symbol="ETHUSDT")
    crypto = equity_rows([1.2] * 6)
    moment = pd.Timestamp(newest, tz="UTC")
    known = pd.concat([ahead, crypto[crypto["day_end"] <= moment]])
    book = sleeve_book(known, [BTC, ETH], JANUARY, 100.0, moment)
    assert book.day_end[-1] == pd.Timestamp(ends, tz="UTC")


def test_days_that_a_closed_market_knows_ahead_do_not_wait_for_a_sleeve_that_stopped() -> None:
    ahead, stopped = equity_rows([1.1] * 12, symbol="ETHUSDT"), equity_rows([1.2] * 3)
    newest = pd.Timestamp("2024-01-11 21:00", tz="UTC")
    book = sleeve_book(pd.concat([ahead, stopped]), [BTC, ETH], JANUARY, 100.0, newest)
    assert book.day_end[-1] == ahead["day_end"].iloc[-1]


@pytest.mark.parametrize(("n_symbols", "within_s"), [(5, 0.3), (50, 2.0)], ids="{} symbols".format)
def test_a_curve_of_26000_bars_a_symbol_is_joined_in_time(n_symbols: int, within_s: float) -> None:
    n_bars, rng = 26_000, np.random.default_rng(0)
    closes = pd.date_range(START, periods=n_bars + 1, freq="h")[1:].as_unit("us")
    parts, days = [], []
    for place in range(n_symbols):
        multiples = np.exp(rng.normal(0.0, 0.005, n_bars).cumsum())
        rows = bar_rows(equity_rows(multiples, symbol=f"S{place}", day_end=closes))
        parts.append(rows)
        days.append(equity_rows(multiples[23::24], symbol=f"S{place}"))
    sleeves, window = [Sleeve("rsi", f"S{place}") for place in range(n_symbols)], month_window("2026-11", UTC_DAYS)
    rows = pd.concat(parts).astype(dict.fromkeys(("strategy", "symbol", "timeframe"), "category"))
    book = sleeve_book(pd.concat(days), sleeves, window, 1_000.0, newest_close(rows))
    began = time.perf_counter()
    curve = bar_curve(rows, book, {sleeve.symbol: "1h" for sleeve in sleeves})
    curve.max_drawdown(book.day_end[0], book.day_end[-1])
    assert time.perf_counter() - began < within_s
