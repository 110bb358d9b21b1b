"""The surface of a search: the best of each cell, over the parameters that matter most."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bot_core_dagster.optimization import Optimization
from bot_core_dagster.reports.optimization.surface import MAX_CELLS, surface_of
from tests.core.reports.results import optimization


def tried(found: Optimization) -> pd.DataFrame:
    """Return each trial's parameters and objective."""
    return pd.DataFrame(found.parameter_sets).assign(objective=found.trials["objective_value"].to_numpy())


@pytest.mark.parametrize("strategy", ["rsi", "macd", "bollinger"])
def test_each_cell_is_the_best_of_its_sets_as_pandas_pivots_them(strategy: str) -> None:
    found, _ = optimization(strategy=strategy)
    surface = surface_of(found)
    assert surface.y is not None
    has_enough = found.trials["n_trades"].to_numpy() >= found.settings.min_trades
    of_all, of_winners = (
        table.pivot_table(index=surface.y.name, columns=surface.x.name, values="objective", aggfunc="max").reindex(
            index=surface.y.low, columns=surface.x.low
        )
        for table in (tried(found), tried(found)[has_enough])
    )
    np.testing.assert_array_equal(surface.highest, of_winners.fillna(of_all).to_numpy())
    np.testing.assert_array_equal(surface.has_few_trades, (of_winners.isna() & of_all.notna()).to_numpy())
    counts = tried(found).pivot_table(index=surface.y.name, columns=surface.x.name, aggfunc="size", fill_value=0)
    np.testing.assert_array_equal(surface.n_sets, counts.to_numpy())


@pytest.mark.parametrize("strategy", ["rsi", "macd", "bollinger"])
def test_an_axis_explains_as_much_as_a_one_way_analysis_of_variance_says(strategy: str) -> None:
    found, _ = optimization(strategy=strategy)
    table = tried(found).dropna()
    explained = {}
    for name in found.best_parameters:
        groups = [part["objective"] for _, part in table.groupby(name)]
        if len(groups) > 1 and name in tried(found).nunique()[lambda n: n > 1].index:
            ratio, within, between = stats.f_oneway(*groups).statistic, len(table) - len(groups), len(groups) - 1
            explained[name] = ratio * between / (ratio * between + within)
    surface = surface_of(found)
    ranked = sorted(explained, key=lambda name: -explained[name])
    assert [axis.name for axis in surface.axes] == ranked[:2]
    for axis in surface.axes:
        assert axis.explained == pytest.approx(explained[axis.name], rel=1e-9)
    assert set(surface.over) == set(ranked[2:])


def test_the_winner_stands_in_the_cell_of_its_parameters() -> None:
    """Which is the highest one but for those in brackets, whose sets have too few trades to win."""
    found, _ = optimization()
    surface = surface_of(found)
    for axis, place in zip(surface.axes, surface.winner, strict=True):
        assert axis.low[place] <= found.best_parameters[axis.name] <= axis.high[place]
    x, y = surface.winner
    assert surface.highest[y, x] == found.best_performance
    assert not surface.has_few_trades[y, x]
    assert found.best_performance == np.nanmax(surface.highest[~surface.has_few_trades])


@pytest.mark.parametrize("window", [1.0, 14.0, 500.0], ids="window {}".format)
def test_the_deployed_set_stands_in_the_nearest_cell(window: float) -> None:
    found, _ = optimization()
    deployed = {"window": window, "oversold": 30.0, "overbought": 70.0}
    surface = surface_of(found, deployed)
    assert surface.deployed is not None
    for axis, place in zip(surface.axes, surface.deployed, strict=True):
        distance = np.abs(axis.low - deployed[axis.name])
        assert distance[place] == distance.min()


def test_many_values_are_joined_to_few_cells() -> None:
    found, _ = optimization(strategy="macd", method="random", parameter_variations=200)
    surface = surface_of(found)
    assert all(len(axis.low) <= MAX_CELLS for axis in surface.axes)
    assert surface.n_sets.sum() == len(found.parameter_sets)
    joined = [axis for axis in surface.axes if (axis.low < axis.high).any()]
    assert all("–" in " ".join(axis.labels) for axis in joined)


def test_one_parameter_set_is_one_cell() -> None:
    found, _ = optimization(parameter_variations=1)
    surface = surface_of(found)
    assert surface.highest.tolist() == [[found.best_performance]]
    assert surface.y is None
    assert surface.winner == (0, 0)
