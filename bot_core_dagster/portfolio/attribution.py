"""Attribution: whose profit the portfolio's profit is.

Belongs here: profit in money by sleeve, strategy and instrument. Not here: how a sleeve's equity came about
(`portfolio.sleeves`), whether one share is too large (`portfolio.recommendations`).
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Sleeve(NamedTuple):
    """One strategy on one instrument, with its own part of the initial equity."""

    strategy: str
    symbol: str

    def __str__(self) -> str:
        return f"{self.strategy} · {self.symbol}"


@dataclass(frozen=True)
class Attribution:
    """Profit of a period in money, split three ways; each split sums to `profit`.

    Within 1e-9 for an account of up to a million, within the rounding of floats (1e-15 of its equity) beyond.
    """

    profit: float
    by_sleeve: Mapping[Sleeve, float]
    by_strategy: Mapping[str, float]
    by_instrument: Mapping[str, float]


def attribute(sleeves: Sequence[Sleeve], start: Iterable[float], end: Iterable[float]) -> Attribution:
    """Return the attribution of a period in which each sleeve's equity went from `start` to `end` (money).

    No sleeve lends to another (no rebalancing), so that a sleeve's profit is the difference of its own equity and the
    portfolio's is their sum: the split is exact and there is no residual. Sums are `math.fsum`: correctly rounded.
    """
    profits = {sleeve: after - before for sleeve, before, after in zip(sleeves, start, end, strict=True)}
    return Attribution(
        profit=math.fsum(profits.values()),
        by_sleeve=profits,
        by_strategy=_summed((sleeve.strategy, profit) for sleeve, profit in profits.items()),
        by_instrument=_summed((sleeve.symbol, profit) for sleeve, profit in profits.items()),
    )


def largest_share(profits: Mapping[str, float]) -> tuple[str, float]:
    """Return the name that moved the most money, and its share of all money moved: |p_i| / Σ|p|.

    The share is nan where there are fewer than two names, or nothing moved: concentration cannot be judged then.
    """
    moved = math.fsum(abs(profit) for profit in profits.values())
    name = max(profits, key=lambda key: abs(profits[key]), default="")
    if len(profits) < 2 or moved == 0:
        return name, math.nan
    return name, abs(profits[name]) / moved


def _summed(parts: Iterable[tuple[str, float]]) -> dict[str, float]:
    grouped: defaultdict[str, list[float]] = defaultdict(list)
    for name, profit in parts:
        grouped[name].append(profit)
    return {name: math.fsum(profits) for name, profits in grouped.items()}
