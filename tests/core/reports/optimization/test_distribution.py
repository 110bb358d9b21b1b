"""The distribution of the trials, and luck beside them."""

import math

import numpy as np
import pytest

from bot_core_dagster import metrics
from bot_core_dagster.reports.optimization.distribution import distribution_of
from tests.core.reports.results import optimization


def test_the_sharpe_ratios_are_those_of_the_trials() -> None:
    found, _ = optimization()
    shown = distribution_of(found)
    stored = found.trials["sharpe_ratio"].to_numpy()
    np.testing.assert_allclose(np.sort(shown.trials), np.sort(stored[np.isfinite(stored)]), rtol=1e-9)
    assert shown.n_undefined == np.isnan(stored).sum()
    assert shown.winner == pytest.approx(found.best_performance)


def test_the_winner_beside_this_luck_gives_the_deflated_sharpe_ratio_of_the_evidence() -> None:
    found, _ = optimization()
    shown = distribution_of(found)
    per_day = shown.luck / math.sqrt(found.periods_per_year)
    deflated = metrics.probabilistic_sharpe_ratio(found.best_returns, benchmark_sharpe=per_day)
    assert deflated == pytest.approx(found.evidence.deflated_sharpe_ratio, rel=1e-9)


def test_luck_is_what_the_best_of_as_many_draws_shows_on_average() -> None:
    found, _ = optimization()
    shown = distribution_of(found)
    n_days, yearly = found.daily_returns.shape[1], math.sqrt(found.periods_per_year)
    deviation = max(float(np.std(shown.trials / yearly, ddof=1)), 1.0 / math.sqrt(n_days - 1))
    draws = np.random.default_rng(1).normal(0.0, deviation, (20_000, found.evidence.n_trials)).max(axis=1)
    assert shown.luck / yearly == pytest.approx(draws.mean(), rel=0.02)


def test_one_trial_needs_no_luck() -> None:
    assert distribution_of(optimization(parameter_variations=1)[0]).luck == 0.0
