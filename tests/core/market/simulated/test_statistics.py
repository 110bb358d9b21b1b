"""Simulated returns have the statistics of real ones, and none can be predicted from those before.

Belongs here: moments, clustering, correlation, the martingale property; oracles are statsmodels and scipy. Not here:
strategies (`test_edge`).
"""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kurtosis
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests
from statsmodels.tools.tools import add_constant
from statsmodels.tsa.stattools import acf

from bot_core_dagster.market.simulated import SimulatedSource
from bot_core_dagster.settings import Instrument
from tests.core.market.simulated.instruments import btcusdt, ethusdt, eurusd, utc, xauusd

SEEDS = range(6)
START, END = utc("2023-01-01"), utc("2026-01-01")
by_seed = pytest.mark.parametrize("seed", SEEDS, ids="seed {}".format)
by_symbol = pytest.mark.parametrize("traded", [btcusdt(), ethusdt(), eurusd(), xauusd()], ids=lambda one: one.symbol)
_source = cache(SimulatedSource)


@cache
def _close(symbol: str, seed: int) -> "pd.Series[float]":
    traded = {one.symbol: one for one in (btcusdt(), ethusdt(), eurusd(), xauusd())}[symbol]
    return _source(seed).fetch(traded, START, END).bars.set_index("open_time")["close"]


def _hourly(symbol: str, seed: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.diff(np.log(_close(symbol, seed).to_numpy()))


@by_seed
def test_daily_returns_of_btc_and_eth_correlate_as_they_do(seed: int) -> None:
    daily = [np.diff(np.log(_close(symbol, seed).resample("1D").last())) for symbol in ("BTCUSDT", "ETHUSDT")]
    assert 0.5 < np.corrcoef(daily)[0, 1] < 0.9


@by_seed
@by_symbol
def test_hourly_returns_have_fat_tails(traded: Instrument, seed: int) -> None:
    assert kurtosis(_hourly(traded.symbol, seed)) > 3


@by_seed
@by_symbol
def test_absolute_returns_cluster_over_a_day(traded: Instrument, seed: int) -> None:
    assert acf(np.abs(_hourly(traded.symbol, seed)), nlags=24)[24] > 0.1


def test_no_return_is_predicted_by_the_48_before() -> None:
    """Joint F tests with White's covariance, which holds for clustering volatility; Holm over seeds and symbols."""
    p_values = []
    for seed in SEEDS:
        for symbol in ("BTCUSDT", "EURUSD"):
            returns = _hourly(symbol, seed)
            lagged = np.column_stack([returns[48 - lag : -lag] for lag in range(1, 49)])
            fit = OLS(returns[48:], add_constant(lagged)).fit(cov_type="HC0")
            p_values.append(float(fit.f_test(np.eye(48, 49, k=1)).pvalue))
    assert not multipletests(p_values, alpha=0.01, method="holm")[0].any(), p_values


@pytest.mark.parametrize("traded", [btcusdt(timeframe="1d"), eurusd(timeframe="1d")], ids=lambda one: one.symbol)
def test_the_price_of_a_year_later_is_expected_to_be_todays(traded: Instrument) -> None:
    growth = []
    for seed in range(300):
        source = SimulatedSource(seed)
        first, last = (source.fetch(traded, utc(f"{day}-03"), utc(f"{day}-05")).bars for day in ("2024-04", "2025-04"))
        growth.append(last["open"].iloc[0] / first["open"].iloc[0])
    standard_error = np.std(growth, ddof=1) / np.sqrt(len(growth))
    assert abs(np.mean(growth) - 1) < 3 * standard_error
    assert 0.03 < np.std(np.log(growth)) < 1.0


def test_volume_follows_volatility_and_spread_widens_with_it() -> None:
    bars = _source(0).fetch(btcusdt(), START, END).bars
    log_range = np.log(bars["high"] / bars["low"])
    assert np.corrcoef(log_range, np.log(bars["volume"]))[0, 1] > 0.5
    assert np.corrcoef(log_range, bars["spread"] / bars["close"])[0, 1] > 0.4
    assert acf(np.log(bars["volume"]), nlags=24)[24] > 0.2


def test_currencies_move_by_their_hours_and_gaps_over_weekends_are_wider_than_between_hours() -> None:
    bars = _source(0).fetch(eurusd(), START, END).bars
    spans = (bars["high"] / bars["low"] - 1).groupby(bars["open_time"].dt.hour).mean()
    assert spans[[13, 14, 15]].mean() > 2 * spans[[2, 3, 4]].mean()
    gap = (bars["open"] / bars["close"].shift() - 1).abs()
    is_after_weekend = bars["open_time"].diff() > pd.Timedelta(days=1)
    assert gap[is_after_weekend].median() > 10 * gap[~is_after_weekend].median()
