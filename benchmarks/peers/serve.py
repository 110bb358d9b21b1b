"""The peer's side of the talk: prepares once, works on each request, says how long that took.

Belongs here: the loop that every peer's script runs, under the peers' Python. Not here: the project's side
(`benchmarks.peers.talk`), what a peer does (its script).
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
Work = Callable[[], Arrays]
Prepare = Callable[[Arrays, dict[str, Any]], Work]


def serve(prepare: Prepare) -> None:
    """Answer requests until there are no more: a line of options prepares, "run" works and writes the answer."""
    warnings.simplefilter("ignore")  # of the peers' own dependencies
    folder = Path(sys.argv[1])
    work: Work | None = None
    for line in sys.stdin:
        if line.strip() == "run":
            assert work is not None
            started = time.perf_counter()
            answer: dict[str, Any] = work()
            seconds = time.perf_counter() - started
            np.savez(folder / "answer.npz", **answer)
        else:
            with np.load(folder / "given.npz") as stored:
                given = dict(stored)
            started = time.perf_counter()
            work = prepare(given, json.loads(line))
            seconds = time.perf_counter() - started
        print(seconds, flush=True)
