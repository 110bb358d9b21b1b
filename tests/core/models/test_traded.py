"""The traded forecast: hysteresis by hand, and the same figures as the backtest."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster import metrics
from bot_core_dagster.backtest import TradingRules, run_backtest
from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.models.labels import HORIZONS
from bot_core_dagster.models.traded import TRADED_HORIZONS, decisions, trade_forecast
from tests.builders import bars, instrument


def _readable(probability: FloatArray1D) -> FloatArray1D:
    held, made = 0.0, []
    for up in probability:
        if math.isnan(up) or (held > 0.0 and up < 0.5) or (held < 0.0 and up > 0.5):
            held = 0.0
        if up >= 0.55:
            held = 1.0
        if up <= 0.45:
            held = -1.0
        made.append(held)
    return np.array(made)


def test_a_position_is_held_until_the_probability_crosses_one_half() -> None:
    probability = np.array([0.5, 0.55, 0.51, 0.5, 0.49, 0.54, 0.45, 0.5, 0.51, 0.56, 0.44, np.nan, 0.46])
    assert decisions(probability).tolist() == [0, 1, 1, 1, 0, 0, -1, -1, 0, 1, -1, 0, 0]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([0.3, 0.45, 0.47, 0.5, 0.52, 0.55, 0.8, math.nan]), min_size=1, max_size=60))
def test_it_decides_what_going_bar_by_bar_decides(probabilities: list[float]) -> None:
    probability = np.array(probabilities)
    assert np.array_equal(decisions(probability), _readable(probability))


def test_the_figures_are_those_of_the_backtest_of_the_bars_from_the_first_row_on() -> None:
    series, rows = bars(2_000), np.arange(200, 1_990)
    up = np.random.default_rng(0).uniform(0.3, 0.7, (len(rows), HORIZONS))
    found = trade_forecast(series, rows, up, instrument())
    signal = np.append(decisions(up[:, [0, 3, 7]].mean(axis=1)), np.zeros(10))
    direct = run_backtest(
        series.iloc[200:].reset_index(drop=True),
        signal,
        instrument(),
        rules=TradingRules(allow_short=True),
        strategy="x",
        parameters={},
    ).summary
    assert found.figures.net_sharpe == direct.sharpe_ratio
    assert found.figures.double_cost_sharpe == direct.double_cost_sharpe_ratio
    assert found.figures.gross_sharpe == direct.gross_sharpe_ratio
    assert found.figures.turnover == direct.turnover
    assert found.figures.n_trades == direct.total_trades > 100
    daily = found.daily_returns.to_numpy()
    assert metrics.sharpe_ratio(daily, periods_per_year=365) == pytest.approx(direct.sharpe_ratio, rel=1e-9)
    assert len(daily) == found.figures.n_days
    assert found.figures.gross_sharpe > found.figures.net_sharpe > found.figures.double_cost_sharpe
    assert json.loads(json.dumps(asdict(found.figures)))["horizons"] == list(TRADED_HORIZONS)


def test_only_the_probabilities_of_the_traded_horizons_count_and_the_future_counts_for_nothing() -> None:
    series, rows = bars(1_000), np.arange(100, 1_000)
    rng = np.random.default_rng(1)
    up = rng.uniform(0.3, 0.7, (len(rows), HORIZONS))
    other = rng.uniform(0.3, 0.7, (len(rows), HORIZONS))
    traded = np.array(TRADED_HORIZONS) - 1
    other[:, traded] = up[:, traded]
    first, second = (trade_forecast(series, rows, each, instrument()) for each in (up, other))
    assert first.figures == second.figures
    early = trade_forecast(series.head(700), rows[:600], up[:600], instrument()).daily_returns
    assert first.daily_returns.loc[early.index].to_numpy() == pytest.approx(early.to_numpy(), abs=1e-15)


def test_a_forecast_that_is_never_sure_does_not_trade() -> None:
    series, rows = bars(500), np.arange(100, 500)
    found = trade_forecast(series, rows, np.full((400, HORIZONS), 0.52), instrument())
    assert found.figures.n_trades == 0
    assert math.isnan(found.figures.net_sharpe)
    assert (found.daily_returns == 0.0).all()


def test_knowing_the_future_earns_and_its_opposite_loses() -> None:
    series, rows = bars(2_000), np.arange(0, 1_996)
    close = series["close"].to_numpy()
    rises = close[4:] > close[:-4]
    up = np.repeat(np.where(rises, 0.7, 0.3)[:, None], HORIZONS, axis=1)
    assert trade_forecast(series, rows, up, instrument()).figures.net_sharpe > 10.0
    assert trade_forecast(series, rows, 1.0 - up, instrument()).figures.net_sharpe < -10.0


def test_rows_without_a_forecast_each_are_refused() -> None:
    with pytest.raises(ShapeError, match="for each of 1 or more rows"):
        trade_forecast(bars(100), np.arange(3), np.full((2, HORIZONS), 0.5), instrument())
    with pytest.raises(ShapeError, match="got 0 for 0 rows"):
        trade_forecast(bars(100), np.empty(0, dtype=np.int64), np.empty((0, HORIZONS)), instrument())
