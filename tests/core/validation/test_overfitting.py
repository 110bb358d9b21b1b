"""Tests of `validation.overfitting` against R's pbo package and the paper's steps, done one split at a time.

Belongs here: the probability of backtest overfitting. Not here: the deflated Sharpe ratio
(`tests/core/metrics/test_significance`).
"""

import math
import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from bot_core_dagster import metrics
from bot_core_dagster.errors import ShapeError
from bot_core_dagster.validation import pbo


def split_by_split(returns: np.ndarray, n_blocks: int) -> list[tuple[float, float, float]]:
    """Return logit and both Sharpe ratios of each split's best, by Bailey et al. (2017), section 3, steps 1 to 5.

    Ratios that agree to nine decimals are ties: a sum has other last bits in another order.
    """
    blocks = np.split(returns[len(returns) % n_blocks :], n_blocks)
    found = []
    for chosen in combinations(range(n_blocks), n_blocks // 2):
        halves = [
            np.concatenate([block for place, block in enumerate(blocks) if (place in chosen) == is_in])
            for is_in in (True, False)
        ]
        inside, outside = (
            np.array([metrics.sharpe_ratio(trial, periods_per_year=1) for trial in half.T]) for half in halves
        )
        best = int(np.argmax(np.nan_to_num(inside, nan=-np.inf).round(9)))
        ranks = stats.rankdata(np.nan_to_num(outside, nan=-np.inf).round(9))
        omega = ranks[best] / (returns.shape[1] + 1)
        logit = math.log(omega / (1 - omega)) if not np.isnan(inside[best]) else math.nan
        found.append((logit, inside[best], outside[best] if not np.isnan(inside[best]) else math.nan))
    return found


def in_order(splits: np.ndarray) -> np.ndarray:
    return splits[np.lexsort(np.nan_to_num(splits.round(6), nan=-9.0).T)]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_trials=st.integers(2, 7),
    n_days=st.integers(16, 60),
    resting=st.floats(0.0, 0.9),
)
def test_each_split_is_that_of_the_paper(seed: int, n_trials: int, n_days: int, resting: float) -> None:
    """Trials that rest on many days, never trade, repeat each other or hold a NaN: with ties."""
    rng = np.random.default_rng(seed)
    returns = np.where(
        rng.random((n_days, n_trials)) < resting, 0.0, rng.choice([-0.02, 0.01, 0.03], (n_days, n_trials))
    )
    returns[:, -1] = rng.choice([returns[:, 0], np.zeros(n_days)])
    returns[rng.integers(n_days), rng.integers(n_trials)] = rng.choice([np.nan, 0.01])
    expected = np.array(split_by_split(returns, 8))
    result = pbo(returns, n_blocks=8)
    found = np.column_stack([result.logits, result.in_sample, result.out_of_sample])
    np.testing.assert_allclose(in_order(found), in_order(expected), rtol=1e-6, atol=1e-9)
    logits = expected[:, 0][~np.isnan(expected[:, 0])]
    np.testing.assert_equal(result.pbo, float((logits <= 0).mean()) if len(logits) else math.nan)


def test_the_figures_of_the_splits_are_those_of_scipy() -> None:
    returns = np.random.default_rng(3).normal(0.0, 0.01, (101, 13))
    result = pbo(returns, n_blocks=8)
    table = np.array(split_by_split(returns, 8))
    assert (result.n_days, result.n_trials, result.n_blocks, result.n_splits) == (96, 13, 8, 70)
    assert result.pbo == (table[:, 0] <= 0).mean()
    assert result.loss_share == (table[:, 2] < 0).mean()
    assert result.degradation_slope == pytest.approx(stats.linregress(table[:, 1], table[:, 2]).slope, abs=1e-9)


def r_normals(seed: int, n_numbers: int) -> np.ndarray:
    """Return what R gives for set.seed(seed); rnorm(n_numbers): Mersenne Twister, inversion."""
    state, key = seed, []
    for place in range(50 + 625):
        state = (69_069 * state + 1) % 2**32
        key += [state] * (place > 50)
    generator = np.random.MT19937()
    generator.state |= {"state": {"key": np.array(key, dtype=np.uint32), "pos": 624}}
    uniform = generator.random_raw(2 * n_numbers) * 2.0**-32
    return np.asarray(special.ndtri((np.floor(2**27 * uniform[::2]) + uniform[1::2]) / 2**27))


