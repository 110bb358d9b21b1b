"""The real files through calendar and intake: what ../shared/data/README.md says of them is what is found."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.market.bar import PRICE_COLUMNS
from bot_core_dagster.market.calendars import DayStart, calendar, missing_bars
from bot_core_dagster.market.intake import GLITCH, Admission, admit
from bot_core_dagster.market.source import Fetched
from bot_core_dagster.settings import Instrument
from bot_core_dagster.timeframe import Timeframe
from tests.core.market import real_files
from tests.core.market.real_files import CRYPTO, FX


def admitted(rows: pd.DataFrame, of: Instrument = CRYPTO) -> Admission:
    """Admit, and account for every row."""
    result = admit(Fetched(rows), of)
    assert result.n_read == len(result.bars) + len(result.quarantined) + result.n_duplicates
    pd.testing.assert_frame_equal(admit(Fetched(result.bars), of).bars, result.bars)
    return result


def phrases(result: Admission) -> Counter[str]:
    return Counter(reason.split(" (")[0] for reason in result.quarantined["reason"])


@pytest.mark.parametrize(
    ("file", "n_read", "n_bars", "expected"),
    [
        (
            "EURUSD_M1_corrupt_a.csv",
            9_999,
            9_673,
            {"high below open or close": 131, "high below low": 100, GLITCH: 95},
        ),
        (
            "EURUSD_M1_corrupt_b.csv",
            9_999,
            9_678,
            {"high below open or close": 117, "high below low": 102, GLITCH: 102},
        ),
    ],
)
def test_the_corrupt_minutes_lose_their_impossible_bars_and_their_x1000_glitches(
    real_data: Path, file: str, n_read: int, n_bars: int, expected: dict[str, int]
) -> None:
    """131 + 100 = 231 and 117 + 102 = 219 bars are impossible; no other price above 10 remains in EURUSD."""
    result = admitted(real_files.corrupt_minutes(real_data / "dirty" / file), FX)
    assert (result.n_read, len(result.bars), phrases(result)) == (n_read, n_bars, expected)
    assert result.bars[list(PRICE_COLUMNS)].max().max() < 1.1


def test_the_wrong_highs_of_2019_are_quarantined(real_data: Path) -> None:
    result = admitted(real_files.bad_high(real_data / "dirty" / "BTCUSDT_1d_2019_bad_high.csv"))
    assert (len(result.bars), phrases(result)) == (189, {"high below open or close": 176})


@pytest.mark.parametrize("coin", ["BTC", "ETH"])
def test_the_duplicates_of_ninjabot_are_dropped_and_counted(real_data: Path, coin: str) -> None:
    result = admitted(real_files.ninjabot(real_data / "dirty" / f"ninjabot_{coin}_1h_duplicates.csv"))
    assert (result.n_read, len(result.bars), result.n_duplicates, len(result.quarantined)) == (4_314, 4_309, 5, 0)


@pytest.mark.parametrize(
    ("file", "n_bars"),
    [
        ("lean_oanda_EURUSD_hour.zip", 74_439),
        ("lean_oanda_GBPUSD_daily.zip", 3_738),
        ("mt5_export_EURUSD_H1.csv", 54_613),
        ("mt5_copy_rates_EURUSD_H1.csv", 12_000),
        ("mt5_copy_rates_EURUSD_M15.csv", 48_000),
        ("dukascopy_EURUSD_1h_ask.csv", 6_225),
    ],
)
def test_clean_fx_files_load_whole(real_data: Path, file: str, n_bars: int) -> None:
    result = admitted(real_files.fx_file(real_data / "fx" / file), FX)
    assert (len(result.bars), len(result.quarantined), result.n_duplicates) == (n_bars, 0, 0)


def test_clean_crypto_files_load_whole(real_data: Path) -> None:
    hours = admitted(real_files.binance_hours(real_data / "crypto" / "binance_BTCUSDT_1h.csv"))
    minutes = admitted(real_files.minutes_with_gaps(real_data / "dirty" / "UNITTEST_BTC_1m_gaps.json"))
    assert (len(hours.bars), len(minutes.bars)) == (55_912, 13_681)


@pytest.mark.parametrize(
    ("file", "timeframe", "n_missing", "n_outside", "day_start"),
    [
        ("lean_oanda_EURUSD_hour.zip", "1h", 211, 0, DayStart.NEW_YORK),
        ("lean_oanda_GBPUSD_daily.zip", "1d", 7, 0, DayStart.UTC),
        ("mt5_export_EURUSD_H1.csv", "1h", 42, 12, DayStart.NEW_YORK),
        ("mt5_copy_rates_EURUSD_H1.csv", "1h", 0, 0, DayStart.NEW_YORK),
        ("mt5_copy_rates_EURUSD_M15.csv", "15m", 0, 0, DayStart.NEW_YORK),
        ("dukascopy_EURUSD_1h_ask.csv", "1h", 0, 0, DayStart.NEW_YORK),
    ],
)
def test_the_calendar_fits_what_four_brokers_delivered(
    real_data: Path, file: str, timeframe: str, n_missing: int, n_outside: int, day_start: DayStart
) -> None:
    """Lean's missing hours are lost days; the MetaTrader export is read by Athens' clock throughout.

    In weeks when only New York's clock has changed it then opens an hour late, and from 2020 closes so, too.
    """
    bars = real_files.fx_file(real_data / "fx" / file)
    opens = pd.DatetimeIndex(bars["open_time"])
    grid = calendar("fx").with_grid_of(opens, Timeframe(timeframe))
    assert len(missing_bars(opens, Timeframe(timeframe), grid)) == n_missing
    assert np.count_nonzero(~grid.may_have_bars(opens, Timeframe(timeframe))) == n_outside
    assert grid.day_start is day_start
