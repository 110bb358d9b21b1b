"""Price jumps: told from turmoil by a robust, local scale."""

import numpy as np
import pytest

from bot_core_dagster.market.price_jumps import is_price_jump


def walk(volatility: np.ndarray, seed: int = 3) -> np.ndarray:
    returns = volatility * np.random.default_rng(seed).normal(size=len(volatility))
    return np.asarray(100 * np.exp(np.cumsum(returns)))


def none_missing(close: np.ndarray) -> np.ndarray:
    return np.zeros(len(close), dtype=bool)


def test_a_planted_jump_is_found_where_it_stands() -> None:
    close = walk(np.full(2_000, 0.001))
    close[1_234:] *= 1.05
    assert np.flatnonzero(is_price_jump(close, none_missing(close), 12.0)).tolist() == [1_234]


@pytest.mark.parametrize("n_bars", [2, 50, 119, 120, 121, 5_000])
def test_a_normal_walk_has_none(n_bars: int) -> None:
    close = walk(np.full(n_bars, 0.001))
    assert not is_price_jump(close, none_missing(close), 12.0).any()


def test_ten_days_of_turmoil_are_no_jumps() -> None:
    """Volatility twenty times as high for a while: the scale of the whole series would flag a fifth of its bars."""
    volatility = np.full(5_000, 0.001)
    volatility[2_000:2_240] = 0.02
    close = walk(volatility)
    assert np.count_nonzero(np.abs(np.diff(np.log(close))) > 12 * 0.001) > 50
    assert np.count_nonzero(is_price_jump(close, none_missing(close), 12.0)) <= 1


def test_a_return_over_missing_bars_is_no_jump() -> None:
    close = walk(np.full(500, 0.001))
    close[300:] *= 1.2
    after_missing = none_missing(close)
    after_missing[300] = True
    assert not is_price_jump(close, after_missing, 12.0).any()


def test_a_market_that_mostly_stands_still_is_measured_by_the_bars_that_move() -> None:
    close = np.full(1_000, 100.0)
    close[::50] += 0.01
    assert not is_price_jump(close, none_missing(close), 12.0).any()


def test_prices_that_never_move_and_a_lone_bar_have_none() -> None:
    for n_bars in (1, 2, 300):
        assert not is_price_jump(np.full(n_bars, 5.0), np.zeros(n_bars, dtype=bool), 12.0).any()
