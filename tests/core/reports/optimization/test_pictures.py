"""Pictures of an optimisation: PNGs of the promised size that show what they promise."""

from collections.abc import Callable

import pytest

from bot_core_dagster.optimization import Optimization
from bot_core_dagster.reports import folds_picture, heat_map_picture, trials_picture
from bot_core_dagster.reports.canvas import ABOVE, ACCENT, HELD, INK, LOSS, SHORT, SOFT
from tests.core.reports.reader import pixels, share_of
from tests.core.reports.results import optimization
from tests.core.reports.reviewed import ODD

PICTURES = pytest.mark.parametrize(
    "draw", [folds_picture, heat_map_picture, trials_picture], ids=lambda one: one.__name__
)
DEPLOYED = {"window": 14.0, "oversold": 30.0, "overbought": 70.0}

Draw = Callable[[Optimization], bytes]


@PICTURES
@pytest.mark.parametrize("n_sets", [1, 60], ids="{} sets".format)
def test_a_search_is_a_small_picture_of_1200_by_700(draw: Draw, n_sets: int) -> None:
    png = draw(optimization(parameter_variations=n_sets)[0])
    assert pixels(png).shape == (700, 1200, 3)
    assert len(png) < 120_000


@PICTURES
def test_simulated_is_written_across_it(draw: Draw) -> None:
    real, simulated = (pixels(draw(optimization(source=source)[0]))[130:] for source in ("file:test", "simulated"))
    assert (real != simulated).any(axis=2).mean() > 0.04


@PICTURES
def test_names_of_markup_and_dollars_are_drawn_as_they_are(draw: Draw) -> None:
    assert pixels(draw(optimization(symbol="A%B$x_1$" + ODD[:40])[0])).shape == (700, 1200, 3)


@PICTURES
def test_the_same_search_gives_the_same_picture(draw: Draw) -> None:
    found, _ = optimization()
    assert draw(found) == draw(found)


@pytest.mark.parametrize("color", [ACCENT, SOFT, HELD, "#cfd5dd"], ids=["net", "2 x costs", "buy and hold", "trained"])
def test_curves_and_spans_of_a_walk_forward_are_drawn(color: str) -> None:
    assert share_of(color, folds_picture(optimization()[0])) > 0.001


@pytest.mark.parametrize("color", [INK, LOSS, HELD, ACCENT], ids=["winner", "luck", "buy and hold", "out of sample"])
def test_the_trials_are_compared_with_each_mark(color: str) -> None:
    assert share_of(color, trials_picture(optimization()[0])) > 0.0008


def test_the_winner_is_framed_and_the_deployed_set_as_well_where_there_is_one() -> None:
    found, _ = optimization()
    assert share_of(ABOVE, heat_map_picture(found)) > 0.001
    assert share_of(INK, heat_map_picture(found)) > 0.002
    assert share_of(SHORT, heat_map_picture(found)) == 0.0
    assert share_of(SHORT, heat_map_picture(found, DEPLOYED)) > 0.0005
