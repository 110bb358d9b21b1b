"""The plan of a training: on how much it learns, for how long, and what is held back from it.

Belongs here: what the settings and a caller decide. Not here: the cut itself (`models.slices`), the training
(`models.training`).
"""

from dataclasses import asdict, dataclass
from datetime import timedelta

from bot_core_dagster.models.slices import EMBARGO_BARS
from bot_core_dagster.settings import ModelsSettings
from bot_core_dagster.timeframe import Timeframe


@dataclass(frozen=True)
class TrainingPlan:
    """How models are trained; the fields are those of `settings.ModelsSettings` of the same name.

    is_first : whether this is the shorter training of a first run
    """

    days_of_data: int = 730
    unseen_days: int = 365
    max_epochs: int = 60
    patience: int = 5
    folds: int = 1
    seed: int = 0
    is_first: bool = False

    @classmethod
    def of(cls, settings: ModelsSettings, *, days_of_data: int | None = None, is_first: bool = False) -> "TrainingPlan":
        """Return the plan that the settings ask for, with other days where a caller names them."""
        return cls(
            days_of_data=days_of_data or (settings.first_days_of_data if is_first else settings.days_of_data),
            unseen_days=settings.first_unseen_days if is_first else settings.unseen_days,
            max_epochs=settings.first_max_epochs if is_first else settings.max_epochs,
            patience=settings.patience,
            folds=1 if is_first else settings.folds,
            seed=settings.seed,
            is_first=is_first,
        )

    @property
    def used(self) -> timedelta:
        """Time that a model may use."""
        return timedelta(days=self.days_of_data)

    @property
    def unseen(self) -> timedelta:
        """Time held back from it, the newest."""
        return timedelta(days=self.unseen_days)

    def embargo(self, timeframe: Timeframe) -> timedelta:
        """Return the time left out between slices, beyond labels that would overlap."""
        return timeframe.delta * EMBARGO_BARS

    def as_parameters(self) -> dict[str, object]:
        """Return the fields as a tracker logs them."""
        return asdict(self)
