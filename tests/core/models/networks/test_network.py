"""The shapes of networks, their start, and the transformer against its plain form."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from bot_core_dagster.models.labels import HORIZONS
from bot_core_dagster.models.networks import NETWORKS
from bot_core_dagster.models.networks.loss import loss_of, loss_sums
from bot_core_dagster.models.networks.network import Network
from bot_core_dagster.models.networks.recurrent import Recurrent
from bot_core_dagster.models.networks.sizes import TransformerSizes
from bot_core_dagster.models.networks.start import Start, start_of
from bot_core_dagster.models.networks.transformer import Transformer
from bot_core_dagster.models.predictions import QUANTILES
from bot_core_dagster.models.windows import WINDOW_BARS
from tests.core.models.networks.full_transformer import full_transformer
from tests.core.models.networks.trained import N_COLUMNS, small_training

of_every_kind = pytest.mark.parametrize("name", list(NETWORKS))


def _windows(n_rows: int, size: float = 1.0) -> torch.Tensor:
    return torch.randn(n_rows, WINDOW_BARS, N_COLUMNS, generator=torch.Generator().manual_seed(0)) * size


def _unsettled(name: str) -> Network:
    """Return a network whose heads are no longer at zero, so that it says something of its windows."""
    torch.manual_seed(0)
    network = Network(name, N_COLUMNS)
    for parameter in network.heads.parameters():
        torch.nn.init.normal_(parameter, std=2.0)
    return network


@of_every_kind
def test_outputs_are_of_every_horizon_and_quantiles_never_cross(name: str) -> None:
    outputs = _unsettled(name).eval()(_windows(50, size=8.0))
    assert outputs.logits.shape == (50, HORIZONS)
    assert outputs.quantiles.shape == (50, HORIZONS, len(QUANTILES))
    assert (outputs.quantiles.diff(dim=-1) >= 0.0).all()


@of_every_kind
def test_an_untrained_network_says_the_naive_forecast_whatever_it_is_shown(name: str) -> None:
    training = small_training()
    start = start_of(training.labels, training.slices.training)
    network = Network(name, N_COLUMNS).eval()
    network.heads.start_from(start)
    outputs = network(_windows(5))
    np.testing.assert_allclose(torch.sigmoid(outputs.logits).detach(), np.tile(start.up, (5, 1)), rtol=1e-5)
    np.testing.assert_allclose(outputs.quantiles.detach(), np.tile(start.quantiles, (5, 1, 1)), atol=1e-5)


def test_the_start_is_the_base_rate_and_the_quantiles_of_known_labels() -> None:
    training = small_training()
    rows = training.slices.training
    start: Start = start_of(training.labels, rows)
    moves = training.labels.direction[rows, 2]
    scaled = training.labels.scaled[rows, 2]
    assert start.up[2] == (np.nansum(moves) + 0.5) / (np.isfinite(moves).sum() + 1)
    np.testing.assert_allclose(start.quantiles[2], np.nanquantile(scaled, QUANTILES), rtol=1e-12)


def test_the_start_of_a_horizon_without_labels_is_a_fair_coin_and_a_normal() -> None:
    training = small_training()
    training.labels.log_ret[:, 23] = np.nan
    training.labels.direction[:, 23] = np.nan
    start = start_of(training.labels, training.slices.training)
    assert start.up[23] == 0.5
    assert start.quantiles[23] == pytest.approx([-1.6449, -0.6745, 0.0, 0.6745, 1.6449], abs=1e-4)


@of_every_kind
def test_the_gradient_reaches_every_parameter(name: str) -> None:
    network = _unsettled(name).eval()
    labels = torch.randn(40, HORIZONS)
    loss_of(loss_sums(network(_windows(40)), (labels > 0.0).float(), labels)).backward()  # type: ignore[no-untyped-call]
    without = [key for key, part in network.named_parameters() if part.grad is None or not part.grad.any()]
    assert without == (["body.last_block.key.bias"] if name == "transformer" else [])


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_the_last_bar_alone_is_what_the_full_transformer_says_of_it(blocks: int) -> None:
    torch.manual_seed(blocks)
    body = Transformer(N_COLUMNS, TransformerSizes(blocks=blocks)).double().eval()
    for parameter in body.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    windows = _windows(7).double()
    with torch.no_grad():
        full = full_transformer(body, windows)
        assert full.std() > 0.1
        torch.testing.assert_close(body(windows), full, rtol=0.0, atol=1e-6)


@of_every_kind
def test_the_sizes_are_those_of_the_specification(name: str) -> None:
    body = Network(name, 22).body
    if isinstance(body, Recurrent):
        assert [layer.hidden_size for layer in body.layers] == [64, 32, 16]
        assert [part.out_features for part in body.dense if isinstance(part, torch.nn.Linear)] == [32, 16]
        assert body.dropout.p == 0.2
    else:
        assert (len(body.blocks) + 1, body.last_block.heads, body.width) == (2, 4, 64)
        assert body.last_block.wide.out_features == 128


def test_naming_the_kinds_does_not_import_torch() -> None:
    code = "import sys, bot_core_dagster.models.networks; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
