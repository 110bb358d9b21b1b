"""Networks: LSTM, GRU and transformer on the last 60 bars, trained alike.

Belongs here: the kinds, their shapes, heads, loss, training, files. Not here: boosting and naive forecasts (`models`),
what a prediction is worth (`models.evaluation`). Importing this package does not import torch, which takes two seconds:
`ModelKind.fit` and `.load` do.
"""

from bot_core_dagster.models.networks.kinds import GRU, LSTM, NETWORKS, TRANSFORMER

__all__ = ["GRU", "LSTM", "NETWORKS", "TRANSFORMER"]
