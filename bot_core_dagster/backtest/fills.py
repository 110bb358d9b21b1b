"""Fill prices: what a buy and a sell at each bar's open would pay and get.

Belongs here: half the spread and the slippage on the declared price side. Not here: which bars are traded
(`backtest.kernel`), fees, which are charged on the notional there.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.errors import QualityError
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.settings import Costs

SPREAD_SHARE: Final = {"bid": (1.0, 0.0), "ask": (0.0, 1.0), "mid": (0.5, 0.5), "trade": (0.5, 0.5)}
"""Share of the spread that a buy and a sell pay on top of a price of that side.

A bid is what a seller gets, so only buys pay the spread; an ask mirrors that. Around a mid each side pays half; a trade
print may be either, so it is taken as a mid.
"""


@dataclass(frozen=True)
class FillPrices:
    """Prices at each bar's open, shape (n_bars,), in the quote currency.

    open : the reference price, without costs
    buy_spread, sell_spread : what the spread adds to a buy and takes from a sell
    slippage : what slippage adds to a buy and takes from a sell
    fee : fraction of the notional of a fill
    """

    open: FloatArray1D
    buy_spread: FloatArray1D
    sell_spread: FloatArray1D
    slippage: FloatArray1D
    fee: float

    @property
    def buy(self) -> FloatArray1D:
        """Price that a buy pays, before the fee."""
        return self.open + self.buy_spread + self.slippage

    @property
    def sell(self) -> FloatArray1D:
        """Price that a sell gets, before the fee."""
        return self.open - self.sell_spread - self.slippage


def fill_prices(bars: pd.DataFrame, price_side: str, costs: Costs, *, cost_multiplier: float) -> FillPrices:
    """Return the fill prices at `cost_multiplier` times the costs: 0 for gross, 1 as set, 2 for the stress.

    The spread of a bar is its own where it is known, else `costs.spread_bps` of the open.

    Parameters
    ----------
    bars : bar frame
        Of one instrument.
    price_side : str
        One of `market.bar.PRICE_SIDES`.
    costs : Costs
        Of one side of a trade.
    cost_multiplier : float
        Zero or more; applies to fee, spread and slippage alike.

    Raises
    ------
    QualityError
        If a bar's spread is negative, or so wide that a sell would get nothing.
    """
    opens = bars["open"].to_numpy(dtype=np.float64)
    own = bars["spread"].to_numpy(dtype=np.float64)
    spread = np.where(np.isfinite(own), own, opens * costs.spread_bps / 10_000) * cost_multiplier
    on_buy, on_sell = SPREAD_SHARE[price_side]
    slippage = opens * (costs.slippage_bps / 10_000 * cost_multiplier)
    fills = FillPrices(opens, spread * on_buy, spread * on_sell, slippage, costs.fee_bps / 10_000 * cost_multiplier)
    is_bad = (spread < 0.0) | ~(fills.sell > 0.0)
    if is_bad.any():
        place = int(np.argmax(is_bad))
        raise QualityError(
            f"expected a spread from zero to below the price, got {own[place]:g} on an open of {opens[place]:g} at "
            f"{bars['open_time'].iloc[place].isoformat()}; next: correct the spread column of these bars"
        )
    return fills
