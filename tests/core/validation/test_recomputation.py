"""Tests of `validation.recomputation`.

Belongs here: how a function is found, called and understood. Not here: what the check makes of it
(`test_look_ahead`).
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.errors import BotCoreError, ParameterError, ShapeError, TimeError, UnknownNameError
from bot_core_dagster.validation import load_function
from bot_core_dagster.validation.recomputation import Recomputation
from tests.builders import bars


def news() -> pd.DataFrame:
    known = pd.to_datetime(["2024-01-01 03:00", "2024-01-01 05:30", "2024-01-01 06:00"], utc=True)
    return pd.DataFrame({"score": [1.0, 2.0, 3.0], "available_at": known})


@pytest.mark.parametrize(
    ("function", "columns"),
    [
        (lambda frame: frame["close"].rename(None), ["value"]),
        (lambda frame: frame["close"], ["close"]),
        (lambda frame: frame["close"].to_numpy(), ["value"]),
        (lambda frame: frame["close"].tolist(), ["value"]),
        (lambda frame: frame[["high", "low"]], ["high", "low"]),
        (lambda frame: frame[["high", "low"]].to_numpy(), ["value 0", "value 1"]),
        (lambda frame: frame.set_index("open_time")["close"].astype("category"), ["close"]),
    ],
    ids=["series", "named series", "array", "list", "frame", "table", "categories by time"],
)
def test_whatever_has_a_value_a_bar_is_understood(function: Callable[..., object], columns: list[str]) -> None:
    values = Recomputation(function, bars(30), "crypto").values(10, 25)
    assert list(values) == columns
    assert all(len(column) == 15 and column.index[0] == 0 for column in values.values())


def test_only_what_was_available_at_the_end_is_given() -> None:
    """Bars 0 to 5 close at 06:00: what comes at that moment is known, not what comes later."""

    def counts(frame: pd.DataFrame, news: pd.DataFrame, calendar_name: str) -> np.ndarray:
        assert calendar_name == "crypto"
        return np.full(len(frame), len(news))

    recomputation = Recomputation(counts, bars(10), "crypto", {"news": news()})
    assert [recomputation.values(0, stop)["value"].iloc[0] for stop in (2, 3, 5, 6, 10)] == [0, 1, 1, 3, 3]
    assert recomputation.values(4, 5)["value"].tolist() == [1]


def failing(frame: pd.DataFrame) -> pd.Series:
    raise KeyError("momentum")


def of_a_window(frame: pd.DataFrame, window: int) -> pd.Series:
    return frame["close"].rolling(window).mean()


def of_news(frame: pd.DataFrame, news: pd.DataFrame) -> pd.Series:
    return frame["close"] * len(news)


@pytest.mark.parametrize(
    ("function", "inputs", "error", "says"),
    [
        (of_a_window, {}, ParameterError, "asks for window"),
        (lambda frame: frame["close"], {"news": news()}, ParameterError, "takes no input news"),
        (lambda: 1, {}, ParameterError, "takes no bars"),
        (of_news, {"news": news()[["score"]]}, TimeError, "available_at"),
        (
            of_news,
            {"news": news().assign(available_at=pd.Timestamp("2024-01-01"))},
            TimeError,
            "times with a zone",
        ),
        (lambda frame: frame["close"].iloc[1:], {}, ShapeError, "expected 5, got 4 for close"),
        (lambda frame: frame["close"].iloc[0], {}, ShapeError, "one value a bar"),
        (lambda frame: frame[[]], {}, ShapeError, "no column"),
        (failing, {}, ShapeError, r"failing failed on 5 bars \(KeyError: 'momentum'\)"),
    ],
    ids=[
        "a parameter without a default",
        "an input that is not taken",
        "no parameter",
        "an input without a time",
        "an input with naive times",
        "a row too few",
        "a number",
        "no column",
        "a function that fails",
    ],
)
def test_what_cannot_be_checked_is_refused(
    function: Callable[..., object], inputs: dict[str, pd.DataFrame], error: type[BotCoreError], says: str
) -> None:
    with pytest.raises(error, match=says):
        Recomputation(function, bars(10), "crypto", inputs).values(0, 5)


def test_a_function_is_found_by_module_or_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_momentum.py").write_text("def momentum(bars):\n    return bars['close'].diff(10)\n")
    monkeypatch.chdir(tmp_path)
    by_module = load_function("my_momentum:momentum")
    by_file = load_function(str(tmp_path / "my_momentum.py") + ":momentum")
    assert by_module is by_file
    assert by_module(bars(20))[10] == pytest.approx(bars(20)["close"].diff(10)[10])
    assert load_function("bot_core_dagster.features:bar_features").__name__ == "bar_features"


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("momentum", "expected MODULE:FUNCTION, got 'momentum'"),
        ("no_such_module_here:f", "no module 'no_such_module_here'"),
        ("bot_core_dagster.features.runs:nothing", "there are .*unbroken_runs"),
    ],
    ids=["no colon", "no module", "no function"],
)
def test_a_function_that_is_not_there_is_refused(reference: str, says: str) -> None:
    with pytest.raises(UnknownNameError, match=says):
        load_function(reference)
