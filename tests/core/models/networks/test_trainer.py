"""Trainings: reproducible, resumed after a kill, stopped for a reason, and refused with one."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bot_core_dagster.errors import ModelError, ShapeError, UnknownNameError
from bot_core_dagster.models.kinds import kind_named
from bot_core_dagster.models.labels import HORIZONS
from bot_core_dagster.models.networks import NETWORKS
from bot_core_dagster.models.predictions import Curve, Fit, FitOptions
from tests.core.models.networks.trained import MemoryCheckpoint, small_training

of_every_kind = pytest.mark.parametrize("name", list(NETWORKS))


def _fit(name: str, *, seed: int = 1, max_epochs: int = 4, checkpoint: MemoryCheckpoint | None = None) -> Fit:
    options = FitOptions(seed=seed, max_epochs=max_epochs, checkpoint=checkpoint)
    return kind_named(name).fit(small_training(), options)


@of_every_kind
def test_two_trainings_with_one_seed_are_equal_bit_by_bit_and_with_another_not(name: str) -> None:
    once = _fit(name)
    np.random.default_rng(0)
    torch.rand(3)
    again = _fit(name)
    assert once.predictor.files() == again.predictor.files()
    assert once.curves == again.curves
    assert once.predictor.files() != _fit(name, seed=2).predictor.files()


@of_every_kind
@pytest.mark.parametrize("survives", [1, 2, 3, 4], ids="killed after epoch {}".format)
def test_a_killed_training_resumes_to_the_same_weights(name: str, survives: int) -> None:
    checkpoint = MemoryCheckpoint(survives=survives)
    with pytest.raises(KeyboardInterrupt):
        _fit(name, checkpoint=checkpoint)
    resumed, whole = _fit(name, checkpoint=checkpoint), _fit(name)
    assert resumed.predictor.files() == whole.predictor.files()
    assert (resumed.curves, resumed.best_epoch, resumed.stopping_reason) == (
        whole.curves,
        whole.best_epoch,
        whole.stopping_reason,
    )


_CHILD = """
import sys
from pathlib import Path
from bot_core_dagster.models.networks import LSTM
from bot_core_dagster.models.predictions import FitOptions
from tests.core.models.networks.trained import MemoryCheckpoint, small_training

class OnDisk(MemoryCheckpoint):
    def write(self, content):
        Path(sys.argv[1]).with_suffix(".new").write_bytes(content)
        Path(sys.argv[1]).with_suffix(".new").replace(sys.argv[1])

LSTM.fit(small_training(), FitOptions(seed=1, max_epochs=4, checkpoint=OnDisk(),
         on_epoch=lambda epoch, curve: epoch == 2 and (print("second epoch", flush=True), sys.stdin.read())))
