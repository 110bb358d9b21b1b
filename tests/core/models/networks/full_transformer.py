"""The transformer in its plain form: torch's own encoder over every bar, of which the last is read.

Belongs here: the readable twin of `bot_core_dagster.models.networks.transformer`. Not here: the tests.
"""

import torch
from torch import Tensor, nn

from bot_core_dagster.models.networks.transformer import Block, Transformer


def full_transformer(twin: Transformer, windows: Tensor) -> Tensor:
    """Return the vectors (n_rows, width) of windows, with the weights of `twin`, without dropout."""
    bars: Tensor = twin.embedding(windows) + twin.position
    for block in (*twin.blocks, twin.last_block):
        assert isinstance(block, Block)
        bars = _encoder_layer(block)(bars)
    vector: Tensor = twin.norm(bars)[:, -1]
    return vector


@torch.no_grad()
def _encoder_layer(block: Block) -> nn.TransformerEncoderLayer:
    width, feed_forward = block.wide.in_features, block.wide.out_features
    layer = nn.TransformerEncoderLayer(width, block.heads, feed_forward, dropout=0.0, batch_first=True, norm_first=True)
    parts = (block.query, block.key, block.value)
    layer.to(block.wide.weight.dtype)
    layer.self_attn.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
    layer.self_attn.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
    for into, out_of in (
        (layer.self_attn.out_proj, block.mixed),
        (layer.linear1, block.wide),
        (layer.linear2, block.narrow),
        (layer.norm1, block.norm_1),
        (layer.norm2, block.norm_2),
    ):
        into.load_state_dict(out_of.state_dict())
    return layer.eval()
