"""Kinds: the three networks as `ModelKind`, without torch until one is fitted or loaded.

Belongs here: their names, titles and what a card says of them. Not here: layers and training.
"""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, Final

from bot_core_dagster.models.networks.sizes import OPTIMISATION, RECURRENT, TRANSFORMER_SIZES
from bot_core_dagster.models.predictions import Fit, FitOptions, ModelKind, Predictor, Training


def _fit(name: str, training: Training, options: FitOptions) -> Fit:
    from bot_core_dagster.models.networks.trainer import fit_network

    return fit_network(name, training, options)


def _load(name: str, files: Mapping[str, bytes]) -> Predictor:
    from bot_core_dagster.models.networks.predictor import NetworkPredictor

    return NetworkPredictor.of_files(name, files)


def _kind(name: str, title: str, sizes: Mapping[str, Any]) -> ModelKind:
    architecture = {"network": name, **sizes, "optimiser": "Adam", **asdict(OPTIMISATION)}
    return ModelKind(name, title, partial(_fit, name), partial(_load, name), architecture, library="torch")


LSTM: Final = _kind("lstm", "LSTM", asdict(RECURRENT))
GRU: Final = _kind("gru", "GRU", asdict(RECURRENT))
TRANSFORMER: Final = _kind("transformer", "Transformer", asdict(TRANSFORMER_SIZES))
NETWORKS: Final = {kind.name: kind for kind in (LSTM, GRU, TRANSFORMER)}
