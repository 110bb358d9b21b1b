"""How the loops of the kernels are compiled.

Belongs here: the one decorator of all compiled functions. Not here: what they do (`backtest.general_loop`,
`backtest.event_loop`). Imported on use: numba takes a while to load.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function compiled on first use and kept in numba's cache, exact (no fastmath), without the GIL."""
    machine: Callable[P, R] = njit(cache=True, nogil=True, error_model="numpy")(function)
    return machine
