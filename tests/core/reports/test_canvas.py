"""The canvas: nothing runs off it, nothing of it is global, nothing heavy is loaded before it is drawn on."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bot_core_dagster.reports import portfolio_picture
from bot_core_dagster.reports.canvas import canvas, png
from tests.core.reports.reader import pixels
from tests.core.reports.reviewed import report


@pytest.mark.parametrize("n_characters", [20, 90, 180], ids="{} characters".format)
def test_a_long_title_or_caption_is_made_smaller_rather_than_cut_off(n_characters: int) -> None:
    words = ("Wm0 " * 100)[:n_characters]
    drawn = pixels(png(canvas(words, f"{words}\nshort\n{words}", is_simulated=False)))
    assert (drawn[:, -8:] == 255).all()
    assert (drawn[:110] < 200).any()
    assert (drawn[130:] == 255).all()


def test_mathematics_in_a_title_is_drawn_as_it_is_written() -> None:
    assert (pixels(png(canvas("A$x_1$B^{", "$\\frac{$ %", is_simulated=False))) < 200).any()


def test_threads_draw_the_same_pictures_at_once() -> None:
    reviewed = report()
    alone = portfolio_picture(reviewed)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(portfolio_picture, [reviewed] * 8)) == {alone}


def test_the_ground_is_white_and_few_colours_hold_every_shade() -> None:
    drawn = pixels(portfolio_picture(report()))
    assert (drawn[0, 0] == 255).all()
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) <= 256


def test_reports_import_no_heavy_library_before_it_is_used_and_never_pyplot() -> None:
    code = (
        "import sys; from bot_core_dagster import reports; "
        "print(*sorted({'matplotlib', 'plotly', 'jinja2', 'PIL', 'numba', 'optuna', 'arch'} & set(sys.modules)))"
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
