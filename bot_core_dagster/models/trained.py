"""A trained model and what it did on the rows that it has not seen.

Belongs here: the figures of one training, and how they are named. Not here: how they came about (`models.training`),
pictures of them (`reports.models`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot_core_dagster.models.card import ModelCard
from bot_core_dagster.models.coverage import Coverage
from bot_core_dagster.models.evaluation import Evaluation
from bot_core_dagster.models.predictions import Curve, Predictor
from bot_core_dagster.models.reliability import Reliability
from bot_core_dagster.models.traded import Traded
from bot_core_dagster.validation.loss_difference import DieboldMariano


@dataclass(frozen=True, eq=False)
class Measured:
    """What a model did on unseen rows.

    evaluation, naive : losses of the model, and of the base rate
    reliability : of the probability of up one bar ahead
    coverage : of the intervals, a horizon each
    against_naive : whether its log loss one bar ahead is below the base rate's, one-sided
    traded : the traded forecast, net of costs
    """

    evaluation: Evaluation
    naive: Evaluation
    reliability: Reliability
    coverage: tuple[Coverage, ...]
    against_naive: DieboldMariano
    traded: Traded

    @property
    def headline(self) -> dict[str, float]:
        """Figures one bar ahead, as the reliability picture and MLflow name them."""
        ahead, base = self.evaluation.at(1), self.naive.at(1)
        return {
            "log_loss": ahead.direction_log_loss,
            "base_rate_log_loss": base.direction_log_loss,
            "auc": ahead.auc,
            "accuracy": ahead.accuracy,
            "brier": ahead.direction_brier,
            "n_rows": float(ahead.n_directions),
            "standard_errors": -self.against_naive.statistic,
            "p_value": self.against_naive.p_value,
        }

    @property
    def metrics(self) -> dict[str, float]:
        """Every figure that the card keeps, by name; NaN where undefined."""
        nearest, traded = self.evaluation.at(1), self.traded
        return {
            **self.headline,
            "calibration_error": nearest.calibration_error,
            "pinball_loss": nearest.pinball_loss,
            "base_rate_pinball_loss": self.naive.at(1).pinball_loss,
            **{f"auc_{horizon}": self.evaluation.at(horizon).auc for horizon in (4, 24)},
            **{f"coverage_{horizon}": self.coverage[horizon - 1].share for horizon in (1, 4, 24)},
            **{f"coverage_p_value_{horizon}": self.coverage[horizon - 1].p_value for horizon in (1, 4, 24)},
            "net_sharpe": traded.net_sharpe,
            "double_cost_sharpe": traded.double_cost_sharpe,
            "net_return": traded.net_return,
            "turnover": traded.turnover,
            "n_trades": float(traded.n_trades),
        }


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A model that has just been trained; `curves` has the losses of each epoch."""

    card: ModelCard
    predictor: Predictor
    curves: Sequence[Curve]
    measured: Measured

    @property
    def subject(self) -> str:
        """What was trained on what, as a page says it."""
        return f"{self.card.model_type} on {self.card.symbol} {self.card.timeframe}"
