"""No strategy earns on the simulated market unless an edge was planted; a planted one can be found.

Belongs here: Sharpe ratios of plain strategies over many seeds. Not here: the statistics of returns
(`test_statistics`).
"""

import numpy as np
import pytest
from scipy.stats import ttest_1samp
from statsmodels.stats.multitest import multipletests

from bot_core_dagster.market.simulated import SimulatedSource
from bot_core_dagster.market.simulated.profile import profile
from bot_core_dagster.settings import Instrument
from tests.core.market.simulated.instruments import btcusdt, eurusd, utc
from tests.core.market.simulated.plain_strategies import (
    STRATEGIES,
    FloatArray,
    cost_of_a_side,
    periods_of,
    rsi_reversion,
    sharpe_ratio,
)

by_symbol = pytest.mark.parametrize("traded", [btcusdt(), eurusd()], ids=lambda one: one.symbol)


def _sharpe_ratios(traded: Instrument, n_seeds: int, edge: float = 0.0) -> dict[str, FloatArray]:
    """Return the Sharpe ratios of each strategy over the seeds' 2024, (n_seeds,), before and after costs."""
    ratios: dict[str, list[float]] = {}
    for seed in range(n_seeds):
        bars = SimulatedSource(seed, edge).fetch(traded, utc("2024-01-01"), utc("2025-01-01")).bars
        for name, strategy in STRATEGIES.items():
            position = strategy(bars)
            for kind, cost in (("gross", 0.0), ("net", cost_of_a_side(traded))):
                ratio = sharpe_ratio(bars, position, cost, periods_of(traded))
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
def test_a_larger_planted_edge_earns_more(traded: Instrument) -> None:
    def mean_ratio(edge: float) -> float:
        worlds = [SimulatedSource(seed, edge) for seed in range(6)]
        years = [world.fetch(traded, utc("2024-01-01"), utc("2025-01-01")).bars for world in worlds]
        cost, periods = cost_of_a_side(traded), periods_of(traded)
        return float(np.mean([sharpe_ratio(bars, rsi_reversion(bars), cost, periods) for bars in years]))

    assert 1 < mean_ratio(0.2) < mean_ratio(0.6)


@by_symbol
@pytest.mark.parametrize("edge", [0.3, 1.0], ids="edge {}".format)
def test_an_edge_is_that_share_of_the_variance_of_an_average_hour(traded: Instrument, edge: float) -> None:
    def hourly_variance(planted: float) -> float:
        bars = SimulatedSource(7, planted).fetch(traded, utc("2022-01-01"), utc("2026-01-01")).bars
        is_next_hour = bars["open_time"].diff().to_numpy() == np.timedelta64(1, "h")
        return float(np.var(np.diff(np.log(bars["close"].to_numpy()), prepend=np.nan)[is_next_hour]))

    hours_per_year = {"crypto": 24 * 365.25, "fx": 24 * 5 * 365.25 / 7}[traded.calendar]
    planted = edge * profile(traded).volatility ** 2 / hours_per_year
    assert hourly_variance(edge) == pytest.approx(planted + (1 - edge) * hourly_variance(0.0), rel=0.05)
