"""`bot-core status`: what is stored, how fresh it is, what was made of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from typer.testing import Result

from bot_core_dagster.cli.status import symbol_statuses
from bot_core_dagster.lake import BAR_QUALITY, default_lake
from bot_core_dagster.market.quality import assess
from bot_core_dagster.settings import QualitySettings, load_settings
from tests.builders import bars, instrument

Run = Callable[..., Result]
Answer = Callable[..., Any]


def test_before_the_first_run_it_says_what_to_do(run: Run, answer: Answer) -> None:
    assert "No bars yet. Next: bot-core run" in run("status").stdout
    said = answer("status")
    assert [one["n_bars"] for one in said["symbols"]] == [0] * 5
    assert said["assets"] == []


@pytest.mark.parametrize(
    ("now", "age"),
    [
        (datetime(2024, 1, 5, 4, 59, tzinfo=UTC), 0),
        (datetime(2024, 1, 5, 5, 0, tzinfo=UTC), 1),
        (datetime(2024, 1, 6, 4, 0, tzinfo=UTC), 24),
        (datetime(2024, 1, 5, 3, 0, tzinfo=UTC), 0),
    ],
    ids=["the next bar is open", "it has closed", "a day", "a clock that is behind"],
)
def test_age_counts_the_bars_that_have_closed_since(settings_path: object, now: datetime, age: int) -> None:
    lake = default_lake(create=True)
    lake.upsert_bars(bars(100))
    btc = symbol_statuses(load_settings(), lake, now)[0]
    assert btc.last_open_time == datetime(2024, 1, 5, 3, tzinfo=UTC)
    assert (btc.n_bars, btc.n_simulated, btc.age_bars) == (100, 0, age)


def test_a_weekend_makes_no_fx_bar_old(settings_path: object) -> None:
    lake = default_lake(create=True)
    lake.upsert_bars(bars(22, symbol="EURUSD", start=datetime(2024, 1, 5, tzinfo=UTC)))
    eur = symbol_statuses(load_settings(), lake, datetime(2024, 1, 7, 21, tzinfo=UTC))[3]
    assert (eur.symbol, eur.age_bars) == ("EURUSD", 0)


def test_the_verdict_and_its_reasons_are_shown(run: Run) -> None:
    lake = default_lake(create=True)
    with_a_hole = pd.concat([bars(100).head(40), bars(100).tail(40)], ignore_index=True)
    lake.upsert_bars(with_a_hole)
    quality = assess(with_a_hole, instrument(), QualitySettings(), datetime(2024, 1, 5, 5, tzinfo=UTC))
    lake.replace(BAR_QUALITY, pd.DataFrame([quality.as_row()]), ["BTCUSDT"])
    shown = run("status").stdout
    assert f"BTCUSDT  {quality.summary}" in shown
    assert quality.verdict == "fail"


def test_what_is_simulated_says_so_and_what_is_real_does_not(run: Run) -> None:
    lake = default_lake(create=True)
    lake.upsert_bars(bars(5))
    lake.upsert_bars(bars(5, symbol="ETHUSDT", source="simulated"))
    lines = {line.split()[0]: line for line in run("status").stdout.splitlines() if line.strip()}
    assert "SIMULATED" not in lines["BTCUSDT"]
    assert "SIMULATED" in lines["ETHUSDT"]
