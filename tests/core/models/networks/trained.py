"""Trainings that the tests of networks share: small, and of every kind.

Belongs here: builders of `Training` and a checkpoint in memory. Not here: expectations.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from bot_core_dagster.features.frame import bar_features
from bot_core_dagster.market.simulated.source import SimulatedSource
from bot_core_dagster.models.labels import HORIZONS, Labels, labels_of
from bot_core_dagster.models.predictions import Training
from bot_core_dagster.models.slices import Slices, slices_of
from bot_core_dagster.models.windows import Windows, windows_of
from tests.builders import bars, instrument

N_COLUMNS = 3
_END = datetime(2024, 1, 1, tzinfo=UTC)


def small_training(n_rows: int = 96, seed: int = 0) -> Training:
    """Return a training whose next bar goes where the last bar's first feature points, with some labels unknown."""
    random = np.random.default_rng(seed)
    n_bars = n_rows + 59
    matrix = random.normal(size=(n_bars, N_COLUMNS)).astype(np.float32)
    times = pd.DatetimeIndex(bars(n_bars)["close_time"])
    scaled = np.where(random.random((n_bars, HORIZONS)) < 0.1, np.nan, matrix[:, :1] * np.ones(HORIZONS))
    deviation = np.full(n_bars, 0.01)
    labels = Labels(
        log_ret=scaled * deviation[:, None] * np.sqrt(np.arange(1, HORIZONS + 1)),
        deviation=deviation,
        direction=np.where(np.abs(scaled) > 0.5, (scaled > 0.0).astype(float), np.nan),
        start=times,
        end=times,
    )
    rows = np.arange(59, n_bars)
    parts = np.split(rows, [2 * n_rows // 3, 2 * n_rows // 3 + 8, 2 * n_rows // 3 + 10, 2 * n_rows // 3 + 12])
    return Training(Windows(matrix, tuple("abc")), labels, Slices(*parts))


def simulated_training(seed: int, edge: float, used_days: int, unseen_days: int) -> Training:
    """Return a training on hours of a simulated market with a planted edge, scaled on what trains."""
    traded, used, unseen = instrument(), timedelta(days=used_days), timedelta(days=unseen_days)
    market = SimulatedSource(seed, edge).fetch(traded, _END - used - unseen - timedelta(days=12), _END).bars
    features = bar_features(market, traded.calendar)
    windows, labels = windows_of(features), labels_of(market, features, traded.calendar)
    slices = slices_of(labels, windows.complete_rows, used=used, unseen=unseen, embargo=timedelta(days=1))
    windows = windows.narrowed(slices.training_bars)
    return Training(windows.scaled(windows.fitted_scaler(slices.training_bars)), labels, slices)


@dataclass
class MemoryCheckpoint:
    """A checkpoint file that is killed after `survives` writes."""

    content: bytes | None = None
    survives: int = 10_000

    def read(self) -> bytes | None:
        """Return what was written last."""
        return self.content

    def write(self, content: bytes) -> None:
        """Keep this instead, then be killed where it was the last."""
        self.content = content
        self.survives -= 1
        if self.survives == 0:
            raise KeyboardInterrupt
