"""The schema of bars: what is a bar frame, and what no bar can be."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.market.bar import BAR_COLUMNS, PRICE_COLUMNS, VALUE_COLUMNS, empty_bars
from bot_core_dagster.market.schema import ROW_RULES, bar_schema, broken_rules, is_bar_frame, schema_error
from tests.builders import bars

awkward = st.sampled_from([-1.0, -0.0, 0.0, 1e-300, 1.0, 1.0 + 2**-52, 2.0, 1e300, np.inf, -np.inf, np.nan])


def pandera_twin() -> pandera.DataFrameSchema:
    """CONVENTIONS 16 again, element by element in pandera: the readable twin of the NumPy rules."""
    price = pandera.Column(float, [pandera.Check.gt(0), pandera.Check.lt(np.inf)], nullable=False)
    volume = pandera.Column(float, [pandera.Check.ge(0), pandera.Check.lt(np.inf)], nullable=True)
    consistent = [
        pandera.Check(lambda bar: bar["high"] >= bar["low"], ignore_na=False),
        pandera.Check(lambda bar: bar["high"] >= bar[["open", "close"]].max(axis=1), ignore_na=False),
        pandera.Check(lambda bar: bar["low"] <= bar[["open", "close"]].min(axis=1), ignore_na=False),
    ]
    return pandera.DataFrameSchema({**dict.fromkeys(PRICE_COLUMNS, price), "volume": volume}, checks=consistent)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(*[awkward] * 6), min_size=1, max_size=12))
def test_the_rules_refuse_the_rows_that_their_pandera_twin_refuses(rows: list[tuple[float, ...]]) -> None:
    frame = bars(len(rows))
    frame[list(VALUE_COLUMNS)] = np.array(rows)
    refused: set[Any] = set()
    try:
        pandera_twin().validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        refused = set(error.failure_cases["index"].dropna())
    assert set(np.flatnonzero(broken_rules(frame) >= 0)) == refused


def test_the_first_rule_that_a_row_breaks_names_it() -> None:
    frame = bars(3)
    frame.loc[1, ["high", "low", "volume"]] = [1.0, 2.0, -1.0]
    places = broken_rules(frame)
    assert places[[0, 2]].tolist() == [-1, -1]
    assert ROW_RULES[places[1]].reason({"high": 1.0, "low": 2.0}) == "high below low (high 1, low 2)"


@pytest.mark.parametrize("frame", [bars(5), empty_bars(), bars(5).astype({"symbol": "category"})], ids=str)
def test_bar_frames_pass(frame: pd.DataFrame) -> None:
    assert schema_error(frame) is None


@pytest.mark.parametrize(
    ("frame", "column"),
    [
        (bars(5).drop(columns="volume"), "volume"),
        (bars(5).assign(extra=1), "extra"),
        (bars(5)[[*BAR_COLUMNS[::-1]]], "source"),
        (bars(5).assign(high="1.0"), "high"),
        (bars(5).assign(high=1), "high"),
        (bars(5).assign(open_time=bars(5)["open_time"].dt.as_unit("ns")), "open_time"),
        (bars(5).assign(timeframe="2h"), "timeframe"),
        (bars(5).assign(volume_unit="lots"), "volume_unit"),
        (bars(5).assign(symbol=None), "symbol"),
    ],
    ids=["missing", "extra", "order", "text", "integers", "nanoseconds", "timeframe", "volume unit", "no symbol"],
)
def test_a_frame_that_is_none_says_which_column_is_wrong(frame: pd.DataFrame, column: str) -> None:
    assert column in (schema_error(frame) or "")


def accepted_by_pandera(frame: pd.DataFrame) -> bool:
    try:
        bar_schema().validate(frame)
    except (pandera.errors.SchemaError, pandera.errors.SchemaErrors):
        return False
    return True


@pytest.mark.parametrize("column", BAR_COLUMNS)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda values: values,
        lambda values: values.astype("object"),
        lambda values: pd.Series([None] * len(values)),
        lambda values: pd.Series(range(len(values))),
        lambda values: pd.Series(["mid"] * len(values)),
    ],
    ids=["as it is", "objects", "nothing", "numbers", "a word"],
)
def test_the_fast_look_accepts_what_pandera_accepts(column: str, spoil: Callable[[pd.Series], pd.Series]) -> None:
    frame = bars(5)
    frame[column] = spoil(frame[column])
    assert is_bar_frame(frame) == accepted_by_pandera(frame)
    assert is_bar_frame(frame.drop(columns=column)) is False


def test_pandera_knows_every_column_of_the_bar() -> None:
    assert tuple(bar_schema().columns) == BAR_COLUMNS


def test_pandera_is_not_imported_before_it_is_used() -> None:
    modules = "sys, bot_core_dagster.market.quality, bot_core_dagster.market.intake"
    code = f"import {modules}; sys.exit('pandera' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
