"""The rules of the two-timeframe strategies, bar by bar, as one would read them aloud.

Belongs here: the readable reference that `strategies.catalog` is held equal to. Not here: the tests (`test_rules`).

A verdict is (place of the rule, direction, confidence); place 0 is no opinion (1 for the volume rules, where 0 is no
volume). Moving averages and oscillators are TA-Lib's; bands, volume and the profile are computed window by window.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import talib

from bot_core_dagster.market.calendars import calendar, missing_bars
from bot_core_dagster.market.resample import resample
from bot_core_dagster.timeframe import Timeframe

Verdict = tuple[int, int, float]
Parameters = Mapping[str, float]
Values = dict[str, float]

LONGER = {"1m": "5m", "5m": "30m", "15m": "1h", "30m": "4h", "1h": "4h", "4h": "1d"}


def oscillator(level: float, before: float, confirming: float, p: Parameters) -> Verdict:
    """RSI and stochastic."""
    if math.isnan(level) or math.isnan(before) or math.isnan(confirming):
        return 0, 0, math.nan
    if level <= p["extreme_oversold"] and confirming <= p["oversold"] and level >= before:
        return 1, 1, 0.87
    if level >= p["extreme_overbought"] and confirming >= p["overbought"] and level <= before:
        return 2, -1, 0.87
    if level <= p["oversold"] and confirming < 50 and level > before:
        return 3, 1, 0.73
    if level >= p["overbought"] and confirming > 50 and level < before:
        return 4, -1, 0.73
    if p["oversold"] < level < 50 and level > before and confirming < 50:
        return 5, 1, 0.51
    if 50 < level < p["overbought"] and level < before and confirming > 50:
        return 6, -1, 0.51
    if abs(level - 50) < 10 and abs(confirming - 50) < 15:
        return 7, 0, 0.65
    return 8, 0, 0.45


def macd(hist: float, before: float, confirming: float, confirming_before: float, threshold: float) -> Verdict:
    """Histograms over the ATR."""
    if any(math.isnan(each) for each in (hist, before, confirming, confirming_before)):
        return 0, 0, math.nan
    bullish, bearish = before <= 0 < hist, hist < 0 <= before
    rising, falling = hist > before, hist < before
    confirming_rising, confirming_falling = confirming > confirming_before, confirming < confirming_before
    if bullish and confirming > threshold and rising and confirming_rising:
        return 1, 1, 0.89
    if bearish and confirming < -threshold and falling and confirming_falling:
        return 2, -1, 0.89
    if bullish and confirming_rising:
        return 3, 1, 0.71
    if hist > threshold and rising and confirming > threshold and confirming_rising:
        return 3, 1, 0.71
    if bearish and confirming_falling:
        return 4, -1, 0.71
    if hist < -threshold and falling and confirming < -threshold and confirming_falling:
        return 4, -1, 0.71
    if rising and hist > 0 and hist > 1.1 * before and not confirming < -threshold:
        return 5, 1, 0.55
    if falling and hist < 0 and hist < 1.1 * before and not confirming > threshold:
        return 6, -1, 0.55
    if abs(hist) < threshold and abs(confirming) < 2 * threshold:
        return 7, 0, 0.65
    return 8, 0, 0.45


def bollinger(now: Values, width_before: float, longer: Values, squeeze_width: float) -> Verdict:
    """Bands of the bars and of the confirming bars: close, position, width, middle."""
    if any(math.isnan(each) for each in (*now.values(), width_before, *longer.values())):
        return 0, 0, math.nan
    expanding, contracting = now["width"] > 1.05 * width_before, now["width"] < 0.95 * width_before
    squeeze, longer_squeeze = now["width"] < squeeze_width, longer["width"] < squeeze_width
    if (squeeze or longer_squeeze) and expanding:
        if now["position"] > 1 and longer["position"] > 0.5:
            return 1, 1, 0.87
        if now["position"] < 0 and longer["position"] < 0.5:
            return 2, -1, 0.87
    if not expanding:
        if now["position"] <= 0.1 and longer["position"] < 0.3:
            return 3, 1, 0.73
        if now["position"] >= 0.9 and longer["position"] > 0.7:
            return 4, -1, 0.73
    else:
        if now["position"] > 0.8 and longer["position"] > 0.6:
            return 5, 1, 0.69
        if now["position"] < 0.2 and longer["position"] < 0.4:
            return 6, -1, 0.69
    if now["position"] < 0.25 and now["close"] > longer["middle"]:
        return 7, 1, 0.58
    if now["position"] > 0.75 and now["close"] < longer["middle"]:
        return 8, -1, 0.58
    if (squeeze and longer_squeeze) or (0.4 < now["position"] < 0.6 and contracting):
        return 9, 0, 0.65
    return 10, 0, 0.45


def volume(now: Values, spike: float) -> Verdict:
    """Volume over its average, share of recent volume on up closes, close against the point of control."""
    if math.isnan(now["volume"]) or now["average"] == 0:
        return 0, 0, math.nan
    if any(math.isnan(each) for each in now.values()):
        return 1, 0, math.nan
    ratio, bull, above, below = now["ratio"], now["bull"], now["close"] > now["poc"], now["close"] < now["poc"]
    near = abs(now["close"] - now["poc"]) <= 0.02 * now["poc"]
    if ratio >= spike and bull >= 0.7 and above:
        return 2, 1, 0.91
    if ratio >= spike and bull <= 0.3 and below:
        return 3, -1, 0.91
    if (ratio >= 1.5 and bull >= 0.6) or (near and bull >= 0.65 and above):
        return 4, 1, 0.71
    if (ratio >= 1.5 and bull <= 0.4) or (near and bull <= 0.35 and below):
        return 5, -1, 0.71
    if bull >= 0.55 and ratio > 1.2:
        return 6, 1, 0.51
    if bull <= 0.45 and ratio > 1.2:
        return 7, -1, 0.51
    return (8, 0, 0.65) if ratio < 0.8 else (9, 0, 0.45)


def weighted_average(members: list[Verdict]) -> Verdict:
    """Directions averaged with confidences as weights."""
    votes = [(direction, confidence) for _, direction, confidence in members if not math.isnan(confidence)]
    if len(votes) < 3:
        return 0, 0, math.nan
    weight = sum(confidence for _, confidence in votes)
    average = sum(direction * confidence for direction, confidence in votes) / weight
    if average > 0:
        return 1, 1, average
    if average < 0:
        return 2, -1, -average
    return 3, 0, sum(confidence for direction, confidence in votes if direction == 0) / weight


def consensus(members: list[Verdict]) -> Verdict:
    """The side of three or more of the five."""
    votes = [(direction, confidence) for _, direction, confidence in members if not math.isnan(confidence)]
    if len(votes) < 3:
        return 0, 0, math.nan
    for place, side in ((1, 1), (2, -1), (3, 0)):
        agreeing = [confidence for direction, confidence in votes if direction == side]
        if len(agreeing) >= 3:
            return place, side, sum(agreeing) / len(agreeing) * (0.7 + 0.3 * len(agreeing) / 5)
    return 4, 0, 0.45


class Series:
    """Bars of one timeframe, each with the first bar of its run and of its run of bars that have volume."""

    def __init__(self, history: pd.DataFrame, calendar_name: str) -> None:
        self.history = history
        self.close = history["close"].tolist()
        self.volume = history["volume"].tolist()
        self.typical = ((history["high"] + history["low"] + history["close"]) / 3).tolist()
        self.close_time = history["close_time"].tolist()
        self.run_start: list[int] = []
        self.volume_start: list[int] = []
        opens = pd.DatetimeIndex(history["open_time"])
        timeframe = Timeframe.parse(history["timeframe"].iloc[0]) if len(history) else Timeframe.H1
        for bar in range(len(history)):
            follows = bar > 0 and opens[bar] - opens[bar - 1] != timeframe.delta
            cut = bar == 0 or (
                follows and len(missing_bars(opens[bar - 1 : bar + 1], timeframe, calendar(calendar_name)))
            )
            self.run_start.append(bar if cut else self.run_start[-1])
            silent = cut or math.isnan(self.volume[bar]) or math.isnan(self.volume[bar - 1])
            self.volume_start.append(bar if silent else self.volume_start[-1])

    def last_closed(self, moment: pd.Timestamp) -> int | None:
        """Return the last bar that has closed by then."""
        n_closed = bisect_right(self.close_time, moment)
        return n_closed - 1 if n_closed else None

    def of_each_run(self, compute: Callable[[pd.DataFrame], np.ndarray]) -> list[float]:
        """Return an indicator of each run as if it were all there is."""
        values: list[float] = []
        for start in sorted(set(self.run_start)):
            run = self.history.iloc[start : start + self.run_start.count(start)]
            values += compute(run).tolist()
        return values

    def before(self, values: list[float], bar: int) -> float:
        """Return the value one bar before, of the same run."""
        return values[bar - 1] if bar > self.run_start[bar] else math.nan

    def bands(self, bar: int, window: int, deviations: float) -> Values:
        """Return close, position, width and middle of the Bollinger bands."""
        if bar - self.run_start[bar] + 1 < window:
            return dict.fromkeys(("position", "width", "middle"), math.nan) | {"close": self.close[bar]}
        closes = self.close[bar - window + 1 : bar + 1]
        middle = math.fsum(closes) / window
        deviation = math.sqrt(math.fsum((each - middle) ** 2 for each in closes) / window)
        lower, upper = middle - deviations * deviation, middle + deviations * deviation
        position = (self.close[bar] - lower) / (upper - lower) if upper > lower else math.nan
        return {"position": position, "width": (upper - lower) / middle, "middle": middle, "close": self.close[bar]}

    def trading(self, bar: int, p: Parameters) -> Values:
        """Return what the volume rules read."""
        window, look_back = int(p["window"]), int(p["look_back"])
        n_bars = bar - self.volume_start[bar] + 1
        now = dict.fromkeys(("average", "ratio", "bull", "poc"), math.nan)
        now |= {"volume": self.volume[bar], "close": self.close[bar]}
        if n_bars >= window:
            now["average"] = sum(self.volume[bar - window + 1 : bar + 1]) / window
            now["ratio"] = self.volume[bar] / now["average"] if now["average"] else math.nan
        if n_bars > look_back:
            recent = range(bar - look_back + 1, bar + 1)
            total = sum(self.volume[each] for each in recent)
            rose = sum(self.volume[each] for each in recent if self.close[each] > self.close[each - 1])
            now["bull"] = rose / total if total else math.nan
        if n_bars >= 100:
            now["poc"] = point_of_control(self.typical[bar - 99 : bar + 1], self.volume[bar - 99 : bar + 1])
        return now


def point_of_control(typical: list[float], volume: list[float], n_bins: int = 20) -> float:
    """Return the middle of the fullest bin, by numpy's histogram."""
    if not sum(volume):
        return math.nan
    if min(typical) == max(typical):
        return typical[0]
    traded, edges = np.histogram(typical, bins=n_bins, weights=volume)
    fullest = int(np.argmax(traded))
    return float((edges[fullest] + edges[fullest + 1]) / 2)


