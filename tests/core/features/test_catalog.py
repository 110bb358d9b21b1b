"""Tests of `features.catalog` against TA-Lib, pandas and numbers worked out by hand.

Belongs here: values of indicators. Not here: look-ahead and missing bars (`test_frame`).
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import talib

from bot_core_dagster.features import bar_features
from bot_core_dagster.features.catalog.rsi import wilder_rsi
from tests.builders import bars

HISTORY = bars(1_000, seed=3)
CLOSE, HIGH, LOW, VOLUME = (HISTORY[name] for name in ("close", "high", "low", "volume"))
LOG_RET = pd.Series(np.log(CLOSE)).diff()


def stochastic(place: int) -> pd.Series:
    lowest, highest = LOW.rolling(14).min(), HIGH.rolling(14).max()
    k = (100 * (CLOSE - lowest) / (highest - lowest)).rolling(3).mean()
    return k if place == 0 else k.rolling(3).mean()


def bollinger(place: int) -> pd.Series:
    upper, middle, lower = talib.BBANDS(CLOSE, 20, 2.0, 2.0)
    both: tuple[pd.Series, pd.Series] = ((CLOSE - lower) / (upper - lower), (upper - lower) / middle)
    return both[place]


ORACLES: dict[str, Callable[[], pd.Series]] = {
    "rsi_14": lambda: talib.RSI(CLOSE, 14),
    "macd": lambda: talib.MACD(CLOSE, 12, 26, 9)[0] / CLOSE,
    "macd_signal": lambda: talib.MACD(CLOSE, 12, 26, 9)[1] / CLOSE,
    "macd_hist": lambda: talib.MACD(CLOSE, 12, 26, 9)[2] / CLOSE,
    "atr_14": lambda: talib.ATR(HIGH, LOW, CLOSE, 14) / CLOSE,
    "stochastic_k": lambda: stochastic(0),
    "stochastic_d": lambda: stochastic(1),
    "bollinger_position": lambda: bollinger(0),
    "bollinger_width": lambda: bollinger(1),
    "log_ret_1": lambda: LOG_RET,
    "log_ret_6": lambda: LOG_RET.rolling(6).sum(),
    "log_ret_24": lambda: LOG_RET.rolling(24).sum(),
    "volatility_24": lambda: LOG_RET.rolling(24).std(),
    "volatility_168": lambda: LOG_RET.rolling(168).std(),
    "volume_ratio_20": lambda: VOLUME / VOLUME.rolling(20).mean(),
    "obv_20": lambda: talib.OBV(CLOSE, VOLUME).diff(20) / VOLUME.rolling(20).sum(),
    "zscore_50": lambda: (CLOSE - CLOSE.rolling(50).mean()) / CLOSE.rolling(50).std(),
    "zscore_100": lambda: (CLOSE - CLOSE.rolling(100).mean()) / CLOSE.rolling(100).std(),
    "hour_sin": lambda: np.sin(2 * np.pi * HISTORY["open_time"].dt.hour / 24),
    "hour_cos": lambda: np.cos(2 * np.pi * HISTORY["open_time"].dt.hour / 24),
    "weekday_sin": lambda: np.sin(2 * np.pi * HISTORY["open_time"].dt.dayofweek / 7),
    "weekday_cos": lambda: np.cos(2 * np.pi * HISTORY["open_time"].dt.dayofweek / 7),
}


@pytest.mark.parametrize("name", ORACLES)
def test_a_feature_equals_its_definition_computed_another_way(name: str) -> None:
    features = bar_features(HISTORY, "crypto")
    expected = ORACLES[name]()
    known = features[name].notna()
    assert known.sum() > 800
    np.testing.assert_allclose(features[name][known], expected[known], rtol=1e-7, atol=1e-12)


def test_every_feature_has_an_oracle() -> None:
    names = bar_features(HISTORY, "crypto").columns.drop(["symbol", "timeframe", "open_time", "simulated"])
    assert set(names) == set(ORACLES)


def test_the_rsi_equals_the_published_table() -> None:
    """StockCharts' worked example of Wilder's 14-period RSI (ChartSchool, cs-rsi.xls)."""
    close = np.array(
        [
            *(44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931),
            *(46.0328, 45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122, 46.2521),
            *(45.7137, 46.4515, 45.7835, 45.3548, 44.0288, 44.1783, 44.2181, 44.5672, 43.4205, 42.6628, 43.1314),
        ]
    )
    published = [
        *(70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93, 63.26, 56.06, 62.38, 54.71, 50.42, 39.99, 41.46, 41.87),
        *(45.46, 37.30, 33.08, 37.77),
    ]
    np.testing.assert_allclose(wilder_rsi(close, 14)[14:], published, atol=0.006)


@pytest.mark.parametrize(
    ("step", "expected"), [(1.0, 100.0), (-1.0, 0.0), (0.0, np.nan)], ids=["only up", "only down", "never moved"]
)
def test_the_rsi_of_one_sided_prices(step: float, expected: float) -> None:
    close = (100.0 + step * np.arange(30)).astype(np.float64)
    np.testing.assert_array_equal(wilder_rsi(close, 14)[14:], expected)


def test_the_rolling_obv_of_prices_that_only_rise_is_one() -> None:
    rising = bars(50).assign(close=np.linspace(100.0, 101.0, 50), high=200.0, low=50.0)
    assert bar_features(rising, "crypto")["obv_20"].iloc[20:].to_numpy() == pytest.approx(1.0, abs=1e-12)
