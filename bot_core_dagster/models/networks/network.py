"""Network: a body and the heads on it.

Belongs here: which body each name means. Not here: the bodies (`recurrent`, `transformer`), kinds (`kinds`).
"""

from collections.abc import Callable, Mapping
from typing import Final

from torch import Tensor, nn

from bot_core_dagster.models.networks.heads import Heads, Outputs
from bot_core_dagster.models.networks.recurrent import Recurrent
from bot_core_dagster.models.networks.sizes import RECURRENT, TRANSFORMER_SIZES
from bot_core_dagster.models.networks.transformer import Transformer

_BODIES: Final[Mapping[str, Callable[[int], Recurrent | Transformer]]] = {
    "lstm": lambda n_columns: Recurrent(nn.LSTM, n_columns, RECURRENT),
    "gru": lambda n_columns: Recurrent(nn.GRU, n_columns, RECURRENT),
    "transformer": lambda n_columns: Transformer(n_columns, TRANSFORMER_SIZES),
}


class Network(nn.Module):
    """Says what comes after windows of `n_columns` features."""

    def __init__(self, name: str, n_columns: int) -> None:
        super().__init__()
        self.body = _BODIES[name](n_columns)
        self.heads = Heads(self.body.width)

    def forward(self, windows: Tensor) -> Outputs:
        """Return the outputs of windows (n_rows, WINDOW_BARS, n_columns)."""
        outputs: Outputs = self.heads(self.body(windows))
        return outputs
