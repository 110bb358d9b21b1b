"""What is typical of an instrument.

Belongs here: tests of `market.simulated.profile`. Not here: the bars made with it.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_core_dagster.market.simulated.profile import profile
from tests.builders import instrument
from tests.core.market.simulated.instruments import btcusdt, ethusdt, eurusd, xauusd


def _pair(base: str, quote: str, calendar: str = "fx") -> float:
    return profile(instrument(symbol=base + quote, base=base, quote=quote, calendar=calendar)).price


@pytest.mark.parametrize(
    ("base", "quote", "price", "decimals"),
    [("BTC", "USDT", 40_000, 2), ("EUR", "USD", 1.1, 5), ("USD", "JPY", 145, 3), ("XAU", "USD", 2_000, 2)],
    ids=["bitcoin", "euro", "yen", "gold"],
)
def test_known_pairs_have_the_price_and_the_tick_that_a_trader_knows(
    base: str, quote: str, price: float, decimals: int
) -> None:
    calendar = {"BTC": "crypto", "XAU": "metals"}.get(base, "fx")
    typical = profile(instrument(symbol=base + quote, base=base, quote=quote, calendar=calendar))
    assert typical.price == pytest.approx(price)
    assert typical.decimals == decimals


def test_crosses_agree_with_the_pairs_they_are_made_of() -> None:
    assert _pair("EUR", "GBP") == pytest.approx(_pair("EUR", "USD") / _pair("GBP", "USD"))


def test_a_strong_dollar_lowers_what_is_quoted_in_it_and_raises_what_it_is_the_base_of() -> None:
    assert profile(eurusd()).loading < 0
    assert profile(xauusd()).loading < 0
    assert profile(eurusd(symbol="USDJPY", base="USD", quote="JPY")).loading > 0
    assert profile(btcusdt()).loading > 0
    assert profile(ethusdt()).factor == profile(btcusdt()).factor != profile(eurusd()).factor


@given(base=st.text("ABCDEFGHIJ%:'/", min_size=1, max_size=8), calendar=st.sampled_from(["crypto", "fx", "metals"]))
def test_an_unknown_instrument_gets_a_plausible_profile_that_its_name_fixes(base: str, calendar: str) -> None:
    odd = instrument(symbol=f"{base}/USD", base=base, quote="USD", calendar=calendar)
    typical = profile(odd)
    assert 0.1 <= typical.price <= 40_000
    assert 0.05 <= typical.volatility <= 1
    assert -1 < typical.loading < 1
    assert typical.volume_per_day > 0
    assert profile(odd.model_copy()) == typical
