"""The forecasts that a run shows: of the bars that are there, not of simulated ones that real bars have replaced."""

from pathlib import Path

import pandas as pd
import pytest

from bot_core_dagster.cli.cycle import newest_forecasts
from bot_core_dagster.lake import Lake
from bot_core_dagster.models.forecast import forecast_of
from bot_core_dagster.models.forecast_table import FORECASTS
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.store import ModelStore
from bot_core_dagster.settings import Settings
from tests.builders import bars, instrument


@pytest.mark.parametrize("replaced", [False, True], ids=["simulated bars alone", "then real bars that end before"])
def test_a_forecast_of_bars_that_are_gone_is_not_shown(tmp_path: Path, replaced: bool) -> None:
    lake, one = Lake.open(tmp_path / "lake", create=True), instrument()
    settings = Settings.model_validate({"watchlist": [one.model_dump()]})
    assert newest_forecasts(lake, settings) == ()
    series = [bars(600, source="simulated"), bars(400)][: 1 + replaced]
    for frame in series:
        lake.upsert_bars(frame)
        assert len(newest_forecasts(lake, settings)) == 0 or frame is not series[0]
        lake.upsert(FORECASTS, forecast_of(ModelStore.default(), Known.of(frame, one), one, None))
    (shown,) = newest_forecasts(lake, settings)
    assert shown.simulated is not replaced
    assert pd.Timestamp(shown.as_of) == series[-1]["close_time"].iloc[-1]
