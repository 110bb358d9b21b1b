"""No strategy earns on the simulated market unless an edge was planted; a planted one can be found.

Belongs here: Sharpe ratios of plain strategies over many seeds. Not here: the statistics of returns
(`test_statistics`).
"""

import numpy as np
import pytest
from scipy.stats import ttest_1samp
from statsmodels.stats.multitest import multipletests

from bot_core_dagster.market.simulated import SimulatedSource
from bot_core_dagster.settings import Instrument
from tests.core.market.simulated.instruments import btcusdt, eurusd, utc
from tests.core.market.simulated.plain_strategies import STRATEGIES, FloatArray, rsi_reversion, sharpe_ratio

by_symbol = pytest.mark.parametrize("traded", [btcusdt(), eurusd()], ids=lambda one: one.symbol)


def _sharpe_ratios(traded: Instrument, n_seeds: int, edge: float = 0.0) -> dict[str, FloatArray]:
    """Return the Sharpe ratios of each strategy over the seeds' 2024, (n_seeds,), before and after costs."""
    ratios: dict[str, list[float]] = {}
    for seed in range(n_seeds):
        bars = SimulatedSource(seed, edge).fetch(traded, utc("2024-01-01"), utc("2025-01-01")).bars
        for name, strategy in STRATEGIES.items():
            position = strategy(bars)
            for kind, cost in (("gross", 0.0), ("net", traded.costs.per_side)):
                ratio = sharpe_ratio(bars, position, cost, traded.periods_per_year)
                ratios.setdefault(f"{name}, {kind}", []).append(ratio)
    return {key: np.array(found) for key, found in ratios.items()}


def _earners(ratios: dict[str, FloatArray]) -> set[str]:
    """Return the strategies whose mean is above zero by a t test at 1 %, Holm over the strategies.

    With a dozen seeds and 34 strategies one of them exceeds three standard errors in about one of ten fair worlds.
    """
    p_values = [float(ttest_1samp(found, 0.0, alternative="greater").pvalue) for found in ratios.values()]
    return {key for key, is_earner in zip(ratios, multipletests(p_values, 0.01, "holm")[0], strict=True) if is_earner}


@by_symbol
def test_no_plain_strategy_earns_over_a_dozen_seeds_and_the_same_check_sees_a_planted_edge(traded: Instrument) -> None:
    assert _earners(_sharpe_ratios(traded, n_seeds=12)) == set()
    assert "RSI reversion, net" in _earners(_sharpe_ratios(traded, n_seeds=6, edge=0.5))


@pytest.mark.slow
@by_symbol
def test_no_plain_strategy_has_a_mean_of_more_than_three_standard_errors_over_100_seeds(traded: Instrument) -> None:
    for key, ratios in _sharpe_ratios(traded, n_seeds=100).items():
        standard_error = ratios.std(ddof=1) / np.sqrt(len(ratios))
        assert ratios.mean() < 3 * standard_error, (key, ratios.mean(), standard_error)


@by_symbol
def test_a_planted_edge_is_found_and_grows_with_its_size(traded: Instrument) -> None:
    means = []
    for edge in (0.0, 0.2, 0.6):
        years = [
            SimulatedSource(seed, edge).fetch(traded, utc("2024-01-01"), utc("2025-01-01")).bars for seed in range(8)
        ]
        ratios = [
            sharpe_ratio(bars, rsi_reversion(bars), traded.costs.per_side, traded.periods_per_year) for bars in years
        ]
        means.append(float(np.mean(ratios)))
    assert means[0] < 1 < means[1] < means[2]


@pytest.mark.parametrize("edge", [0.1, 0.5, 1.0], ids="edge {}".format)
def test_an_edge_of_any_size_leaves_the_variance_of_an_hour_as_it_was(edge: float) -> None:
    def hourly(planted: float) -> FloatArray:
        prices = [
            SimulatedSource(seed, planted).fetch(btcusdt(), utc("2020-01-01"), utc("2026-01-01")).bars["close"]
            for seed in range(3)
        ]
        return np.concatenate([np.diff(np.log(price.to_numpy())) for price in prices])

    assert hourly(edge).std() == pytest.approx(hourly(0.0).std(), rel=0.1)
