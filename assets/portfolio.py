"""Portfolio assets: the strategies over the watchlist as one account.

Belongs here: the monthly review. Not here: figures and recommendations (`bot_core_dagster.portfolio`), the page and
the picture (`bot_core_dagster.reports`).
"""

from datetime import UTC, datetime

import dagster as dg

from assets.backtests import rsi_backtest
from assets.metadata import picture, portfolio_metadata
from assets.partitions import MONTHS, OWNERS
from bot_core_dagster.lineage import content_hashes_of
from bot_core_dagster.portfolio import (
    PORTFOLIO_EQUITY,
    PORTFOLIO_REVIEWS,
    equity_rows,
    review_month,
    review_rows,
    series_of,
)
from bot_core_dagster.reports import (
    Provenance,
    portfolio_picture,
    portfolio_report_html,
    write_report,
)
from resources.lake import LakeResource
from resources.market import SettingsResource


@dg.asset(
    partitions_def=MONTHS,
    deps=[dg.AssetDep(rsi_backtest, partition_mapping=dg.AllPartitionMapping())],
    group_name="portfolio",
    kinds={"delta", "plotly"},
    owners=OWNERS,
    code_version="1",
    pool="scheduled",
)
def portfolio_review(
    context: dg.AssetExecutionContext, lake: LakeResource, settings: SettingsResource
) -> dg.MaterializeResult[None]:
    """Review a month: equity, drawdown, attribution by strategy and instrument, recommendations, an HTML report."""
    known, store, month = settings.load(), lake.open(), context.partition_key[:7]
    report = review_month(store, known, month)
    version = (context.assets_def.code_versions_by_key or {}).get(context.asset_key) or ""
    made_from = Provenance(datetime.now(UTC), version, content_hashes_of(store, ["bars", "rsi_backtest"]))
    page = write_report(f"portfolio_review_{month}.html", portfolio_report_html(report, made_from))
    store.replace(PORTFOLIO_EQUITY, equity_rows(report), [series_of(month)])
    change = store.replace(PORTFOLIO_REVIEWS, review_rows(report), [series_of(month)])[series_of(month)]
    return dg.MaterializeResult(
        metadata={
            "picture": picture(portfolio_picture(report), "equity and drawdown"),
            "report": dg.MetadataValue.path(str(page)),
            **portfolio_metadata(report),
        },
        data_version=dg.DataVersion(change.content_hash),
    )
