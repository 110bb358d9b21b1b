"""Drift: the stability index against numbers computed by hand."""

import math

import numpy as np
import pytest

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.models.drift import LARGE, MODERATE, DriftReference, drift_reference, stability_index

TEN = np.arange(1.0, 11.0)[:, None]


def test_the_index_of_two_bins_computed_by_hand() -> None:
    """Halves then; three of four above the median now: .25 ln(.25/.5) · -1 + .25 ln(.75/.5) = .27465."""
    reference = drift_reference(TEN, ("x",), n_bins=2)
    assert reference.edges == ((5.5,),)
    assert reference.shares == ((0.5, 0.5, 0.0),)
    found = stability_index(reference, np.array([[1.0], [9.0], [9.0], [9.0]]))
    assert found["x"] == pytest.approx(-0.25 * math.log(0.5) + 0.25 * math.log(1.5), abs=1e-12)
    assert found["x"] == pytest.approx(0.27465, abs=1e-5)
    assert found["x"] > LARGE


def test_undefined_rows_are_a_bin_of_their_own() -> None:
    """A fifth undefined then, half now: the halves of the rest shrink from .4 to .25."""
    then = np.concatenate([np.arange(1.0, 9.0), [np.nan, np.nan]])[:, None]
    reference = drift_reference(then, ("x",), n_bins=2)
    assert reference.shares == ((0.4, 0.4, 0.2),)
    found = stability_index(reference, np.array([[1.0], [8.0], [np.nan], [np.nan]]))
    expected = 2.0 * -0.15 * math.log(0.25 / 0.4) + 0.3 * math.log(0.5 / 0.2)
    assert found["x"] == pytest.approx(expected, abs=1e-12)


def test_an_empty_bin_counts_as_a_ten_thousandth() -> None:
    found = stability_index(drift_reference(TEN, ("x",), n_bins=2), np.array([[9.0]] * 5))
    expected = (0.0001 - 0.5) * math.log(0.0001 / 0.5) + 0.5 * math.log(2.0)
    assert found["x"] == pytest.approx(expected, abs=1e-12)


def test_the_same_rows_have_not_drifted_and_deciles_hold_a_tenth_each() -> None:
    matrix = np.random.default_rng(0).normal(size=(5_000, 3))
    reference = drift_reference(matrix, ("a", "b", "c"))
    assert stability_index(reference, matrix) == {"a": 0.0, "b": 0.0, "c": 0.0}
    assert np.array(reference.shares)[:, :-1] == pytest.approx(np.full((3, 10), 0.1), abs=1e-9)


def test_the_thresholds_tell_a_shift_from_chance() -> None:
    rng = np.random.default_rng(1)
    reference = drift_reference(rng.normal(size=(5_000, 1)), ("x",))
    by_chance = [stability_index(reference, rng.normal(size=(500, 1)))["x"] for _ in range(200)]
    assert np.mean(by_chance) == pytest.approx(9 * (1 / 500 + 1 / 5_000), rel=0.15)
    assert max(by_chance) < MODERATE
    assert MODERATE < stability_index(reference, rng.normal(0.4, 1.0, (5_000, 1)))["x"] < LARGE
    assert stability_index(reference, rng.normal(0.7, 1.0, (5_000, 1)))["x"] > LARGE


def test_few_distinct_values_have_fewer_bins_and_a_column_that_is_never_defined_has_one() -> None:
    matrix = np.column_stack([np.tile([0.0, 1.0], 50), np.full(100, np.nan)])
    reference = drift_reference(matrix, ("flag", "nothing"))
    assert [len(edges) for edges in reference.edges] == [3, 0]
    assert stability_index(reference, matrix) == {"flag": 0.0, "nothing": 0.0}


def test_it_comes_back_from_json_as_it_was() -> None:
    reference = drift_reference(np.random.default_rng(0).normal(size=(100, 2)), ("a", "b"))
    assert DriftReference.from_json(reference.to_json()) == reference


def test_no_rows_are_undefined_and_other_columns_are_refused() -> None:
    reference = drift_reference(TEN, ("x",))
    assert math.isnan(stability_index(reference, np.empty((0, 1)))["x"])
    with pytest.raises(ShapeError, match="expected 1 features a row"):
        stability_index(reference, np.empty((4, 2)))
    with pytest.raises(ShapeError, match="got none"):
        drift_reference(np.empty((0, 1)), ("x",))
