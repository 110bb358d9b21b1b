"""The curves that are drawn: the whole range, every extreme, from the start."""

import numpy as np
import pytest

from bot_core_dagster.reports.backtest.curves import curves_of
from tests.core.reports.results import backtest


@pytest.mark.parametrize("n_bars", [1, 2, 300, 26_280], ids="{} bars".format)
def test_thinned_curves_have_the_figures_of_the_summary(n_bars: int) -> None:
    result, _ = backtest(n_bars)
    curves, figures = curves_of(result), result.summary
    assert curves.net[0] == curves.held[0] == curves.double_cost[0] == 1.0
    assert curves.time[0] == figures.start
    assert curves.time[-1] == figures.end
    assert curves.net[-1] - 1.0 == pytest.approx(figures.total_return, rel=1e-12, abs=1e-15)
    assert curves.double_cost[-1] - 1.0 == pytest.approx(figures.double_cost_return, rel=1e-12, abs=1e-15)
    assert curves.held[-1] - 1.0 == pytest.approx(figures.buy_and_hold_return, rel=1e-12, abs=1e-15)
    assert curves.fall.min() == pytest.approx(figures.max_drawdown, rel=1e-12, abs=1e-15)
    assert curves.is_thinned is (n_bars > 10_000)


def test_no_extreme_of_a_curve_is_thinned_away() -> None:
    result, _ = backtest(26_280)
    curves = curves_of(result, n_buckets=50)
    assert len(curves.net) < 700
    for drawn, name in (
        (curves.net, "equity"),
        (curves.held, "buy_and_hold"),
        (curves.double_cost, "double_cost_equity"),
    ):
        assert drawn.max() == max(1.0, result.equity[name].max())
        assert drawn.min() == min(1.0, result.equity[name].min())
    assert curves.held_fall.min() == np.min(curves_of(result, n_buckets=100_000).held_fall)


def test_a_wide_range_is_shown_on_a_logarithmic_scale_and_a_narrow_one_is_not() -> None:
    assert curves_of(backtest(26_280)[0]).ticks
    assert not curves_of(backtest(300)[0]).ticks
