"""Pictures of a backtest: PNGs of the promised size, small, marked where simulated, true to the bars."""

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from bot_core_dagster.backtest import TradingRules
from bot_core_dagster.reports import backtest_picture, candles_picture
from bot_core_dagster.reports.backtest.candles_picture import draw_candles
from bot_core_dagster.reports.backtest.headline import caption, result
from bot_core_dagster.reports.canvas import ACCENT, HELD, LOSS, MUTED, SHORT, SOFT
from bot_core_dagster.reports.figures import percentage, ratio
from tests.core.reports.reader import pixels, share_of
from tests.core.reports.results import backtest, simulated_bars
from tests.core.reports.reviewed import ODD


def test_three_years_of_hours_are_small_pictures_of_1200_by_700() -> None:
    traded, bars = backtest(26_280)
    for png in (backtest_picture(traded), candles_picture(traded, bars)):
        assert pixels(png).shape == (700, 1200, 3)
        assert len(png) < 120_000


@pytest.mark.parametrize(
    "color", [ACCENT, SOFT, HELD, LOSS], ids=["equity", "at 2 x costs", "buy and hold", "drawdown"]
)
def test_the_curves_are_drawn(color: str) -> None:
    assert share_of(color, backtest_picture(backtest(26_280)[0])) > 0.001


@pytest.mark.parametrize(("color", "allow_short"), [(ACCENT, False), (SHORT, True)], ids=["long", "short"])
def test_longs_and_shorts_have_their_own_colour_and_shorts_only_where_there_are_any(
    color: str, allow_short: bool
) -> None:
    traded, bars = backtest(rules=TradingRules(allow_short=allow_short))
    assert share_of(color, candles_picture(traded, bars)) > 0.001
    if not allow_short:
        assert share_of(SHORT, candles_picture(traded, bars)) == 0.0


def test_stops_are_marked_in_red_where_there_are_any() -> None:
    assert share_of(LOSS, candles_picture(*backtest())) > 0.0002
    assert share_of(LOSS, candles_picture(*backtest(rules=TradingRules()))) == 0.0


@pytest.mark.parametrize("draw", ["equity", "candles"])
def test_simulated_is_written_across_the_picture(draw: str) -> None:
    real, simulated = (
        pixels(backtest_picture(traded) if draw == "equity" else candles_picture(traded, bars))[130:]
        for traded, bars in (backtest(), backtest(source="simulated"))
    )
    assert (real != simulated).any(axis=2).mean() > 0.04
    assert (real != simulated).any(axis=2)[50:500, 300:950].any(axis=0).mean() > 0.9


def test_the_words_of_a_picture_carry_what_a_headline_must() -> None:
    traded, figures = backtest(source="simulated")[0], backtest(source="simulated")[0].summary
    words = f"{result(traded)}\n{caption(traded)}"
    for part in (
        "SIMULATED: rsi on BTCUSDT 1h",
        f"[{ratio(figures.sharpe_low)}, {ratio(figures.sharpe_high)}]",
        f"n = {figures.n_periods} days, P = 365",
        "of 1 trial",
        f"buy and hold {percentage(figures.buy_and_hold_return)}",
        f"1 × {percentage(figures.total_return)}, 2 × {percentage(figures.double_cost_return)}",
        "financing UNKNOWN",
        percentage(figures.max_drawdown),
    ):
        assert part in words


@pytest.mark.parametrize("n_bars", [1, 2, 30, 200], ids="{} bars".format)
def test_a_short_backtest_without_trades_or_interval_is_drawn_too(n_bars: int) -> None:
    traded, bars = backtest(n_bars)
    assert pixels(backtest_picture(traded)).shape == (700, 1200, 3)
    assert pixels(candles_picture(traded, bars)).shape == (700, 1200, 3)


def test_a_symbol_of_markup_and_dollars_is_drawn_as_it_is() -> None:
    traded, bars = backtest(300, symbol="A%B$x_1$" + ODD[:40])
    assert pixels(backtest_picture(traded)).shape == (700, 1200, 3)
    assert pixels(candles_picture(traded, bars)).shape == (700, 1200, 3)


def test_a_candle_spans_its_prices_and_is_hollow_where_it_rose() -> None:
    bars = simulated_bars(40)
    axes = Figure().subplots()
    draw_candles(axes, bars)
    (wicks,) = [one for one in axes.collections if isinstance(one, LineCollection)]
    (bodies,) = [one for one in axes.collections if isinstance(one, PolyCollection)]
    segments = np.array(wicks.get_segments())
    np.testing.assert_allclose(segments[:40, 0, 1], bars["low"])
    np.testing.assert_allclose(segments[40:, 1, 1], bars["high"])
    corners = np.array([np.asarray(path.vertices)[:4] for path in bodies.get_paths()])
    np.testing.assert_allclose(corners[:, 0, 1], bars[["open", "close"]].min(axis=1))
    np.testing.assert_allclose(corners[:, 2, 1], bars[["open", "close"]].max(axis=1))
    np.testing.assert_allclose(corners[:, :, 0].mean(axis=1), np.arange(40))
    rose = (bars["close"] >= bars["open"]).to_numpy()
    fills = np.array(bodies.get_facecolor())
    assert (fills[rose] == to_rgba("white")).all()
    assert (fills[~rose] == to_rgba(MUTED)).all()
    assert 0 < rose.sum() < 40


def test_bars_of_one_price_are_drawn_as_dashes() -> None:
    flat = simulated_bars(5).assign(open=100.0, high=100.0, low=100.0, close=100.0)
    axes = Figure().subplots()
    draw_candles(axes, flat)
    low, high = axes.get_ylim()
    assert low < 100.0 < high
