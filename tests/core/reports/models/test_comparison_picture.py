"""The picture of a comparison: the decision above, each challenger's sum of differences below, on one scale."""

import math

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.reports import comparison_picture
from bot_core_dagster.reports.canvas import ACCENT, SHORT
from bot_core_dagster.reports.models.comparison_picture import comparison_figure
from tests.core.reports.models.modelled import differences
from tests.core.reports.reader import pixels, require_readable, share_of, words_of
from tests.core.reports.reviewed import ODD

P_VALUES = {"gru 4": 0.0002, "boosting 9": 0.874}
DECISION = "gru 4 promoted: better than the champion beyond chance"


def test_it_is_a_small_picture_of_1200_by_700_with_a_line_for_each_challenger() -> None:
    png = comparison_picture("BTCUSDT 1h", differences(8_760), P_VALUES, DECISION, champion="lstm 3", is_simulated=True)
    assert pixels(png).shape == (700, 1200, 3)
    assert len(png) < 120_000
    assert min(share_of(color, png) for color in (ACCENT, SHORT)) > 0.001


def test_the_words_say_what_was_decided_on_what_and_how_sure() -> None:
    given = differences()
    figure = comparison_figure("BTCUSDT 1h", given, P_VALUES, DECISION, champion="lstm 3", is_simulated=True)
    words = words_of(figure)
    for part in (
        f"SIMULATED: BTCUSDT 1h: {DECISION}",
        "the champion, lstm 3, on 1,440 rows that neither has used, 2024-01-01 00:00 UTC to 2024-02-29 23:00 UTC",
        f"gru 4 −{abs(given['gru 4'].mean()):.4f}",
        "gru 4 (p < 0.001)",
        "boosting 9 (p = 0.874)",
    ):
        assert part in words
    require_readable(figure)


def test_a_long_decision_has_its_reasons_below_the_title() -> None:
    reasons = " | ".join(f"m {place}: 120 rows that neither has seen, 500 needed" for place in range(9))
    figure = comparison_figure(
        "BTCUSDT 1h", differences(), P_VALUES, f"keep lstm 3: {reasons}", champion="lstm 3", is_simulated=True
    )
    words = words_of(figure)
    assert "SIMULATED: BTCUSDT 1h: keep lstm 3\n" in f"{words}\n"
    assert "\nm 0: 120 rows that neither has seen, 500 needed | m 1" in words
    require_readable(figure)


def test_a_line_is_the_sum_of_the_differences_so_far() -> None:
    given = differences(500)
    given.iloc[10:20, 0] = math.nan
    figure = comparison_figure("BTCUSDT 1h", given, P_VALUES, DECISION, champion="lstm 3", is_simulated=False)
    lines = {str(line.get_label()): line for line in figure.axes[0].get_lines()}
    drawn = np.asarray(lines["gru 4 (p < 0.001)"].get_ydata())
    np.testing.assert_allclose(drawn, np.nancumsum(given["gru 4"]))


@pytest.mark.parametrize("n_challengers", [1, 2, 5], ids="{} challengers".format)
def test_challengers_without_a_p_value_or_a_difference_are_drawn_too(n_challengers: int) -> None:
    index = differences(48).index
    alike = pd.DataFrame(0.0, index=index, columns=[f"m {place}" for place in range(n_challengers)])
    figure = comparison_figure("BTCUSDT 1h", alike, {}, "champion kept", champion="lstm 3", is_simulated=False)
    assert "m 0 (p = n/a)" in words_of(figure)
    require_readable(figure)


@pytest.mark.parametrize(
    "given",
    [differences().head(0), differences() * math.nan, differences()[[]]],
    ids=["no rows", "only nan", "no challenger"],
)
def test_nothing_to_compare_is_said(given: pd.DataFrame) -> None:
    decision = "champion kept: too few rows to decide"
    figure = comparison_figure("BTCUSDT 1h", given, {}, decision, champion="lstm 3", is_simulated=False)
    assert "nothing to compare" in words_of(figure)
    require_readable(figure)


def test_one_row_is_a_point() -> None:
    png = comparison_picture("BTCUSDT 1h", differences(1), P_VALUES, "kept", champion="lstm 3", is_simulated=False)
    assert share_of(ACCENT, png) > 0.0


@pytest.mark.parametrize(
    "given",
    [differences().tz_localize(None), differences()[::-1], differences().reset_index(drop=True)],
    ids=["no zone", "backwards", "no times"],
)
def test_an_index_that_is_not_of_times_in_order_is_refused(given: pd.DataFrame) -> None:
    with pytest.raises(ShapeError, match="expected differences by time"):
        comparison_picture("BTCUSDT 1h", given, {}, "kept", champion="lstm 3", is_simulated=False)


def test_names_of_markup_and_dollars_are_drawn_as_they_are() -> None:
    odd = differences().rename(columns={"gru 4": "A%B$x_1$" + ODD})
    png = comparison_picture("A$x_1$", odd, {}, "$\\frac{$", champion="$x_1$", is_simulated=False)
    assert pixels(png).shape == (700, 1200, 3)
