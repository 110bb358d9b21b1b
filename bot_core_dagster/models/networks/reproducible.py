"""Reproducible: torch's settings while a network trains or predicts, and the randomness of an epoch.

Belongs here: what makes two runs equal bit by bit, on one CPU model and torch. Not here: the training (`trainer`).
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import numpy as np
import torch

_CUBLAS: Final = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
"""What cuBLAS needs to be reproducible; without it torch refuses."""


@contextmanager
def reproducible() -> Iterator[torch.device]:
    """Give the device to compute on, with one thread and reproducible algorithms; leave torch as it was found."""
    n_threads = torch.get_num_threads()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with ExitStack() as settings:
        settings.enter_context(torch.random.fork_rng(devices=range(torch.cuda.device_count())))
        settings.callback(torch.set_num_threads, n_threads)
        torch.set_num_threads(1)
        if device.type == "cuda":
            settings.enter_context(_deterministic_algorithms())
        yield device


@contextmanager
def _deterministic_algorithms() -> Iterator[None]:
    """Let torch refuse what differs from run to run; on a CPU one thread does, and torch takes a second to be asked."""
    os.environ.setdefault(*_CUBLAS)
    was = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        torch.use_deterministic_algorithms(True)
        yield
    finally:
        torch.use_deterministic_algorithms(was[0], warn_only=was[1])


def seed_epoch(seed: int, epoch: int) -> np.random.Generator:
    """Seed torch (dropout) for an epoch and return the generator of its shuffling.

    An epoch's randomness depends on its number, not on what was drawn before: a resumed training needs no state of it.
    """
    dropout, shuffling = np.random.SeedSequence((seed, epoch)).spawn(2)
    torch.manual_seed(int(dropout.generate_state(1)[0]))
    return np.random.default_rng(shuffling)
