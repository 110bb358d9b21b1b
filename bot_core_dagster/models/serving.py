"""A served model: a predictor with all that is needed to ask it about new bars.

Belongs here: features in the card's order and scale, calibrated answers, loading from disk. Not here: how it was
trained (`models.training`), what its answers are worth (`models.evaluation`), files (`models.store`).
"""

from dataclasses import dataclass

import pandas as pd

from bot_core_dagster.metrics.arrays import IntArray1D
from bot_core_dagster.models.calibration import Calibration
from bot_core_dagster.models.card import ModelCard, check_usable
from bot_core_dagster.models.kinds import kind_named
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.predictions import Predictions, Predictor
from bot_core_dagster.models.store import ModelStore


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A trained model that can be asked."""

    card: ModelCard
    predictor: Predictor

    @classmethod
    def load(cls, store: ModelStore, symbol: str, model_type: str, version: str) -> "ServedModel":
        """Return a stored model.

        Raises
        ------
        ModelError
            If its files are gone, corrupt or another's, or what it was trained on is no longer what the code computes.
        """
        card, files = store.load(symbol, model_type, version)
        check_usable(card)
        return cls(card, kind_named(model_type).load(files))

    @property
    def version(self) -> str:
        """The version, as registry and forecasts name it."""
        return self.card.version

    def predict(self, known: Known, rows: IntArray1D) -> Predictions:
        """Return what it says at the close of each of `rows`, places of bars with a whole window; calibrated.

        Raises
        ------
        ShapeError
            If a feature is missing, or a row has no whole window.
        """
        windows = known.windows.only(self.card.columns).scaled(self.card.scaler)
        said = self.predictor.predict(windows, rows)
        return Predictions(Calibration.from_json(self.card.calibration).apply(said.up), said.quantiles)

    def rows(self, known: Known, after: pd.Timestamp | None = None) -> IntArray1D:
        """Return the places of the bars that it can be asked about, from `after` on (as-of, included)."""
        rows = known.windows.only(self.card.columns).complete_rows
        return rows if after is None else rows[known.labels.start[rows] >= after]
