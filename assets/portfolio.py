"""Portfolio assets: the strategies over the watchlist as one account.

Belongs here: the monthly review. Not here: figures and recommendations (`bot_core_dagster.portfolio`), the page and
the picture (`bot_core_dagster.reports`).
"""

from datetime import UTC, datetime
from typing import Final

import dagster as dg

from assets.backtests import BACKTEST_ASSETS
from assets.metadata import portfolio_metadata, sheet_metadata, shown
from assets.partitions import MONTHS, OWNERS, asset_names
from bot_core_dagster.lineage import content_hashes_of
from bot_core_dagster.portfolio import (
    PORTFOLIO_EQUITY,
    PORTFOLIO_REVIEWS,
    equity_rows,
    review_month,
    review_rows,
    series_of,
)
from bot_core_dagster.reports import Provenance, portfolio_sheet, report_file
from resources.drawing import draw_beside
from resources.lake import LakeResource
from resources.market import SettingsResource
from resources.run_history import claim_run

_REVIEW: Final = dg.AssetSpec(
    "portfolio_review",
    description="A month of the strategies over the watchlist: equity, drawdown, attribution by strategy and "
    "instrument, recommendations, an HTML report.",
    deps=[dg.AssetDep(asset, partition_mapping=dg.AllPartitionMapping()) for asset in BACKTEST_ASSETS.values()],
    group_name="portfolio",
    kinds={"delta", "plotly"},
    owners=OWNERS,
    code_version="2",
)


@dg.multi_asset(name="review_portfolio", specs=[_REVIEW], partitions_def=MONTHS, pool="scheduled")
def portfolio_review(
    context: dg.AssetExecutionContext, lake: LakeResource, settings: SettingsResource
) -> dg.MaterializeResult[None]:
    """Review a month. The op has a name of its own: Dagster wants the job `portfolio_review` to differ from it."""
    claim_run(context)
    known, store, month = settings.load(), lake.open(), context.partition_key[:7]
    report = review_month(store, known, month)
    made_from = Provenance(
        datetime.now(UTC), str(_REVIEW.code_version), content_hashes_of(store, ["bars", *asset_names("backtest")])
    )
    sheet = draw_beside(1, portfolio_sheet, report, made_from, report_file(f"portfolio_review_{month}"))
    store.replace(PORTFOLIO_EQUITY, equity_rows(report), [series_of(month)])
    change = store.replace(PORTFOLIO_REVIEWS, review_rows(report), [series_of(month)])[series_of(month)]
    return dg.MaterializeResult(
        metadata=shown(
            {
                **sheet_metadata(sheet()),
                **portfolio_metadata(report),
                "rows": change.n_rows,
                "new_rows": change.n_new,
                "changed_rows": change.n_changed,
            }
        ),
        data_version=dg.DataVersion(change.content_hash),
    )
