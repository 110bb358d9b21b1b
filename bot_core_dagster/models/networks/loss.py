"""Loss: what a network is trained and stopped by.

Belongs here: its sums over rows, and their means. Not here: labels (`models.labels`), losses that models are compared
by (`models.evaluation`).

The loss is the binary cross-entropy of the moves plus PINBALL_SHARE times the pinball loss of the quantiles, each a
weighted mean over rows and horizons. A horizon of h bars weighs 1 / h: its label shares h - 1 bars with the next row's,
so h rows say about as much as one does at horizon 1. What is between or unknown weighs nothing.

References
----------
Koenker, R., Bassett, G. (1978). Regression Quantiles. Econometrica 46(1).
"""

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from bot_core_dagster.models.labels import HORIZONS
from bot_core_dagster.models.networks.heads import Outputs
from bot_core_dagster.models.predictions import QUANTILES

PINBALL_SHARE: Final = 1.0
_TERMS: Final = ("direction_loss", "pinball_loss", "log_loss_1", "accuracy_1")


def loss_sums(outputs: Outputs, direction: Tensor, scaled: Tensor) -> Tensor:
    """Return weighted sums and their weights, shape (2, 4), to be added over batches.

    Parameters
    ----------
    outputs : Outputs
    direction, scaled : Tensor of shape (n_rows, HORIZONS)
        As in `Labels`; NaN where there is none.

    Returns
    -------
    Tensor
        Columns: cross-entropy of the moves, pinball loss, and at horizon 1 the cross-entropy and the share of moves
        whose direction was said.
    """
    weight = 1.0 / torch.arange(1, HORIZONS + 1, device=direction.device)
    is_move, is_known = direction.isfinite(), scaled.isfinite()
    up = direction.nan_to_num(0.0)
    entropy = functional.binary_cross_entropy_with_logits(outputs.logits, up, reduction="none") * is_move
    pinball = _pinball(outputs.quantiles, scaled.where(is_known, 0.0)) * is_known
    is_said = ((outputs.logits > 0.0) == (up > 0.5)) & is_move
    sums = [(entropy * weight).sum(), (pinball * weight).sum(), entropy[:, 0].sum(), is_said[:, 0].sum()]
    n_moves = is_move[:, 0].sum()
    weights = [(is_move * weight).sum(), (is_known * weight).sum(), n_moves, n_moves]
    return torch.stack([torch.stack(sums), torch.stack(weights)])


def loss_of(sums: Tensor) -> Tensor:
    """Return the loss of the sums; a part without any label adds nothing."""
    means = sums[0] / sums[1].clamp(min=torch.finfo(sums.dtype).tiny)
    return means[0] + PINBALL_SHARE * means[1]


def curve_of(sums: Tensor, prefix: str) -> dict[str, float]:
    """Return the loss and each term by its name in a curve; a term without any label is left out."""
    terms = zip(_TERMS, sums[0].tolist(), sums[1].tolist(), strict=True)
    parts = {f"{prefix}_{name}": total / weight for name, total, weight in terms if weight > 0.0}
    return {f"{prefix}_loss": loss_of(sums).item(), **parts}


def _pinball(quantiles: Tensor, scaled: Tensor) -> Tensor:
    """Return the mean over the quantiles, shape (n_rows, HORIZONS)."""
    levels = torch.tensor(QUANTILES, device=scaled.device)
    missed = scaled[..., None] - quantiles
    return torch.maximum(levels * missed, (levels - 1.0) * missed).mean(dim=-1)
