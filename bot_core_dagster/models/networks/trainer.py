"""Trainer: epochs until the stopping slice no longer gains, and the best epoch's weights.

Belongs here: the loop, its state and why it ended. Not here: loss, batches, the checkpoint's bytes, layers.
"""

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam
from torch.optim.lr_scheduler import ReduceLROnPlateau

from bot_core_dagster.errors import ModelError, ShapeError
from bot_core_dagster.metrics.arrays import IntArray1D
from bot_core_dagster.models.labels import spread_of
from bot_core_dagster.models.networks.batches import batches
from bot_core_dagster.models.networks.checkpoint import content_of, identity_of, state_of
from bot_core_dagster.models.networks.loss import curve_of, loss_of, loss_sums
from bot_core_dagster.models.networks.network import Network
from bot_core_dagster.models.networks.predictor import NetworkPredictor
from bot_core_dagster.models.networks.reproducible import reproducible, seed_epoch
from bot_core_dagster.models.networks.sizes import OPTIMISATION
from bot_core_dagster.models.networks.start import start_of
from bot_core_dagster.models.predictions import Curve, Fit, FitOptions, Training


def fit_network(name: str, training: Training, options: FitOptions) -> Fit:
    """Train a network; where the checkpoint holds a part of the same training, go on after it.

    Raises
    ------
    ShapeError
        If the rows that train or stop have no label at all.
    ModelError
        If the loss is no longer finite.
    """
    _require_labels(training)
    with reproducible() as device:
        trainer = _Trainer(name, training, options, device)
        while (reason := trainer.stopping_reason()) is None:
            trainer.train_epoch()
            options.on_epoch(trainer.epoch, trainer.curves[-1])
        predictor = NetworkPredictor(name, len(training.windows.columns), trainer.best_weights)
    return Fit(predictor, tuple(trainer.curves), trainer.best_epoch, reason)


class _Trainer:
    """A training between two epochs."""

    def __init__(self, name: str, training: Training, options: FitOptions, device: torch.device) -> None:
        self._training, self._options, self._device = training, options, device
        seed_epoch(options.seed, 0)
        self._network = Network(name, len(training.windows.columns))
        self._network.heads.start_from(start_of(training.labels, training.slices.training))
        self._network.to(device)
        self._optimiser = Adam(
            self._network.parameters(), lr=OPTIMISATION.learning_rate, weight_decay=OPTIMISATION.weight_decay
        )
        self._plateau = ReduceLROnPlateau(
            self._optimiser, factor=OPTIMISATION.plateau_factor, patience=OPTIMISATION.plateau_epochs
        )
        self.curves: list[Curve] = []
        self.best_epoch, self.best_weights = 0, self._weights()
        self._best_loss = math.inf
        self._identity = identity_of(name, training, options, device)
        content = options.checkpoint.read() if options.checkpoint else None
        if (state := state_of(self._identity, content)) is not None:
            self._restore(state)

    @property
    def epoch(self) -> int:
        """How many epochs are behind it."""
        return len(self.curves)

    def stopping_reason(self) -> str | None:
        """Return why it has ended, None where it has not."""
        without_gain = self.epoch - self.best_epoch
        if self.best_epoch and without_gain >= self._options.patience:
            return f"no gain for {without_gain} epochs; best epoch {self.best_epoch} of {self.epoch}"
        if self.epoch >= self._options.max_epochs:
            return f"all {self.epoch} epochs; best epoch {self.best_epoch}"
        return None

    def train_epoch(self) -> None:
        """Train one epoch, judge it, and keep it in the checkpoint."""
        epoch = self.epoch + 1
        rows = seed_epoch(self._options.seed, epoch).permutation(self._training.slices.training)
        curve = curve_of(self._learned(rows), "training") | curve_of(self._judged(), "stopping")
        curve["learning_rate"] = self._optimiser.param_groups[0]["lr"]
        loss = curve["stopping_loss"]
        if not (math.isfinite(curve["training_loss"]) and math.isfinite(loss)):
            raise ModelError(
                f"the loss of epoch {epoch} is {curve['training_loss']} in training and {loss} in stopping, expected "
                "finite numbers; next: look for features that are not finite or not scaled, then train again"
            )
        self.curves.append(curve)
        self._plateau.step(loss)
        if loss < self._best_loss - OPTIMISATION.min_gain:
            self._best_loss, self.best_epoch, self.best_weights = loss, epoch, self._weights()
        if self._options.checkpoint is not None:
            self._options.checkpoint.write(content_of(self._identity, self._state()))

    def _learned(self, rows: IntArray1D) -> Tensor:
        """Step along `rows` and return the sums of their losses, each before its step."""
        self._network.train()
        total = torch.zeros((2, 4), device=self._device)
        for windows, direction, scaled in batches(self._training, rows, OPTIMISATION.batch_rows, self._device):
            self._optimiser.zero_grad()
            sums = loss_sums(self._network(windows), direction, scaled)
            loss_of(sums).backward()  # type: ignore[no-untyped-call]
            clip_grad_norm_(self._network.parameters(), OPTIMISATION.gradient_norm)
            self._optimiser.step()
            total += sums.detach()
        return total

    @torch.no_grad()
    def _judged(self) -> Tensor:
        """Return the sums of the losses of the rows that stop the training."""
        self._network.eval()
        rows = self._training.slices.stopping
        parts = batches(self._training, rows, OPTIMISATION.batch_rows, self._device)
        return torch.stack([loss_sums(self._network(part.windows), *part[1:]) for part in parts]).sum(dim=0)

    def _weights(self) -> dict[str, Tensor]:
        return {name: tensor.detach().cpu().clone() for name, tensor in self._network.state_dict().items()}

    def _state(self) -> dict[str, Any]:
        return {
            "weights": self._weights(),
            "optimiser": self._optimiser.state_dict(),
            "plateau": self._plateau.state_dict(),
            "curves": [dict(curve) for curve in self.curves],
            "best": (self._best_loss, self.best_epoch, self.best_weights),
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._network.load_state_dict(state["weights"])
        self._optimiser.load_state_dict(copy.deepcopy(state["optimiser"]))
        self._plateau.load_state_dict(state["plateau"])
        self.curves = list(state["curves"])
        self._best_loss, self.best_epoch, self.best_weights = state["best"]


def _require_labels(training: Training) -> None:
    for name, rows in (("training", training.slices.training), ("stopping", training.slices.stopping)):
        if not np.isfinite(training.labels.log_ret[rows] / spread_of(training.labels.deviation[rows])).any():
            raise ShapeError(f"{len(rows)} {name} rows have no label; next: bars whose price moves, or more history")
