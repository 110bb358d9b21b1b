"""How the project talks to a peer: arrays in a file, one line a request, the time taken inside the peer's process.

Belongs here: the project's side. Not here: the peer's side (`benchmarks.peers.serve`), which runs under another Python.
"""

import json
import os
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np

from benchmarks.peers.serve import Arrays
from bot_core_dagster.places import PROJECT_ROOT

PEERS_PYTHON: Final = PROJECT_ROOT / ".venv-peers" / "bin" / "python"
"""Made by `make peers`; without it there is nobody to ask."""


class Peer:
    """A peer's script in a process of its own, one thread; use it as a context.

    Parameters
    ----------
    script : str
        Module under `benchmarks.peers` that serves.

    Raises
    ------
    FileNotFoundError
        If there is no `.venv-peers`.
    RuntimeError
        If the script ends while it is asked; the message carries what it said.
    """

    def __init__(self, script: str) -> None:
        if not PEERS_PYTHON.exists():
            raise FileNotFoundError(f"{PEERS_PYTHON} is missing; next: make peers")
        self._kept = ExitStack()
        self._folder = Path(self._kept.enter_context(tempfile.TemporaryDirectory()))
        self._complaints = self._kept.enter_context((self._folder / "stderr").open("w+", encoding="utf-8"))
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            [PEERS_PYTHON, "-m", f"benchmarks.peers.{script}", self._folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
            cwd=PROJECT_ROOT,
            env=os.environ | one_thread,
        )

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate(timeout=60)
        self._kept.close()

    def give(self, arrays: dict[str, Any], **options: Any) -> float:
        """Give it bars and questions; return the seconds that it took to prepare its own arrays."""
        np.savez(self._folder / "given.npz", **arrays)
        return self._request(json.dumps(options))

    def run(self) -> float:
        """Let it work once, from what it prepared; return the seconds."""
        return self._request("run")

    def answer(self) -> Arrays:
        """Return what the last run gave."""
        with np.load(self._folder / "answer.npz") as stored:
            return dict(stored)

    def _request(self, line: str) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise RuntimeError(self._complaint()) from error
        reply = self._process.stdout.readline()
        if not reply:
            raise RuntimeError(self._complaint())
        return float(reply)

    def _complaint(self) -> str:
        self._complaints.seek(0)
        return f"the peer ended: {self._complaints.read()[-2000:]}"
