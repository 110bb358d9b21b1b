"""The picture of a training: its losses by epoch, which epoch was kept, and why it stopped.

Belongs here: curves of a fit. Not here: the fit (`models.predictions.Fit`), what the model is worth on rows that it has
not seen (`reports.models.reliability_picture`), the canvas (`reports.canvas`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.reports.canvas import (
    ACCENT,
    HELD,
    INK,
    SHORT,
    SOFT,
    canvas,
    label_axis,
    legend,
    panels,
    png,
    say_instead,
)
from bot_core_dagster.reports.figures import count
from bot_core_dagster.reports.models.words import against_base_rate, loss, marked

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TRAINING, _STOPPING = "training_loss", "stopping_loss"
_DIRECTION, _BASE_RATE = "stopping_log_loss", "base_rate_log_loss"
_MAX_MARKED: Final = 80
"""Epochs up to which each has its point."""


def curves_picture(
    subject: str,
    curves: Sequence[Mapping[str, float]],
    best_epoch: int,
    stopping_reason: str,
    *,
    is_simulated: bool,
    step: str = "epoch",
) -> bytes:
    """Return the losses of a training by epoch, and its log loss of direction against the base rate, as a PNG.

    Parameters
    ----------
    subject : str
        What was trained on what: "LSTM on BTCUSDT 1h".
    curves : sequence of mappings, one of each epoch
        `training_loss` and `stopping_loss`; `stopping_log_loss` and `base_rate_log_loss` (of the direction of the next
        bar, on the rows that stop the training) have a panel where they are there. NaN leaves a hole.
    best_epoch : int
        From 1; 0 where nothing was trained by epochs.
    stopping_reason : str
        In words.
    is_simulated : bool
    step : str
        What an epoch is called: "epoch" or "round".

    Raises
    ------
    ShapeError
        If the best epoch is not one of the curves'.
    """
    return png(curves_figure(subject, curves, best_epoch, stopping_reason, is_simulated=is_simulated, step=step))


def curves_figure(
    subject: str,
    curves: Sequence[Mapping[str, float]],
    best_epoch: int,
    stopping_reason: str,
    *,
    is_simulated: bool,
    step: str = "epoch",
) -> "Figure":
    """Return what `curves_picture` draws."""
    from matplotlib.ticker import MaxNLocator

    if not 0 <= best_epoch <= len(curves):
        raise ShapeError(
            f"expected a best {step} of 0 to {len(curves)}, got {best_epoch}; next: give the curves of the same fit"
        )
    losses = {
        name: np.array([curve.get(name, math.nan) for curve in curves], dtype=np.float64)
        for name in (_TRAINING, _STOPPING, _DIRECTION, _BASE_RATE)
    }
    figure = canvas(
        marked(f"{subject}: {_result(losses, best_epoch, step)}", is_simulated=is_simulated),
        _caption(losses, best_epoch, stopping_reason, step),
        is_simulated=is_simulated,
    )
    has_direction = bool(np.isfinite(losses[_DIRECTION]).any())
    above, *below = panels(figure, (1.3, 1.0) if has_direction else (1.0,), left=0.088, bottom=0.085)
    handles = _draw(above, losses, {_TRAINING: ("Training loss", HELD), _STOPPING: ("Stopping loss", ACCENT)})
    above.set_ylabel("Loss of training")
    for axes in below:
        drawn = {_DIRECTION: ("Log loss of direction", INK), _BASE_RATE: ("Base rate", SHORT)}
        handles += _draw(axes, losses, drawn)
        axes.set_ylabel("Log loss, 1 bar ahead")
    if not handles:
        say_instead(above, f"No {step} has a loss")
        return figure
    handles += _draw_best([above, *below], best_epoch, len(curves), step)
    legend(above, handles)
    lowest = (below or [above])[0]
    label_axis(lowest.xaxis, step.capitalize())
    lowest.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    return figure


def _draw(axes: "Axes", losses: Mapping[str, FloatArray1D], lines: Mapping[str, tuple[str, str]]) -> "list[Artist]":
    """Draw the named curves that have a finite loss; return what the legend names."""
    handles: list[Artist] = []
    for name, (words, color) in lines.items():
        curve = losses[name]
        if not np.isfinite(curve).any():
            continue
        epochs = np.arange(1, len(curve) + 1)
        marker = "" if name == _BASE_RATE or len(curve) > _MAX_MARKED else "o"
        dashes = (0, (5, 2)) if name == _BASE_RATE else "-"
        if name == _BASE_RATE and len(curve) == 1:
            handles.append(axes.axhline(float(curve[0]), color=color, linewidth=1.9, linestyle=dashes, label=words))
            continue
        handles += axes.plot(
            epochs, curve, color=color, linewidth=1.9, linestyle=dashes, marker=marker, markersize=5.0, label=words
        )
    axes.yaxis.set_major_formatter("{x:.4g}")
    axes.margins(x=0.02, y=0.12)
    return handles


def _draw_best(drawn: "list[Axes]", best_epoch: int, n_epochs: int, step: str) -> "list[Artist]":
    """Mark the epoch that was kept, and shade those after it; return what the legend names."""
    if best_epoch == 0:
        return []
    right = n_epochs + 0.5
    for axes in drawn:
        mark = axes.axvline(
            best_epoch, color=SOFT, linewidth=5.0, alpha=0.8, zorder=1.5, label=f"Kept: {step} {best_epoch}"
        )
        if best_epoch < n_epochs:
            axes.axvspan(best_epoch, right, color=HELD, alpha=0.12, linewidth=0, zorder=0)
        axes.set_xlim(0.5, right)
    return [mark]


def _result(losses: Mapping[str, FloatArray1D], best_epoch: int, step: str) -> str:
    if best_epoch == 0:
        return f"no {step} was kept"
    direction, base_rate = (float(losses[name][best_epoch - 1]) for name in (_DIRECTION, _BASE_RATE))
    kept = f"kept {step} {best_epoch} of {count(len(losses[_STOPPING]))}"
    if math.isnan(direction):
        return f"{kept}, stopping loss {loss(float(losses[_STOPPING][best_epoch - 1]))}"
    if math.isnan(base_rate):
        return f"{kept}, log loss of direction {loss(direction)}"
    return f"{kept}, log loss {against_base_rate(direction, base_rate)}"


def _caption(losses: Mapping[str, FloatArray1D], best_epoch: int, stopping_reason: str, step: str) -> str:
    lines = [f"Stopped: {stopping_reason}"]
    if best_epoch:
        training, stopping, direction, base_rate = (float(curve[best_epoch - 1]) for curve in losses.values())
        lines.append(
            f"{step.capitalize()} {best_epoch}: loss {loss(training)} in training, {loss(stopping)} in stopping"
        )
        if not math.isnan(direction):
            lines[-1] += f"; log loss of the next bar's direction {loss(direction)}, base rate {loss(base_rate)}"
        lines.append(
            f"The stopping rows chose the {step}, which flatters it a little; what counts is measured on unseen rows"
        )
    return "\n".join(lines)
