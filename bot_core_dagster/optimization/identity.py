"""What makes a trial the same trial: the code, the rules, the market, the rows and the question it was tried for.

Belongs here: content hashes of bars and code, and the ids made of them. Not here: how many trials there were
(`optimization.trials`), hashing of code and JSON (`identity`).
"""

import hashlib
import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import pandas as pd

from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.identity import as_json as as_json
from bot_core_dagster.identity import sources_hash as sources_hash
from bot_core_dagster.lake.identity import frame_content
from bot_core_dagster.lake.tables import BARS
from bot_core_dagster.settings import Instrument, OptimizationSettings
from bot_core_dagster.strategies.strategy import Strategy

_DIGITS: Final = 16
"""Hexadecimal digits of a code version: told apart at a glance, and never alike by chance within a project."""
_PACKAGE: Final = Path(__file__).parents[1]
SOURCES: Final = tuple(_PACKAGE / name for name in ("features", "strategies", "backtest"))
"""Folders whose code decides what a parameter set is worth."""
_MARKET: Final = {"costs", "calendar", "price_side", "lot_step", "min_lot"}
"""Fields of an instrument that decide what a parameter set is worth on its bars."""


@dataclass(frozen=True)
class Question:
    """What is asked of the data; the trials of all its overlapping windows count together (CONVENTIONS 6).

    start, end : open of the first bar and close of the last, UTC
    """

    strategy: str
    symbol: str
    timeframe: str
    objective: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Origin:
    """What a trial was made of, beside its parameters.

    content_hash : of the bars; market: JSON of the instrument's costs, calendar, price side and lots
    """

    rules: TradingRules
    content_hash: str
    code_version: str
    market: str

    def rules_json(self) -> str:
        """Return the trading rules as JSON; no stop, target or trailing stop is null."""
        return as_json(asdict(self.rules))


def trial_ids(question: Question, origin: Origin, parameter_sets: Sequence[Mapping[str, float]]) -> list[str]:
    """Return the sha256 of each trial: equal for the same code, rules, market, parameters, rows and question."""
    start = hashlib.sha256(_shared(question, origin).encode())
    ids = []
    for parameters in parameter_sets:
        digest = start.copy()
        digest.update(as_json(parameters).encode())
        ids.append(digest.hexdigest())
    return ids


def search_id(question: Question, origin: Origin, settings: OptimizationSettings) -> str:
    """Return the sha256 of a search: equal for the same question, origin and settings, of which all else follows."""
    return hashlib.sha256(f"{_shared(question, origin)} {settings.model_dump_json()}".encode()).hexdigest()


def market_of(instrument: Instrument) -> str:
    """Return the costs, the calendar, the price side and the lots of an instrument as JSON."""
    return json.dumps(instrument.model_dump(mode="json", include=_MARKET), sort_keys=True)


def content_of(bars: pd.DataFrame) -> str:
    """Return the content hash of the bars of one instrument: that of the lake, where it holds just these."""
    return frame_content(bars, BARS, None)[str(bars["symbol"].iloc[0])]


def code_version(strategy: Strategy) -> str:
    """Return a hash of the code that decides a trial: features, strategies, backtests, and the strategy's own file.

    Bot Core's own sources are read once a process. A strategy typed into a session has no file; its name and its space
    stand for it.
    """
    modules = {inspect.getmodule(part) for part in _code_of(strategy)}
    files = {Path(file) for module in modules if (file := getattr(module, "__file__", None))}
    digest = hashlib.sha256(f"{version('bot-core')} {_own_sources()} {strategy.name} {_space_text(strategy)}".encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:_DIGITS]


@cache
def _own_sources() -> str:
    return sources_hash(SOURCES)


def _shared(question: Question, origin: Origin) -> str:
    made_of = [origin.rules_json(), origin.content_hash, origin.code_version, origin.market]
    return json.dumps([as_json(asdict(question)), *made_of])


def _code_of(strategy: Strategy) -> list[Any]:
    """Return the class of the strategy and the functions that it holds."""
    names: list[str] = [one.name for one in fields(strategy)] if is_dataclass(strategy) else []
    return [type(strategy), *(part for name in names if inspect.isfunction(part := getattr(strategy, name)))]


def _space_text(strategy: Strategy) -> str:
    constraints = [constraint.words for constraint in strategy.space.constraints]
    return json.dumps([[asdict(parameter) for parameter in strategy.space.parameters], constraints])
