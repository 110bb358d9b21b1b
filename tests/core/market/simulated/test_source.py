"""The simulated source keeps the contract of a bar source, for any range.

Belongs here: shape, range, determinism and consistency of simulated bars. Not here: their statistics
(`test_statistics`), whether they can be traded (`test_edge`), faults (`test_faults`).
"""

import subprocess
import sys
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from bot_core_dagster.errors import SettingsError, SourceError, TimeError
from bot_core_dagster.market.bar import BAR_COLUMNS, SIMULATED, empty_bars
from bot_core_dagster.market.calendars import calendar, missing_bars
from bot_core_dagster.market.simulated import SimulatedSource
from bot_core_dagster.market.source import BarSource
from bot_core_dagster.settings import Instrument
from bot_core_dagster.timeframe import Timeframe
from tests.core.market.simulated.instruments import btcusdt, ethusdt, eurusd, utc, xauusd

INSTRUMENTS = [btcusdt(), eurusd(), xauusd()]
by_symbol = pytest.mark.parametrize("traded", INSTRUMENTS, ids=lambda one: one.symbol)
START, END = utc("2023-12-10"), utc("2024-04-10")


def _bars(
    traded: Instrument, start: datetime = START, end: datetime = END, *, seed: int = 7, edge: float = 0.0
) -> pd.DataFrame:
    source: BarSource = SimulatedSource(seed, edge)
    return source.fetch(traded, start, end).bars


@by_symbol
@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_bars_are_exactly_those_that_the_calendar_expects_and_that_have_closed(
    traded: Instrument, timeframe: Timeframe
) -> None:
    hours, end = calendar(traded.calendar), utc("2024-01-10 10:07")
    bars = _bars(traded.model_copy(update={"timeframe": timeframe}), utc("2023-12-20 03:01"), end)
    expected = hours.bar_open_times(timeframe, utc("2023-12-20 03:01"), end)
    expected = expected[hours.bar_close(expected, timeframe) <= pd.Timestamp(end)]
    assert list(pd.DatetimeIndex(bars["open_time"])) == list(expected)
    assert len(missing_bars(pd.DatetimeIndex(bars["open_time"]), timeframe, hours)) == 0
    assert (bars["close_time"] <= end).all()


@by_symbol
def test_bars_have_the_columns_and_types_of_a_bar_frame(traded: Instrument) -> None:
    bars = _bars(traded)
    assert tuple(bars.columns) == BAR_COLUMNS
    assert dict(bars.dtypes) == dict(empty_bars().dtypes)
    assert bars.index.equals(pd.RangeIndex(len(bars)))
    assert set(bars["source"]) == {SIMULATED}
    assert set(bars["price_side"]) == {traded.price_side}
    assert set(bars["volume_unit"]) == {"base" if traded.calendar == "crypto" else "ticks"}


@by_symbol
@pytest.mark.parametrize("edge", [0.0, 0.3], ids="edge {}".format)
def test_every_bar_holds_together(traded: Instrument, edge: float) -> None:
    bars = _bars(traded, edge=edge)
    assert (bars["high"] >= bars[["open", "close"]].max(axis=1)).all()
    assert (bars["low"] <= bars[["open", "close"]].min(axis=1)).all()
    assert (bars[["low", "volume", "spread"]] > 0).all(axis=None)
    assert np.isfinite(bars[["high", "volume", "spread"]]).all(axis=None)
    if traded.calendar == "crypto":
        np.testing.assert_array_equal(bars["open"].to_numpy()[1:], bars["close"].to_numpy()[:-1])
    else:
        np.testing.assert_array_equal(bars["volume"], bars["volume"].round())


@settings(max_examples=40, deadline=None)
@given(
    traded=st.sampled_from(INSTRUMENTS),
    timeframe=st.sampled_from([Timeframe.M15, Timeframe.H1, Timeframe.H4, Timeframe.D1]),
    minutes=st.tuples(st.integers(0, 170_000), st.integers(0, 170_000)),
    edge=st.sampled_from([0.0, 0.3]),
)
def test_any_range_gives_the_same_bars_as_the_whole(
    traded: Instrument, timeframe: Timeframe, minutes: tuple[int, int], edge: float
) -> None:
    traded = traded.model_copy(update={"timeframe": timeframe})
    start, end = (START + timedelta(minutes=minute) for minute in sorted(minutes))
    whole = _bars(traded, edge=edge)
    expected = whole[(whole["open_time"] >= start) & (whole["close_time"] <= end)].reset_index(drop=True)
    assert_frame_equal(_bars(traded, start, end, edge=edge), expected, check_exact=True)


def test_the_order_of_requests_and_other_symbols_do_not_change_bars() -> None:
    source = SimulatedSource(seed=7)
    for traded in (xauusd(), ethusdt(), eurusd()):
        source.fetch(traded, utc("2019-01-01"), utc("2019-02-01"))
    late = source.fetch(btcusdt(), utc("2025-01-01"), utc("2025-02-01")).bars
    early = source.fetch(btcusdt(), utc("2016-01-01"), utc("2016-02-01")).bars
    assert_frame_equal(early, _bars(btcusdt(), utc("2016-01-01"), utc("2016-02-01")), check_exact=True)
    assert_frame_equal(late, _bars(btcusdt(), utc("2025-01-01"), utc("2025-02-01")), check_exact=True)


