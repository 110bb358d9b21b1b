"""Checkpoint: the state of a training as bytes, read back only where it is whole and of the same training.

Belongs here: the bytes and the identity in front of them. Not here: the state (`trainer`), the file (`CheckpointFile`).

The digest is checked before torch reads anything, so that a torn or foreign file cannot fail halfway.
"""

import hashlib
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from bot_core_dagster.models.networks.sizes import OPTIMISATION, RECURRENT, TRANSFORMER_SIZES
from bot_core_dagster.models.predictions import FitOptions, Training

_DIGEST_BYTES = hashlib.sha256().digest_size


def identity_of(name: str, training: Training, options: FitOptions, device: torch.device) -> bytes:
    """Return a digest of all that a training's result depends on: kind, sizes, options, rows, features, labels."""
    digest = hashlib.sha256()
    settings = name, RECURRENT, TRANSFORMER_SIZES, OPTIMISATION, options.seed, options.max_epochs, options.patience
    digest.update(repr((*settings, training.windows.columns, torch.__version__, device.type)).encode())
    rows = np.concatenate([training.slices.training, training.slices.stopping])
    labels = training.labels
    arrays = training.windows.matrix[: rows.max() + 1], labels.direction[rows], labels.log_ret[rows]
    for array in (*arrays, labels.deviation[rows], training.slices.training, rows):
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    return digest.digest()


def content_of(identity: bytes, state: Mapping[str, Any]) -> bytes:
    """Return the bytes of a checkpoint."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    payload = buffer.getvalue()
    return identity + hashlib.sha256(payload).digest() + payload


def state_of(identity: bytes, content: bytes | None) -> Mapping[str, Any] | None:
    """Return the state in a checkpoint; None where there is none, it is not whole, or another training's."""
    if content is None:
        return None
    digest, payload = content[len(identity) : len(identity) + _DIGEST_BYTES], content[len(identity) + _DIGEST_BYTES :]
    if content[: len(identity)] != identity or digest != hashlib.sha256(payload).digest():
        return None
    state: Mapping[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    return state
