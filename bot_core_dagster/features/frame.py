"""The features frame: every column of the catalog for the bars of one instrument.

Belongs here: calling the features on each run of bars, and the frame. Not here: the arithmetic (`features.catalog`),
where runs end (`features.runs`), the lake's table (`features.table`).
"""

from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.features.definition import BarRun, Feature, FloatArray2D
from bot_core_dagster.features.registry import CATALOG, feature_columns, features_of
from bot_core_dagster.features.runs import require_series, stretches_with_volume, unbroken_runs
from bot_core_dagster.market.bar import SIMULATED
from bot_core_dagster.metrics.arrays import BoolArray1D

KEY_COLUMNS: Final = ("symbol", "timeframe", "open_time")


def bar_features(bars: pd.DataFrame, calendar_name: str, *, package: str = CATALOG) -> pd.DataFrame:
    """Return the features of each bar, as known at its close.

    Parameters
    ----------
    bars : bar frame
        Of one instrument, ascending, at least from the first bar of the history that values are compared over:
        exponential averages remember their whole run.
    calendar_name : str
        "crypto", "fx" or "metals": says which bars are missing.
    package : str
        Where the feature files are.

    Returns
    -------
    DataFrame of shape (n_bars, 4 + n_features)
        symbol, timeframe, open_time, simulated (bool: no market made the bar), then one float64 column a feature. NaN
        while a feature warms up, at the beginning and again after missing bars; for volume features also at bars
        without volume. Never infinite.

    Raises
    ------
    ShapeError
        If `bars` mixes instruments or does not ascend, or a feature gives arrays of another shape.
    QualityError
        If a price is not finite and positive.
    """
    require_series(bars)
    declared = features_of(package)
    names = [column.name for column in feature_columns(package)]
    values = np.empty((len(names), len(bars)))
    for rows, run in unbroken_runs(bars, calendar_name):
        _fill(values[:, rows], declared, run)
    first: dict[str, object] = {name: bars[name] for name in KEY_COLUMNS}
    first["simulated"] = _is_simulated(bars["source"].tolist())
    return pd.DataFrame(first | dict(zip(names, values, strict=True)), index=bars.index, copy=False)


def _is_simulated(sources: list[str]) -> BoolArray1D:
    """Return whether no market made each bar; nearly always of one source, which counting finds soonest."""
    if sources and sources.count(sources[0]) == len(sources):
        return np.full(len(sources), sources[0] == SIMULATED)
    return np.array([source == SIMULATED for source in sources], dtype=np.bool_)


def _fill(values: FloatArray2D, declared: tuple[Feature, ...], run: BarRun) -> None:
    """Write the values of one run into its part of the table, shape (n_columns, n_bars)."""
    row = 0
    for feature in declared:
        rows = slice(row, row + len(feature.columns))
        if feature.reads_volume:
            _fill_where_volume(values[rows], feature, run)
        else:
            values[rows] = feature.values(run)
        row = rows.stop


def _fill_where_volume(values: FloatArray2D, feature: Feature, run: BarRun) -> None:
    """Write the values of the stretches that have volume, NaN elsewhere."""
    values[:] = np.nan
    for rows in stretches_with_volume(run):
        values[:, rows] = feature.values(run.part(rows))
