"""Logarithmic scales: used where they pay, labelled so that one can read them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_core_dagster.reports.scale import log_scale_pays, log_ticks


@pytest.mark.parametrize(
    ("lowest", "highest", "pays"),
    [(0.9, 1.4, False), (0.5, 1.6, True), (0.0, 100.0, False), (1.0, 3.0, True), (1.0, 1.0, False)],
    ids=["narrow", "wide", "ruined", "threefold", "flat"],
)
def test_a_logarithmic_scale_pays_from_threefold_on_and_never_at_zero(
    lowest: float, highest: float, pays: bool
) -> None:
    assert log_scale_pays(lowest, highest) is pays


@given(lowest=st.floats(-25, 3), n_decades=st.floats(np.log10(3.0), 25))
def test_labels_lie_in_the_range_are_some_and_not_too_many(lowest: float, n_decades: float) -> None:
    low, high = 10.0**lowest, 10.0 ** (lowest + n_decades)
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 12
    assert ticks == sorted(ticks)
    decade = 10.0
    assert ticks[0] >= low / decade
    assert ticks[-1] <= high * decade


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.6, 2.2, [0.7, 1.0, 1.2, 1.5, 2.0]),
        (0.04, 3.0, [0.05, 0.1, 0.2, 0.5, 1.0, 2.0]),
        (1e-4, 1e4, [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1e3, 1e4]),
    ],
    ids=["half a decade", "two decades", "eight decades"],
)
def test_labels_are_round(low: float, high: float, expected: list[float]) -> None:
    assert log_ticks(low, high) == pytest.approx(expected)
