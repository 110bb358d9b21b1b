"""Tests of `backtest.thresholds`: a grid's indicators and levels are those of its strategy, each computed once.

Belongs here: sharing, order, checks of parameter sets. Not here: indicators (`tests/core/strategies`), what is traded
(`test_event_kernel`).
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.thresholds import ThresholdPlan, Thresholds, completed
from bot_core_dagster.errors import ParameterError, ShapeError
from bot_core_dagster.features.definition import BarRun
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies.registry import strategies, strategy_named
from bot_core_dagster.strategies.threshold import ThresholdStrategy
from tests.builders import bars, instrument


def plain(name: str) -> ThresholdStrategy:
    """Return a strategy of the catalog that has thresholds."""
    strategy = strategy_named(name)
    assert isinstance(strategy, ThresholdStrategy)
    return strategy


PLAIN = [name for name, strategy in strategies().items() if isinstance(strategy, ThresholdStrategy)]


@pytest.mark.parametrize("name", PLAIN)
def test_thresholds_decide_what_the_strategy_decides(name: str) -> None:
    """For each set of a grid over bars of which some are missing, and in its order."""
    strategy = plain(name)
    history = bars(400, seed=2).drop(index=[150, 151]).reset_index(drop=True)
    prepared = PreparedBars.of(history, instrument())
    sets = strategy.space.grid(30)[::-1]
    thresholds = Thresholds.of(prepared, strategy, sets)
    for place, values in enumerate(sets):
        known = thresholds.indicators[thresholds.row[place]]
        signal = np.where(
            known <= thresholds.enter[place], 1.0, np.where(known >= thresholds.exit[place], -1.0, np.nan)
        )
        np.testing.assert_array_equal(signal, strategy.signal(history, "crypto", values))


def test_each_distinct_indicator_is_computed_once_a_run() -> None:
    computed = []

    def counted(run: BarRun, parameters: Mapping[str, float]) -> FloatArray1D:
        computed.append((parameters["window"], run.n_bars))
        return np.zeros(run.n_bars)

    prepared = PreparedBars.of(bars(50).drop(index=[20]).reset_index(drop=True), instrument())
    sets = [
        {"window": window, "oversold": oversold, "overbought": 80.0}
        for oversold in (20.0, 30.0)
        for window in (5, 9, 5.0)
    ]
    thresholds = Thresholds.of(prepared, replace(plain("rsi"), indicator=counted), sets)
    assert computed == [(5, 20), (5, 29), (9, 20), (9, 29)]
    assert thresholds.indicators.shape == (2, 49)
    assert thresholds.row.tolist() == [0, 1, 0, 0, 1, 0]
    assert thresholds.enter.tolist() == [20.0, 20.0, 20.0, 30.0, 30.0, 30.0]
    assert thresholds.exit.tolist() == [80.0] * 6


def test_entering_above_a_threshold_becomes_entering_below_its_negative() -> None:
    prepared = PreparedBars.of(bars(100), instrument())
    thresholds = Thresholds.of(prepared, plain("macd"), [{"threshold": 0.1}])
    assert (thresholds.enter.tolist(), thresholds.exit.tolist()) == ([-0.1], [0.1])


def test_a_part_of_a_plan_holds_the_sets_of_its_indicators() -> None:
    sets = [{"window": window, "oversold": level} for level in (20.0, 30.0) for window in (5, 9, 14)]
    places, part = ThresholdPlan.of(plain("rsi"), sets).part(slice(1, 3))
    assert places.tolist() == [1, 2, 4, 5]
    assert [values["window"] for values in part.indicator_sets] == [9, 14]
    assert part.row.tolist() == [0, 1, 0, 1]
    assert part.enter.tolist() == [20.0, 20.0, 30.0, 30.0]


def test_sets_are_completed_and_complete_ones_stay_as_they_are() -> None:
    space = plain("rsi").space
    given: list[Mapping[str, float]] = [
        {"window": 9, "oversold": 20.0, "overbought": 80.0},
        {"overbought": 90.0},
        {},
    ]
    complete = completed(space, given)
    assert complete[0] is given[0]
    assert complete[1:] == [space.complete(each) for each in given[1:]]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"window": 14, "oversold": 30.0, "overbought": 70.0, "speed": 1.0}, "unknown parameter 'speed'"),
        ({"window": 14, "oversold": 30.0, "speed": 1.0}, "unknown parameter 'speed'"),
        ({"window": 14.5, "oversold": 30.0, "overbought": 70.0}, "window: expected a whole number"),
        ({"window": 14, "oversold": -1.0, "overbought": 70.0}, "oversold: expected a number from"),
        ({"window": 14, "oversold": np.nan, "overbought": 70.0}, "oversold: expected a number from"),
        ({"window": 14, "oversold": "low", "overbought": 70.0}, "oversold: expected a number from"),
        ({"window": 14, "oversold": 50.0, "overbought": 50.0}, "oversold < overbought"),
    ],
    ids=["one too many", "another name", "half a bar", "out of range", "NaN", "text", "constraint"],
)
def test_a_set_that_is_not_of_the_space_is_refused_among_good_ones(wrong: Mapping[str, float], says: str) -> None:
    good = {"window": 14, "oversold": 30.0, "overbought": 70.0}
    with pytest.raises(ParameterError, match=says):
        ThresholdPlan.of(plain("rsi"), [good, wrong, good])


def test_thresholds_that_are_not_finite_are_refused() -> None:
    endless = replace(plain("rsi"), thresholds=lambda _: (-np.inf, 70.0))
    with pytest.raises(ParameterError, match=r"finite thresholds, got \[-inf, 70\.0\] for .*'window': 14"):
        ThresholdPlan.of(endless, [{}])


def test_an_indicator_of_another_length_is_refused() -> None:
    short = replace(plain("rsi"), indicator=lambda run, _: run.close[1:])
    with pytest.raises(ShapeError, match="one indicator value for each of 20 bars"):
        Thresholds.of(PreparedBars.of(bars(20), instrument()), short, [{}])
