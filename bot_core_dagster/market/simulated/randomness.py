"""Random numbers that are a function of where they are asked for, not of what was drawn before.

Belongs here: keyed streams of numpy's Philox generator (counter-based) and the noise made of them. Not here: what
the noise means for volatility (`volatility`), prices (`path`) or faults (`faults`).
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_CHUNK = 256


@dataclass(frozen=True)
class Stream:
    """A stream of independent random numbers; `key` alone decides them, on every machine and in every process."""

    key: int

    def block(self, number: int) -> Generator:
        """Return the generator of block `number` (0 or more); blocks do not overlap."""
        return Generator(Philox(key=self.key, counter=[0, 0, 0, number]))

    def normals(self, first: int, count: int) -> FloatArray:
        """Return draws `first` to `first + count - 1` of the stream's endless sequence of standard normals."""
        chunks = range(first // _CHUNK, (first + count - 1) // _CHUNK + 1)
        drawn = np.concatenate([_chunk_of_normals(self.key, chunk) for chunk in chunks])
        offset = first - chunks.start * _CHUNK
        return np.asarray(drawn[offset : offset + count])

    def noise(self, positions: IntArray, spacing: int) -> FloatArray:
        """Return a stationary Gaussian noise of unit variance that forgets within two times `spacing`.

        Independent normals stand at every `spacing`-th position; between two of them the noise turns from one to the
        other as cos and sin, whose squares sum to 1, so that its variance is 1 everywhere.

        Parameters
        ----------
        positions : ndarray of shape (n_positions,)
            Ascending, 0 or more.
        spacing : int
            Positions from knot to knot.

        Returns
        -------
        ndarray of shape (n_positions,)
        """
        knot, step = np.divmod(positions, spacing)
        knots = self.normals(int(knot[0]), int(knot[-1] - knot[0]) + 2)
        angle = step * (np.pi / 2 / spacing)
        before = knot - knot[0]
        return np.asarray(knots[before] * np.cos(angle) + knots[before + 1] * np.sin(angle))

    def uniforms(self, positions: IntArray) -> FloatArray:
        """Return a uniform number in [0, 1) for each position, in any order.

        References
        ----------
        Steele, Lea, Flood (2014). Fast splittable pseudorandom number generators (SplitMix64). OOPSLA.
        """
        state = positions.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(self.key & 0xFFFFFFFFFFFFFFFF)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits = (state ^ (state >> np.uint64(31))) >> np.uint64(11)
        return bits.astype(np.float64) * 2.0**-53


def stream(*name: object) -> Stream:
    """Return the stream of that name: the same parts give the same stream."""
    digest = blake2b(repr(name).encode(), digest_size=16).digest()
    return Stream(int.from_bytes(digest, "little"))


@lru_cache(maxsize=4096)
def _chunk_of_normals(key: int, chunk: int) -> FloatArray:
    drawn = Stream(key).block(chunk).standard_normal(_CHUNK)
    drawn.flags.writeable = False
    return drawn
