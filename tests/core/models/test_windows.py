"""Windows: views of one matrix, whole ones alone, scaled by what trained."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.features import bar_features, feature_columns
from bot_core_dagster.models.windows import WINDOW_BARS, Windows, windows_of
from tests import builders


def _windows(n_rows: int = 300, n_columns: int = 3) -> Windows:
    matrix = np.arange(n_rows * n_columns, dtype=np.float32).reshape(n_rows, n_columns)
    return Windows(matrix, tuple(f"c{place}" for place in range(n_columns)))


def test_a_window_is_the_sixty_bars_up_to_its_row_oldest_first() -> None:
    windows = _windows()
    rows = np.array([59, 60, 299])
    taken = windows.at(rows)
    assert taken.shape == (3, WINDOW_BARS, 3)
    for place, row in enumerate(rows):
        assert np.array_equal(taken[place], windows.matrix[row - 59 : row + 1])


def test_a_row_without_sixty_bars_is_refused() -> None:
    with pytest.raises(ShapeError, match="no 60 bars"):
        _windows().at(np.array([58]))


@given(holes=st.lists(st.integers(0, 299), max_size=6))
@settings(max_examples=50, deadline=None)
def test_rows_are_complete_exactly_where_their_sixty_bars_are_defined(holes: list[int]) -> None:
    windows = _windows()
    windows.matrix[holes, 1] = np.nan
    defined = np.asarray(np.isfinite(windows.matrix).all(axis=1))
    expected = [row for row in range(59, 300) if defined[row - 59 : row + 1].all()]
    assert windows.complete_rows.tolist() == expected


def test_real_features_are_whole_once_they_have_warmed_up_and_again_after_missing_bars() -> None:
    bars = builders.bars(900).drop(index=500).reset_index(drop=True)
    rows = windows_of(bar_features(bars, "crypto")).complete_rows
    warm = max(column.window_bars for column in feature_columns())
    assert rows.min() == warm - 1 + WINDOW_BARS - 1
    assert rows[rows >= 500].min() == 500 + warm - 1 + WINDOW_BARS - 1


def test_columns_that_are_undefined_or_never_vary_where_the_training_is_are_left_out() -> None:
    windows = _windows(n_columns=4)
    windows.matrix[:150, 1] = np.nan
    windows.matrix[:200, 2] = 7.0
    assert windows.narrowed(slice(0, 200)).columns == ("c0", "c3")
    windows.matrix[:, [0, 3]] = 1.0
    with pytest.raises(ShapeError, match="no feature varies over the 200 bars"):
        windows.narrowed(slice(0, 200))


def test_the_scaler_knows_the_bars_of_the_training_alone() -> None:
    windows = _windows()
    scaler = windows.fitted_scaler(slice(0, 100))
    assert scaler.mean == pytest.approx(windows.matrix[:100].mean(axis=0).tolist())
    later = replace(windows, matrix=windows.matrix.copy())
    later.matrix[100:] *= -50.0
    assert later.fitted_scaler(slice(0, 100)) == scaler
    scaled = windows.scaled(scaler).matrix
    assert scaled[:100].std(axis=0) == pytest.approx(np.ones(3), abs=1e-5)
    assert np.abs(scaled).max() <= 8.0


def test_columns_are_put_into_the_order_that_a_model_asks_for_or_named_as_missing() -> None:
    windows = _windows()
    assert np.array_equal(windows.only(("c2", "c0")).matrix, windows.matrix[:, [2, 0]])
    with pytest.raises(ShapeError, match="lack c9; there: c0, c1, c2"):
        windows.only(("c0", "c9"))


def test_a_frame_that_lacks_a_feature_is_refused() -> None:
    features = bar_features(builders.bars(100), "crypto").drop(columns="rsi_14")
    with pytest.raises(ShapeError, match="lack rsi_14"):
        windows_of(features)


def test_windows_of_a_long_series_cost_no_more_than_a_half_of_its_features_beyond_them() -> None:
    features = np.zeros((200_000, 20), dtype=np.float32)
    tracemalloc.start()
    windows = Windows(features, tuple(f"c{place}" for place in range(20)))
    rows = windows.complete_rows
    for start in range(0, len(rows), 50_000):
        windows.at(rows[start : start + 256])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= 0.5 * features.nbytes
