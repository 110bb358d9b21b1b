"""`bot-core lookahead`: functions that look ahead fail and are named, the others pass."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from bot_core_dagster.lake import default_lake
from bot_core_dagster.strategies import strategies
from tests.builders import bars

Run = Callable[..., Result]
Answer = Callable[..., Any]

MINE = """
import pandas as pd

def momentum(bars):
    return bars["close"].pct_change(5)

def centred(bars):
    return bars["close"].rolling(11, center=True).mean()

def scaled(bars):
    return (bars["close"] - bars["close"].mean()) / bars["close"].std()

def tomorrow(bars, calendar_name):
    return pd.DataFrame({"ret": bars["close"].pct_change().shift(-1), "today": bars["close"].pct_change()})

def nothing(bars):
    return bars["close"] * float("nan")
"""


@pytest.fixture
def mine(tmp_path: Path, settings_path: Path) -> str:
    file = tmp_path / "my_features.py"
    file.write_text(MINE, encoding="utf-8")
    return str(file)


@pytest.fixture
def stored(settings_path: Path) -> None:
    default_lake(create=True).upsert_bars(bars(900))


@pytest.mark.usefixtures("stored")
def test_a_function_of_past_bars_passes(answer: Answer, run: Run, mine: str) -> None:
    said = answer("lookahead", f"{mine}:momentum", "BTCUSDT")
    assert (said["passes"], said["symbol"], said["n_bars"], said["offenders"]) == (True, "BTCUSDT", 900, [])
    shown = run("lookahead", f"{mine}:momentum").stdout
    assert shown.startswith("pass momentum: no look-ahead in 1 of 1 columns at 60 cuts of 900 bars")


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("name", "column"), [("centred", "close"), ("scaled", "close"), ("tomorrow", "ret")])
def test_an_offender_is_named_and_the_exit_code_is_1(run: Run, mine: str, name: str, column: str) -> None:
    result = run("lookahead", f"{mine}:{name}")
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.startswith(f"fail {name}: LOOK-AHEAD: {column} of the bar at ")
    said = json.loads(run("lookahead", f"{mine}:{name}", "--json").stdout)
    assert said["passes"] is False
    assert [row["column"] for row in said["offenders"]] == [column]


@pytest.mark.usefixtures("stored")
def test_a_function_without_values_proves_nothing(run: Run, mine: str) -> None:
    result = run("lookahead", f"{mine}:nothing")
    assert result.exit_code == 1
    assert "nothing shown" in result.stdout


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("name", strategies())
def test_a_strategy_of_the_catalog_is_checked_by_its_name(answer: Answer, name: str) -> None:
    said = answer("lookahead", name)
    assert (said["passes"], said["function"]) == (True, f"{name}.signal")


@pytest.mark.usefixtures("stored")
def test_the_features_of_the_project_pass(answer: Answer) -> None:
    said = answer("lookahead", "bot_core_dagster.features:bar_features")
    assert said["passes"]
    assert len(said["columns"]) > 10


def test_without_stored_bars_a_simulated_sample_is_used_and_said(answer: Answer, run: Run, mine: str) -> None:
    assert answer("lookahead", f"{mine}:momentum")["n_bars"] == 4_000
    assert " SIMULATED  4,000 bars of BTCUSDT 1h" in run("lookahead", f"{mine}:momentum").stdout
    result = run("lookahead", f"{mine}:momentum", "BTCUSDT")
    assert (result.exit_code, "there is no lake at" in result.stderr) == (1, True)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("reference", "code", "error"),
    [
        ("nope", 2, "unknown strategy 'nope'; there are"),
        ("my_module:", 2, "expected MODULE:FUNCTION"),
        ("no_such_module:f", 2, "no module 'no_such_module'"),
        ("json:loads", 1, "loads failed on 900 bars"),
        ("bot_core_dagster.features:nope", 2, "there are bar_features"),
    ],
)
def test_a_wrong_reference_is_one_clear_error(run: Run, reference: str, code: int, error: str) -> None:
    result = run("lookahead", reference)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (code, "", 1)
    assert error in result.stderr


@pytest.mark.usefixtures("stored")
def test_a_file_that_cannot_be_imported_is_said_to_be_the_users(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "broken_features.py"
    file.write_text("def f(bars:\n", encoding="utf-8")
    result = run("lookahead", f"{file}:f")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "its module cannot be imported (SyntaxError" in result.stderr
    assert "bug" not in result.stderr
