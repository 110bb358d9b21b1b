"""Tests of `validation.folds` against printed examples and a check of every pair.

Belongs here: which days and samples train and test. Not here: what is chosen on them (`optimization`).
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot_core_dagster.errors import BotCoreError, ShapeError, TimeError
from bot_core_dagster.validation import Fold, purged_splits, walk_forward_splits

START = pd.Timestamp("2024-01-01", tz="UTC")


def spans(folds: list[Fold]) -> list[tuple[int, int, int, int]]:
    return [(fold.train.start, fold.train.stop, fold.test.start, fold.test.stop) for fold in folds]


def hours(numbers: list[int]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex([START + pd.Timedelta(hours=number) for number in numbers])


@pytest.mark.parametrize(
    ("n_days", "arguments", "printed"),
    [
        (6, {"n_folds": 4, "train_days": 2}, [(0, 2, 2, 3), (1, 3, 3, 4), (2, 4, 4, 5), (3, 5, 5, 6)]),
        (6, {"n_folds": 3, "train_days": 3, "purge_days": 1}, [(0, 2, 3, 4), (1, 3, 4, 5), (2, 4, 5, 6)]),
        (6, {"n_folds": 2, "train_days": 3}, [(0, 3, 3, 5), (2, 5, 5, 6)]),
        (6, {"n_folds": 2, "train_days": 3, "anchored": True}, [(0, 3, 3, 5), (0, 5, 5, 6)]),
        (
            6,
            {"n_folds": 5, "train_days": 1, "anchored": True},
            [(0, 1, 1, 2), (0, 2, 2, 3), (0, 3, 3, 4), (0, 4, 4, 5), (0, 5, 5, 6)],
        ),
        (
            12,
            {"n_folds": 3, "train_days": 6, "anchored": True, "embargo_days": 2},
            [(0, 4, 6, 8), (0, 6, 8, 10), (0, 8, 10, 12)],
        ),
    ],
    ids=[
        "skfolio rolling",
        "skfolio purged",
        "skfolio with a short last test",
        "skfolio expanding",
        "scikit-learn",
        "scikit-learn with a gap",
    ],
)
def test_the_folds_are_those_printed_by_other_libraries(
    n_days: int, arguments: dict[str, Any], printed: list[tuple[int, int, int, int]]
) -> None:
    """Examples in the documentation of skfolio's WalkForward and of scikit-learn's TimeSeriesSplit.

    Their training sizes are counted without the purged days; ours is all before the first test.
    """
    assert spans(walk_forward_splits(n_days, **arguments)) == printed


@given(
    n_days=st.integers(2, 500),
    n_folds=st.integers(1, 12),
    train_days=st.integers(1, 200),
    anchored=st.booleans(),
    purge_days=st.integers(0, 10),
    embargo_days=st.integers(0, 10),
)
def test_tests_follow_each_other_to_the_last_day_and_training_ends_before(
    n_days: int, n_folds: int, train_days: int, anchored: bool, purge_days: int, embargo_days: int
) -> None:
    assume(train_days > purge_days + embargo_days)
    assume(n_days - train_days >= n_folds)
    folds = walk_forward_splits(
        n_days,
        n_folds=n_folds,
        train_days=train_days,
        anchored=anchored,
        purge_days=purge_days,
        embargo_days=embargo_days,
    )
    tested = [day for fold in folds for day in range(n_days)[fold.test]]
    assert tested == list(range(train_days, n_days))
    assert len(folds) == n_folds
    sizes = {fold.test.stop - fold.test.start for fold in folds}
    assert max(sizes) - min(sizes) <= 1
    for fold in folds:
        assert fold.train.stop == fold.test.start - purge_days - embargo_days
        assert fold.train.start == (0 if anchored else fold.test.start - train_days)
        assert fold.train.stop > fold.train.start


@pytest.mark.parametrize(
    "arguments",
    [
        {"n_folds": 0, "train_days": 5},
        {"n_folds": 6, "train_days": 5},
        {"n_folds": 2, "train_days": 0},
        {"n_folds": 2, "train_days": 3, "purge_days": 2, "embargo_days": 1},
        {"n_folds": 2, "train_days": 3, "purge_days": -1},
    ],
    ids=["no fold", "more folds than days", "no training", "all training left out", "a negative purge"],
)
def test_folds_of_nothing_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ShapeError, match="a longer range or fewer folds"):
        walk_forward_splits(10, **arguments)


def test_labels_that_reach_into_the_test_are_purged_and_the_embargo_widens_it_by_hand() -> None:
    """Nine hourly labels of two hours, the middle three tested [3, 8): before, only 0 and 1 end by 3, after, 8 starts.

    An embargo of one hour takes 1, and 8 too, on both sides.
    """
    start, end = hours(list(range(9))), hours(list(range(2, 11)))
    middle = purged_splits(start, end, n_folds=3, both_sides=True)[1]
    assert middle.test.tolist() == [3, 4, 5]
    assert middle.train.tolist() == [0, 1, 7, 8]
    with_embargo = purged_splits(start, end, n_folds=3, both_sides=True, embargo=pd.Timedelta(hours=1))[1]
    assert with_embargo.train.tolist() == [0, 8]
    forward = purged_splits(start, end, n_folds=2)
    assert [(fold.train.tolist(), fold.test.tolist()) for fold in forward] == [
        ([0, 1], [3, 4, 5]),
        ([0, 1, 2, 3, 4], [6, 7, 8]),
    ]


@pytest.mark.parametrize(
    ("label_days", "printed"), [(1, [8, 8, 8]), (3, [6, 4, 6])], ids=["labels of a day", "labels of three days"]
)
def test_a_purged_k_fold_trains_on_as_many_samples_as_purgedcv_prints(label_days: int, printed: list[int]) -> None:
    """The example in purgedcv's documentation: 12 daily samples, 3 folds.

    Its PurgedKFold gave the same samples as ours in each of 300 random sets of labels too, our embargo being its
    purge horizon (0.1.11).
    """
    start = pd.date_range(START, periods=12, freq="D")
    folds = purged_splits(start, start + pd.Timedelta(days=label_days), n_folds=3, both_sides=True)
    assert [len(fold.train) for fold in folds] == printed


@given(
    steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=6, max_size=40),
    n_folds=st.integers(2, 5),
    embargo=st.integers(0, 4),
    both_sides=st.booleans(),
)
def test_what_trains_is_exactly_what_no_pair_forbids(
    steps: list[tuple[int, int]], n_folds: int, embargo: int, both_sides: bool
) -> None:
    """Every pair of a training and the whole test, as pandas intervals: overlapping, within the embargo, or after."""
    starts = np.cumsum([step for step, _ in steps]).tolist()
    ends = [start + length for start, (_, length) in zip(starts, steps, strict=True)]
    reach = pd.Timedelta(hours=embargo)
    try:
        folds = purged_splits(hours(starts), hours(ends), n_folds=n_folds, embargo=reach, both_sides=both_sides)
    except ShapeError:
        return
    for fold in folds:
        first, last = min(starts[place] for place in fold.test), max(ends[place] for place in fold.test)
        allowed = []
        for place in range(len(starts)):
            if place in fold.test:
                continue
            comes_first = ends[place] + embargo <= first
            comes_after = starts[place] >= last + embargo
            if comes_first or (comes_after and both_sides):
                allowed.append(place)
                label = pd.Interval(starts[place], ends[place], closed="neither")
                assert not label.overlaps(pd.Interval(first, last, closed="neither"))
        assert fold.train.tolist() == allowed
    tested = np.concatenate([fold.test for fold in folds])
    assert (np.diff(tested) == 1).all()
    assert tested[-1] == len(starts) - 1
    assert both_sides == (tested[0] == 0)


@pytest.mark.parametrize(
    ("start", "end", "n_folds", "embargo", "error", "says"),
    [
        (hours([0, 1, 2]).tz_localize(None), hours([1, 2, 3]), 2, 0, TimeError, "with a zone"),
        (hours([0, 1, 2]), hours([1, 2]), 2, 0, ShapeError, "each of 3 label starts"),
        (hours([0, 2, 1]), hours([3, 3, 3]), 2, 0, TimeError, "in the order of their starts"),
        (hours([0, 1, 2]), hours([1, 0, 3]), 2, 0, TimeError, "end after they start"),
        (hours([0, 1, 2]), hours([1, 2, 3]), 2, -1, ShapeError, "embargo of 0 or more"),
        (hours([0, 1]), hours([1, 2]), 2, 0, ShapeError, "2 samples for 2 folds"),
        (hours([0, 1, 2]), hours([9, 9, 9]), 2, 0, ShapeError, "no sample is left to train"),
    ],
    ids=["naive", "lengths", "unordered", "backwards", "embargo", "too few", "long labels"],
)
def test_labels_that_cannot_be_split_are_refused(
    start: pd.DatetimeIndex, end: pd.DatetimeIndex, n_folds: int, embargo: int, error: type[BotCoreError], says: str
) -> None:
    with pytest.raises(error, match=says):
        purged_splits(start, end, n_folds=n_folds, embargo=pd.Timedelta(hours=embargo))
