"""A curve in braille: no extreme is lost, and the line is unbroken."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from bot_core_dagster.cli.braille import braille_lines

_PLACES = ((0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 0), (3, 1))
"""Row and column of each bit of a braille character (Unicode 15, Braille Patterns)."""

CURVES = arrays.arrays(np.float64, st.integers(1, 400), elements=st.floats(-1e6, 1e6, width=32))


def _dots(lines: list[str]) -> NDArray[np.bool_]:
    canvas = np.zeros((4 * len(lines), 2 * len(lines[0])), dtype=np.bool_)
    for row, line in enumerate(lines):
        for column, character in enumerate(line):
            for bit, (down, right) in enumerate(_PLACES):
                canvas[4 * row + down, 2 * column + right] = (ord(character) - 0x2800) >> bit & 1
    return canvas


@given(CURVES, st.integers(1, 60), st.integers(1, 8))
def test_every_column_has_dots_without_a_hole_and_the_extremes_touch_the_edges(
    values: NDArray[np.float64], width: int, height: int
) -> None:
    dots = _dots(braille_lines(values, width, height))
    assert dots.shape == (4 * height, 2 * width)
    for column in dots.T:
        (rows,) = np.nonzero(column)
        assert len(rows) == rows[-1] - rows[0] + 1
    if values.max() > values.min() and len(values) >= 2 * width:
        assert dots[0].any()
        assert dots[-1].any()


@given(CURVES.filter(lambda values: len(values) > 1), st.integers(1, 60))
def test_the_line_is_unbroken_from_column_to_column(values: NDArray[np.float64], width: int) -> None:
    dots = _dots(braille_lines(values, width, 4))
    for left, right in zip(dots.T[:-1], dots.T[1:], strict=True):
        assert (left & right).any() or len(values) < 2 * width


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 1.0], ["⣸"]),
        ([1.0, 0.0], ["⢹"]),
        ([1.0, 1.0], ["⠤"]),
        ([0.0, 3.0, 2.0, 1.0], ["⣸⠳"]),
    ],
    ids=["up", "down", "flat", "up and down"],
)
def test_a_small_curve_looks_like_this(values: list[float], expected: list[str]) -> None:
    assert braille_lines(np.array(values), len(expected[0]), 1) == expected
