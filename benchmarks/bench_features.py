"""Benchmark 3: what the features frame costs beyond the indicator calls in it.

Belongs here: the bare twin of the catalog (the same columns by plain TA-Lib and numpy calls: no frame, no missing bars,
no registry, no checks) and the ratio. Not here: other benchmarks, limits of other issues.
"""

import statistics
import time
from typing import Any, Final

import numpy as np
import pandas as pd
import talib

from bot_core_dagster.features import bar_features
from bot_core_dagster.metrics.arrays import FloatArray1D

N_SYMBOLS: Final = 50
N_BARS: Final = 8_760
N_REPEATS: Final = 9
LIMIT: Final = 1.2


def bench_features() -> dict[str, Any]:
    """Return the median ratio of `bar_features` to the bare calls over 50 symbols of a year of hours."""
    series = [_series(seed) for seed in range(N_SYMBOLS)]
    columns = [_arrays(bars) for bars in series]
    _check_same(bar_features(series[0], "crypto"), bare_calls(*columns[0]))
    ratios, features_s, bare_s = [], [], []
    for _ in range(N_REPEATS):
        started = time.perf_counter()
        for arrays in columns:
            bare_calls(*arrays)
        between = time.perf_counter()
        for bars in series:
            bar_features(bars, "crypto")
        ended = time.perf_counter()
        bare_s.append(between - started)
        features_s.append(ended - between)
        ratios.append(features_s[-1] / bare_s[-1])
    return {
        "name": f"features of {N_SYMBOLS} x {N_BARS:,} bars against bare TA-Lib and numpy calls",
        "value": statistics.median(ratios),
        "unit": "x",
        "limit": LIMIT,
        "detail": f"features {1_000 * statistics.median(features_s):.0f} ms, "
        f"bare {1_000 * statistics.median(bare_s):.0f} ms, "
        f"ratios {min(ratios):.2f} to {max(ratios):.2f} in {N_REPEATS} interleaved repeats",
    }


def bare_calls(
    high: FloatArray1D, low: FloatArray1D, close: FloatArray1D, volume: FloatArray1D, seconds: FloatArray1D
) -> dict[str, FloatArray1D]:
    """Return the columns of the catalog, each by the shortest TA-Lib and numpy calls that give it."""
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    macd, signal, hist = talib.MACD(close, 12, 26, 9)
    k, d = talib.STOCH(high, low, close, 14, 3, 0, 3, 0)
    log_close = np.log(close)
    log_ret = np.diff(log_close, prepend=np.nan)
    average = talib.SMA(volume, 20)
    hour = seconds % 86_400 * (2 * np.pi / 86_400)
    weekday = (seconds - 345_600) // 86_400 % 7 * (2 * np.pi / 7)
    return {
        "atr_14": talib.ATR(high, low, close, 14) / close,
        "bollinger_position": (close - lower) / (upper - lower),
        "bollinger_width": (upper - lower) / middle,
        "hour_sin": np.sin(hour),
        "hour_cos": np.cos(hour),
        "weekday_sin": np.sin(weekday),
        "weekday_cos": np.cos(weekday),
        "macd": macd / close,
        "macd_signal": signal / close,
        "macd_hist": hist / close,
        "log_ret_1": log_ret,
        "log_ret_6": _change(log_close, 6),
        "log_ret_24": _change(log_close, 24),
        "rsi_14": talib.RSI(close, 14),
        "stochastic_k": k,
        "stochastic_d": d,
        "volatility_24": talib.STDDEV(log_ret, 24) * np.sqrt(24 / 23),
        "volatility_168": talib.STDDEV(log_ret, 168) * np.sqrt(168 / 167),
        "volume_ratio_20": volume / average,
        "obv_20": talib.SMA(np.sign(log_ret) * volume, 20) / average,
        "zscore_50": (close - talib.SMA(close, 50)) / (talib.STDDEV(close, 50) * np.sqrt(50 / 49)),
        "zscore_100": (close - talib.SMA(close, 100)) / (talib.STDDEV(close, 100) * np.sqrt(100 / 99)),
    }


def _change(values: FloatArray1D, span: int) -> FloatArray1D:
    change = np.full(len(values), np.nan)
    change[span:] = values[span:] - values[:-span]
    return change


def _series(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    open_time = pd.date_range("2024-01-01", periods=N_BARS, freq="h", tz="UTC").as_unit("us")
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.005, N_BARS)))
    return pd.DataFrame(
        {
            "symbol": f"S{seed}",
            "timeframe": "1h",
            "open_time": open_time,
            "close_time": open_time + pd.Timedelta(hours=1),
            "open": np.concatenate([[100.0], close[:-1]]),
            "high": close * 1.01,
            "low": close / 1.01,
            "close": close,
            "volume": rng.lognormal(3.0, 0.5, N_BARS),
            "source": "file:bench",
        }
    )


def _arrays(bars: pd.DataFrame) -> tuple[FloatArray1D, ...]:
    seconds = (bars["open_time"].array.asi8 // 1_000_000).astype(np.float64)
    return (*(bars[name].to_numpy(copy=True) for name in ("high", "low", "close", "volume")), seconds)


def _check_same(features: pd.DataFrame, bare: dict[str, FloatArray1D]) -> None:
    expected = pd.DataFrame(bare)
    pd.testing.assert_frame_equal(features[list(expected)], expected, check_exact=False, rtol=1e-6, atol=1e-9)
