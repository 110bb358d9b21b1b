"""What the name of an instrument says about it: BTCUSDT is a crypto pair, EURUSD is FX, XAUUSD a metal.

Belongs here: well-known forms of names and the defaults of their kind. Not here: the settings file (`cli.watchlist`),
what the fields mean (`settings.Instrument`).
"""

import re
from dataclasses import dataclass
from typing import Any, Final

_CURRENCIES: Final = frozenset(
    [
        "AUD",
        "CAD",
        "CHF",
        "CNH",
        "CNY",
        "CZK",
        "DKK",
        "EUR",
        "GBP",
        "HKD",
        "HUF",
        "ILS",
        "INR",
        "JPY",
        "KRW",
        "MXN",
        "NOK",
        "NZD",
        "PLN",
        "RON",
        "SEK",
        "SGD",
        "THB",
        "TRY",
        "USD",
        "ZAR",
    ]
)
_METALS: Final = frozenset(("XAU", "XAG", "XPT", "XPD"))
_CRYPTO_QUOTES: Final = ("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "PERP", "BTC", "ETH", "BNB", "USD", "EUR", "TRY")
_CRYPTO: Final[dict[str, Any]] = {
    "venue": "binance",
    "calendar": "crypto",
    "price_side": "trade",
    "costs": {"fee_bps": 4.0, "spread_bps": 1.0, "slippage_bps": 1.0},
}
_FX: Final[dict[str, Any]] = {
    "venue": "oanda",
    "calendar": "fx",
    "price_side": "bid",
    "costs": {"fee_bps": 0.0, "spread_bps": 1.0, "slippage_bps": 0.2},
}
_METAL: Final[dict[str, Any]] = _FX | {
    "calendar": "metals",
    "costs": {"fee_bps": 0.0, "spread_bps": 2.0, "slippage_bps": 0.5},
}


@dataclass(frozen=True)
class Inferred:
    """What a name says: its kind in words, the fields of an `Instrument` that follow; empty for an odd name."""

    kind: str
    fields: dict[str, Any]


def infer_instrument(symbol: str) -> Inferred:
    """Return what `symbol` says about the instrument; costs are those of the kind, to be corrected by who knows them.

    Examples
    --------
    >>> infer_instrument("BTC/USDT:USDT").fields["base"], infer_instrument("XAUUSD").kind
    ('BTC', 'metal')
    """
    parts = _split(symbol)
    if parts is None:
        return Inferred("", {})
    base, quote = parts
    pair = {"base": base, "quote": quote}
    if base in _METALS and quote in _CURRENCIES:
        return Inferred("metal", _METAL | pair)
    if base in _CURRENCIES and quote in _CURRENCIES:
        return Inferred("FX pair", _FX | pair)
    if quote not in _CRYPTO_QUOTES:
        return Inferred("", {})
    return Inferred("crypto pair", _CRYPTO | pair | ({"quote": "USD"} if quote == "PERP" else {}))


def _split(symbol: str) -> tuple[str, str] | None:
    name = symbol.upper().partition(":")[0]
    separated = re.fullmatch(r"([A-Z0-9]+)[/_\-]([A-Z0-9]+)", name)
    if separated:
        return separated[1], separated[2]
    if len(name) == 6 and name[:3] in _CURRENCIES | _METALS and name[3:] in _CURRENCIES:
        return name[:3], name[3:]
    for quote in _CRYPTO_QUOTES:
        if re.fullmatch(rf"[A-Z0-9]{{2,}}{quote}", name):
            return name.removesuffix(quote), quote
    return None
