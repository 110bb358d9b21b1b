"""Pictures: PNGs of the promised size, small, marked where simulated, and free of global state."""

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from bot_core_dagster.backtest.engine import backtest_strategy
from bot_core_dagster.backtest.result import Backtest
from bot_core_dagster.reports import backtest_picture, portfolio_picture
from bot_core_dagster.strategies import RsiStrategy
from tests.builders import bars, instrument
from tests.core.reports.reviewed import ODD, report


def backtest(n_bars: int, symbol: str = "BTCUSDT", source: str = "file:test") -> Backtest:
    return backtest_strategy(bars(n_bars, symbol=symbol, source=source), RsiStrategy(), instrument(symbol=symbol))


def pixels(png: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def share_of(color: str, png: bytes, tolerance: int = 24) -> float:
    """Return the share of pixels that are about this colour."""
    wanted = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    return float((np.abs(pixels(png).astype(int) - wanted).max(axis=2) <= tolerance).mean())


def test_a_review_is_a_small_picture_of_900_by_500() -> None:
    png = portfolio_picture(report(n_days=1_000, month="2026-08"))
    assert pixels(png).shape == (500, 900, 3)
    assert len(png) < 80_000


def test_a_backtest_of_three_years_of_hours_is_a_small_picture_of_800_by_440() -> None:
    png = backtest_picture(backtest(26_280))
    assert pixels(png).shape == (440, 800, 3)
    assert len(png) < 60_000


@pytest.mark.parametrize("color", ["#1f5fd6", "#8b95a3", "#c23a2e"], ids=["equity", "buy and hold", "drawdown"])
def test_the_curves_are_drawn(color: str) -> None:
    for png in (portfolio_picture(report()), backtest_picture(backtest(2_000))):
        assert share_of(color, png) > 0.001


def test_simulated_is_written_across_the_picture() -> None:
    watermark = "#f6dedc"
    for real, simulated in (
        (portfolio_picture(report()), portfolio_picture(report(is_simulated=True))),
        (backtest_picture(backtest(2_000)), backtest_picture(backtest(2_000, source="simulated"))),
    ):
        assert share_of(watermark, simulated, 6) > 10 * share_of(watermark, real, 6)
        assert share_of(watermark, simulated, 6) > 0.01


@pytest.mark.parametrize("n_bars", [2, 30, 200], ids="{} bars".format)
def test_a_short_backtest_without_trades_or_interval_is_drawn_too(n_bars: int) -> None:
    assert pixels(backtest_picture(backtest(n_bars))).shape == (440, 800, 3)


def test_a_symbol_of_markup_and_dollars_is_drawn_as_it_is() -> None:
    assert pixels(backtest_picture(backtest(300, symbol="A%B$x_1$" + ODD[:40]))).shape == (440, 800, 3)


def test_threads_draw_the_same_pictures_at_once() -> None:
    reviewed = report()
    alone = portfolio_picture(reviewed)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(portfolio_picture, [reviewed] * 8)) == {alone}


def test_reports_import_no_heavy_library_before_it_is_used_and_never_pyplot() -> None:
    code = (
        "import sys; from bot_core_dagster import reports; "
        "print(*sorted({'matplotlib', 'plotly', 'jinja2', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_drawing_leaves_no_figure_in_the_state_of_pyplot() -> None:
    code = (
        "import sys; from tests.core.reports.reviewed import report; from bot_core_dagster.reports import "
        "portfolio_picture; portfolio_picture(report()); print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
