"""Models: how long a training takes, three networks on ten symbols, forecasts of fifty, and what windows hold.

Belongs here: these figures, one core each. Not here: the homes they run in (`benchmarks.models_home`), how good the
models are (`tests.core.models`).

A training counts only where it went on for 10 epochs, or its patience of 5 ran out before.
"""

import json
import os
import time
import tracemalloc
from collections.abc import Mapping
from datetime import timedelta
from itertools import cycle
from statistics import mean
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.bench_grid import YEAR_OF_HOURS, YEAR_OF_MINUTES
from benchmarks.job_run import run_in_process
from benchmarks.models_home import home_of, lake_of, promote_everywhere, simulated_bars
from bot_core_dagster.models.forecast_table import FORECASTS
from bot_core_dagster.models.kinds import kind_named
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.labels import HORIZONS
from bot_core_dagster.models.plan import TrainingPlan
from bot_core_dagster.models.registry_tables import MODELS
from bot_core_dagster.models.store import ModelStore
from bot_core_dagster.models.training import train_model
from bot_core_dagster.models.windows import Windows
from tests.builders import bars, instrument

YEAR_DAYS: Final = 365
EDGES: Final = {"no edge": 0.0, "a large edge": 1.0}
"""Of the simulated bars: with an edge there is something to learn, for more epochs."""

NETWORKS: Final = ("lstm", "gru", "transformer")
N_TRAINED, TRAINED_DAYS = 10, 180
N_FORECAST: Final = 50
N_REPEATS: Final = 3
N_COLUMNS: Final = 20
BATCH_ROWS: Final = 128
MIN_EPOCHS, PATIENCE = 10, 5


def bench_lstm_of_a_year() -> list[dict[str, Any]]:
    """Return the time of an LSTM on a year of hours, another year unseen: training, calibration, all that is measured.

    The bars are simulated, once without and once with an edge.
    """
    return [_lstm(words, edge) for words, edge in EDGES.items()]


def bench_three_networks() -> dict[str, Any]:
    """Return the time of one Dagster run that trains three networks on ten symbols, with MLflow and pictures.

    Every other symbol has a large edge.
    """
    edges = zip(_symbols(N_TRAINED), cycle(EDGES.values()), strict=False)
    history = {symbol: simulated_bars(symbol, TRAINED_DAYS + YEAR_DAYS, edge) for symbol, edge in edges}
    settings = f"[models]\ndays_of_data = {TRAINED_DAYS}\npatience = {PATIENCE}\n"
    with home_of(history, settings) as environment:
        took = run_in_process(environment, "train_model", [f"{name}_model" for name in NETWORKS])
        rows = lake_of(environment).read(MODELS)
    told = [_epochs(name, rows[rows["model_type"] == name]) for name in NETWORKS]
    return {
        "name": f"three networks x {N_TRAINED} symbols x {TRAINED_DAYS} days, one Dagster run",
        "value": took.run_s / 60,
        "unit": "min",
        "limit": 12.0,
        "detail": f"{took.cpu_s / 60:.1f} min of it CPU; {YEAR_DAYS} days unseen; {'; '.join(told)}",
    }


def bench_forecasts() -> dict[str, Any]:
    """Return the time of one Dagster run that forecasts 50 symbols by LSTMs, an hour after the last, from its start."""
    history = {name: bars(YEAR_OF_HOURS, symbol=name, seed=seed) for seed, name in enumerate(_symbols(N_FORECAST))}
    with home_of(history) as environment:
        lake = lake_of(environment)
        promote_everywhere(environment, history, "lstm")
        times = [run_in_process(environment, "train_model", ["forecasts"])]
        for hour in range(N_REPEATS):
            later = next(iter(history.values()))["close_time"].iloc[-1] + timedelta(hours=hour)
            lake.upsert_bars(pd.concat([bars(1, symbol=name, start=later) for name in history]))
            times.append(run_in_process(environment, "train_model", ["forecasts"]))
        said = lake.read(FORECASTS)
    n_by_networks = int((said["model_type"] == "lstm").sum())
    if n_by_networks != len(times) * N_FORECAST * HORIZONS:
        raise RuntimeError(f"of {len(said)} forecasts {n_by_networks} are by networks: {said['note'].unique()[:3]}")
    best = min(times[1:])
    return {
        "name": f"forecasts of {HORIZONS} hours for {N_FORECAST} symbols, one Dagster run",
        "value": best.run_s,
        "unit": "s",
        "limit": 5.0,
        "detail": f"the fastest of {N_REPEATS}, {best.cpu_s:.1f} s of it CPU; the slowest "
        f"{max(times[1:]).run_s:.1f} s, the first with a table to make {times[0].run_s:.1f} s; a year of hours each",
    }


