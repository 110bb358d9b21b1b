"""Homes for the benchmarks of models: settings, a lake with bars, and champions.

Belongs here: what must be there before the clock starts. Not here: runs on them (`job_run`), timing (`bench_models`).
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pandas as pd

from bot_core_dagster.lake import Lake
from bot_core_dagster.market.simulated import SimulatedSource
from bot_core_dagster.models.kinds import kind_named
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.plan import TrainingPlan
from bot_core_dagster.models.registry import promote_by_hand, record_model
from bot_core_dagster.models.store import ModelStore
from bot_core_dagster.models.training import train_model
from tests.builders import instrument

START: Final = datetime(2023, 1, 1, tzinfo=UTC)

_ENTRY: Final = (
    '[[watchlist]]\nsymbol = "{}"\nvenue = "bench"\ntimeframe = "1h"\nbase = "BTC"\nquote = "USDT"\n'
    'calendar = "crypto"\nprice_side = "trade"\nsource = "simulated"\n'
    "costs = {{ fee_bps = 4.0, spread_bps = 1.0, slippage_bps = 1.0 }}\n"
)
_SHORT: Final = TrainingPlan(days_of_data=90, unseen_days=60, max_epochs=2)


def simulated_bars(symbol: str, days: int, edge: float = 0.0) -> pd.DataFrame:
    """Return so many days of a symbol's simulated hours from 2023 on."""
    source = SimulatedSource(seed=5, edge=edge)
    return source.fetch(instrument(symbol=symbol), START, START + timedelta(days=days)).bars


@contextmanager
def home_of(bars: dict[str, pd.DataFrame], settings: str = "") -> Iterator[dict[str, str]]:
    """Make a home with these bars by symbol; give the environment of a process that uses it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = folder / "bot_core.toml"
        written.write_text("\n".join(map(_ENTRY.format, bars)) + settings, encoding="utf-8")
        (folder / "dagster").mkdir()
        Lake.open(folder / "lake", create=True).upsert_bars(pd.concat(bars.values()))
        yield os.environ | {
            "BOT_CORE_HOME": name,
            "BOT_CORE_CONFIG": str(written),
            "DAGSTER_HOME": str(folder / "dagster"),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "OMP_NUM_THREADS": "1",
        }


def lake_of(environment: dict[str, str]) -> Lake:
    """Return the lake of a home."""
    return Lake.open(Path(environment["BOT_CORE_HOME"]) / "lake")


def promote_everywhere(environment: dict[str, str], bars: dict[str, pd.DataFrame], model_type: str) -> None:
    """Train one small model on the first symbol, and put it in force on all of them under cards of their own."""
    first, history = next(iter(bars.items()))
    store, lake = ModelStore(Path(environment["BOT_CORE_HOME"]) / "models"), lake_of(environment)
    traded = instrument(symbol=first)
    trained = train_model(kind_named(model_type), Known.of(history, traded), traded, _SHORT, store)
    for symbol in bars:
        card = store.save(replace(trained.card, symbol=symbol, files={}), trained.predictor.files())
        record_model(lake, card)
        promote_by_hand(lake, symbol, card.timeframe, card.version, "to be timed")
