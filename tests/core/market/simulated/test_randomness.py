"""Streams of random numbers: a function of their name and of the place asked for.

Belongs here: tests of `market.simulated.randomness`. Not here: what is made of the noise.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from bot_core_dagster.market.simulated.randomness import stream


@given(first=st.integers(0, 5_000), count=st.integers(1, 900))
def test_any_stretch_of_a_stream_equals_that_stretch_of_the_whole(first: int, count: int) -> None:
    whole = stream("stretch").normals(0, 5_900)
    np.testing.assert_array_equal(stream("stretch").normals(first, count), whole[first : first + count])


def test_streams_of_different_names_are_uncorrelated_standard_normals() -> None:
    draws = np.array([stream(7, "BTCUSDT", purpose).normals(0, 20_000) for purpose in ("a", "b")])
    assert abs(np.corrcoef(draws)[0, 1]) < 4 / np.sqrt(20_000)
    assert all(kstest(row, "norm").pvalue > 0.001 for row in draws)


def test_neighbouring_blocks_are_uncorrelated() -> None:
    blocks = np.array([stream("blocks").block(number).standard_normal(5_000) for number in range(8)])
    correlations = np.corrcoef(blocks)[np.triu_indices(8, k=1)]
    assert np.abs(correlations).max() < 4.5 / np.sqrt(5_000)


@pytest.mark.parametrize("spacing", [1, 3, 48])
def test_noise_has_unit_variance_at_every_place_between_two_knots(spacing: int) -> None:
    n_knots = 20_000
    by_place = stream("noise", spacing).noise(np.arange(n_knots * spacing), spacing).reshape(n_knots, spacing)
    np.testing.assert_allclose(by_place.var(axis=0), 1.0, atol=4 * np.sqrt(2 / n_knots))


def test_noise_remembers_within_its_spacing_and_forgets_beyond_twice_of_it() -> None:
    noise = stream("memory").noise(np.arange(400_000), 40)
    near, far = (np.corrcoef(noise[lag:], noise[:-lag])[0, 1] for lag in (4, 81))
    assert near > 0.9
    assert abs(far) < 0.05


@given(first=st.integers(0, 3_000), count=st.integers(1, 500), spacing=st.integers(1, 600))
def test_noise_of_any_stretch_equals_that_stretch_of_the_whole(first: int, count: int, spacing: int) -> None:
    whole = stream("stretch").noise(np.arange(3_500), spacing)
    stretch = stream("stretch").noise(np.arange(first, first + count), spacing)
    np.testing.assert_array_equal(stretch, whole[first : first + count])


def test_uniforms_are_uniform_and_do_not_depend_on_the_order_asked_for() -> None:
    positions = np.arange(0, 3_000_000, 60)
    draws = stream("uniform").uniforms(positions)
    assert kstest(draws, "uniform").pvalue > 0.001
    np.testing.assert_array_equal(stream("uniform").uniforms(positions[::-1])[::-1], draws)
