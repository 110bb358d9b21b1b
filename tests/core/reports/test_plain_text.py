"""Plain lines: where they say they are, in their colour, one below another."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bot_core_dagster.reports.plain_text import PlainText


def _drawn(words: str, **style: Any) -> tuple[npt.NDArray[np.bool_], PlainText, npt.NDArray[np.uint8]]:
    """Return which pixels are inked, the text, and the pixels."""
    figure = Figure(figsize=(8.0, 3.0), dpi=100, facecolor="white")
    text = PlainText(0.1, 0.9, words, transform=figure.transFigure, parse_math=False, **style)
    figure.add_artist(text)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba(), dtype=np.uint8)[..., :3]
    return np.asarray((pixels < 250).any(axis=2)), text, pixels


@pytest.mark.parametrize("words", ["Mjgy|Ä", "one\ntwo g\nthree", "$x_1$ {%", "BTC/USDT:USDT × 2"])
@pytest.mark.parametrize("size", [8.0, 11.5, 30.0])
def test_its_box_holds_all_of_its_ink_and_little_else(words: str, size: float) -> None:
    inked, text, _ = _drawn(words, fontsize=size)
    box = text.get_window_extent()
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    height = inked.shape[0]
    assert columns[0] >= box.x0 - 1
    assert columns[-1] <= box.x1 + 1
    assert height - rows[-1] >= box.y0 - 0.25 * size
    assert height - rows[0] <= box.y1 + 0.25 * size
    assert columns[-1] - columns[0] > 0.9 * box.width
    assert rows[-1] - rows[0] > 0.5 * box.height


def test_lines_stand_one_below_another_with_room_between() -> None:
    inked, _, _ = _drawn("xxx\nxxx\nxxx", fontsize=12.0)
    edges = np.diff(inked.any(axis=1).astype(int))
    assert np.count_nonzero(edges == 1) == 3


def test_it_has_its_colour_and_weight() -> None:
    inked, _, pixels = _drawn("MMMM", fontsize=40.0, color="#1f5fd6")
    assert (pixels[inked] == (0x1F, 0x5F, 0xD6)).all(axis=1).any()
    bold, _, _ = _drawn("MMMM", fontsize=40.0, weight="bold")
    assert bold.sum() > 1.2 * inked.sum()