def test_the_figures_that_rs_pbo_package_prints_for_its_example() -> None:
    """Its vignette: 100 trials of 2,400 days scaled to the same Sharpe ratio of 0, 8 blocks, rf .03 / 252.

    Printed: p_bo 1.0000000, p_loss 1.0000000, ar^2 .97, and as "slope" the intercept of the fit of in sample on out of
    sample, -.0030456.
    """
    assert r_normals(42, 3) == pytest.approx([1.37095845, -0.56469817, 0.36312841], abs=5e-9), "as R prints them"
    returns = r_normals(765, 240_000).reshape(100, 2_400).T
    returns *= 252**-0.5 / returns.std(axis=0, ddof=1)
    returns -= returns.mean(axis=0)
    result = pbo(returns - 0.03 / 252, n_blocks=8)
    fit = stats.linregress(result.out_of_sample, result.in_sample)
    assert (result.pbo, result.loss_share, result.n_splits) == (1.0, 1.0, 70)
    assert fit.intercept == pytest.approx(-0.0030456, abs=5e-8)
    assert 1 - (1 - fit.rvalue**2) * 69 / 68 == pytest.approx(0.97, abs=5e-3)


def test_pure_noise_is_a_coin_and_a_true_edge_is_not() -> None:
    """Of 40 samples of noise the mean lies within four errors of one half; one edge of 3 a year is found."""
    rng = np.random.default_rng(0)
    noise = [pbo(rng.normal(0.0, 0.01, (250, 20)), n_blocks=10).pbo for _ in range(40)]
    assert abs(np.mean(noise) - 0.5) < 4 * np.std(noise) / math.sqrt(40)
    returns = rng.normal(0.0, 0.01, (730, 20))
    returns[:, 7] += 0.01 * 3.0 / math.sqrt(365)
    assert pbo(returns).pbo < 0.05


def test_the_best_of_one_half_that_is_the_worst_of_the_other_overfits_for_sure() -> None:
    """Each of two trials earns in every other block: a half that favours one has the other half against it.

    In 34 of 70 splits one earns in more blocks of the half, in 36 both earn in two of its four, and then so out of
    sample: a tie, of which the first is taken, at the middle. So every logit is at or below zero.
    """
    block = np.random.default_rng(0).normal(0.0, 0.001, 10)
    up, down = block + 0.01, block - 0.01
    returns = np.column_stack([np.concatenate([up, down] * 4), np.concatenate([down, up] * 4)])
    result = pbo(returns, n_blocks=8)
    assert result.pbo == 1.0
    assert (np.abs(result.logits) < 1e-12).sum() == 36


def test_trials_without_a_ratio_are_counted_last() -> None:
    """Of three trials, one good, two never trading: the good one has rank 3 of 4 out of sample: log(3)."""
    returns = np.zeros((80, 3))
    returns[:, 1] = np.random.default_rng(0).normal(0.01, 0.001, 80)
    result = pbo(returns, n_blocks=8)
    np.testing.assert_allclose(result.logits, math.log(3.0), rtol=1e-12)
    assert result.pbo == 0.0
    undefined = pbo(np.zeros((80, 3)), n_blocks=8)
    assert math.isnan(undefined.pbo)
    assert math.isnan(undefined.loss_share)
    assert math.isnan(undefined.degradation_slope)


@pytest.mark.parametrize(
    ("shape", "n_blocks", "says"),
    [
        ((100, 5), 7, "even number of blocks"),
        ((100, 5), 6, "from 8 to 20, got 6"),
        ((100, 5), 22, "from 8 to 20, got 22"),
        ((15, 5), 8, "16 or more days"),
        ((100, 1), 8, "two or more trials"),
        ((100,), 8, "two or more trials"),
    ],
    ids=["an odd number", "too few blocks", "too many blocks", "too few days", "one trial", "a series"],
)
def test_what_cannot_be_split_is_refused(shape: tuple[int, ...], n_blocks: int, says: str) -> None:
    with pytest.raises(ShapeError, match=says):
        pbo(np.zeros(shape), n_blocks=n_blocks)


def test_a_thousand_trials_of_a_year_take_at_most_half_a_second() -> None:
    """About .24 s on an idle core; the best of three, since other work may run beside it."""
    returns = np.random.default_rng(0).normal(0.0, 0.01, (365, 1_000))
    elapsed = []
    for _ in range(3):
        began = time.perf_counter()
        assert pbo(returns).n_splits == 12_870
        elapsed.append(time.perf_counter() - began)
    assert min(elapsed) < 0.5
