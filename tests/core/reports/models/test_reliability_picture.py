"""The picture of probabilities: points where they were predicted and observed, and a headline with its evidence."""

import math

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from bot_core_dagster.models.reliability import Reliability, reliability_curve
from bot_core_dagster.reports import reliability_picture
from bot_core_dagster.reports.canvas import ACCENT, MUTED, SOFT
from bot_core_dagster.reports.models.reliability_picture import reliability_figure
from tests.core.reports.models.modelled import HEADLINE, reliability
from tests.core.reports.reader import pixels, require_readable, share_of, words_of

SUBJECT = "LSTM on BTCUSDT 1h"
PREDICTED = [0.42, 0.46, 0.49, 0.51, 0.54, 0.58]
BINS = reliability(PREDICTED, [0.44, 0.47, 0.5, 0.5, 0.53, 0.57], [40, 700, 2_200, 2_300, 700, 60])


@pytest.mark.parametrize("is_simulated", [False, True], ids=["real", "simulated"])
def test_it_is_a_small_picture_of_1200_by_700(is_simulated: bool) -> None:
    png = reliability_picture(SUBJECT, BINS, HEADLINE, is_simulated=is_simulated)
    assert pixels(png).shape == (700, 1200, 3)
    assert len(png) < 120_000


@pytest.mark.parametrize("color", [ACCENT, SOFT, MUTED], ids=["observed", "intervals and counts", "diagonal"])
def test_what_was_observed_its_intervals_and_the_diagonal_are_drawn(color: str) -> None:
    assert share_of(color, reliability_picture(SUBJECT, BINS, HEADLINE, is_simulated=False)) > 0.001


def test_the_words_carry_the_headline_with_its_evidence() -> None:
    figure = reliability_figure(SUBJECT, BINS, HEADLINE, is_simulated=True)
    words = words_of(figure)
    for part in (
        "SIMULATED: LSTM on BTCUSDT 1h, unseen rows: log loss 0.0042 better than the base rate (3.2 standard errors)",
        "Log loss 0.6889, base rate 0.6931. AUC 0.538 (0.5 is a coin). Brier 0.2481. 6,000 unseen rows",
        "Base rate 50.0 % up",
        "Observed, 95 % interval",
        "2,300",
        "up from 0.55 and down to 0.45",
    ):
        assert part in words
    require_readable(figure)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"standard_errors": 1.1}, "(1.1 standard errors: within chance)"),
        ({"standard_errors": -2.5, "log_loss": 0.6951}, "0.0020 worse than the base rate (2.5 standard errors)"),
        ({"standard_errors": math.nan, "p_value": 0.0004}, "better than the base rate (p < 0.001)"),
        ({"log_loss": math.nan}, "not comparable with the base rate"),
        ({"log_loss": 0.6931}, "as good as the base rate"),
    ],
    ids=["within chance", "worse", "p-value", "unknown", "no difference"],
)
def test_the_title_says_whether_the_base_rate_is_beaten(changed: dict[str, float], expected: str) -> None:
    assert expected in words_of(reliability_figure(SUBJECT, BINS, HEADLINE | changed, is_simulated=False))


def test_points_and_counts_stand_where_they_were_predicted_and_observed() -> None:
    above, below = reliability_figure(SUBJECT, BINS, HEADLINE, is_simulated=False).axes
    points = above.containers[0][0]
    np.testing.assert_array_equal(points.get_xdata(), BINS.forecast)
    np.testing.assert_array_equal(points.get_ydata(), BINS.observed)
    bars = below.containers[0]
    np.testing.assert_allclose(
        [bar.get_height() for bar in bars.get_children() if isinstance(bar, Rectangle)], BINS.n_rows
    )


@pytest.mark.parametrize("outcome", [0.0, 1.0], ids=["all fell", "all rose"])
def test_outcomes_that_are_all_alike_are_drawn_with_an_undefined_auc(outcome: float) -> None:
    alike = reliability(PREDICTED, [outcome] * len(PREDICTED))
    figure = reliability_figure(SUBJECT, alike, HEADLINE | {"auc": math.nan}, is_simulated=False)
    assert "AUC n/a" in words_of(figure)
    require_readable(figure)


def test_one_bin_is_drawn_as_one_point() -> None:
    figure = reliability_figure(SUBJECT, reliability([0.5], [0.51]), HEADLINE, is_simulated=False)
    require_readable(figure)


def test_bins_that_lie_close_are_counted_without_running_into_each_other() -> None:
    close = reliability([0.39, 0.48, 0.5240, 0.5245, 0.5250], [0.3, 0.45, 0.6, 0.5, 0.7], [9_400] * 5)
    require_readable(reliability_figure(SUBJECT, close, HEADLINE, is_simulated=True))


def test_empty_bins_are_left_out() -> None:
    with_empty = reliability([*PREDICTED, math.nan], [*BINS.observed, math.nan], [*BINS.n_rows, 0])
    one, other = (reliability_picture(SUBJECT, bins, HEADLINE, is_simulated=False) for bins in (with_empty, BINS))
    assert one == other


@pytest.mark.parametrize(
    "bins", [reliability([], []), reliability([math.nan], [math.nan], [0])], ids=["no bin", "an empty bin"]
)
def test_without_unseen_rows_the_picture_says_so(bins: Reliability) -> None:
    words = words_of(reliability_figure(SUBJECT, bins, {}, is_simulated=False))
    assert "No unseen row has an outcome yet" in words
    assert "Log loss n/a" in words


def test_the_curve_of_real_forecasts_is_drawn() -> None:
    rng = np.random.default_rng(0)
    up = rng.normal(0.5, 0.03, 5_000)
    curve = reliability_curve(up, (rng.random(5_000) < up).astype(np.float64))
    require_readable(reliability_figure(SUBJECT, curve, HEADLINE, is_simulated=True))
