"""Bar assets: what the market did, as its source told it.

Belongs here: the bars of each instrument and the verdict on them. Not here: sources and refusals
(`bot_core_dagster.market`), versions of a bar (`bot_core_dagster.lake`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import dagster as dg
import pandas as pd

from assets.each_symbol import materialize_each_symbol
from assets.metadata import source_of
from assets.partitions import ONE_RUN, OWNERS, SYMBOLS, SymbolsConfig
from assets.reading import Read, own_series
from assets.storing import Check, Made
from bot_core_dagster.errors import SourceError
from bot_core_dagster.lake import BAR_QUALITY, BARS, QUARANTINE, Lake, SeriesChange
from bot_core_dagster.lake.refetch import StoredTimes, stored_times
from bot_core_dagster.market.intake import condemned_bars
from bot_core_dagster.market.quality import assess
from bot_core_dagster.market.sources import new_bars
from bot_core_dagster.settings import Instrument, Settings
from resources.lake import LakeResource
from resources.market import MarketResource, SettingsResource


@dg.asset(
    partitions_def=SYMBOLS,
    backfill_policy=ONE_RUN,
    group_name="market_data",
    kinds={"delta", "ccxt"},
    owners=OWNERS,
    code_version="1",
    pool="data_collection",
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=3), warn_window=timedelta(hours=2)),
)
def bars(
    context: dg.AssetExecutionContext,
    config: SymbolsConfig,
    lake: LakeResource,
    settings: SettingsResource,
    market: MarketResource,
) -> None:
    """Bring the closed bars of each instrument that are new or corrected since the last run.

    Impossible rows go to `quarantine` with the reason; a correction closes the old version of a bar and keeps it.
    """
    now, known = market.now(), settings.load()
    sources = market.sources(known)

    def collect(instrument: Instrument, stored: StoredTimes) -> Made:
        admission = new_bars(
            sources,
            instrument,
            history_start=known.history.start,
            last_open_time=stored.last,
            now=now,
            missing_since=stored.missing_since,
        )
        if admission.bars.empty and stored.last is None:
            raise SourceError("; ".join(("no bars came and none are stored", *admission.notes)))
        return Made(
            tables=[(BARS, admission.bars), (QUARANTINE, admission.quarantined)],
            metadata={
                "source": source_of(instrument),
                "fetched_rows": admission.n_read,
                "quarantined_rows": len(admission.quarantined),
                "duplicate_rows": admission.n_duplicates,
                "notes": "; ".join(admission.notes) or "none",
                **_last_bar(admission.bars),
            },
        )

    materialize_each_symbol(
        context,
        lake.open(),
        known,
        config.symbols,
        collect,
        load=partial(_stored_times, now),
        store=partial(_upsert_bars, known),
    )


@dg.asset(
    partitions_def=SYMBOLS,
    deps=[bars],
    backfill_policy=ONE_RUN,
    group_name="market_data",
    kinds={"delta", "pandera"},
    owners=OWNERS,
    code_version="2",
    pool="data_collection",
)
def bar_quality(
    context: dg.AssetExecutionContext,
    config: SymbolsConfig,
    lake: LakeResource,
    settings: SettingsResource,
    market: MarketResource,
) -> None:
    """Judge each instrument's bars: order, duplicates, consistency, missing bars, jumps, zero volume, staleness.

    A symbol that fails stops its own downstream and nothing else; nothing is filled.
    """
    known, now = settings.load(), market.now()

    def judge(instrument: Instrument, stored: pd.DataFrame) -> Made:
        quality = assess(stored, instrument, known.quality, now)
        failed = [check for check in quality.checks if not check.passed]
        return Made(
            tables=[(BAR_QUALITY, pd.DataFrame([quality.as_row()]))],
            metadata={
                "verdict": quality.verdict,
                "source": "SIMULATED" if quality.is_simulated else source_of(instrument),
                "bars": quality.n_bars,
                "missing_bars": quality.n_missing,
                "findings": "; ".join(f"{check.name}: {check.detail}" for check in failed) or "none",
            },
            checks=[
                Check(
                    name="bars_are_usable",
                    is_passed=quality.verdict != "fail",
                    is_fatal=True,
                    reason="; ".join(check.detail for check in failed) or "nothing found",
                    metadata={check.name: check.detail for check in quality.checks},
                )
            ],
            failure="; ".join(check.detail for check in failed) if quality.verdict == "fail" else "",
            version=quality.version,
        )

    materialize_each_symbol(context, lake.open(), known, config.symbols, judge)


def _stored_times(now: datetime, lake: Lake, instruments: Sequence[Instrument]) -> dict[str, Read[StoredTimes]]:
    return {symbol: Read(times) for symbol, times in stored_times(lake, instruments, now).items()}


def _upsert_bars(settings: Settings, lake: Lake, made: Mapping[str, Made]) -> dict[str, SeriesChange]:
    """Store the bars; answer with rows and content of each instrument's own timeframe, others stand beside it."""
    quarantined = [one.tables[1][1] for one in made.values() if len(one.tables[1][1])]
    if quarantined:
        refused = pd.concat(quarantined, ignore_index=True)
        lake.upsert(QUARANTINE, refused)
        lake.withdraw_bars(condemned_bars(refused))
    fetched = [one.tables[0][1] for one in made.values() if len(one.tables[0][1])]
    changes = lake.upsert_bars(pd.concat(fetched, ignore_index=True)) if fetched else {}
    now = own_series(lake, [settings.instrument(symbol) for symbol in made])
    return {
        symbol: replace(changes[symbol], n_rows=one.n_rows, content_hash=one.content_hash) if symbol in changes else one
        for symbol, one in now.items()
    }


def _last_bar(frame: pd.DataFrame) -> dict[str, object]:
    if frame.empty:
        return {}
    last = frame.iloc[-1]
    return {
        "last_close_time": dg.MetadataValue.timestamp(last["close_time"].to_pydatetime()),
        "last_close": float(last["close"]),
    }
