"""The picture of a review: a PNG of the promised size, marked where simulated."""

import pytest

from bot_core_dagster.reports import portfolio_picture
from tests.core.reports.reader import pixels, share_of
from tests.core.reports.reviewed import report


def test_a_review_is_a_small_picture_of_1200_by_700() -> None:
    png = portfolio_picture(report(n_days=1_000, month="2026-08"))
    assert pixels(png).shape == (700, 1200, 3)
    assert len(png) < 120_000


@pytest.mark.parametrize("color", ["#1f5fd6", "#8b95a3", "#c23a2e"], ids=["equity", "buy and hold", "drawdown"])
def test_the_curves_are_drawn(color: str) -> None:
    assert share_of(color, portfolio_picture(report())) > 0.0005


def test_simulated_is_written_across_it() -> None:
    watermark = "#f7e5e3"
    real, simulated = portfolio_picture(report()), portfolio_picture(report(is_simulated=True))
    assert share_of(watermark, real, 6) < 0.005
    assert share_of(watermark, simulated, 6) > 0.03
