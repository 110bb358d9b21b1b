"""The boundaries of a month: hand-read from a calendar and the clock changes of New York."""

import pandas as pd
import pytest

from bot_core_dagster.errors import SettingsError, TimeError
from bot_core_dagster.metrics import NEW_YORK, UTC_DAYS, Sampling
from bot_core_dagster.portfolio.period import month_window, portfolio_sampling
from tests.core.portfolio.sleeve_rows import watchlist


@pytest.mark.parametrize(
    ("month", "sampling", "opens", "closes"),
    [
        pytest.param("2024-02", UTC_DAYS, "2024-02-01 00:00", "2024-03-01 00:00", id="UTC, leap year"),
        pytest.param("2024-12", UTC_DAYS, "2024-12-01 00:00", "2025-01-01 00:00", id="UTC, over the year's end"),
        pytest.param("2024-01", NEW_YORK, "2023-12-31 22:00", "2024-01-31 22:00", id="New York, winter"),
        pytest.param("2024-03", NEW_YORK, "2024-02-29 22:00", "2024-03-31 21:00", id="New York, into summer time"),
    ],
)
def test_a_month_runs_from_day_end_to_day_end(month: str, sampling: Sampling, opens: str, closes: str) -> None:
    window = month_window(month, sampling)
    assert (window.opens, window.closes) == (pd.Timestamp(opens, tz="UTC"), pd.Timestamp(closes, tz="UTC"))


@pytest.mark.parametrize("text", ["2024-13", "2024-00", "2024-6", "202406", "June 2024", "", "2024-06\n"], ids=repr)
def test_a_month_of_another_form_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(TimeError, match=r"YYYY-MM.*2024-06"):
        month_window(text, UTC_DAYS)


@pytest.mark.parametrize(
    ("sampling", "day_end", "is_over"),
    [
        pytest.param(UTC_DAYS, "2024-06-30 00:00", False, id="UTC, a day short"),
        pytest.param(UTC_DAYS, "2024-07-01 00:00", True, id="UTC, the last day's end"),
        pytest.param(NEW_YORK, "2024-06-27 21:00", False, id="New York, Thursday before the last weekend"),
        pytest.param(NEW_YORK, "2024-06-28 21:00", True, id="New York, Friday: the month ends on Sunday"),
    ],
)
def test_a_month_is_over_with_its_last_possible_day_end(sampling: Sampling, day_end: str, is_over: bool) -> None:
    assert month_window("2024-06", sampling).is_over_at(pd.Timestamp(day_end, tz="UTC")) is is_over


def test_fx_and_metals_alone_are_sampled_in_new_york_and_anything_with_crypto_in_utc() -> None:
    fx, metals, crypto = (watchlist(name, calendar=name)[0] for name in ("fx", "metals", "crypto"))
    assert portfolio_sampling([fx, metals]) == NEW_YORK
    assert portfolio_sampling([fx, crypto]) == UTC_DAYS


def test_a_portfolio_without_instruments_is_an_error_with_the_next_step() -> None:
    with pytest.raises(SettingsError, match="symbols add"):
        portfolio_sampling([])
