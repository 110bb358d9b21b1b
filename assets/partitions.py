"""Partitions of the assets: one key an instrument, one key a month.

Belongs here: partition definitions and backfill policies. Not here: who keeps the symbols in step with the watchlist
(`sensors.watchlist`).
"""

import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import dagster as dg
from pydantic import Field

from bot_core_dagster.models.kinds import MODEL_TYPES
from bot_core_dagster.strategies import RuleStrategy, strategies

warnings.filterwarnings("ignore", message="Parameter `backfill_policy` of")  # beta in the pinned Dagster, and meant

SYMBOLS: Final = dg.DynamicPartitionsDefinition(name="symbols")
MONTHS: Final = dg.MonthlyPartitionsDefinition(start_date="2010-01-01", timezone="UTC", end_offset=1)
ONE_RUN: Final = dg.BackfillPolicy.single_run()
OWNERS: Final = ["team:quant"]


TRADED: Final = tuple(each for each in strategies().values() if not isinstance(each, RuleStrategy))
"""Strategies with assets of their own; those of rules speak in the market analysis."""


def asset_names(noun: str) -> tuple[str, ...]:
    """Return the names of each strategy's asset of that noun: rsi_backtest, macd_backtest and so on."""
    return tuple(f"{strategy.name}_{noun}" for strategy in TRADED)


FORECAST_ASSETS: Final = ("forecasts", "forecast_scores")
"""What is said of the next bars, and what came of it: both follow the bars."""

SYMBOL_ASSETS: Final = (
    *("bars", "bar_quality", "features", "market_analysis"),
    *(name for noun in ("optimization", "parameters", "backtest") for name in asset_names(noun)),
    *(*(f"{name}_model" for name in MODEL_TYPES), "champion", *FORECAST_ASSETS),
)
"""The assets of `SYMBOLS`, upstream first."""


class SymbolsConfig(dg.Config):
    """A part of the run's symbols; none named means all of them."""

    symbols: list[str] = Field(default_factory=list)


def symbol_range_tags(keys: list[str]) -> dict[str, str]:
    """Return the run tags that cover all partitions of `SYMBOLS`, in their insertion order.

    Raises
    ------
    ValueError
        If there are none: Dagster would make one unpartitioned materialisation instead.
    """
    if not keys:
        raise ValueError("no symbols: an empty partition range would run unpartitioned")
    return {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}


def stretches(there: Sequence[str], symbols: Collection[str]) -> list[list[str]]:
    """Return `symbols` as stretches that stand side by side in `there`.

    A run is planned for every partition of its range; where it fails, Dagster shows all of them that it did not make as
    failed. A range must therefore hold nothing but what is to be made.
    """
    found: list[list[str]] = []
    for place, symbol in enumerate(there):
        if symbol in symbols:
            if not found or place == 0 or there[place - 1] not in symbols:
                found.append([])
            found[-1].append(symbol)
    return found


@dataclass(frozen=True)
class Drift:
    """How the partitions differ from the watchlist; `after` are the partitions in step with it, in their order."""

    added: list[str]
    removed: list[str]
    after: list[str]


def drift(instance: dg.DagsterInstance, wanted: Sequence[str]) -> Drift:
    """Compare the symbols' partitions with the symbols that are wanted."""
    there = list(instance.get_dynamic_partitions(str(SYMBOLS.name)))
    added = [symbol for symbol in wanted if symbol not in there]
    removed = [symbol for symbol in there if symbol not in wanted]
    return Drift(added, removed, [symbol for symbol in there if symbol in wanted] + added)
