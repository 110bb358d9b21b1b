"""Tests of `features.registry` and `features.definition`.

Belongs here: one file adds one feature; what a wrong file is told. Not here: values.
"""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bot_core_dagster.errors import ShapeError, UnknownNameError
from bot_core_dagster.features import bar_features, feature_columns
from bot_core_dagster.features.registry import features_of
from tests.builders import bars

RANGE_FILE = """
from bot_core_dagster.features import BarRun, Column, feature

@feature(Column("range", "High minus low over the close", "fraction of the close", 1))
def bar_range(run: BarRun):
    return ((run.high - run.low) / run.close,)
"""


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty catalog package named own_catalog."""
    folder = tmp_path / "own_catalog"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    features_of.cache_clear()
    yield folder
    features_of.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] == "own_catalog"]:
        del sys.modules[name]


def test_a_file_dropped_into_the_catalog_adds_its_column(catalog: Path) -> None:
    (catalog / "bar_range.py").write_text(RANGE_FILE)
    history = bars(30)
    features = bar_features(history, "crypto", package="own_catalog")
    assert list(features) == ["symbol", "timeframe", "open_time", "simulated", "range"]
    expected = (history["high"] - history["low"]) / history["close"]
    np.testing.assert_array_equal(features["range"], expected)
    assert [column.unit for column in feature_columns("own_catalog")] == ["fraction of the close"]


def test_two_features_of_one_name_are_refused(catalog: Path) -> None:
    (catalog / "one.py").write_text(RANGE_FILE)
    (catalog / "two.py").write_text(RANGE_FILE)
    with pytest.raises(UnknownNameError, match="own_catalog declares range more than once"):
        features_of("own_catalog")


@pytest.mark.parametrize(
    "returned",
    ["run.close", "(run.close, run.close)", "(run.close[1:],)"],
    ids=["no tuple", "too many arrays", "too few values"],
)
def test_a_feature_that_returns_another_shape_is_told_so(catalog: Path, returned: str) -> None:
    (catalog / "bad.py").write_text(RANGE_FILE.replace("((run.high - run.low) / run.close,)", returned))
    with pytest.raises(ShapeError, match=r"the feature of range must return a tuple of 1 arrays of 30 values"):
        bar_features(bars(30), "crypto", package="own_catalog")
