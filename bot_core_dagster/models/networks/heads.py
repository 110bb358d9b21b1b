"""Heads: what a network says of the bars ahead, from one vector a row.

Belongs here: direction and quantiles of each horizon, and the naive forecast that training starts from. Not here: the
vector (`recurrent`, `transformer`), what the naive forecast is (`start`), the loss.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from bot_core_dagster.models.labels import HORIZONS
from bot_core_dagster.models.networks.start import Start
from bot_core_dagster.models.predictions import QUANTILES

_MEDIAN = len(QUANTILES) // 2
_MIN_STEP = 1e-3


class Outputs(NamedTuple):
    """Of n_rows rows.

    logits : (n_rows, HORIZONS): log odds that a move is up
    quantiles : (n_rows, HORIZONS, len(QUANTILES)), of the scaled return, ascending
    """

    logits: Tensor
    quantiles: Tensor


class Heads(nn.Module):
    """Two linear layers; quantiles are the median and positive steps away from it, so that they cannot cross.

    Their weights begin at zero: an untrained network says what `start_from` sets, whatever it is shown.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.direction = nn.Linear(width, HORIZONS)
        self.quantiles = nn.Linear(width, HORIZONS * len(QUANTILES))
        nn.init.zeros_(self.direction.weight)
        nn.init.zeros_(self.quantiles.weight)

    def forward(self, vector: Tensor) -> Outputs:
        """Return the outputs of `vector`, of shape (n_rows, width)."""
        raw = self.quantiles(vector).unflatten(-1, (HORIZONS, len(QUANTILES)))
        median = raw[..., _MEDIAN : _MEDIAN + 1]
        down = functional.softplus(raw[..., :_MEDIAN]).flip(-1).cumsum(-1).flip(-1)
        up = functional.softplus(raw[..., _MEDIAN + 1 :]).cumsum(-1)
        return Outputs(self.direction(vector), torch.cat([median - down, median, median + up], dim=-1))

    @torch.no_grad()
    def start_from(self, start: Start) -> None:
        """Set the biases so that the outputs are those of `start`."""
        up = torch.as_tensor(start.up)
        self.direction.bias.copy_(torch.logit(up))
        quantiles = torch.as_tensor(start.quantiles)
        steps = quantiles.diff(dim=-1).clamp(min=_MIN_STEP).expm1().log()
        median = quantiles[:, _MEDIAN : _MEDIAN + 1]
        self.quantiles.bias.copy_(torch.cat([steps[:, :_MEDIAN], median, steps[:, _MEDIAN:]], dim=-1).flatten())
