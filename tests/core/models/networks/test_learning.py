"""Whether networks find what is planted: their log loss on rows that they have not seen, in standard errors."""

import numpy as np
import pytest

from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.models.kinds import kind_named
from bot_core_dagster.models.networks import NETWORKS
from bot_core_dagster.models.networks.start import start_of
from bot_core_dagster.models.predictions import FitOptions, Training
from bot_core_dagster.validation.loss_difference import diebold_mariano
from tests.core.models.networks.trained import simulated_training

STANDARD_ERRORS = 5.0


def _log_loss(up: FloatArray1D, is_up: FloatArray1D) -> FloatArray1D:
    return -np.log(np.where(is_up == 1.0, up, 1.0 - up))


def _errors_below_the_base_rate(name: str, training: Training, max_epochs: int) -> float:
    """Return by how many HAC standard errors the log loss at horizon 1 is under that of the training's base rate."""
    fit = kind_named(name).fit(training, FitOptions(max_epochs=max_epochs))
    unseen = training.slices.unseen
    is_up = training.labels.direction[unseen, 0]
    is_move = np.isfinite(is_up)
    said = fit.predictor.predict(training.windows, unseen).up[is_move, 0]
    base_rate = np.full(len(said), start_of(training.labels, training.slices.training).up[0])
    return -diebold_mariano(_log_loss(said, is_up[is_move]), _log_loss(base_rate, is_up[is_move])).statistic


def test_a_planted_edge_is_found_in_four_months_of_hours() -> None:
    training = simulated_training(seed=1, edge=1.0, used_days=120, unseen_days=60)
    assert _errors_below_the_base_rate("transformer", training, max_epochs=4) >= STANDARD_ERRORS


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_planted_edge_is_found_by_every_network_in_a_year_of_hours(name: str, seed: int) -> None:
    training = simulated_training(seed=seed, edge=1.0, used_days=365, unseen_days=120)
    assert _errors_below_the_base_rate(name, training, max_epochs=12) >= STANDARD_ERRORS
