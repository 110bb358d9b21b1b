"""What a name implies."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot_core_dagster.cli.naming import infer_instrument
from bot_core_dagster.settings import Instrument


@pytest.mark.parametrize(
    ("symbol", "kind", "base", "quote", "calendar", "side"),
    [
        ("BTCUSDT", "crypto pair", "BTC", "USDT", "crypto", "trade"),
        ("ETHBTC", "crypto pair", "ETH", "BTC", "crypto", "trade"),
        ("BTCUSD", "crypto pair", "BTC", "USD", "crypto", "trade"),
        ("1000SHIBUSDT", "crypto pair", "1000SHIB", "USDT", "crypto", "trade"),
        ("BTCFDUSD", "crypto pair", "BTC", "FDUSD", "crypto", "trade"),
        ("BTC/USDT:USDT", "crypto pair", "BTC", "USDT", "crypto", "trade"),
        ("BTC-PERP", "crypto pair", "BTC", "USD", "crypto", "trade"),
        ("btcusdt", "crypto pair", "BTC", "USDT", "crypto", "trade"),
        ("EURUSD", "FX pair", "EUR", "USD", "fx", "bid"),
        ("EUR/USD", "FX pair", "EUR", "USD", "fx", "bid"),
        ("GBP_JPY", "FX pair", "GBP", "JPY", "fx", "bid"),
        ("XAUUSD", "metal", "XAU", "USD", "metals", "bid"),
        ("XAG/EUR", "metal", "XAG", "EUR", "metals", "bid"),
    ],
)
def test_a_well_known_form_says_its_kind(
    symbol: str, kind: str, base: str, quote: str, calendar: str, side: str
) -> None:
    inferred = infer_instrument(symbol)
    assert inferred.kind == kind
    said = {name: inferred.fields[name] for name in ("base", "quote", "calendar", "price_side")}
    assert said == {"base": base, "quote": quote, "calendar": calendar, "price_side": side}


@pytest.mark.parametrize("symbol", ["", "A%B", "O'X", "USDT", "AAPL", "EURUS", "EURUSDX", "A/B/C", "BTC/XYZ"])
def test_an_odd_name_implies_nothing(symbol: str) -> None:
    assert infer_instrument(symbol).fields == {}


@given(
    base=st.sampled_from(["XAU", "EUR", "BTC", "BUSD"]) | st.text(alphabet="ABCEHSTUDXRPO0", min_size=2, max_size=6),
    separator=st.sampled_from(["", "/", "-", "_"]),
    quote=st.sampled_from(["USD", "USDT", "BTC", "PERP", "JPY"]),
)
def test_whatever_a_name_implies_is_a_valid_instrument(base: str, separator: str, quote: str) -> None:
    symbol = f"{base}{separator}{quote}"
    implied = infer_instrument(symbol).fields
    assume(implied)
    made = Instrument.model_validate({"symbol": symbol, "timeframe": "1h", "source": "file"} | implied)
    said = made.model_dump(include=set(implied))
    assert said | {"costs": implied["costs"]} == implied
    assert implied["costs"].items() <= said["costs"].items()
    assert symbol.startswith(made.base)
