"""Wilder's RSI, Bollinger's distance and MACD over ATR as TA-Lib defines them, compiled for the peers.

Belongs here: indicators that a peer lacks or starts otherwise, so that all decide alike. Not here: simulations.
"""

import numpy as np
from numba import njit


@njit(cache=True)
def rsi(close: np.ndarray, window: int) -> np.ndarray:
    """Return Wilder's relative strength index; NaN for the first `window` bars."""
    index = np.full(len(close), np.nan)
    gain = loss = 0.0
    for bar in range(1, len(close)):
        change = close[bar] - close[bar - 1]
        up, down = max(change, 0.0), max(-change, 0.0)
        share = 1.0 / window
        gain = gain + up * share if bar <= window else (gain * (window - 1) + up) * share
        loss = loss + down * share if bar <= window else (loss * (window - 1) + down) * share
        if bar >= window and gain + loss > 0.0:
            index[bar] = 100.0 * gain / (gain + loss)
    return index


@njit(cache=True)
def deviations(close: np.ndarray, window: int) -> np.ndarray:
    """Return how many population deviations each close is from the average of `window` closes."""
    distance = np.full(len(close), np.nan)
    total = squares = 0.0
    for bar in range(len(close)):
        value = close[bar] / close[0] - 1.0
        total += value
        squares += value * value
        if bar >= window:
            old = close[bar - window] / close[0] - 1.0
            total -= old
            squares -= old * old
        if bar >= window - 1:
            mean = total / window
            variance = squares / window - mean * mean
            if variance > 0.0:
                distance[bar] = (value - mean) / np.sqrt(variance)
    return distance


@njit(cache=True)
def _exponential(values: np.ndarray, span: int, first: int) -> np.ndarray:
    """Return the exponential average, started at `first` by the plain average of the `span` values up to there."""
    average = np.full(len(values), np.nan)
    if first >= len(values):
        return average
    average[first] = values[first - span + 1 : first + 1].mean()
    for bar in range(first + 1, len(values)):
        average[bar] = average[bar - 1] + 2.0 / (span + 1.0) * (values[bar] - average[bar - 1])
    return average


@njit(cache=True)
def _average_true_range(high: np.ndarray, low: np.ndarray, close: np.ndarray, window: int) -> np.ndarray:
    spread = np.full(len(close), np.nan)
    total = 0.0
    for bar in range(1, len(close)):
        true = max(high[bar], close[bar - 1]) - min(low[bar], close[bar - 1])
        if bar <= window:
            total += true
        if bar == window:
            spread[bar] = total / window
        if bar > window:
            spread[bar] = (spread[bar - 1] * (window - 1) + true) / window
    return spread


@njit(cache=True)
def macd(high: np.ndarray, low: np.ndarray, close: np.ndarray, fast: int, slow: int, signal: int) -> np.ndarray:
    """Return minus the MACD histogram over the average true range of 14 bars: low enters."""
    line = _exponential(close, fast, slow - 1) - _exponential(close, slow, slow - 1)
    begins = slow + signal - 2
    histogram = line - _exponential(line, signal, begins)
    return -histogram / _average_true_range(high, low, close, 14)
