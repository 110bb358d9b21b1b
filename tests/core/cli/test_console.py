"""Numbers, times and JSON as a person or a script reads them."""

import io
import json
import math
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_core_dagster.cli import console


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (console.count(1_234_567), "1,234,567"),
        (console.share(0.12345), "12.3 %"),
        (console.share(-0.5, signed=True), "-50.0 %"),
        (console.share(0.5, signed=True), "+50.0 %"),
        (console.share(math.nan), "n/a"),
        (console.ratio(1.005), "1.00"),
        (console.ratio(math.nan), "n/a"),
        (console.seconds(9.96), "10.0 s"),
        (console.seconds(61.9), "1 min 1 s"),
        (console.seconds(math.nan), ""),
        (console.minute(datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))), "2024-01-01 10:00"),
        (console.minute(None), "n/a"),
        (console.iso(datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))), "2024-01-01T10:00:00Z"),
    ],
)
def test_a_figure_reads_well(shown: str, expected: str) -> None:
    assert shown == expected


@dataclass(frozen=True)
class _Answer:
    at: datetime
    figures: tuple[float, ...]
    place: Path


def test_json_has_utc_times_and_null_for_what_is_undefined(capsys: pytest.CaptureFixture[str]) -> None:
    console.emit_json({"answer": _Answer(datetime(2024, 1, 1, tzinfo=UTC), (1.5, math.nan, math.inf), Path("/a"))})
    assert json.loads(capsys.readouterr().out) == {
        "answer": {"at": "2024-01-01T00:00:00Z", "figures": [1.5, None, None], "place": "/a"}
    }


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts),
    )
)
def test_whatever_is_said_is_strict_json(said: object) -> None:
    """It reads back as what was said, an undefined number as null: Python's own JSON names these NaN and Infinity."""
    strict = json.dumps(console.jsonable(said), allow_nan=False)
    assert json.loads(strict) == json.loads(json.dumps(said), parse_constant=lambda _: None)


@pytest.mark.parametrize("symbol", ["[BTC]", "[bold]X", ":smile:", "A%B", "O'X"])
def test_a_symbol_is_no_markup(symbol: str, capsys: pytest.CaptureFixture[str]) -> None:
    console.console().print(console.table(("symbol",), [(symbol,)], title=symbol))
    assert capsys.readouterr().out.count(symbol) == 2


def test_a_pipe_gets_lines_that_are_not_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    console.console().print(console.table(("a", "b"), [("x" * 300, "y" * 300)]))
    assert "x" * 300 in capsys.readouterr().out


def test_there_is_no_progress_bar_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress_bar("working", is_quiet=False) as progress:
        progress(0.5, "half")
    assert capsys.readouterr().err == ""


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("is_quiet", [False, True])
def test_a_terminal_sees_progress_unless_it_is_to_be_quiet(monkeypatch: pytest.MonkeyPatch, is_quiet: bool) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with console.progress_bar("working", is_quiet=is_quiet) as progress:
        progress(0.5, "half of it")
    assert ("half of it" in terminal.getvalue()) is not is_quiet