def test_another_process_makes_the_same_bars() -> None:
    program = (
        "import sys; from tests.core.market.simulated.test_source import _bars, eurusd;"
        "sys.stdout.write(_bars(eurusd()).to_csv())"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == _bars(eurusd()).to_csv()


@by_symbol
@pytest.mark.parametrize("timeframe", list(Timeframe)[1:])
def test_longer_bars_are_the_minutes_resampled(traded: Instrument, timeframe: Timeframe) -> None:
    start, end = utc("2024-03-04"), utc("2024-03-19")
    minutes = _bars(traded.model_copy(update={"timeframe": Timeframe.M1}), utc("2024-03-01"), end)
    longer = _bars(traded.model_copy(update={"timeframe": timeframe}), start, end).set_index("open_time")
    opens = calendar(traded.calendar).bar_open(pd.DatetimeIndex(minutes["open_time"]), timeframe)
    columns = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum", "spread": "first"}
    resampled = minutes.groupby(opens).agg(columns).loc[longer.index[0] : longer.index[-1]]
    prices = ["open", "high", "low", "close", "spread"]
    assert_frame_equal(longer[prices], resampled[prices], check_exact=True, check_names=False, check_freq=False)
    np.testing.assert_allclose(longer["volume"], resampled["volume"], rtol=1e-9)


def test_seeds_and_symbols_give_different_worlds() -> None:
    worlds = [_bars(btcusdt()), _bars(ethusdt()), _bars(btcusdt(), seed=8), _bars(btcusdt(symbol="BTC/USDT:USDT"))]
    returns = np.array([world["close"].pct_change(fill_method=None).dropna() for world in worlds])
    assert np.corrcoef(returns)[np.triu_indices(4, k=1)].max() < 0.95


def test_the_price_is_near_the_known_one_at_the_anchor_and_plausible_years_away() -> None:
    day = btcusdt(timeframe="1d")
    assert _bars(day, utc("2024-01-06"), utc("2024-01-07"))["open"].item() == pytest.approx(40_000, rel=1e-6)
    for seed in range(4):
        whole = _bars(day, utc("2015-01-01"), utc("2026-01-01"), seed=seed)
        assert len(whole) == 4_018
        assert whole["low"].min() > 40
        assert whole["high"].max() < 40_000_000


def test_a_request_before_the_first_bar_is_answered_from_there_on_and_says_so() -> None:
    fetched = SimulatedSource(seed=7).fetch(btcusdt(timeframe="1d"), utc("2010-01-01"), utc("2015-01-03"))
    assert list(fetched.bars["open_time"]) == [utc("2015-01-01"), utc("2015-01-02")]
    assert any("2015-01-01" in note for note in fetched.notes)
    assert any("SIMULATED" in note for note in fetched.notes)


@pytest.mark.parametrize(
    ("start", "end"),
    [("2024-01-01", "2024-01-01"), ("2024-01-01 10:20", "2024-01-01 11:40"), ("2010-01-01", "2011-01-01")],
    ids=["no time", "no whole bar", "before the first bar"],
)
def test_a_range_without_a_closed_bar_gives_an_empty_bar_frame(start: str, end: str) -> None:
    assert_frame_equal(_bars(btcusdt(), utc(start), utc(end)), empty_bars())


def test_wrong_requests_are_refused_with_the_reason() -> None:
    source = SimulatedSource(seed=7)
    with pytest.raises(TimeError, match="no time zone"):
        source.fetch(btcusdt(), START.replace(tzinfo=None), END)
    with pytest.raises(TimeError, match="before it starts"):
        source.fetch(btcusdt(), END, START)
    with pytest.raises(SourceError, match="2045"):
        source.fetch(btcusdt(), START, utc("2100-01-01"))


@pytest.mark.parametrize(("seed", "edge"), [(-1, 0.0), (7, -0.1), (7, 1.1)], ids=["seed", "edge below", "edge above"])
def test_a_world_that_cannot_be_is_refused(seed: int, edge: float) -> None:
    with pytest.raises(SettingsError, match="allowed"):
        SimulatedSource(seed, edge)


def test_progress_is_told_from_start_to_end_of_a_long_request() -> None:
    told: list[float] = []
    source = SimulatedSource(seed=7)
    source.fetch(btcusdt(), utc("2020-01-01"), utc("2023-01-01"), lambda share, _: told.append(share))
    assert told[0] == 0
    assert told == sorted(told)
    assert len(told) >= 6
    assert told[-1] <= 1


def test_the_market_of_a_seed_is_the_published_one() -> None:
    """Guards stored bars against a change of numpy's draws or of the model, which would rewrite history."""
    bars = _bars(btcusdt(timeframe="4h"), utc("2024-06-01"), utc("2024-06-01 12:00"))
    assert bars["close"].tolist() == [57422.07, 57478.89, 57444.08]
