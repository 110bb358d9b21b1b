"""Tests of `validation.loss_difference` against R's forecast package, statsmodels and arch.

Belongs here: the Diebold-Mariano test. Not here: the losses of models.
"""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from arch.covariance.kernel import Bartlett
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.validation import diebold_mariano
from bot_core_dagster.validation.long_run_variance import automatic_lags

ETS = np.fromstring(
    "0.002241270 -0.000661906 -1.200002613 -4.000218178 3.799373533 3.401005111 -1.199692125 -0.800490048 "
    "-1.200048999 3.399847229 7.000708948 2.200989241 -4.800165569 -1.201043375 3.400167556 3.000709085 "
    "0.400267950 -6.800169207 -2.401259050 1.200112198",
    sep=" ",
)
ARIMA = np.fromstring(
    "0.1209998 8.0622269 -0.9189429 -1.7952436 5.3431277 2.0459823 -0.6073261 0.5516816 -0.7633238 4.1229472 "
    "5.8785333 1.2828331 -3.4854233 1.1971370 3.1709314 2.3408457 0.4962286 -5.9841362 0.1537114 0.4207951",
    sep=" ",
)
"""One-step errors of two models on R's WWWusage[81:100], the example of forecast::dm.test."""


@pytest.mark.parametrize(
    ("power", "is_one_sided", "printed"),
    [(2, False, 0.8871), (2, True, 0.4435), (1, False, 0.7818), (1, True, 0.6091)],
    ids=["squares", "squares, one-sided", "absolutes", "absolutes, one-sided"],
)
def test_the_p_values_that_r_prints_for_its_example(power: int, is_one_sided: bool, printed: float) -> None:
    """As the tests of Julia's HypothesisTests print them of R: one-step forecasts take no autocovariance."""
    losses = np.abs(ETS) ** power, np.abs(ARIMA) ** power
    found = diebold_mariano(*losses, is_one_sided=is_one_sided, n_lags=0)
    assert found.p_value == pytest.approx(printed, abs=5e-5)


def test_the_statistic_of_a_small_printed_example() -> None:
    """The tests of the dieboldmariano package: squared errors 0..5 against 0, 2, 3, 3, 5, 6: -2.4905, p .05513."""
    found = diebold_mariano(np.arange(6.0) ** 2, np.array([0.0, 2.0, 3.0, 3.0, 5.0, 6.0]) ** 2, n_lags=0)
    assert found.statistic == pytest.approx(-2.4905, abs=5e-5)
    assert found.p_value == pytest.approx(0.05513, abs=5e-6)


@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32 - 1), n_periods=st.integers(12, 300), horizon=st.integers(1, 6), n_lags=st.integers(0, 9)
)
def test_the_statistic_is_that_of_statsmodels_with_a_bartlett_kernel(
    seed: int, n_periods: int, horizon: int, n_lags: int
) -> None:
    rng = np.random.default_rng(seed)
    loss_a = rng.exponential(1.0, n_periods)
    loss_b = 0.5 * loss_a + rng.exponential(0.6, n_periods)
    regression = sm.OLS(loss_a - loss_b, np.ones(n_periods))
    fitted = regression.fit(cov_type="HAC", cov_kwds={"maxlags": n_lags, "kernel": "bartlett"}, use_t=True)
    correction = math.sqrt((n_periods + 1 - 2 * horizon + horizon * (horizon - 1) / n_periods) / n_periods)
    expected = float(fitted.tvalues[0]) * correction
    found = diebold_mariano(loss_a, loss_b, horizon, n_lags=n_lags)
    assert found.statistic == pytest.approx(expected, rel=1e-9)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(expected), n_periods - 1), rel=1e-6)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9], ids="phi {}".format)
@pytest.mark.parametrize("n_periods", [30, 200, 1_500], ids="{} periods".format)
def test_the_automatic_lags_are_those_of_arch(n_periods: int, phi: float) -> None:
    series = np.random.default_rng(n_periods).normal(size=n_periods)
    for period in range(1, n_periods):
        series[period] += phi * series[period - 1]
    assert automatic_lags(series) == Bartlett(series, force_int=True).bandwidth


def test_overlapping_forecasts_take_at_least_the_lags_of_their_horizon() -> None:
    rng = np.random.default_rng(0)
    loss_a, loss_b = rng.exponential(size=(2, 200))
    assert automatic_lags(loss_a - loss_b) < 23
    assert diebold_mariano(loss_a, loss_b, 24) == diebold_mariano(loss_a, loss_b, 24, n_lags=23)


def test_equal_forecasts_differ_about_as_often_as_the_level_says_even_if_they_overlap() -> None:
    """400 samples of 6-step losses at 5 %: 20 expected; the test is a little too eager, which HLN lessen, not end."""
    found = 0
    for seed in range(400):
        shocks = np.random.default_rng(seed).normal(size=(2, 255))
        loss_a, loss_b = (np.convolve(each, np.ones(6), mode="valid") ** 2 for each in shocks)
        found += diebold_mariano(loss_a, loss_b, 6, is_one_sided=True).p_value <= 0.05
    assert 8 <= found <= 36


def test_the_better_challenger_has_a_negative_statistic_and_a_small_p_value() -> None:
    rng = np.random.default_rng(0)
    champion = rng.exponential(1.0, 300)
    challenger = champion - rng.normal(0.1, 0.2, 300)
    better = diebold_mariano(challenger, champion, is_one_sided=True)
    worse = diebold_mariano(champion, challenger, is_one_sided=True)
    assert better.statistic == pytest.approx(-worse.statistic, rel=1e-12)
    assert better.statistic < -5
    assert better.p_value < 1e-6
    assert worse.p_value == pytest.approx(1 - better.p_value, abs=1e-12)


@pytest.mark.parametrize(
    ("loss_a", "loss_b"),
    [
        (np.arange(9.0), np.arange(9.0)),
        (np.arange(9.0) + 1.0, np.arange(9.0)),
        (np.array([1.0, np.nan, 2.0]), np.zeros(3)),
    ],
    ids=["equal", "a constant apart", "a NaN"],
)
def test_a_difference_that_cannot_be_tested_is_nan(loss_a: np.ndarray, loss_b: np.ndarray) -> None:
    found = diebold_mariano(loss_a, loss_b)
    assert math.isnan(found.statistic)
    assert math.isnan(found.p_value)


@pytest.mark.parametrize(
    ("lengths", "horizon", "n_lags", "says"),
    [
        ((9, 8), 1, None, "same forecasts, got 9 and 8"),
        ((9, 9), 0, None, "horizon 0"),
        ((9, 9), 9, None, "horizon 9"),
        ((9, 9), 1, 9, "lags 9"),
        ((9, 9), 1, -1, "lags -1"),
        ((1, 1), 1, None, "2 or more"),
    ],
    ids=["lengths", "no horizon", "a horizon of all", "lags of all", "negative lags", "one loss"],
)
def test_losses_that_do_not_match_are_refused(
    lengths: tuple[int, int], horizon: int, n_lags: int | None, says: str
) -> None:
    with pytest.raises(ShapeError, match=says):
        diebold_mariano(np.arange(float(lengths[0])), np.zeros(lengths[1]), horizon, n_lags=n_lags)
