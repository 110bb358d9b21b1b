"""Tests of `strategies.free`.

Belongs here: what a function may return, and what it is given. Not here: the example of the docs (`test_docs`).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.errors import ParameterError, ShapeError
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies import Parameter, ParameterSpace, SignalStrategy, Strategy
from tests.builders import bars

SPACE = ParameterSpace((Parameter("bar", 3, 0, 9, 1, True, "the bar at which it enters"),))


def enter_at(history: pd.DataFrame, calendar_name: str, parameters: Mapping[str, float]) -> FloatArray1D:
    assert calendar_name == "crypto"
    return np.where(np.arange(len(history)) == parameters["bar"], 1.0, np.nan)


def returning(signal: list[float]) -> SignalStrategy:
    return SignalStrategy("odd", "Returns what the test says", SPACE, lambda *_: np.array(signal), lambda _: 1)


def test_the_function_gets_complete_parameters_and_its_signal_is_returned() -> None:
    strategy = SignalStrategy("once", "Long from one bar on", SPACE, enter_at, lambda values: int(values["bar"]) + 1)
    assert isinstance(strategy, Strategy)
    np.testing.assert_array_equal(strategy.signal(bars(5), "crypto", {}), [np.nan, np.nan, np.nan, 1.0, np.nan])
    np.testing.assert_array_equal(strategy.signal(bars(3), "crypto", {"bar": 1.0}), [np.nan, 1.0, np.nan])
    assert strategy.warm_up_bars({"bar": 7}) == 8
    with pytest.raises(ParameterError, match="bar: expected a whole number from 0 to 9, got 10"):
        strategy.signal(bars(3), "crypto", {"bar": 10})


@pytest.mark.parametrize(
    "signal", [[1.0, 0.0], [1.0, 0.0, 0.5], [1.0, 0.0, np.inf]], ids=["too few values", "half a position", "infinite"]
)
def test_a_signal_that_is_none_is_refused(signal: list[float]) -> None:
    with pytest.raises(ShapeError, match="odd: expected 1, 0, -1 or NaN for each of 3 bars, got shape"):
        returning(signal).signal(bars(3), "crypto", {})


def test_bars_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(ShapeError, match="ascend by open_time"):
        returning([0.0, 0.0, 0.0]).signal(bars(3)[::-1], "crypto", {})
