"""The rules of trading a signal: how much, which directions, and when to leave without one.

Belongs here: what a strategy's section and the instrument say about positions. Not here: the order of events in a bar
(`backtest.reference`), what it costs (`backtest.prepared`), decisions (`strategies`).
"""

import math
from dataclasses import dataclass

from bot_core_dagster.errors import ParameterError
from bot_core_dagster.settings import Instrument, Settings, StrategySettings
from bot_core_dagster.strategies.registry import enabled_strategies


@dataclass(frozen=True)
class TradingRules:
    """How a signal becomes a position.

    fraction : of the equity that an entry puts in, its fee included, in (0, 1]
    allow_short : whether -1 sells short; otherwise -1 only leaves a long position
    stop, target, trailing_stop : distances as fractions of the entry price (of the best price so far for a trailing
        stop), in (0, 1) for stops and above 0 for the target; NaN is none
    initial_equity : in the quote currency; matters for lots alone
    lot_step, min_lot : in units of the base; quantities are whole lots, below min_lot nothing is traded; 0 is any

    Raises
    ------
    ParameterError
        If a value lies outside its range.
    """

    fraction: float = 1.0
    allow_short: bool = False
    stop: float = math.nan
    target: float = math.nan
    trailing_stop: float = math.nan
    initial_equity: float = 10_000.0
    lot_step: float = 0.0
    min_lot: float = 0.0

    def __post_init__(self) -> None:
        allowed = {
            "fraction": (0.0 < self.fraction <= 1.0, "above 0 and at most 1"),
            "stop": (math.isnan(self.stop) or 0.0 < self.stop < 1.0, "above 0 and below 1, or NaN for none"),
            "target": (math.isnan(self.target) or 0.0 < self.target < math.inf, "above 0, or NaN for none"),
            "trailing_stop": (
                math.isnan(self.trailing_stop) or 0.0 < self.trailing_stop < 1.0,
                "above 0 and below 1, or NaN for none",
            ),
            "initial_equity": (0.0 < self.initial_equity < math.inf, "above 0"),
            "lot_step": (0.0 <= self.lot_step < math.inf, "0 or above"),
            "min_lot": (0.0 <= self.min_lot < math.inf, "0 or above"),
        }
        for name, (is_allowed, words) in allowed.items():
            if not is_allowed:
                raise ParameterError(f"{name}: expected a value {words}, got {getattr(self, name):g}; next: correct it")

    @classmethod
    def of(cls, strategy: StrategySettings, instrument: Instrument, initial_equity: float) -> "TradingRules":
        """Return the rules of a strategy's section on an instrument, with `initial_equity` in the quote currency."""
        return cls(
            fraction=strategy.fraction,
            allow_short=strategy.allow_short,
            stop=_or_none(strategy.stop),
            target=_or_none(strategy.target),
            trailing_stop=_or_none(strategy.trailing_stop),
            initial_equity=initial_equity,
            lot_step=instrument.lot_step,
            min_lot=instrument.min_lot,
        )

    @property
    def leaves_inside_bars(self) -> bool:
        """Whether there is a stop, a target or a trailing stop."""
        return not (math.isnan(self.stop) and math.isnan(self.target) and math.isnan(self.trailing_stop))

    @property
    def has_lots(self) -> bool:
        """Whether quantities are rounded or refused."""
        return self.lot_step > 0.0 or self.min_lot > 0.0


def equity_of_sleeve(settings: Settings, instrument: Instrument) -> float:
    """Return the money that one strategy has on an instrument: its share of the portfolio where lots matter.

    Without lots a backtest is the same with any money, and the whole is taken: so results do not change with the length
    of the watchlist. It is in the account's currency, also for an instrument that is quoted in another.
    """
    whole = settings.portfolio.initial_equity
    if instrument.lot_step == 0.0 and instrument.min_lot == 0.0:
        return whole
    return whole / max(len(enabled_strategies(settings.strategies)) * len(settings.watchlist), 1)


def _or_none(distance: float | None) -> float:
    return math.nan if distance is None else distance
