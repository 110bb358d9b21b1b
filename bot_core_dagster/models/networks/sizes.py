"""Sizes: every number that shapes a network or its training, without torch.

Belongs here: frozen dataclasses of widths and rates. Not here: the layers (`recurrent`, `transformer`, `heads`), the
seed and the number of epochs (`models.predictions.FitOptions`).
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class RecurrentSizes:
    """Of an LSTM or a GRU.

    units : of its recurrent layers, the first first
    dense : of the layers after them
    dropout : share of the outputs of each recurrent layer left out while training
    """

    units: tuple[int, ...] = (64, 32, 16)
    dense: tuple[int, ...] = (32, 16)
    dropout: float = 0.2


@dataclass(frozen=True)
class TransformerSizes:
    """Of a transformer.

    width : of a bar's representation, divided among `heads`
    dropout : share of what a block adds left out while training
    """

    blocks: int = 2
    heads: int = 4
    width: int = 64
    feed_forward: int = 128
    dropout: float = 0.1


@dataclass(frozen=True)
class Optimisation:
    """How a network is trained.

    batch_rows : rows a step
    learning_rate, weight_decay : of Adam; the decay is an L2 penalty
    plateau_epochs, plateau_factor : the rate shrinks by the factor after more epochs than these without a gain
    gradient_norm : what longer gradients are cut to
    min_gain : fall of the stopping loss that counts as one
    """

    batch_rows: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    plateau_epochs: int = 2
    plateau_factor: float = 0.5
    gradient_norm: float = 1.0
    min_gain: float = 1e-4


RECURRENT: Final = RecurrentSizes()
TRANSFORMER_SIZES: Final = TransformerSizes()
OPTIMISATION: Final = Optimisation()
