"""What is typical of an instrument: its price, its volatility, what it moves with, its volume and spread.

Belongs here: numbers per currency and their combination into a pair. Not here: how they vary in time (`volatility`),
what a user sets (`settings`).
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bot_core_dagster.market.simulated.randomness import stream
from bot_core_dagster.settings import Instrument

_DOLLARS: Final = ("USD", "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "DAI")
# fmt: off
_USD_PRICE: Final = {
    **dict.fromkeys(_DOLLARS, 1.0),
    "EUR": 1.1, "GBP": 1.27, "JPY": 1 / 145, "CHF": 1 / 0.86, "AUD": 0.66, "NZD": 0.61, "CAD": 1 / 1.36,
    "SEK": 1 / 10.4, "NOK": 1 / 10.6, "PLN": 1 / 4.0, "MXN": 1 / 17.1, "ZAR": 1 / 18.7, "CNH": 1 / 7.2,
    "XAU": 2_000.0, "XAG": 23.5, "XPT": 920.0, "XPD": 1_050.0,
    "BTC": 40_000.0, "ETH": 2_500.0, "BNB": 400.0, "SOL": 100.0, "XRP": 0.55, "ADA": 0.55, "DOGE": 0.085, "DOT": 7.5,
    "LTC": 70.0, "LINK": 15.0, "AVAX": 36.0, "TRX": 0.105, "MATIC": 0.85, "BCH": 240.0, "ATOM": 10.0,
}
# fmt: on
_VOLATILITY: Final = {"BTC": 0.55, "ETH": 0.70, "BNB": 0.65, "XAU": 0.15, "XAG": 0.27, "XPT": 0.24, "XPD": 0.35}
_CRYPTO_LOADING: Final = {"BTC": 0.94, "ETH": 0.92, "BNB": 0.85}


@dataclass(frozen=True)
class Profile:
    """What is typical of an instrument.

    price : quote currency, on 6 January 2024
    volatility : standard deviation of a year's log return
    factor : name of the common factor that it loads on
    loading : correlation of its returns with the factor, in (-1, 1)
    decimals : of its prices
    volume_per_day : in `volume_unit` ("base" or "ticks")
    spread_bps : at the instrument's own average volatility
    """

    symbol: str
    calendar: str
    price: float
    volatility: float
    factor: str
    loading: float
    decimals: int
    volume_per_day: float
    volume_unit: str
    spread_bps: float


def profile(instrument: Instrument) -> Profile:
    """Return what is typical of `instrument`: known for common currencies, else plausible and fixed by its name."""
    return _profile(instrument.symbol, instrument.calendar, instrument.base, instrument.quote)


@lru_cache(maxsize=4096)
def _profile(symbol: str, calendar: str, base: str, quote: str) -> Profile:
    is_crypto = calendar == "crypto"
    price = _usd_price(base) / _usd_price(quote)
    return Profile(
        symbol=symbol,
        calendar=calendar,
        price=price,
        volatility=_volatility(calendar, base, symbol),
        factor="crypto" if is_crypto else "dollar",
        loading=_loading(calendar, base, quote, symbol),
        decimals=max(0, (6 if is_crypto else 5) - math.floor(math.log10(price))),
        volume_per_day=_crypto_volume(base, symbol) if is_crypto else _between(30_000, 90_000, symbol, "ticks"),
        volume_unit="base" if is_crypto else "ticks",
        spread_bps={"crypto": 1.0, "fx": 0.8}.get(calendar, 1.5),
    )


def _between(low: float, high: float, *name: object) -> float:
    return low + (high - low) * float(stream("profile", *name).block(0).random())


def _usd_price(currency: str) -> float:
    return _USD_PRICE.get(currency) or float(10 ** _between(-1.0, 2.0, currency, "price"))


def _volatility(calendar: str, base: str, symbol: str) -> float:
    low, high = {"crypto": (0.75, 1.0), "fx": (0.07, 0.1)}.get(calendar, (0.2, 0.3))
    return _VOLATILITY.get(base) or _between(low, high, symbol, "volatility")


def _loading(calendar: str, base: str, quote: str, symbol: str) -> float:
    if calendar == "crypto":
        return _CRYPTO_LOADING.get(base) or _between(0.6, 0.85, symbol, "loading")
    size = _between(0.7, 0.85, symbol, "loading") if calendar == "fx" else 0.45
    if quote in _DOLLARS:
        return -size
    return size if base in _DOLLARS else _between(-0.2, 0.2, symbol, "loading")


def _crypto_volume(base: str, symbol: str) -> float:
    usd_per_day = {"BTC": 1.5e9, "ETH": 8e8, "BNB": 3e8}.get(base) or 10 ** _between(7.0, 8.3, symbol, "volume")
    return float(usd_per_day / _usd_price(base))
