"""How the loops of the kernels are compiled.

Belongs here: the one decorator of all compiled functions, and the instruction that numba has no word for. Not here:
what they do (`backtest.general_loop`, `backtest.event_loop`). Imported on use: numba takes a while to load.

An array that is cut or viewed inside of a loop is counted by its users, atomically: in the general kernel that took a
third of the time (measured). Cut it before.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from numba import njit, types
from numba.extending import intrinsic

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function compiled on first use and kept in numba's cache, exact (no fastmath), without the GIL."""
    machine: Callable[P, R] = njit(cache=True, nogil=True, error_model="numpy")(function)
    return machine


def _generate_trailing_zeros(_context: Any, _bits: Any) -> tuple[Any, Any]:
    def generate(target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], target.get_constant(types.boolean, True))

    return types.int64(types.uint64), generate


trailing_zeros = intrinsic(_generate_trailing_zeros)
"""trailing_zeros(bits): the place of the lowest bit of a uint64 that is set; it must not be 0."""
