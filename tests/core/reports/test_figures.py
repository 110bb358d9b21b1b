"""Figures as text: read off by eye."""

import math
from datetime import UTC, datetime

import pytest

from bot_core_dagster.metrics import NEW_YORK, UTC_DAYS
from bot_core_dagster.reports.figures import (
    count,
    counted,
    day,
    day_end,
    duration,
    minute,
    money,
    p_value,
    parameters,
    percentage,
    price,
    ratio,
    share,
    tone,
)


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
        (percentage(-0.00001), "0.00\u00a0%"),
        (percentage(0.00001), "0.00\u00a0%"),
        (money(-0.001, signed=True), "0.00"),
        (share(0.555), "56\u00a0%"),
        (share(math.nan), "n/a"),
        (ratio(-0.256), "−0.26"),
        (ratio(-0.001), "0.00"),
        (ratio(0.69314, decimals=4), "0.6931"),
        (ratio(0.00421, decimals=4, signed=True), "+0.0042"),
        (p_value(0.0123), "p = 0.012"),
        (p_value(0.00099), "p < 0.001"),
        (p_value(math.nan), "p = n/a"),
        (count(1_234_567), "1,234,567"),
        (count(math.nan), "n/a"),
        (counted(1, "trade"), "1 trade"),
        (counted(0, "trade"), "0 trades"),
        (counted(1_500, "trade"), "1,500 trades"),
        (price(64_250.123), "64,250.1"),
        (price(1.082144), "1.08214"),
        (price(0.00001234567), "0.0000123457"),
        (price(1_234_567.8), "1,234,568"),
        (price(0.0), "0"),
        (price(math.nan), "n/a"),
        (duration(0.5), "30\u00a0min"),
        (duration(5.25), "5.2\u00a0h"),
        (duration(72.0), "3.0\u00a0days"),
        (duration(math.nan), "n/a"),
        (parameters({"window": 14, "threshold": -0.5}), "window 14, threshold −0.5"),
        (parameters({}), "none"),
        (minute(datetime(2024, 6, 1, 12, 30, tzinfo=UTC)), "2024-06-01 12:30 UTC"),
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