def _rsi(run: pd.DataFrame, p: Parameters) -> np.ndarray:
    close = run["close"].to_numpy()
    index = talib.RSI(close, int(p["window"]))
    has_moved = np.concatenate([[False], np.cumsum(np.abs(np.diff(close))) > 0]) if len(close) else np.zeros(0, bool)
    return np.where(has_moved, index, np.nan)


def _slow_d(run: pd.DataFrame, p: Parameters) -> np.ndarray:
    k_window, d_window = int(p["k_window"]), int(p["d_window"])
    lowest, highest = run["low"].rolling(k_window).min(), run["high"].rolling(k_window).max()
    raw = 100 * (run["close"] - lowest) / (highest - lowest)
    return raw.rolling(d_window).mean().rolling(d_window).mean().to_numpy()


def _histogram(run: pd.DataFrame, p: Parameters) -> np.ndarray:
    high, low, close = (run[name].to_numpy() for name in ("high", "low", "close"))
    hist = talib.MACD(close, int(p["fast"]), int(p["slow"]), int(p["signal"]))[2]
    atr = talib.ATR(high, low, close, 14)
    return np.array([h / a if a else math.nan for h, a in zip(hist, atr, strict=True)])


def judge(name: str, history: pd.DataFrame, calendar_name: str, p: Parameters) -> list[Verdict]:
    """Return the verdict of a strategy at each bar."""
    bars = Series(history, calendar_name)
    if name == "volume_rules":
        return [volume(bars.trading(bar, p), p["spike"]) for bar in range(len(history))]
    timeframe = Timeframe(LONGER[history["timeframe"].iloc[0]])
    longer = Series(resample(history, timeframe, calendar_name), calendar_name)
    confirming_bar = [longer.last_closed(close_time) for close_time in bars.close_time]
    if name == "bollinger_rules":
        return _judge_bands(bars, longer, confirming_bar, p)
    indicator = {"rsi_rules": _rsi, "stochastic_rules": _slow_d, "macd_rules": _histogram}[name]
    values = bars.of_each_run(lambda run: indicator(run, p))
    confirming = longer.of_each_run(lambda run: indicator(run, p))
    verdicts = []
    for bar, last in enumerate(confirming_bar):
        now, before = values[bar], bars.before(values, bar)
        then = math.nan if last is None else confirming[last]
        if name == "macd_rules":
            then_before = math.nan if last is None else longer.before(confirming, last)
            verdicts.append(macd(now, before, then, then_before, p["threshold"]))
        else:
            verdicts.append(oscillator(now, before, then, p))
    return verdicts


def _judge_bands(bars: Series, longer: Series, confirming_bar: list[int | None], p: Parameters) -> list[Verdict]:
    window, deviations = int(p["window"]), p["deviations"]
    now = [bars.bands(bar, window, deviations) for bar in range(len(bars.close))]
    then = [longer.bands(bar, window, deviations) for bar in range(len(longer.close))]
    unknown = dict.fromkeys(("position", "width", "middle"), math.nan)
    widths = [each["width"] for each in now]
    return [
        bollinger(now[bar], bars.before(widths, bar), unknown if last is None else then[last], p["squeeze"])
        for bar, last in enumerate(confirming_bar)
    ]
