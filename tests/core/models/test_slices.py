"""Slices: in order, disjoint, purged by label interval, with an embargo, and the newest rows unseen."""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.features import bar_features
from bot_core_dagster.metrics.arrays import IntArray1D
from bot_core_dagster.models.labels import Labels, labels_of
from bot_core_dagster.models.slices import Slices, slices_of
from bot_core_dagster.models.windows import windows_of
from bot_core_dagster.validation import purged_splits
from tests import builders

NAMES = ("training", "stopping", "calibration", "conformal", "unseen")
DAY = timedelta(days=1)


def _made(n_bars: int = 6_000, hole: int | None = None) -> tuple[Labels, IntArray1D]:
    bars = builders.bars(n_bars)
    if hole is not None:
        bars = bars.drop(index=range(hole, hole + 3)).reset_index(drop=True)
    features = bar_features(bars, "crypto")
    return labels_of(bars, features, "crypto"), windows_of(features).complete_rows


def _cut(labels: Labels, rows: IntArray1D, **changed: timedelta) -> Slices:
    asked = {"used": 150 * DAY, "unseen": 60 * DAY, "embargo": DAY} | changed
    return slices_of(labels, rows, used=asked["used"], unseen=asked["unseen"], embargo=asked["embargo"])


@pytest.mark.parametrize("embargo", [timedelta(0), DAY, 5 * DAY], ids=str)
@pytest.mark.parametrize("hole", [None, 2_000], ids=["no bar missing", "bars missing"])
def test_no_label_of_a_slice_reaches_into_the_next_and_the_embargo_lies_between(
    hole: int | None, embargo: timedelta
) -> None:
    labels, rows = _made(hole=hole)
    slices = _cut(labels, rows, embargo=embargo)
    for name, following in pairwise(NAMES):
        ends = labels.end[getattr(slices, name)]
        assert (ends + embargo <= labels.start[getattr(slices, following)[0]]).all()
    everything = np.concatenate([getattr(slices, name) for name in NAMES])
    assert len(np.unique(everything)) == len(everything)
    assert np.isin(everything, rows).all()


def test_what_is_purged_is_what_the_folds_of_validation_purge() -> None:
    labels, rows = _made()
    slices = _cut(labels, rows, embargo=DAY)
    seen = rows[(rows >= slices.training[0]) & (rows <= slices.stopping[-1])]
    fold = purged_splits(labels.start[seen], labels.end[seen], n_folds=1, embargo=pd.Timedelta(DAY), both_sides=False)
    first_test = seen[fold[0].test[0]]
    reference = seen[fold[0].train]
    kept = seen[np.asarray(labels.end[seen] + DAY <= labels.start[first_test])]
    assert np.array_equal(reference, kept)
    gap = slices.stopping[0] - slices.training[-1]
    assert gap == first_test - reference[-1]


def test_the_newest_rows_are_unseen_down_to_the_last_bar_whose_label_is_not_there_yet() -> None:
    labels, rows = _made()
    slices = _cut(labels, rows)
    assert slices.unseen[-1] == rows[-1]
    assert labels.start[slices.unseen[0]] >= labels.start[-1] - 60 * DAY


def test_a_short_history_shrinks_both_what_is_used_and_what_is_unseen() -> None:
    labels, rows = _made(n_bars=4_000)
    slices = slices_of(labels, rows, used=730 * DAY, unseen=365 * DAY, embargo=DAY)
    used = (labels.start[slices.conformal[-1]] - labels.start[slices.training[0]]) / pd.Timedelta(DAY)
    unseen = (labels.start[slices.unseen[-1]] - labels.start[slices.unseen[0]]) / pd.Timedelta(DAY)
    assert used / unseen == pytest.approx(2.0, rel=0.05)


def test_rows_that_end_earlier_make_the_slices_of_that_time() -> None:
    labels, rows = _made()
    until = labels.start[4_999]
    then = slices_of(labels, rows, used=100 * DAY, unseen=30 * DAY, embargo=DAY, until=until)
    labels_then, rows_then = _made(n_bars=5_000)
    fresh = slices_of(labels_then, rows_then, used=100 * DAY, unseen=30 * DAY, embargo=DAY)
    for name in NAMES:
        assert np.array_equal(getattr(then, name), getattr(fresh, name))


@pytest.mark.parametrize("n_bars", [0, 50, 300, 700], ids="{} bars".format)
def test_too_few_bars_are_refused_with_how_many_are_needed(n_bars: int) -> None:
    if n_bars < 300:
        bars = builders.bars(100).head(n_bars)
        labels = labels_of(bars, bar_features(bars, "crypto"), "crypto")
        rows = np.empty(0, dtype=np.int64)
    else:
        labels, rows = _made(n_bars=n_bars)
    with pytest.raises(ShapeError, match="too few bars to train: the training slice has"):
        _cut(labels, rows)