"""


def test_a_process_killed_while_training_leaves_what_another_goes_on_from(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(tmp_path / "checkpoint")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[4],
        env=os.environ | {"PYTHONPATH": "."},
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "second epoch\n"
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    told: list[int] = []
    options = FitOptions(
        seed=1,
        max_epochs=4,
        checkpoint=MemoryCheckpoint((tmp_path / "checkpoint").read_bytes()),
        on_epoch=lambda epoch, _curve: told.append(epoch),
    )
    resumed = kind_named("lstm").fit(small_training(), options)
    assert told == [3, 4]
    assert resumed.predictor.files() == _fit("lstm").predictor.files()


def _torn(content: bytes) -> bytes:
    return content[:-100]


def _flipped(content: bytes) -> bytes:
    return content[:-100] + bytes([content[-100] ^ 1]) + content[-99:]


def _other_seed(_content: bytes) -> bytes:
    foreign = MemoryCheckpoint()
    _fit("gru", seed=9, checkpoint=foreign)
    assert foreign.content is not None
    return foreign.content


@pytest.mark.parametrize("damaged", [_torn, _flipped, _other_seed, lambda _: b"", lambda _: b"\xff" * 500])
def test_a_checkpoint_that_is_not_whole_or_of_another_training_is_ignored(damaged: Callable[[bytes], bytes]) -> None:
    checkpoint = MemoryCheckpoint()
    whole = _fit("gru", checkpoint=checkpoint)
    assert checkpoint.content is not None
    told: list[int] = []
    options = FitOptions(
        seed=1,
        max_epochs=4,
        checkpoint=MemoryCheckpoint(damaged(checkpoint.content)),
        on_epoch=lambda epoch, _curve: told.append(epoch),
    )
    again = kind_named("gru").fit(small_training(), options)
    assert told == [1, 2, 3, 4]
    assert again.predictor.files() == whole.predictor.files()


def test_a_checkpoint_of_other_bars_is_ignored() -> None:
    checkpoint = MemoryCheckpoint()
    _fit("gru", checkpoint=checkpoint)
    told: list[int] = []
    options = FitOptions(seed=1, max_epochs=4, checkpoint=checkpoint, on_epoch=lambda epoch, _curve: told.append(epoch))
    kind_named("gru").fit(small_training(seed=5), options)
    assert told == [1, 2, 3, 4]


@of_every_kind
def test_a_tiny_set_of_rows_is_learned_by_heart(name: str) -> None:
    curves: list[Curve] = []
    training = small_training()
    slices = replace(training.slices, stopping=training.slices.training)
    options = FitOptions(max_epochs=80, patience=80, on_epoch=lambda _epoch, curve: curves.append(curve))
    kind_named(name).fit(replace(training, slices=slices), options)
    assert curves[0]["stopping_log_loss_1"] > 0.65
    assert curves[-1]["stopping_log_loss_1"] < 0.3


def test_noise_stops_the_training_when_patience_has_run_out_and_its_best_epoch_is_kept() -> None:
    training = small_training()
    noise = np.random.default_rng(3).normal(size=training.labels.log_ret.shape)
    labels = replace(training.labels, log_ret=noise * 0.01, direction=(noise > 0.0).astype(float))
    fit = kind_named("transformer").fit(replace(training, labels=labels), FitOptions(max_epochs=60, patience=3))
    n_epochs = len(fit.curves)
    assert fit.stopping_reason == f"no gain for 3 epochs; best epoch {n_epochs - 3} of {n_epochs}"
    assert fit.best_epoch == n_epochs - 3
    assert n_epochs < 60


def test_a_training_says_that_its_epochs_ran_out() -> None:
    fit = _fit("gru", max_epochs=2)
    assert fit.stopping_reason == f"all 2 epochs; best epoch {fit.best_epoch}"
    assert fit.best_epoch in {1, 2}


def test_each_epoch_is_told_with_its_losses() -> None:
    told: list[tuple[int, Curve]] = []
    options = FitOptions(max_epochs=2, on_epoch=lambda epoch, curve: told.append((epoch, curve)))
    fit = kind_named("gru").fit(small_training(), options)
    assert [epoch for epoch, _ in told] == [1, 2]
    assert [curve for _, curve in told] == list(fit.curves)
    assert {"training_loss", "stopping_loss", "stopping_log_loss_1", "learning_rate"} <= set(told[0][1])


def test_rows_that_the_model_must_not_read_change_nothing() -> None:
    training = small_training()
    hidden = training.slices.calibration[0]
    poisoned = small_training()
    poisoned.windows.matrix[hidden:] = np.nan
    poisoned.labels.log_ret[hidden:] = np.nan
    options = FitOptions(max_epochs=2)
    fits = [kind_named("lstm").fit(each, options) for each in (training, poisoned)]
    assert fits[0].predictor.files() == fits[1].predictor.files()


def test_torch_is_left_as_it_was_found() -> None:
    torch.manual_seed(5)
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_rng_state()
    _fit("gru", max_epochs=1)
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before[:2]
    assert torch.equal(torch.get_rng_state(), before[2])


def test_features_that_are_not_finite_are_an_error_that_says_so() -> None:
    training = small_training()
    training.windows.matrix[70, 0] = np.nan
    with pytest.raises(ModelError, match=r"the loss of epoch 1 is nan in training .*; next: "):
        kind_named("gru").fit(training, FitOptions())


def test_a_price_that_never_moves_has_no_labels_to_learn() -> None:
    training = small_training()
    labels = replace(
        training.labels,
        log_ret=np.zeros_like(training.labels.log_ret),
        deviation=np.full_like(training.labels.deviation, np.nan),
        direction=np.full_like(training.labels.direction, np.nan),
    )
    assert labels.direction.shape[1] == HORIZONS
    with pytest.raises(ShapeError, match="64 training rows have no label; next: bars whose price moves"):
        kind_named("gru").fit(replace(training, labels=labels), FitOptions())


def test_an_unknown_network_names_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"no model is named .rnn.; there are lstm, gru, transformer"):
        kind_named("rnn")
