"""The picture of a training: what was kept and why it stopped is said and drawn, however short or broken the curves."""

import math

import numpy as np
import pytest

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.reports import curves_picture
from bot_core_dagster.reports.canvas import ACCENT, HELD, INK, SHORT
from bot_core_dagster.reports.models.curves_picture import curves_figure
from tests.core.reports.models.modelled import curves
from tests.core.reports.reader import pixels, require_readable, share_of, words_of
from tests.core.reports.reviewed import ODD

SUBJECT = "LSTM on BTCUSDT 1h"


@pytest.mark.parametrize("is_simulated", [False, True], ids=["real", "simulated"])
def test_a_training_is_a_small_picture_of_1200_by_700(is_simulated: bool) -> None:
    png = curves_picture(SUBJECT, curves(), 12, "no gain in 5 epochs", is_simulated=is_simulated)
    assert pixels(png).shape == (700, 1200, 3)
    assert len(png) < 120_000


@pytest.mark.parametrize("color", [HELD, ACCENT, INK, SHORT], ids=["training", "stopping", "direction", "base rate"])
def test_each_curve_is_drawn(color: str) -> None:
    png = curves_picture(SUBJECT, curves(), 12, "no gain in 5 epochs", is_simulated=False)
    assert share_of(color, png) > 0.0008


def test_the_words_say_what_was_kept_why_it_stopped_and_what_it_is_worth() -> None:
    figure = curves_figure(SUBJECT, curves(), 12, "no gain in 5 epochs", is_simulated=True)
    words = words_of(figure)
    for part in (
        "SIMULATED: LSTM on BTCUSDT 1h: kept epoch 12 of 17, log loss 0.0045 better than the base rate",
        "Stopped: no gain in 5 epochs",
        "loss 0.9083 in training, 0.9500 in stopping",
        "direction 0.6885, base rate 0.6930",
        "Kept: epoch 12",
    ):
        assert part in words
    require_readable(figure)


def test_the_kept_epoch_and_the_losses_stand_where_they_were() -> None:
    figure = curves_figure(SUBJECT, curves(), 12, "", is_simulated=False)
    above, below = figure.axes
    lines = {str(line.get_label()): line for line in [*above.get_lines(), *below.get_lines()]}
    np.testing.assert_array_equal(lines["Stopping loss"].get_xdata(), np.arange(1, 18))
    np.testing.assert_array_equal(lines["Stopping loss"].get_ydata(), [curve["stopping_loss"] for curve in curves()])
    np.testing.assert_array_equal(lines["Kept: epoch 12"].get_xdata(), [12, 12])


def test_a_model_that_does_not_beat_the_base_rate_is_told_so() -> None:
    figure = curves_figure(SUBJECT, curves(stopping_log_loss=0.7), 3, "patience ran out", is_simulated=False)
    assert "log loss 0.0070 worse than the base rate" in words_of(figure)


def test_without_a_base_rate_the_log_loss_is_said_alone() -> None:
    losses = [{name: value for name, value in curve.items() if "base" not in name} for curve in curves()]
    figure = curves_figure(SUBJECT, losses, 12, "", is_simulated=False)
    assert "kept epoch 12 of 17, log loss of direction 0.6885" in words_of(figure)


def test_boosting_without_a_loss_of_direction_has_one_panel_of_rounds() -> None:
    losses = [{"training_loss": 1.0 / n, "stopping_loss": 1.1 / n} for n in range(1, 300)]
    figure = curves_figure(
        "Boosting on EURUSD 1h", losses, 299, "300 rounds were asked for", is_simulated=False, step="round"
    )
    assert len(figure.axes) == 1
    assert "kept round 299 of 299, stopping loss 0.0037" in words_of(figure)
    require_readable(figure)


@pytest.mark.parametrize("n_epochs", [1, 2, 200], ids="{} epochs".format)
def test_few_and_many_epochs_are_readable(n_epochs: int) -> None:
    figure = curves_figure(SUBJECT, curves(n_epochs), 1, "asked for", is_simulated=True)
    require_readable(figure)
    assert [tick for tick in figure.axes[1].get_xticks() if tick % 1] == []


@pytest.mark.parametrize("name", ["training_loss", "stopping_loss", "stopping_log_loss", "base_rate_log_loss"])
def test_a_curve_of_nothing_but_nan_is_left_out(name: str) -> None:
    broken = [curve | {name: math.nan} for curve in curves()]
    figure = curves_figure(SUBJECT, broken, 12, "diverged", is_simulated=False)
    assert "Kept: epoch 12" in words_of(figure)
    require_readable(figure)


@pytest.mark.parametrize("n_epochs", [0, 3], ids=["no epoch", "only nan"])
def test_a_training_without_losses_says_so(n_epochs: int) -> None:
    broken = [{"training_loss": math.nan, "stopping_loss": math.nan}] * n_epochs
    figure = curves_figure(SUBJECT, broken, 0, "nothing to train", is_simulated=False)
    assert "no epoch was kept" in words_of(figure)
    assert "No epoch has a loss" in words_of(figure)


@pytest.mark.parametrize("best_epoch", [-1, 18])
def test_a_best_epoch_of_another_training_is_refused(best_epoch: int) -> None:
    with pytest.raises(ShapeError, match="expected a best epoch of 0 to 17"):
        curves_picture(SUBJECT, curves(), best_epoch, "", is_simulated=False)


def test_names_of_markup_and_dollars_are_drawn_as_they_are() -> None:
    odd = "A%B$x_1$" + ODD
    assert pixels(curves_picture(odd, curves(), 12, odd, is_simulated=False)).shape == (700, 1200, 3)
