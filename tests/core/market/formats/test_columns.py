"""Headerless files: which column is which, told by all rows or declared."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.bar import PRICE_COLUMNS
from bot_core_dagster.market.formats import read_bars_file
from bot_core_dagster.market.formats.volume_unit import volume_unit_of
from bot_core_dagster.market.source import Fetched
from bot_core_dagster.timeframe import Timeframe
from tests.core.market.formats import written
from tests.core.market.formats.written import CRYPTO, crypto_candles

ORDERS = list(permutations((*PRICE_COLUMNS, "volume", "trades")))


def read(path: Path, form: str | None = None) -> Fetched:
    return read_bars_file(path, symbol="BTCUSDT", timeframe=Timeframe.H1, calendar=CRYPTO, format=form)


@settings(deadline=None, max_examples=40)
@given(order=st.sampled_from(ORDERS), price=st.sampled_from([0.02, 1.0, 40_000.0]))
def test_any_order_of_columns_is_told_by_the_prices(
    order: tuple[str, ...], price: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    frame = written.candles(pd.date_range("2024-01-01", periods=400, freq="1h", tz="UTC"), price=price * 100)
    frame[list(PRICE_COLUMNS)] = (frame[list(PRICE_COLUMNS)] / 100).round(8)
    path = written.write_epoch_csv(tmp_path_factory.mktemp("f") / "e.csv", frame, ("time", *order))
    fetched = read(path)
    columns = [*PRICE_COLUMNS, "volume"]
    pd.testing.assert_frame_equal(fetched.bars[columns], frame[columns])
    assert "columns told by the prices of 400 rows" in "\n".join(fetched.notes)


def test_a_file_whose_high_cannot_be_told_must_be_declared(tmp_path: Path) -> None:
    frame = crypto_candles().assign(high=lambda bars: bars["close"])
    path = written.write_epoch_csv(tmp_path / "e.csv", frame, ("time", "volume", "open", "high", "low", "close"))
    with pytest.raises(FormatError, match=r"declare the 6 columns in their order, e\.g\. --format epoch-csv:time,"):
        read(path)
    bars = read(path, "epoch-csv:time,volume,open,high,low,close").bars
    pd.testing.assert_frame_equal(bars[list(PRICE_COLUMNS)], frame[list(PRICE_COLUMNS)])


def test_open_and_close_that_do_not_follow_each_other_must_be_declared(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = crypto_candles()
    frame["open"] = frame["low"] + (frame["high"] - frame["low"]) * rng.random(len(frame))
    frame["close"] = frame["low"] + (frame["high"] - frame["low"]) * rng.random(len(frame))
    frame["open_time"] = frame["open_time"].sample(frac=1, random_state=1).to_numpy()
    path = written.write_epoch_csv(tmp_path / "e.csv", frame, ("time", "open", "high", "low", "close", "volume"))
    with pytest.raises(FormatError, match="open and close cannot be told apart"):
        read(path)


def test_two_columns_that_may_be_the_volume_must_be_declared(tmp_path: Path) -> None:
    frame = crypto_candles().assign(trades=lambda bars: bars["volume"] * 2.5)
    order = ("time", "open", "high", "low", "close", "volume", "trades")
    path = written.write_epoch_csv(tmp_path / "e.csv", frame, order)
    with pytest.raises(FormatError, match="the volume cannot be told"):
        read(path)
    fetched = read(path, "epoch-csv:time,open,high,low,close,volume,-")
    assert fetched.bars["volume"].tolist() == frame["volume"].tolist()
    assert "columns as declared" in fetched.notes


@pytest.mark.parametrize(
    "columns",
    ["time,open,high,low,close", "time,open,high,low,close,size", "time,open,high,high,close,volume", "a"],
    ids=["too few", "an unknown name", "a name twice", "one"],
)
def test_a_declared_order_that_does_not_fit_is_refused(columns: str, tmp_path: Path) -> None:
    order = ("time", "open", "high", "low", "close", "volume")
    path = written.write_epoch_csv(tmp_path / "e.csv", crypto_candles(), order)
    with pytest.raises(FormatError, match="expected 6 names out of time, open, high, low, close, volume"):
        read(path, f"epoch-csv:{columns}")


def _flat_bars(price: "list[float]", volume: "list[float]") -> pd.DataFrame:
    return pd.DataFrame(dict.fromkeys(PRICE_COLUMNS, price) | {"volume": volume})


@pytest.mark.parametrize(
    ("prices", "volumes", "unit"),
    [
        ([46_866.0, 47_021.0, 47_412.0], [5_169.3198, 299_857.6191 - 0.0, 1_517.184], "quote"),
        ([46_866.0, 47_021.0, 47_412.0], [0.1103, 6.3771, 0.032], None),
        ([46_866.0, 47_021.0], [5_169.3198, 299_857.6191], None),
        ([1.05, 1.06, 1.07], [21.0, 53.0, 107.0], None),
    ],
    ids=["quantities times the price", "quantities", "too few bars", "prices too small to tell"],
)
def test_bars_with_one_price_show_a_volume_in_quote_currency(
    prices: list[float], volumes: list[float], unit: str | None
) -> None:
    fact = volume_unit_of(_flat_bars(prices, volumes))
    assert (fact.value if fact else None) == unit
