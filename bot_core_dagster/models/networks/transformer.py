"""Transformer: every bar of the window attends to every other, and the last bar's vector is the answer.

Belongs here: its body, from windows to one vector a row. Not here: the heads, its widths (`sizes`), the plain form that
it is tested against (`tests/core/models/networks/full_transformer.py`).

Nothing but the last bar's vector is read, so the last block has one query. Its keys and values are then never made: the
query is projected to the bars and the bars' mean to the values, which is the same by the associative law. An epoch of a
year of hours takes 3 s on one core, about half of what nn.TransformerEncoder takes. Attention is written out, since
torch's fused one is not faster here and its gradient not always reproducible on CUDA.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from bot_core_dagster.models.networks.sizes import TransformerSizes
from bot_core_dagster.models.windows import WINDOW_BARS

_POSITION_DEVIATION = 0.02


class Block(nn.Module):
    """One pre-norm block: attention, then a feed-forward layer, each added to what came in."""

    def __init__(self, sizes: TransformerSizes) -> None:
        super().__init__()
        self.heads = sizes.heads
        self.norm_1, self.norm_2 = nn.LayerNorm(sizes.width), nn.LayerNorm(sizes.width)
        self.query, self.key, self.value = (nn.Linear(sizes.width, sizes.width) for _ in range(3))
        self.mixed = nn.Linear(sizes.width, sizes.width)
        self.wide, self.narrow = nn.Linear(sizes.width, sizes.feed_forward), nn.Linear(sizes.feed_forward, sizes.width)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, bars: Tensor) -> Tensor:
        """Return the bars (n_rows, WINDOW_BARS, width) after the block."""
        normed = self.norm_1(bars)
        query, key, value = (self._by_head(layer(normed)) for layer in (self.query, self.key, self.value))
        weights = torch.softmax(query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5, dim=-1)
        return self._added(bars, (weights @ value).transpose(1, 2).flatten(2))

    def last(self, bars: Tensor) -> Tensor:
        """Return the last bar's vector (n_rows, width) after the block, what `forward(bars)[:, -1]` would give."""
        normed = self.norm_1(bars)
        query = self.query(normed[:, -1]).reshape(len(bars), self.heads, -1)
        to_bars, to_value = (layer.weight.reshape(self.heads, -1, bars.shape[-1]) for layer in (self.key, self.value))
        projected = torch.einsum("nhe,hed->nhd", query, to_bars)
        weights = torch.softmax(projected @ normed.transpose(1, 2) * query.shape[-1] ** -0.5, dim=-1)
        value = torch.einsum("nhd,hed->nhe", weights @ normed, to_value)
        return self._added(bars[:, -1], value.flatten(1) + self.value.bias)

    def _by_head(self, bars: Tensor) -> Tensor:
        return bars.reshape(*bars.shape[:2], self.heads, -1).transpose(1, 2)

    def _added(self, bars: Tensor, attended: Tensor) -> Tensor:
        bars = bars + self.dropout(self.mixed(attended))
        fed: Tensor = self.dropout(self.narrow(functional.relu(self.wide(self.norm_2(bars)))))
        return bars + fed


class Transformer(nn.Module):
    """A linear embedding of each bar with its learned position, blocks, and a last norm."""

    def __init__(self, n_columns: int, sizes: TransformerSizes) -> None:
        super().__init__()
        self.embedding = nn.Linear(n_columns, sizes.width)
        self.position = nn.Parameter(torch.randn(WINDOW_BARS, sizes.width) * _POSITION_DEVIATION)
        self.blocks = nn.Sequential(*(Block(sizes) for _ in range(sizes.blocks - 1)))
        self.last_block = Block(sizes)
        self.norm = nn.LayerNorm(sizes.width)
        self.width = sizes.width

    def forward(self, windows: Tensor) -> Tensor:
        """Return vectors (n_rows, width) of windows (n_rows, WINDOW_BARS, n_columns)."""
        bars = self.blocks(self.embedding(windows) + self.position)
        vector: Tensor = self.norm(self.last_block.last(bars))
        return vector
