"""The loss against numbers made by hand, and what it does not count."""

import math

import pytest
import torch

from bot_core_dagster.models.labels import HORIZONS
from bot_core_dagster.models.networks.heads import Outputs
from bot_core_dagster.models.networks.loss import curve_of, loss_of, loss_sums
from bot_core_dagster.models.predictions import QUANTILES

NAN = math.nan


def _outputs(n_rows: int, *, logit: float = 0.0, quantile: float = 0.0) -> Outputs:
    logits = torch.full((n_rows, HORIZONS), logit, requires_grad=True)
    quantiles = torch.full((n_rows, HORIZONS, len(QUANTILES)), quantile, requires_grad=True)
    return Outputs(logits, quantiles)


def _labels(*first: float) -> torch.Tensor:
    labels = torch.full((len(first), HORIZONS), NAN)
    labels[:, 0] = torch.tensor(first)
    return labels


def test_the_loss_is_the_cross_entropy_plus_the_pinball_loss() -> None:
    """At log odds log 3 an up move costs log 4/3; 1 above five quantiles at 0 costs their levels' mean, 0.5."""
    sums = loss_sums(_outputs(1, logit=math.log(3.0)), _labels(1.0), _labels(1.0))
    assert loss_of(sums).item() == pytest.approx(math.log(4.0 / 3.0) + 0.5)


def test_a_horizon_weighs_its_inverse() -> None:
    """A miss of log 2 at horizon 1 and of 0 at horizon 4 is 1 / (1 + 1/4) of log 2."""
    outputs = _outputs(1)
    outputs.logits.data[0, 3] = 100.0
    direction = _labels(1.0)
    direction[0, 3] = 1.0
    sums = loss_sums(outputs, direction, torch.full((1, HORIZONS), NAN))
    assert loss_of(sums).item() == pytest.approx(math.log(2.0) / 1.25)


def test_labels_that_are_masked_count_nothing_and_give_no_gradient() -> None:
    outputs = _outputs(2, logit=0.3, quantile=0.2)
    sums = loss_sums(outputs, _labels(1.0, NAN), _labels(0.7, NAN))
    loss_of(sums).backward()  # type: ignore[no-untyped-call]
    for part in outputs:
        assert part.grad is not None
        assert part.grad[0, 0].all()
        assert not part.grad[1].any()
        assert not part.grad[0, 1:].any()
    alone = loss_sums(_outputs(1, logit=0.3, quantile=0.2), _labels(1.0), _labels(0.7))
    torch.testing.assert_close(sums, alone)


def test_the_curve_names_each_part_and_leaves_out_one_without_labels() -> None:
    known = curve_of(loss_sums(_outputs(2, logit=1.0), _labels(1.0, 0.0), _labels(0.0, 0.0)), "stopping")
    assert list(known) == [
        f"stopping_{name}" for name in ("loss", "direction_loss", "pinball_loss", "log_loss_1", "accuracy_1")
    ]
    assert known["stopping_accuracy_1"] == 0.5
    none = curve_of(loss_sums(_outputs(1), _labels(NAN), _labels(0.0)), "stopping")
    assert list(none) == ["stopping_loss", "stopping_pinball_loss"]
