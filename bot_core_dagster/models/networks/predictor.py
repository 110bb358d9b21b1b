"""Predictor: a trained network, its predictions and its file.

Belongs here: `weights.safetensors`, written and read back with checks. Not here: the card beside it, which names the
features and their scaling (`models.registry`), training (`trainer`).
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from bot_core_dagster.errors import ModelError
from bot_core_dagster.metrics.arrays import IntArray1D
from bot_core_dagster.models.labels import HORIZONS
from bot_core_dagster.models.networks.network import Network
from bot_core_dagster.models.networks.reproducible import reproducible
from bot_core_dagster.models.predictions import QUANTILES, Predictions
from bot_core_dagster.models.windows import Windows

WEIGHTS: Final = "weights.safetensors"
_BATCH_ROWS: Final = 1024
_METADATA: Final = "model"
"""The one key of the file's metadata: safetensors writes several in random order, and equal models in unequal files."""
_NEXT: Final = "next: train the model again, or restore the file"


class NetworkPredictor:
    """Predicts with a network."""

    def __init__(self, name: str, n_columns: int, weights: Mapping[str, Tensor]) -> None:
        self._name = name
        self._n_columns = n_columns
        self._network = Network(name, n_columns)
        self._network.load_state_dict(dict(weights))
        self._network.eval()

    @classmethod
    def of_files(cls, name: str, files: Mapping[str, bytes]) -> "NetworkPredictor":
        """Return the network of its files.

        Raises
        ------
        ModelError
            If they are missing, corrupt, or of another model: says what differs.
        """
        if WEIGHTS not in files:
            raise ModelError(f"the {name} model has no {WEIGHTS} among {', '.join(files) or 'no files'}; {_NEXT}")
        try:
            weights = safetensors.torch.load(files[WEIGHTS])
        except SafetensorError as error:
            raise ModelError(f"{WEIGHTS} of the {name} model is corrupt or cut off ({error}); {_NEXT}") from error
        n_columns = _require_own(name, _metadata(files[WEIGHTS]), weights)
        return cls(name, n_columns, weights)

    def predict(self, windows: Windows, rows: IntArray1D) -> Predictions:
        """Return what is said at the close of each of `rows`.

        Raises
        ------
        ModelError
            If the windows have another number of features than those the network was trained on.
        """
        if len(windows.columns) != self._n_columns:
            raise ModelError(
                f"the {self._name} model reads {self._n_columns} features, got {len(windows.columns)}; next: give the "
                "features that its card names, or train it again"
            )
        up = np.empty((len(rows), HORIZONS))
        quantiles = np.empty((len(rows), HORIZONS, len(QUANTILES)))
        with reproducible() as device, torch.inference_mode():
            self._network.to(device)
            for first in range(0, len(rows), _BATCH_ROWS):
                batch = slice(first, first + _BATCH_ROWS)
                outputs = self._network(torch.from_numpy(windows.at(rows[batch])).to(device))
                up[batch] = torch.sigmoid(outputs.logits.double()).cpu()
                quantiles[batch] = outputs.quantiles.cpu()
        return Predictions(up, quantiles)

    def files(self) -> dict[str, bytes]:
        """Return the content of `weights.safetensors`."""
        weights = {name: tensor.cpu().contiguous() for name, tensor in self._network.state_dict().items()}
        described = {"kind": self._name, "n_columns": self._n_columns, "sha256": _digest(weights)}
        return {WEIGHTS: safetensors.torch.save(weights, {_METADATA: json.dumps(described)})}


def _metadata(content: bytes) -> dict[str, Any]:
    """Return what the file says of itself; nothing where it is not one of ours."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    try:
        described = json.loads(header.get("__metadata__", {}).get(_METADATA, "{}"))
    except json.JSONDecodeError:
        return {}
    return described if isinstance(described, dict) else {}


def _require_own(name: str, described: Mapping[str, Any], weights: Mapping[str, Tensor]) -> int:
    """Return the number of columns of a file that is this kind's and whole."""
    kind, n_columns = described.get("kind"), described.get("n_columns")
    if kind != name:
        raise ModelError(f"{WEIGHTS} is of kind {kind or 'unknown'}, expected {name}; {_NEXT}")
    if not isinstance(n_columns, int) or n_columns < 1:
        raise ModelError(f"{WEIGHTS} of the {name} model names {n_columns} features, expected 1 or more; {_NEXT}")
    expected = _shapes(name, n_columns)
    found = {key: tuple(tensor.shape) for key, tensor in weights.items()}
    differing = sorted(key for key in {**expected, **found} if expected.get(key) != found.get(key))
    if differing:
        says = ", ".join(f"{key} {found.get(key, 'missing')} not {expected.get(key, 'there')}" for key in differing[:3])
        raise ModelError(f"{WEIGHTS} has {len(differing)} tensors unlike a {name} of {n_columns}: {says}; {_NEXT}")
    if described.get("sha256") != _digest(weights):
        raise ModelError(f"the numbers in {WEIGHTS} of the {name} model have changed since it was written; {_NEXT}")
    return n_columns


@cache
def _shapes(name: str, n_columns: int) -> Mapping[str, tuple[int, ...]]:
    """Return what the tensors of a network are; no memory is taken, however many columns a file may claim."""
    with torch.device("meta"):
        return {key: tuple(tensor.shape) for key, tensor in Network(name, n_columns).state_dict().items()}


def _digest(weights: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
