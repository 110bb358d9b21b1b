"""Figures as text: read off by eye."""

import math
from datetime import UTC, datetime

import pytest

from bot_core_dagster.metrics import NEW_YORK, UTC_DAYS
from bot_core_dagster.reports.figures import day, day_end, money, percentage, ratio, tone


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (money(1234567.891), "1,234,567.89"),
        (money(-5.0, signed=True), "−5.00"),
        (money(5.0, signed=True), "+5.00"),
        (money(math.nan), "n/a"),
        (percentage(0.0123), "+1.23\u00a0%"),
        (percentage(-0.5, decimals=0), "−50\u00a0%"),
        (percentage(0.5, signed=False, decimals=0), "50\u00a0%"),
        (percentage(math.nan), "n/a"),
        (ratio(-0.256), "−0.26"),
        (ratio(math.nan), "n/a"),
        (day(datetime(2024, 6, 1, tzinfo=UTC)), "2024-06-01"),
        (day(None), "never"),
        (day_end(UTC_DAYS), "00:00 UTC"),
        (day_end(NEW_YORK), "17:00 New York"),
        (tone(0.1), "gain"),
        (tone(-0.1), "loss"),
        (tone(0.0), "flat"),
        (tone(math.nan), "flat"),
    ],
    ids=str,
)
def test_a_figure_reads_as_expected(text: str, expected: str) -> None:
    assert text == expected