def bench_windows() -> dict[str, Any]:
    """Return the most memory held while all windows of a year of minutes are taken in batches, over the features'."""
    matrix = np.random.default_rng(0).standard_normal((YEAR_OF_MINUTES, N_COLUMNS), dtype=np.float32)
    windows = Windows(matrix, tuple(f"feature_{place}" for place in range(N_COLUMNS)))
    tracemalloc.start()
    started = time.perf_counter()
    rows = windows.complete_rows
    n_taken = sum(len(windows.at(rows[first : first + BATCH_ROWS])) for first in range(0, len(rows), BATCH_ROWS))
    seconds = time.perf_counter() - started
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "name": f"windows of {YEAR_OF_MINUTES:,} x 60 x {N_COLUMNS}, peak over the features",
        "value": (matrix.nbytes + peak) / matrix.nbytes,
        "unit": "x",
        "limit": 1.5,
        "detail": f"{n_taken:,} windows in batches of {BATCH_ROWS} in {seconds:.1f} s; the features are "
        f"{matrix.nbytes / 1e6:.0f} MB, {peak / 1e6:.0f} MB are beside them; as copies the windows would be "
        f"{60 * matrix.nbytes / 1e9:.1f} GB",
    }


def _symbols(n_symbols: int) -> list[str]:
    return [f"SIM{number:03d}" for number in range(n_symbols)]


def _lstm(words: str, edge: float) -> dict[str, Any]:
    traded = instrument()
    history = simulated_bars(traded.symbol, 2 * YEAR_DAYS, edge)
    plan = TrainingPlan(days_of_data=YEAR_DAYS, unseen_days=YEAR_DAYS, patience=PATIENCE)
    with home_of({traded.symbol: history}) as environment:
        store = ModelStore(lake_of(environment).root.parent / "models")
        started, started_cpu = time.perf_counter(), time.process_time()
        card = train_model(kind_named("lstm"), Known.of(history, traded), traded, plan, store).card
        seconds, cpu_s = time.perf_counter() - started, time.process_time() - started_cpu
    _require_rule(vars(card))
    return {
        "name": f"LSTM on a year of hours, {words}",
        "value": seconds,
        "unit": "s",
        "limit": 60.0,
        "detail": f"{cpu_s:.1f} s of it CPU, on {os.environ.get('OMP_NUM_THREADS')} thread; best epoch "
        f"{card.best_epoch} of {card.n_epochs} epochs; {card.stopping_reason}; {card.slices['training'].n_rows:,} rows "
        f"train, {card.slices['unseen'].n_rows:,} are unseen",
    }


def _epochs(name: str, rows: pd.DataFrame) -> str:
    """Return how long the trainings of a kind went on, and why they ended."""
    cards = [json.loads(card) for card in rows["card"]]
    for card in cards:
        _require_rule(card)
    n_stopped = sum(card["stopping_reason"].startswith("no gain") for card in cards)
    return (
        f"{name} {mean(card['n_epochs'] for card in cards):.1f} epochs on average, {n_stopped} of {len(cards)} stopped "
        "for want of gain"
    )


def _require_rule(card: Mapping[str, Any]) -> None:
    """Refuse the time of a training that ended early for another reason than its patience."""
    is_out_of_patience = card["n_epochs"] - card["best_epoch"] >= PATIENCE
    if card["n_epochs"] < MIN_EPOCHS and not is_out_of_patience:
        raise RuntimeError(f"a training ended after {card['n_epochs']} epochs: {card['stopping_reason']}")
