"""The monthly review as an asset: a page, a picture, figures with their caveats."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from assets.partitions import MONTHS
from bot_core_dagster.portfolio import PORTFOLIO_REVIEWS, newest_full_month
from bot_core_dagster.settings import load_settings
from tests.dagster.conftest import TRADED, Platform, made_in, materializations


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, dg.AssetMaterialization]]:
    with made_in(tmp_path_factory.mktemp("reviewed")) as platform:
        platform.watch("BTCUSDT", "ETHUSDT")
        platform.run(assets=TRADED)
        result = platform.run("portfolio_review", partition_key="2024-02-01")
        assert result.success
        assert materializations(result, "portfolio_review") == ["2024-02-01"]
        (event,) = result.get_asset_materialization_events()
        yield platform, event.materialization


def test_a_review_shows_its_picture_and_links_its_page(reviewed: tuple[Platform, dg.AssetMaterialization]) -> None:
    _, event = reviewed
    assert str(event.metadata["picture"].value).startswith("![equity and drawdown](data:image/png;base64,")
    page = Path(str(event.metadata["report"].value)).read_text(encoding="utf-8")
    assert "SIMULATED" in page
    assert page.count("<html") == 1


def test_a_review_of_simulated_bars_says_so(reviewed: tuple[Platform, dg.AssetMaterialization]) -> None:
    platform, event = reviewed
    assert "SIMULATED" in str(event.metadata["bars"].value)
    assert platform.lake.read(PORTFOLIO_REVIEWS)["simulated"].all()


def test_the_same_review_again_changes_nothing(reviewed: tuple[Platform, dg.AssetMaterialization]) -> None:
    platform, event = reviewed
    again = platform.run("portfolio_review", partition_key="2024-02-01")
    (second,) = again.get_asset_materialization_events()
    assert (second.materialization.tags or {})["dagster/data_version"] == (event.tags or {})["dagster/data_version"]


@pytest.mark.parametrize(
    ("now", "month"),
    [
        ("2024-03-01T00:00", "2024-02"),
        ("2024-02-29T23:00", "2024-01"),
        ("2024-02-29T00:00", "2024-01"),
        ("2024-02-01T00:00", "2024-01"),
        ("2024-01-20T00:00", "2024-01"),
    ],
)
def test_the_newest_full_month_is_the_last_that_has_ended(platform: Platform, now: str, month: str) -> None:
    """Where none has, it is the month to date."""
    platform.now = datetime.fromisoformat(now).replace(tzinfo=UTC)
    platform.watch("BTCUSDT")
    platform.run(assets=TRADED)
    assert newest_full_month(platform.lake, load_settings(platform.settings_file)) == month


def test_the_current_month_can_be_reviewed_to_date(platform: Platform) -> None:
    this_month = f"{datetime.now(UTC):%Y-%m-01}"
    assert this_month in MONTHS.get_partition_keys()
