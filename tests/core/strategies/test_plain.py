"""Tests of the plain strategies in `strategies.catalog` and of `strategies.threshold`.

Belongs here: indicators, decisions, look-ahead, bad input. Not here: rules over two timeframes (`test_rules`), what
decisions earn (`tests/core/backtest`).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.errors import ParameterError, QualityError, ShapeError
from bot_core_dagster.features.runs import unbroken_runs
from bot_core_dagster.market.bar import empty_bars
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies import ThresholdStrategy, strategies
from tests.builders import bars
from tests.core.features import real_bars

PLAIN = {name: each for name, each in strategies().items() if isinstance(each, ThresholdStrategy)}
HISTORY = bars(1_500, seed=6)
CLOSE, HIGH, LOW, VOLUME = (HISTORY[name] for name in ("close", "high", "low", "volume"))
Parameters = dict[str, float]


def slow_d(k_window: int, d_window: int) -> pd.Series:
    lowest, highest = LOW.rolling(k_window).min(), HIGH.rolling(k_window).max()
    return (100 * (CLOSE - lowest) / (highest - lowest)).rolling(d_window).mean().rolling(d_window).mean()


ORACLES: dict[str, tuple[Parameters, Callable[[], pd.Series]]] = {
    "rsi": ({"window": 9}, lambda: talib.RSI(CLOSE, 9)),
    "macd": (
        {"fast": 8, "slow": 22, "signal": 6},
        lambda: talib.MACD(CLOSE, 8, 22, 6)[2] / talib.ATR(HIGH, LOW, CLOSE, 14),
    ),
    "bollinger": ({"window": 30}, lambda: (CLOSE - CLOSE.rolling(30).mean()) / CLOSE.rolling(30).std(ddof=0)),
    "volume": ({"window": 15}, lambda: VOLUME / VOLUME.rolling(15).mean() * np.sign(CLOSE.diff())),
    "stochastic": ({"k_window": 11, "d_window": 4}, lambda: slow_d(11, 4)),
}


def at_zero(_: object) -> tuple[float, float]:
    """Thresholds that every value reaches, to enter or to leave."""
    return 0.0, 0.0


THRESHOLDS: dict[str, tuple[Parameters, tuple[float, float]]] = {
    "rsi": ({"oversold": 25, "overbought": 65}, (25, 65)),
    "macd": ({"threshold": 0.15}, (0.15, -0.15)),
    "bollinger": ({"deviations": 1.5, "exit_deviations": 0.5}, (-1.5, 0.5)),
    "volume": ({"spike": 2.5, "exit_spike": 1.25}, (2.5, -1.25)),
    "stochastic": ({"oversold": 20, "overbought": 75}, (20, 75)),
}


def test_the_five_are_there() -> None:
    assert set(PLAIN) == set(ORACLES) == set(THRESHOLDS)


@pytest.mark.parametrize("name", PLAIN)
def test_an_indicator_equals_its_definition_computed_another_way(name: str) -> None:
    given_parameters, oracle = ORACLES[name]
    parameters = PLAIN[name].space.complete(given_parameters)
    ((_, run),) = unbroken_runs(HISTORY, "crypto")
    values = PLAIN[name].indicator(run, parameters)
    expected = oracle().to_numpy()
    first = PLAIN[name].warm_up_bars(given_parameters) - 1
    assert np.isnan(values[:first]).all()
    np.testing.assert_allclose(values[first:], expected[first:], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", PLAIN)
def test_it_enters_at_one_threshold_and_leaves_at_the_other_as_a_loop_would_decide(name: str) -> None:
    given_parameters, (enter, leave) = THRESHOLDS[name]
    strategy = PLAIN[name]
    ((_, run),) = unbroken_runs(HISTORY, "crypto")
    expected = []
    for level in strategy.indicator(run, strategy.space.complete(given_parameters)):
        if level >= enter if strategy.enters == "above" else level <= enter:
            expected.append(1.0)
        elif level <= leave if strategy.enters == "above" else level >= leave:
            expected.append(-1.0)
        else:
            expected.append(np.nan)
    signal = strategy.signal(HISTORY, "crypto", given_parameters)
    np.testing.assert_array_equal(signal, expected)
    assert (signal == 1.0).sum() > 3
    assert (signal == -1.0).sum() > 3


@pytest.mark.parametrize("name", PLAIN)
def test_the_normal_form_enters_low_and_leaves_high(name: str) -> None:
    strategy = PLAIN[name]
    parameters = strategy.space.complete(THRESHOLDS[name][0])
    enter, leave = strategy.normal_thresholds(parameters)
    ((_, run),) = unbroken_runs(HISTORY, "crypto")
    level = strategy.normal_indicator(run, parameters)
    signal = strategy.signal(HISTORY, "crypto", parameters)
    assert enter < leave
    np.testing.assert_array_equal(signal == 1.0, level <= enter)
    np.testing.assert_array_equal(signal == -1.0, (level >= leave) & (level > enter))


def test_entering_wins_where_both_thresholds_are_reached() -> None:
    both = replace(PLAIN["rsi"], thresholds=lambda _: (40.0, 40.0))
    index = talib.RSI(CLOSE, 14)
    index[7] = 40.0
    signal = replace(both, indicator=lambda *_: index.to_numpy()).signal(HISTORY, "crypto", {})
    assert signal[7] == 1.0
    assert {*signal[14:]} == {1.0, -1.0}


@pytest.mark.parametrize("name", PLAIN)
def test_indicator_parameters_are_those_that_the_indicator_reads(name: str) -> None:
    """A grid computes an indicator once for all combinations that differ in other parameters."""
    strategy = PLAIN[name]
    ((_, run),) = unbroken_runs(HISTORY, "crypto")
    default = strategy.indicator(run, strategy.space.defaults())
    for parameter in strategy.space.parameters:
        values = strategy.space.defaults() | {parameter.name: parameter.values()[-1]}
        is_same = np.array_equal(strategy.indicator(run, values), default, equal_nan=True)
        assert is_same == (parameter.name not in strategy.indicator_parameters)


@pytest.mark.parametrize("name", PLAIN)
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    known_bars=st.integers(1, 270),
    missing=st.sets(st.integers(1, 298), max_size=8),
    silent=st.sets(st.integers(0, 290), max_size=3),
    flat=st.integers(0, 270),
)
def test_decisions_of_the_past_are_unmoved_by_the_future(
    name: str, seed: int, known_bars: int, missing: set[int], silent: set[int], flat: int
) -> None:
    history = bars(300, seed=seed)
    history.loc[flat : flat + 29, ["open", "high", "low", "close"]] = history["close"].iloc[flat]
    history = history.drop(index=sorted(missing)).reset_index(drop=True)
    history.loc[sorted(silent & set(history.index)), "volume"] = np.nan
    (parameters,) = PLAIN[name].space.sample(1, np.random.default_rng(seed))
    known = PLAIN[name].signal(history.head(known_bars), "crypto", parameters)
    np.testing.assert_array_equal(known, PLAIN[name].signal(history, "crypto", parameters)[:known_bars])


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize(
    ("load", "calendar"), [(real_bars.btcusdt, "crypto"), (real_bars.eurusd, "fx")], ids=["BTCUSDT", "EURUSD"]
)
def test_decisions_on_real_bars_are_unmoved_by_the_future(
    real_data: Path, name: str, load: Callable[[Path], pd.DataFrame], calendar: str
) -> None:
    history = load(real_data).head(20_000)
    whole = PLAIN[name].signal(history, calendar, {})
    assert 0.005 < np.isfinite(whole).mean() < 0.99
    for known_bars in np.random.default_rng(2).integers(1, len(history), 4).tolist():
        known = PLAIN[name].signal(history.head(known_bars), calendar, {})
        np.testing.assert_array_equal(known, whole[:known_bars])


@pytest.mark.parametrize("name", PLAIN)
def test_nothing_is_decided_while_it_warms_up_at_the_start_and_after_missing_bars(name: str) -> None:
    """The first decisions are those of the first indicator value."""
    eager = replace(PLAIN[name], thresholds=at_zero)
    history = bars(300, seed=4).drop(index=[150]).reset_index(drop=True)
    warm_up = eager.warm_up_bars({})
    expected = np.arange(299) >= warm_up - 1
    expected[150 : 150 + warm_up - 1] = False
    np.testing.assert_array_equal(np.isfinite(eager.signal(history, "crypto", {})), expected)
    assert np.isnan(eager.signal(history.head(warm_up - 1), "crypto", {})).all()
    assert eager.signal(history.head(1), "crypto", {}).shape == (1,)


@pytest.mark.parametrize("name", PLAIN)
def test_no_bars_give_no_decisions(name: str) -> None:
    assert PLAIN[name].signal(empty_bars(), "crypto", {}).shape == (0,)


@pytest.mark.parametrize("name", PLAIN)
def test_a_flat_market_without_volume_gives_no_signal(name: str) -> None:
    """TA-Lib gives 0 for the RSI and %D of a price that does not move, which would read as oversold."""
    flat = bars(100).assign(open=1.0, high=1.0, low=1.0, close=1.0, volume=0.0)
    assert np.isnan(PLAIN[name].signal(flat, "crypto", {})).all()


@pytest.mark.parametrize("volume", [0.0, np.nan], ids=["zero volume", "unknown volume"])
def test_volume_decides_nothing_without_volume(volume: float) -> None:
    assert np.isnan(PLAIN["volume"].signal(bars(200).assign(volume=volume), "crypto", {})).all()


def test_volume_starts_again_after_a_bar_of_unknown_volume() -> None:
    history = bars(200, seed=1)
    history.loc[100, "volume"] = np.nan
    eager = replace(PLAIN["volume"], thresholds=at_zero)
    decided = np.isfinite(eager.signal(history, "crypto", {}))
    np.testing.assert_array_equal(np.flatnonzero(~decided), [*range(19), *range(100, 120)])


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("scale", [1e-7, 1e6], ids="prices times {:g}".format)
def test_decisions_do_not_depend_on_the_scale_of_prices(name: str, scale: float) -> None:
    """TA-Lib takes a variance under 1e-14 for zero: that of a coin at 0.00001."""
    prices = ["open", "high", "low", "close"]
    scaled = HISTORY.assign(**{each: HISTORY[each] * scale for each in prices})
    expected = PLAIN[name].signal(HISTORY, "crypto", {})
    np.testing.assert_array_equal(PLAIN[name].signal(scaled, "crypto", {}), expected)


@pytest.mark.parametrize("name", PLAIN)
def test_bars_and_parameters_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(ParameterError, match="unknown parameter 'speed'; there are: "):
        PLAIN[name].signal(HISTORY, "crypto", {"speed": 1.0})
    with pytest.raises(ShapeError, match="ascend by open_time"):
        PLAIN[name].signal(HISTORY[::-1], "crypto", {})
    spoilt = HISTORY.assign(close=[np.nan, *CLOSE[1:]])
    with pytest.raises(QualityError, match="1 bars without"):
        PLAIN[name].signal(spoilt, "crypto", {})


@pytest.mark.parametrize(
    ("name", "given_parameters", "said"),
    [
        ("rsi", {"oversold": 50, "overbought": 50}, "expected oversold < overbought"),
        ("stochastic", {"oversold": 50, "overbought": 50}, "expected oversold < overbought"),
        ("macd", {"fast": 20, "slow": 18}, "expected fast < slow"),
        ("bollinger", {"deviations": 1, "exit_deviations": -1}, "expected -deviations < exit_deviations"),
        ("volume", {"spike": 0.9}, "spike: expected a number from 1 to 4, got 0.9"),
    ],
    ids=["rsi", "stochastic", "macd", "bollinger", "volume"],
)
def test_parameters_that_contradict_each_other_are_refused(name: str, given_parameters: Parameters, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        PLAIN[name].signal(HISTORY, "crypto", given_parameters)


def test_an_indicator_of_another_length_is_refused() -> None:
    def short(run: object, parameters: object) -> FloatArray1D:
        return np.zeros(3)

    with pytest.raises(ShapeError, match=r"rsi: expected one indicator value for each of 1500 bars, got shape \(3,\)"):
        replace(PLAIN["rsi"], indicator=short).signal(HISTORY, "crypto", {})
