"""Price glitches: what the search leaves, and that it is quick."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.market.bar import PRICE_COLUMNS
from bot_core_dagster.market.glitches import is_glitch
from tests.builders import bars


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 79), st.sampled_from([1e-3, 0.1, 0.3, 4.0, 10.0, 1e3]), max_size=40))
def test_what_remains_holds_no_further_glitch(factors: dict[int, float]) -> None:
    prices = bars(80)[list(PRICE_COLUMNS)].to_numpy()
    for row, factor in factors.items():
        prices[row] *= factor
    kept = prices[~is_glitch(prices)]
    assert not is_glitch(kept).any()


@settings(deadline=None)
@given(st.integers(0, 2**32), st.floats(0.001, 0.3))
def test_a_market_however_wild_holds_none(seed: int, volatility: float) -> None:
    """Returns of up to 30 % a bar (one standard deviation), fat-tailed, are no slips of the decimal point."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(volatility * np.clip(rng.standard_t(4, 300), -3, 3)))
    open_ = np.concatenate([[100.0], close[:-1]])
    prices = np.column_stack([open_, np.maximum(open_, close), np.minimum(open_, close), close])
    assert is_glitch(prices).mean() <= (0.02 if volatility > 0.2 else 0.0)


def test_fewer_than_three_bars_hold_none() -> None:
    for n_bars in range(3):
        assert is_glitch(np.full((n_bars, 4), 10.0) ** np.arange(1, n_bars + 1)[:, None]).tolist() == [False] * n_bars
