"""A decision on which model serves an instrument, as it is recorded.

Belongs here: the nouns that the record is made of. Not here: how it is decided (`models.promotion`), how it is kept
(`models.registry`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot_core_dagster.validation.reason import Reason


@dataclass(frozen=True)
class Candidate:
    """A challenger that was looked at.

    reasons : everything that was asked of it, with its number
    figures : further numbers of the comparison, by name; NaN is undefined
    """

    version: str
    model_type: str
    reasons: tuple[Reason, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelDecision:
    """Whether a challenger becomes the champion of a symbol and timeframe, and why.

    champion : version that the candidates were compared with; "" is the naive forecast
    promoted : version of the candidate that takes over; None where the champion is kept
    summary : the decision in one line
    window_start, window_end : as-of times of the first and last row compared, UTC; None where none was
    n_tests_before : tests of this symbol and timeframe before this one, over all time
    level : significance level that this test spent; 0 where none was made
    content_hash : of the bars that it was decided on
    """

    symbol: str
    timeframe: str
    champion: str
    promoted: str | None
    candidates: tuple[Candidate, ...]
    summary: str
    window_start: datetime | None
    window_end: datetime | None
    n_tests_before: int
    level: float
    content_hash: str
    code_version: str
    is_simulated: bool


@dataclass(frozen=True)
class Champion:
    """The model in force.

    since : when it was put in force, UTC
    term : counts what was ever put in force for the symbol and timeframe, from 1 on
    outcome : how it came into force: promoted, promoted_by_hand or rolled_back
    """

    symbol: str
    timeframe: str
    model_type: str
    version: str
    since: datetime
    term: int
    outcome: str


@dataclass(frozen=True)
class PastTests:
    """What tests have cost a symbol and timeframe so far.

    n_tests : how many; alpha_spent: sum of their levels
    until : as-of time of the newest row of the last one, UTC; None before the first
    """

    n_tests: int
    alpha_spent: float
    until: datetime | None
