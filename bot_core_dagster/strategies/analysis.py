"""Market analysis: what every strategy of rules says of an instrument now.

Belongs here: the newest opinion of each and the signal that follows, with their tables. Not here: opinions over a
history (`strategies.rules`), which symbols are analysed and what becomes of a bad one (`assets.market_analysis`).

The signal is that of the consensus, acted on from a confidence of .65 on: BUY, SELL, otherwise HOLD. A strategy that
cannot judge these bars (nothing confirms 1d) has no opinion, and without a consensus the signal is HOLD.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd

from bot_core_dagster.errors import ParameterError, ShapeError
from bot_core_dagster.lake.table import Table
from bot_core_dagster.market.bar import SIMULATED
from bot_core_dagster.settings import Instrument
from bot_core_dagster.strategies.catalog.ensembles import CONSENSUS
from bot_core_dagster.strategies.opinions import ACTS_FROM, LONG, SHORT
from bot_core_dagster.strategies.registry import strategies
from bot_core_dagster.strategies.rules import RuleStrategy
from bot_core_dagster.strategies.two_timeframes import TwoTimeframes

DIRECTIONS: Final = {LONG: "LONG", SHORT: "SHORT"}
_NEUTRAL: Final = "NEUTRAL"
_SIGNALS: Final = {"LONG": "BUY", "SHORT": "SELL"}

_KEY_COLUMNS: Final = {
    "symbol": "Instrument",
    "timeframe": "Length of the bars; a longer one confirms",
    "known_at": "Close of the newest bar, UTC: all is known from then on",
}

MARKET_ANALYSIS: Final = Table(
    name="market_analysis",
    key=("symbol", "timeframe"),
    partition_by=("symbol",),
    description="The signal of each instrument at its newest bar, by the consensus of the strategies of rules",
    columns=_KEY_COLUMNS
    | {
        "signal": "BUY, SELL or HOLD",
        "rule_confidence": "Of the consensus, 0 to 1; NaN where too few strategies have an opinion",
        "price": "Close of the newest bar, in the quote currency",
        "reasoning": "Why, in words",
        "indicators": "JSON: the values that the rules read",
        "simulated": "Whether the newest bar was made by the simulated source",
    },
)

OPINIONS: Final = Table(
    name="opinions",
    key=("symbol", "timeframe", "strategy"),
    partition_by=("symbol",),
    description="What each strategy of rules says of each instrument at its newest bar",
    columns=_KEY_COLUMNS
    | {
        "strategy": "Whose opinion",
        "direction": "LONG, SHORT or NEUTRAL",
        "rule_confidence": "0 to 1; NaN where it has no opinion",
        "reasoning": "Why, in words",
    },
)


@dataclass(frozen=True)
class Opinion:
    """What one strategy says; rule_confidence is NaN where it has no opinion."""

    strategy: str
    direction: str
    rule_confidence: float
    reasoning: str


@dataclass(frozen=True)
class MarketAnalysis:
    """What the strategies of rules say of an instrument at the close of its newest bar.

    known_at : close of that bar, UTC
    signal : BUY, SELL or HOLD, by the consensus
    price : the close, in the quote currency
    opinions : one a strategy, ensembles among them
    indicators : what the rules read, by name
    """

    symbol: str
    timeframe: str
    known_at: pd.Timestamp
    signal: str
    rule_confidence: float
    price: float
    reasoning: str
    opinions: tuple[Opinion, ...]
    indicators: Mapping[str, float]
    is_simulated: bool


def analyse(bars: pd.DataFrame, instrument: Instrument) -> MarketAnalysis:
    """Return what every strategy of rules says at the newest of the bars of `instrument`.

    Parameters
    ----------
    bars : bar frame
        Closed bars, ascending.
    instrument : Instrument

    Raises
    ------
    ShapeError
        If there is no bar.
    ShapeError, QualityError
        As `RuleStrategy.opinions`.
    """
    if bars.empty:
        raise ShapeError(f"{instrument.symbol}: expected bars to analyse, got none; next: collect or import some")
    frames = TwoTimeframes(bars, instrument.calendar, newest=1)
    newest = bars.iloc[-1]
    rules = [each for each in strategies().values() if isinstance(each, RuleStrategy)]
    said = [_newest_opinion(strategy, frames) for strategy in rules]
    opinions = tuple(opinion for opinion, _ in said)
    indicators = {name: value for _, read in said for name, value in read.items()}
    consensus = next(each for each in opinions if each.strategy == CONSENSUS.name)
    acts = consensus.rule_confidence >= ACTS_FROM
    return MarketAnalysis(
        symbol=instrument.symbol,
        timeframe=str(newest["timeframe"]),
        known_at=newest["close_time"],
        signal=_SIGNALS.get(consensus.direction, "HOLD") if acts else "HOLD",
        rule_confidence=consensus.rule_confidence,
        price=float(newest["close"]),
        reasoning=consensus.reasoning,
        opinions=opinions,
        indicators=indicators,
        is_simulated=newest["source"] == SIMULATED,
    )


def _newest_opinion(strategy: RuleStrategy, frames: TwoTimeframes) -> tuple[Opinion, dict[str, float]]:
    """Return what a strategy says at the newest bar and what it read; no opinion, and why, where it cannot judge."""
    try:
        given = strategy.opinions_on(frames, {})
    except ParameterError as error:
        return Opinion(strategy.name, _NEUTRAL, math.nan, f"no opinion: {error}"), {}
    direction = DIRECTIONS.get(int(given.direction[-1]), _NEUTRAL)
    opinion = Opinion(strategy.name, direction, float(given.rule_confidence[-1]), given.reason(-1))
    return opinion, {name: float(values[-1]) for name, values in given.indicators.items()}


def analysis_rows(analysis: MarketAnalysis) -> pd.DataFrame:
    """Return the one row of `MARKET_ANALYSIS`."""
    known = {name: value for name, value in analysis.indicators.items() if not math.isnan(value)}
    row = {name: getattr(analysis, name) for name in MARKET_ANALYSIS.columns if hasattr(analysis, name)}
    row |= {"indicators": json.dumps(known, sort_keys=True), "simulated": analysis.is_simulated}
    return pd.DataFrame([row])[list(MARKET_ANALYSIS.columns)]


def opinion_rows(analysis: MarketAnalysis) -> pd.DataFrame:
    """Return the rows of `OPINIONS`, one a strategy."""
    shared = {name: getattr(analysis, name) for name in _KEY_COLUMNS}
    return pd.DataFrame([shared | vars(opinion) for opinion in analysis.opinions])[list(OPINIONS.columns)]
