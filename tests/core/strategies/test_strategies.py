"""Tests of `strategies`.

Belongs here: decisions and the list of strategies. Not here: what they earn (`tests/core/backtest`).
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.errors import QualityError, UnknownNameError
from bot_core_dagster.features.catalog.rsi import wilder_rsi
from bot_core_dagster.settings import RsiSettings, StrategiesSettings
from bot_core_dagster.strategies import STRATEGIES, RsiStrategy, enabled_strategies, strategy_named
from tests.builders import bars
from tests.core.features import real_bars


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    known_bars=st.integers(1, 270),
    missing=st.sets(st.integers(1, 298), max_size=25),
    window=st.integers(2, 30),
)
def test_decisions_of_the_past_are_unmoved_by_the_future(
    seed: int, known_bars: int, missing: set[int], window: int
) -> None:
    history = bars(300, seed=seed).drop(index=list(missing)).reset_index(drop=True)
    strategy = RsiStrategy(window, 40.0, 60.0)
    known = strategy.target_position(history.head(known_bars), "crypto")
    np.testing.assert_array_equal(known, strategy.target_position(history, "crypto")[:known_bars])


def test_decisions_on_real_bars_are_unmoved_by_the_future(real_data: Path) -> None:
    history = real_bars.btcusdt(real_data)
    whole = RsiStrategy().target_position(history, "crypto")
    assert 0.2 < whole.mean() < 0.8
    for known_bars in np.random.default_rng(2).integers(1, len(history), 10):
        known = RsiStrategy().target_position(history.head(known_bars), "crypto")
        np.testing.assert_array_equal(known, whole[:known_bars])


def test_it_is_long_from_oversold_until_overbought_as_a_loop_would_decide() -> None:
    history = bars(2_000, seed=5)
    expected, holds = [], 0.0
    for index in wilder_rsi(history["close"].to_numpy(), 14):
        if index <= 30.0:
            holds = 1.0
        elif index >= 70.0:
            holds = 0.0
        expected.append(holds)
    target = RsiStrategy().target_position(history, "crypto")
    np.testing.assert_array_equal(target, expected)
    assert 0 < np.count_nonzero(np.diff(target)) < 200


def test_nothing_is_decided_while_the_rsi_warms_up_and_the_last_decision_stands() -> None:
    falling = bars(60).assign(close=np.linspace(100.0, 90.0, 60), high=200.0, low=50.0)
    cut = falling.drop(index=[30]).reset_index(drop=True)
    target = RsiStrategy().target_position(cut, "crypto")
    np.testing.assert_array_equal(target, (np.arange(59) >= 14).astype(float))


@pytest.mark.parametrize("n_bars", [1, 14], ids="{} bars".format)
def test_fewer_bars_than_the_warm_up_leave_it_flat(n_bars: int) -> None:
    np.testing.assert_array_equal(RsiStrategy().target_position(bars(n_bars), "crypto"), np.zeros(n_bars))


def test_a_price_that_is_no_number_is_refused() -> None:
    spoilt = bars(30)
    spoilt.loc[7, "close"] = np.nan
    with pytest.raises(QualityError, match="1 bars without"):
        RsiStrategy().target_position(spoilt, "crypto")


def test_a_flat_market_is_not_oversold() -> None:
    still: pd.DataFrame = bars(50).assign(open=1.0, high=1.0, low=1.0, close=1.0)
    assert not RsiStrategy().target_position(still, "crypto").any()


def test_strategies_are_made_of_their_settings() -> None:
    section = StrategiesSettings(rsi=RsiSettings(window=7, oversold=20.0, overbought=80.0))
    (strategy,) = enabled_strategies(section)
    assert strategy == RsiStrategy(7, 20.0, 80.0)
    assert strategy.name == "rsi"
    assert strategy.parameters == {"window": 7, "oversold": 20.0, "overbought": 80.0}


def test_a_strategy_that_is_switched_off_is_known_but_not_enabled() -> None:
    section = StrategiesSettings(rsi=RsiSettings(enabled=False))
    assert enabled_strategies(section) == ()
    assert strategy_named("rsi", section) == RsiStrategy()


def test_an_unknown_strategy_is_told_which_there_are() -> None:
    with pytest.raises(UnknownNameError, match="'macd'; there are rsi"):
        strategy_named("macd", StrategiesSettings())


def test_each_strategy_has_a_section_of_its_name_in_the_settings() -> None:
    assert set(STRATEGIES) == set(StrategiesSettings.model_fields)
