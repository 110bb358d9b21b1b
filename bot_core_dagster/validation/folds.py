"""Folds: which days or samples train and which test, with nothing of the test in the training.

Belongs here: walk-forward over days, and splits of samples whose labels span intervals of time. Not here: what is
trained (`optimization`, models).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.errors import ShapeError, TimeError
from bot_core_dagster.metrics.arrays import BoolArray1D, IntArray1D

_NO_TIME: Final = pd.Timedelta(0)


@dataclass(frozen=True)
class Fold:
    """Days that train and days that test, as slices of all of them; the training ends first."""

    train: slice
    test: slice


@dataclass(frozen=True, eq=False)
class SampleFold:
    """Places of the samples that train and of those that test, int64 ndarrays, ascending."""

    train: IntArray1D
    test: IntArray1D


def walk_forward_splits(
    n_days: int,
    *,
    n_folds: int,
    train_days: int,
    anchored: bool = False,
    purge_days: int = 0,
    embargo_days: int = 0,
) -> list[Fold]:
    """Return folds whose tests follow each other from day `train_days` to the last, each after its training.

    Parameters
    ----------
    n_days : int
        All of them.
    n_folds : int
        The days from `train_days` on are cut into so many tests; where that does not go evenly, the first are a day
        longer.
    train_days : int
        Days before the first test, purge and embargo included.
    anchored : bool
        Train from day 0 on; otherwise from `train_days` before each test on.
    purge_days : int
        Days at the end of the training that are left out since they reach into the test (labels, open positions).
    embargo_days : int
        Further days left out between training and test.

    Returns
    -------
    list of Fold
        n_folds of them; the tests neither overlap nor leave a day out.

    Raises
    ------
    ShapeError
        If a fold would train or test on nothing.

    References
    ----------
    Pardo, R. (2008). The Evaluation and Optimization of Trading Strategies, 2nd edition, chapter 11.
    """
    left_out = purge_days + embargo_days
    if min(purge_days, embargo_days) < 0 or n_folds < 1 or train_days <= left_out or n_days - train_days < n_folds:
        raise ShapeError(
            f"expected one or more folds, a day or more of training after leaving out {purge_days} + {embargo_days} "
            f"days, and a day or more a test, got {n_folds} folds, {train_days} training days and {n_days} days in "
            "all; next: a longer range or fewer folds"
        )
    size, n_longer = divmod(n_days - train_days, n_folds)
    starts = [train_days + fold * size + min(fold, n_longer) for fold in range(n_folds + 1)]
    return [
        Fold(train=slice(0 if anchored else start - train_days, start - left_out), test=slice(start, stop))
        for start, stop in pairwise(starts)
    ]


def purged_splits(
    label_start: pd.DatetimeIndex,
    label_end: pd.DatetimeIndex,
    *,
    n_folds: int,
    embargo: pd.Timedelta = _NO_TIME,
    both_sides: bool = False,
) -> list[SampleFold]:
    """Return folds of samples whose labels span time, none of the training's within reach of the test's.

    A label spans [label_start, label_end): one that ends as another starts shares nothing with it.

    Parameters
    ----------
    label_start, label_end : DatetimeIndex of shape (n_samples,), with a zone
        When each label begins and when it is known; `label_start` ascends, repeats allowed (several instruments).
    n_folds : int
        Tests, even in samples and consecutive.
    embargo : Timedelta
        Time that has to lie between the labels of training and test, beyond not overlapping.
    both_sides : bool
        Train on what follows the test, too (purged k-fold: every sample is tested). Otherwise train on what came before
        alone (walk-forward: the first n_samples / (n_folds + 1) are never tested), as trading has to.

    Returns
    -------
    list of SampleFold
        In the order of time.

    Raises
    ------
    TimeError
        If a time has no zone, a label ends before it starts, or the starts do not ascend.
    ShapeError
        If the arrays differ in length, the embargo is negative, or a fold would train or test on nothing.

    References
    ----------
    López de Prado, M. (2018). Advances in Financial Machine Learning, chapter 7.
    """
    _require_labels(label_start, label_end, embargo)
    n_parts = n_folds if both_sides else n_folds + 1
    if n_folds < 1 or n_parts < 2 or len(label_start) < n_parts:
        raise ShapeError(
            f"expected two or more parts of one or more samples, got {len(label_start)} samples for {n_folds} folds; "
            "next: more samples or fewer folds"
        )
    parts = np.array_split(np.arange(len(label_start), dtype=np.int64), n_parts)
    return [_purged(label_start, label_end, test, embargo, both_sides) for test in parts[n_parts - n_folds :]]


def _purged(
    label_start: pd.DatetimeIndex,
    label_end: pd.DatetimeIndex,
    test: IntArray1D,
    embargo: pd.Timedelta,
    both_sides: bool,
) -> SampleFold:
    is_before: BoolArray1D = np.asarray(label_end + embargo <= label_start[test].min())
    is_after: BoolArray1D = np.asarray(label_start >= label_end[test].max() + embargo)
    trains = is_before | is_after if both_sides else is_before
    trains[test] = False
    if not trains.any():
        raise ShapeError(
            f"no sample is left to train for the test of samples {test[0]} to {test[-1]}: their labels or the embargo "
            f"of {embargo} reach too far; next: fewer folds, shorter labels or more samples"
        )
    return SampleFold(train=np.flatnonzero(trains), test=test)


def _require_labels(label_start: pd.DatetimeIndex, label_end: pd.DatetimeIndex, embargo: pd.Timedelta) -> None:
    if label_start.tz is None or label_end.tz is None:
        raise TimeError("expected label times with a zone; next: tz_localize them to UTC")
    if len(label_start) != len(label_end) or embargo < _NO_TIME:
        raise ShapeError(
            f"expected an end for each of {len(label_start)} label starts and an embargo of 0 or more, got "
            f"{len(label_end)} ends and {embargo}"
        )
    if not label_start.is_monotonic_increasing or not (label_end >= label_start).all():
        raise TimeError("expected labels in the order of their starts that end after they start; next: sort them")
