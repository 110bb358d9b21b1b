"""The picture of live scores: what lies below its line is marked, and the most drifted features stand on top."""

import math

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.models.scores import live_scores, scored_forecasts
from bot_core_dagster.reports import score_rows, scores_picture
from bot_core_dagster.reports.canvas import ACCENT, LOSS, SHORT, SOFT
from bot_core_dagster.reports.models.scores_picture import scores_figure
from tests.core.reports.models.modelled import PSI, forecast, scores
from tests.core.reports.reader import pixels, require_readable, share_of, words_of

SUBJECT = "LSTM on BTCUSDT 1h"
DRIFT = pd.Series(PSI)
CALM = DRIFT.clip(upper=0.05)


@pytest.mark.parametrize("is_simulated", [False, True], ids=["real", "simulated"])
def test_it_is_a_small_picture_of_1200_by_700(is_simulated: bool) -> None:
    png = scores_picture(SUBJECT, scores(), DRIFT, is_simulated=is_simulated)
    assert pixels(png).shape == (700, 1200, 3)
    assert len(png) < 120_000


@pytest.mark.parametrize("color", [ACCENT, SOFT, SHORT, LOSS], ids=["live", "intervals", "watched", "drifted"])
def test_scores_and_drift_are_drawn(color: str) -> None:
    assert share_of(color, scores_picture(SUBJECT, scores(), DRIFT, is_simulated=False)) > 0.001


def test_the_words_say_how_right_how_wide_and_how_far_drifted() -> None:
    figure = scores_figure(SUBJECT, scores(), DRIFT, is_simulated=True)
    words = words_of(figure)
    for part in (
        "SIMULATED: LSTM on BTCUSDT 1h, live: 52.0 % of directions right 1 bar ahead, a coin might do as well",
        "700 forecasts a horizon. 1 bar ahead: log loss 0.6889, 0.0042 better than the base rate",
        "90 % intervals held 89.0 % of prices; too narrow beyond chance at 0 of 24 horizons",
        "2 features of 5 drifted, 2 to be watched",
        "0.41",
    ):
        assert part in words
    require_readable(figure)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((0.51, 0.55), "better than a coin"),
        ((0.42, 0.49), "worse than a coin"),
        ((0.5, 0.5), "a coin might do as well"),
    ],
    ids=["better", "worse", "neither"],
)
def test_the_title_compares_the_next_bar_with_a_coin(bounds: tuple[float, float], expected: str) -> None:
    low, high = bounds
    scored = scores(accuracy=(low + high) / 2, accuracy_low=low, accuracy_high=high)
    assert expected in words_of(scores_figure(SUBJECT, scored, DRIFT, is_simulated=False))


@pytest.mark.parametrize(("coverage", "n_too_narrow"), [(0.95, 0), (0.7, 24)], ids=["kept", "too narrow"])
def test_intervals_that_are_too_narrow_are_marked_in_red_and_counted(coverage: float, n_too_narrow: int) -> None:
    scored = scores(coverage=coverage, coverage_low=coverage - 0.02, coverage_high=coverage + 0.02)
    figure = scores_figure(SUBJECT, scored, CALM, is_simulated=False)
    (marks,) = [line for line in figure.axes[0].get_lines() if line.get_label() == "Surely below"]
    assert np.size(marks.get_xdata()) == n_too_narrow
    assert f"beyond chance at {n_too_narrow} of 24 horizons" in words_of(figure)


def test_the_ten_most_drifted_features_are_shown_and_undefined_ones_are_not() -> None:
    many = pd.Series({f"feature_{place}": place / 100.0 for place in range(15)} | {"unknown": math.nan})
    figure = scores_figure(SUBJECT, scores(), many, is_simulated=False)
    names = [label.get_text() for label in figure.axes[-1].get_yticklabels()]
    assert names == [f"feature_{place}" for place in range(14, 4, -1)]
    require_readable(figure)


@pytest.mark.parametrize("scored", [scores(0), scores(n=0)], ids=["no rows", "no outcomes"])
def test_without_outcomes_the_picture_says_so(scored: pd.DataFrame) -> None:
    figure = scores_figure(SUBJECT, scored, DRIFT.head(0), is_simulated=False)
    words = words_of(figure)
    assert "nothing has been scored one bar ahead yet" in words
    assert "No drift measured yet" in words
    require_readable(figure)


@pytest.mark.parametrize("n_horizons", [1, 3], ids="{} horizons".format)
def test_few_horizons_are_readable(n_horizons: int) -> None:
    require_readable(scores_figure(SUBJECT, scores(n_horizons), CALM, is_simulated=False))


def test_undefined_scores_are_left_out() -> None:
    broken = scores(accuracy=math.nan, accuracy_low=math.nan, accuracy_high=math.nan, log_loss=math.nan)
    words = words_of(scores_figure(SUBJECT, broken, DRIFT, is_simulated=False))
    assert "n/a of directions right" in words
    assert "log loss n/a, not comparable with the base rate" in words


def test_scores_that_lack_a_column_are_refused() -> None:
    with pytest.raises(ShapeError, match="lack coverage, log_loss"):
        scores_picture(SUBJECT, scores().drop(columns=["log_loss", "coverage"]), DRIFT, is_simulated=False)


def test_live_scores_become_rows_with_intervals() -> None:
    known, rows = forecast()
    made = [
        rows.assign(as_of=known["close_time"].iloc[place], close=known["close"].iloc[place], deviation=0.005)
        for place in range(30, 70)
    ]
    live = live_scores(scored_forecasts(pd.concat(made, ignore_index=True), known, "crypto"))
    given = score_rows(live)
    first = live[0]
    assert given["horizon"].tolist() == list(range(1, 25))
    assert given["accuracy"].iloc[0] == first.accuracy
    np.testing.assert_allclose(given["accuracy_high"].iloc[0], first.accuracy + 1.959964 * first.accuracy_error)
    np.testing.assert_allclose(given["n"].iloc[0], 40)
    directions = np.concatenate([scored_forecasts(each, known, "crypto")["direction"].to_numpy()[:1] for each in made])
    up = np.nanmean(directions)
    np.testing.assert_allclose(given["base_rate_log_loss"].iloc[0], -up * np.log(up) - (1 - up) * np.log(1 - up))
    require_readable(scores_figure(SUBJECT, given, DRIFT, is_simulated=True))


def test_no_live_scores_are_no_rows() -> None:
    assert "No forecast has an outcome yet" in words_of(
        scores_figure(SUBJECT, score_rows(()), DRIFT, is_simulated=False)
    )
