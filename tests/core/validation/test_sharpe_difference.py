"""Tests of `validation.sharpe_difference`.

Belongs here: size, power and symmetry of the paired bootstrap. Not here: the resampling (`tests/core/metrics`).
"""

import math
from collections.abc import Callable

import numpy as np
import pytest

from bot_core_dagster import metrics
from bot_core_dagster.errors import ShapeError
from bot_core_dagster.validation import p_value_of_better, sharpe_difference_interval

Draw = Callable[[np.random.Generator, int], np.ndarray]


def normal(rng: np.random.Generator, n_days: int) -> np.ndarray:
    return rng.normal(0.0, 0.01, n_days)


def rare_and_fat_tailed(rng: np.random.Generator, n_days: int) -> np.ndarray:
    return np.where(rng.random(n_days) < 0.3, rng.standard_t(3, n_days) * 0.01, 0.0)


def crashing(rng: np.random.Generator, n_days: int) -> np.ndarray:
    return 0.01 - rng.exponential(0.01, n_days)


def jumping(rng: np.random.Generator, n_days: int) -> np.ndarray:
    return rng.exponential(0.01, n_days) - 0.01


@pytest.mark.parametrize("draw", [normal, rare_and_fat_tailed, crashing, jumping], ids=lambda draw: draw.__name__)
@pytest.mark.parametrize("is_against_cash", [True, False], ids=["against cash", "against another"])
def test_luck_is_found_better_about_as_often_as_the_level_says(draw: Draw, is_against_cash: bool) -> None:
    """120 samples at 5 %: 6 expected, none or more than 14 in one of 300 samples of an exact test."""
    found = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        a, other = draw(rng, 150), draw(rng, 150)
        found += p_value_of_better(a, np.zeros(150) if is_against_cash else other, seed=seed) <= 0.05
    assert 1 <= found <= 14


def test_what_both_share_cancels() -> None:
    """The same market under both: a constant edge of 2 a year over two years is found, unpaired it would not be."""
    rng = np.random.default_rng(0)
    market = rng.normal(0.0, 0.02, 730)
    a = market + rng.normal(0.02 * 2.0 / math.sqrt(365), 0.002, 730)
    b = market + rng.normal(0.0, 0.002, 730)
    assert p_value_of_better(a, b) == 1 / 1_001
    assert p_value_of_better(b, a) > 0.999
    assert p_value_of_better(a, rng.permutation(b)) > 0.01


def test_an_edge_of_three_a_year_is_found_in_a_year_more_often_than_not() -> None:
    """A Sharpe ratio of 3 over 365 days has a t of 3: of 40 samples nearly nine in ten pass at 5 %."""
    passed = sum(
        p_value_of_better(np.random.default_rng(seed).normal(3.0 / math.sqrt(365), 1.0, 365), np.zeros(365)) <= 0.05
        for seed in range(40)
    )
    assert passed >= 32


def test_the_interval_agrees_with_lo_for_one_series_against_cash() -> None:
    """Lo (2002), equation 9, for independent normal returns: half the width is 1.96 sqrt((1 + SR^2 / 2) / T)."""
    returns = np.random.default_rng(1).normal(0.0005, 0.01, 2_000)
    interval = sharpe_difference_interval(returns, np.zeros(2_000), periods_per_year=365)
    sharpe = metrics.sharpe_ratio(returns, periods_per_year=1)
    half = 1.96 * math.sqrt((1 + sharpe**2 / 2) / 2_000 * 365)
    assert interval.low < metrics.sharpe_ratio(returns, periods_per_year=365) < interval.high
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.1)


def test_the_interval_agrees_with_jobson_and_korkie_for_two_independent_series() -> None:
    """Memmel (2003): var = (2 - 2 rho + (SRa^2 + SRb^2 - 2 SRa SRb rho^2) / 2) / T."""
    rng = np.random.default_rng(2)
    shared = rng.normal(0.0, 0.01, 3_000)
    a, b = 0.0005 + shared + rng.normal(0.0, 0.01, 3_000), shared + rng.normal(0.0, 0.01, 3_000)
    interval = sharpe_difference_interval(a, b, periods_per_year=1)
    ratios = [metrics.sharpe_ratio(series, periods_per_year=1) for series in (a, b)]
    rho = np.corrcoef(a, b)[0, 1]
    spread = (ratios[0] ** 2 + ratios[1] ** 2 - 2 * ratios[0] * ratios[1] * rho**2) / 2
    error = math.sqrt((2 - 2 * rho + spread) / 3_000)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert interval.low < ratios[0] - ratios[1] < interval.high


def test_the_p_value_and_the_interval_tell_the_same() -> None:
    """A one-sided 5 % is where the lower end of the 90 % interval crosses zero."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        a, b = rng.normal(0.001, 0.01, 200), rng.normal(0.0, 0.01, 200)
        p_value = p_value_of_better(a, b, seed=seed)
        interval = sharpe_difference_interval(a, b, periods_per_year=365, confidence=0.9, seed=seed)
        assert (p_value < 0.05) == (interval.low > 0.0) or p_value == pytest.approx(0.05, abs=0.003)


def test_the_same_seed_gives_the_same_p_value() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(0.001, 0.01, 200), rng.normal(0.0, 0.01, 200)
    assert p_value_of_better(a, b, seed=4) == p_value_of_better(a, b, seed=4)
    assert sharpe_difference_interval(a, b, periods_per_year=1, seed=4) != sharpe_difference_interval(
        a, b, periods_per_year=1, seed=5
    )


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.arange(19.0), np.zeros(19)),
        (np.zeros(50), np.zeros(50)),
        (np.arange(50.0), np.arange(50.0)),
        (np.full(50, 0.01), np.zeros(50)),
        (np.append(np.arange(50.0), np.nan), np.zeros(51)),
    ],
    ids=["under 20 days", "cash against cash", "the same twice", "a constant", "a NaN"],
)
def test_a_difference_that_cannot_be_known_is_nan(a: np.ndarray, b: np.ndarray) -> None:
    assert math.isnan(p_value_of_better(a, b))
    assert math.isnan(sharpe_difference_interval(a, b, periods_per_year=365).low)


def test_a_single_day_of_trading_proves_nothing() -> None:
    """One gain on one of 300 days: a third of the resamples never trade."""
    returns = np.where(np.arange(300) == 7, 0.1, 0.0)
    assert not p_value_of_better(returns, np.zeros(300)) <= 0.05


def test_other_days_are_refused() -> None:
    with pytest.raises(ShapeError, match="the same periods, got 30 and 29"):
        p_value_of_better(np.zeros(30), np.zeros(29))
    with pytest.raises(ShapeError, match="one dimension"):
        p_value_of_better(np.zeros((30, 2)), np.zeros(30))
